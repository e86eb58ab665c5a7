#pragma once
/// Keeps the books on the messages of a run: what one subscriber got of one publisher, in which
/// order, what came twice and what never came.
///
/// Cost:   a message in order costs a comparison; only those after a gap cost a look-up.
/// Limits: gaps_max open gaps; beyond it the oldest is forgotten, and its messages count as lost.

#include <cstdint>
#include <map>
#include <vector>

namespace wireway::app::bench {

struct Violations {
  std::uint64_t lost = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t out_of_order = 0;

  bool none() const { return lost == 0 && duplicates == 0 && out_of_order == 0; }
  Violations& operator+=(const Violations& other);
  friend bool operator==(const Violations&, const Violations&) = default;
};

/// The sequence numbers 1, 2, 3, ... of one publisher as one subscriber sees them.
class Ledger {
 public:
  static constexpr std::size_t gaps_max = 10'000;

  /// How many further numbers have been reached: 1 in order, more after a gap, 0 for one that is
  /// late or a repeat.
  std::uint64_t note(std::uint64_t sequence) {
    if (sequence == last_ + 1) {
      last_ = sequence;
      return 1;
    }
    return note_irregular(sequence);
  }
  std::uint64_t last() const { return last_; }
  /// `sent` messages were sent in all.
  Violations close(std::uint64_t sent) const;

 private:
  std::uint64_t note_irregular(std::uint64_t sequence);

  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::uint64_t> gaps_;  ///< first missing number -> last missing number
  std::uint64_t forgotten_ = 0;
  std::uint64_t duplicates_ = 0;
  std::uint64_t out_of_order_ = 0;
};

/// The messages of one publisher over all members of a group that share them: each member sees
/// rising numbers, together they see each number once.
class SharedLedger {
 public:
  explicit SharedLedger(std::size_t members) : last_(members, 0) {}
  void note(std::size_t member, std::uint64_t sequence) {
    if (sequence > last_[member])
      last_[member] = sequence;
    else
      ++out_of_order_;
    const std::size_t word = sequence / 64;
    if (word >= seen_.size()) seen_.resize(word * 2 + 1, 0);
    const std::uint64_t bit = std::uint64_t{1} << (sequence % 64);
    if ((seen_[word] & bit) != 0)
      ++duplicates_;
    else
      ++count_;
    seen_[word] |= bit;
  }
  std::uint64_t count() const { return count_; }
  Violations close(std::uint64_t sent) const;

 private:
  std::vector<std::uint64_t> last_;
  std::vector<std::uint64_t> seen_;  ///< a bit a number
  std::uint64_t count_ = 0;
  std::uint64_t duplicates_ = 0;
  std::uint64_t out_of_order_ = 0;
};

}  // namespace wireway::app::bench
