#pragma once
/// Keeps a line that a peer can cause at will from filling the log: a few a second, and the next
/// one says how many were left out.

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/time.h"

namespace wireway {

class LogLimit {
 public:
  static constexpr Duration interval = std::chrono::seconds{1};

  explicit LogLimit(unsigned lines_max = 1) : lines_max_(lines_max) {}

  /// Whether a line may go now; the number is how many did not since the last that went.
  std::optional<std::uint64_t> admit(MonoTime now) {
    if (!began_ || now - *began_ >= interval) {
      began_ = now;
      lines_ = 0;
    }
    if (lines_ >= lines_max_) {
      ++left_out_;
      return {};
    }
    ++lines_;
    return std::exchange(left_out_, 0);
  }

  /// What was left out, once the interval is over: for owners that look now and again, so that it
  /// is said even if no further line comes.
  std::uint64_t take_left_out(MonoTime now) {
    if (!began_ || now - *began_ < interval) return 0;
    return std::exchange(left_out_, 0);
  }

 private:
  unsigned lines_max_;  ///< in an interval
  std::optional<MonoTime> began_;
  unsigned lines_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace wireway
