#include "net/random.h"

#include <cerrno>
#include <cstddef>

#include <sys/random.h>

#include "base/assert.h"
#include "base/bytes.h"

namespace wireway::net {

std::string Random::uuid() {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t value = next();
    for (std::size_t i = 0; i < 8; ++i, value >>= 8)
      bytes[half * 8 + i] = static_cast<std::uint8_t>(value);
  }
  bytes[6] =
      static_cast<std::uint8_t>((bytes[6] & 0x0F) | 0x40);  // RFC 4122 section 4.4: version 4
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);  // variant 10
  std::string text = hex_encode(bytes);
  for (const std::size_t position : {20U, 16U, 12U, 8U}) text.insert(position, 1, '-');
  return text;
}

std::uint64_t SystemRandom::next() {
  if (left_ == 0) {
    // More than 256 bytes may come short when a signal interrupts (getrandom(2)).
    auto* bytes = reinterpret_cast<std::uint8_t*>(buffer_.data());
    for (std::size_t filled = 0; filled < sizeof buffer_;) {
      const ssize_t got = ::getrandom(bytes + filled, sizeof buffer_ - filled, 0);
      WIREWAY_ASSERT(got > 0 || errno == EINTR, "the kernel's random generator answers");
      if (got > 0) filled += static_cast<std::size_t>(got);
    }
    left_ = buffer_.size();
  }
  return buffer_[--left_];
}

std::uint64_t SeededRandom::next() {
  std::uint64_t value = (state_ += 0x9E3779B97F4A7C15U);
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

}  // namespace wireway::net
