#pragma once
/// A shard's sessions by client identifier. An `Entry` has a `session` whose client_identifier()
/// never changes.
///
/// Owns: the entries
/// Cost: 12 bytes a place, of which at most three quarters are taken

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace wireway::broker {

template <class Entry>
class SessionTable {
 public:
  std::size_t size() const { return size_; }

  /// Null = there is none.
  Entry* find(std::string_view client_identifier) const {
    if (size_ == 0) return nullptr;
    const std::uint32_t hash = hash_of(client_identifier);
    for (std::size_t at = hash & mask(); entries_[at]; at = (at + 1) & mask())
      if (hashes_[at] == hash && entries_[at]->session.client_identifier() == client_identifier)
        return entries_[at].get();
    return nullptr;
  }

  /// The caller knows that there is none of that client identifier.
  Entry& insert(std::unique_ptr<Entry> entry) {
    if ((size_ + 1) * 4 > entries_.size() * 3) widen();
    const std::uint32_t hash = hash_of(entry->session.client_identifier());
    ++size_;
    return put(hash, std::move(entry));
  }

  void erase(const Entry& entry) {
    std::size_t gap = hash_of(entry.session.client_identifier()) & mask();
    while (entries_[gap].get() != &entry) gap = (gap + 1) & mask();
    const std::unique_ptr<Entry> gone = std::move(entries_[gap]);
    --size_;
    // What stands behind it moves up.
    for (std::size_t at = (gap + 1) & mask(); entries_[at]; at = (at + 1) & mask()) {
      const std::size_t home = hashes_[at] & mask();
      if (((at - home) & mask()) < ((at - gap) & mask())) continue;
      hashes_[gap] = hashes_[at];
      entries_[gap] = std::move(entries_[at]);
      gap = at;
    }
    if (size_ > 0) return;
    hashes_ = std::vector<std::uint32_t>();
    entries_ = std::vector<std::unique_ptr<Entry>>();
  }

  /// Calls `take(Entry&)` for each, in no order; it must neither insert nor erase.
  template <class Take>
  void each(Take&& take) const {
    for (const std::unique_ptr<Entry>& entry : entries_)
      if (entry) take(*entry);
  }

 private:
  static constexpr std::size_t first_size = 16;  // a power of two, as all that follow

  static std::uint32_t hash_of(std::string_view text) {
    return std::uint32_t(std::hash<std::string_view>{}(text));
  }
  std::size_t mask() const { return entries_.size() - 1; }
  Entry& put(std::uint32_t hash, std::unique_ptr<Entry> entry) {
    std::size_t at = hash & mask();
    while (entries_[at]) at = (at + 1) & mask();
    hashes_[at] = hash;
    entries_[at] = std::move(entry);
    return *entries_[at];
  }
  void widen() {
    const std::vector<std::uint32_t> hashes = std::move(hashes_);
    std::vector<std::unique_ptr<Entry>> entries = std::move(entries_);
    const std::size_t wider = entries.empty() ? first_size : entries.size() * 2;
    hashes_ = std::vector<std::uint32_t>(wider);
    entries_ = std::vector<std::unique_ptr<Entry>>(wider);
    for (std::size_t at = 0; at < entries.size(); ++at)
      if (entries[at]) put(hashes[at], std::move(entries[at]));
  }

  std::vector<std::uint32_t> hashes_;  ///< of the entry at the same place
  std::vector<std::unique_ptr<Entry>> entries_;
  std::size_t size_ = 0;
};

}  // namespace wireway::broker
