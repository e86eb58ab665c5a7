#include "broker/buffer/extents.h"

#include <iterator>

namespace wireway::broker::buffer {

void Extents::add(std::uint64_t offset, std::uint64_t bytes) {
  free_.emplace(offset, bytes);
  by_size_.emplace(bytes, offset);
}

void Extents::erase(Free::iterator one) {
  by_size_.erase({one->second, one->first});
  free_.erase(one);
}

std::optional<std::uint64_t> Extents::take(std::uint64_t wanted) {
  const std::uint64_t bytes = rounded(wanted);
  if (bytes > bytes_max_ || used_bytes_ > bytes_max_ - bytes) return std::nullopt;
  used_bytes_ += bytes;
  const auto fit = by_size_.lower_bound({bytes, 0});
  if (fit == by_size_.end()) return std::exchange(end_, end_ + bytes);
  const auto [size, offset] = *fit;
  erase(free_.find(offset));
  if (size > bytes) add(offset + bytes, size - bytes);
  return offset;
}

void Extents::give(std::uint64_t offset, std::uint64_t given) {
  std::uint64_t bytes = rounded(given);
  used_bytes_ -= bytes;
  if (const auto next = free_.find(offset + bytes); next != free_.end()) {
    bytes += next->second;
    erase(next);
  }
  if (const auto after = free_.lower_bound(offset); after != free_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == offset) {
      offset = before->first;
      bytes += before->second;
      erase(before);
    }
  }
  if (offset + bytes == end_)
    end_ = offset;
  else
    add(offset, bytes);
}

}  // namespace wireway::broker::buffer
