#pragma once
/// Appends the primitive types of MQTT (section 1.5).

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"

namespace wireway::wire::mqtt {

inline void append_byte(Bytes& out, std::uint8_t value) { out.push_back(value); }
inline void append_two(Bytes& out, std::uint16_t value) {
  out.push_back(std::uint8_t(value >> 8));
  out.push_back(std::uint8_t(value));
}
inline void append_four(Bytes& out, std::uint32_t value) {
  append_two(out, std::uint16_t(value >> 16));
  append_two(out, std::uint16_t(value));
}
inline void append_variable(Bytes& out, std::size_t value) {
  WIREWAY_ASSERT(value < 268'435'456, "a length fits into four bytes of seven bits");
  do {
    const auto low = std::uint8_t(value & 0x7F);
    value >>= 7;
    out.push_back(value > 0 ? std::uint8_t(low | 0x80) : low);
  } while (value > 0);
}
inline std::size_t variable_size(std::size_t value) {
  return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4;
}
inline void append_bytes(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
inline void append_binary(Bytes& out, ByteView bytes) {
  WIREWAY_ASSERT(bytes.size() <= 65535, "a string or binary field fits its two-byte length");
  append_two(out, std::uint16_t(bytes.size()));
  append_bytes(out, bytes);
}
inline void append_text(Bytes& out, std::string_view text) { append_binary(out, as_bytes(text)); }

/// Writes into memory whose size has been counted before: for the one packet that must be fast.
class Pen {
 public:
  explicit Pen(std::uint8_t* at) : at_(at) {}

  void byte(std::uint8_t value) { *at_++ = value; }
  void two(std::uint16_t value) {
    byte(std::uint8_t(value >> 8));
    byte(std::uint8_t(value));
  }
  void four(std::uint32_t value) {
    two(std::uint16_t(value >> 16));
    two(std::uint16_t(value));
  }
  void variable(std::size_t value) {
    for (; value > 0x7F; value >>= 7) byte(std::uint8_t(value | 0x80));
    byte(std::uint8_t(value));
  }
  void bytes(ByteView bytes) {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  const std::uint8_t* at() const { return at_; }

 private:
  std::uint8_t* at_;
};

}  // namespace wireway::wire::mqtt
