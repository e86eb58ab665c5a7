#pragma once
/// Which parts of the buffer's file are in use. A part that is given back is used again before the
/// file grows: the smallest that fits.
///
/// Thread: one
/// Limits: bytes_max for all that is in use together; what is in use when it shrinks stays

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace wireway::broker::buffer {

class Extents {
 public:
  /// Everything begins and ends at its multiples, as the disk's own blocks.
  static constexpr std::uint64_t page_bytes = 4096;

  static std::uint64_t rounded(std::uint64_t bytes) {
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
  }

  void set_max(std::uint64_t bytes_max) { bytes_max_ = bytes_max; }
  std::uint64_t bytes_max() const { return bytes_max_; }
  std::uint64_t used_bytes() const { return used_bytes_; }

  /// Where as many bytes may be written; none = they would be too many.
  std::optional<std::uint64_t> take(std::uint64_t bytes);
  /// What take() has given, with the same number of bytes.
  void give(std::uint64_t offset, std::uint64_t bytes);

 private:
  using Free = std::map<std::uint64_t, std::uint64_t>;  ///< offset -> bytes; never two in touch

  void add(std::uint64_t offset, std::uint64_t bytes);
  void erase(Free::iterator one);

  Free free_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> by_size_;  ///< (bytes, offset)
  std::uint64_t end_ = 0;                                      ///< nothing is in use behind it
  std::uint64_t used_bytes_ = 0;
  std::uint64_t bytes_max_ = 0;
};

}  // namespace wireway::broker::buffer
