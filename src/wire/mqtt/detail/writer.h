#pragma once
/// Appends the data types of MQTT to a buffer.
///
/// Source: MQTT 5 section 1.5

#include <algorithm>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"

namespace wireway::wire::mqtt::detail {

constexpr std::size_t variable_bytes(std::size_t value) {
  return value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : 4;
}

class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(value); }
  void u16(std::uint16_t value) {
    const std::uint8_t bytes[] = {std::uint8_t(value >> 8), std::uint8_t(value)};
    raw(bytes);
  }
  void u32(std::uint32_t value) {
    u16(std::uint16_t(value >> 16));
    u16(std::uint16_t(value));
  }
  void variable(std::size_t value) {
    WIREWAY_ASSERT(value <= 268'435'455, "a variable byte integer fits four bytes");
    while (value >= 128) {
      u8(std::uint8_t(value) | 0x80);
      value >>= 7;
    }
    u8(std::uint8_t(value));
  }
  void binary(ByteView bytes) {
    WIREWAY_ASSERT(bytes.size() <= 65535, "strings and binary data have a two-byte length");
    u16(std::uint16_t(bytes.size()));
    raw(bytes);
  }
  void text(std::string_view value) { binary(as_bytes(value)); }
  void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

 private:
  Bytes& out_;
};

}  // namespace wireway::wire::mqtt::detail
