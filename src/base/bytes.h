#pragma once
/// Views and buffers of raw bytes, as they move between a stream, a codec and a message.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wireway {

using ByteView = std::span<const std::uint8_t>;
using Bytes = std::vector<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::string to_text(ByteView bytes) { return std::string(as_text(bytes)); }

/// Standard base64 (RFC 4648 section 4) with padding.
std::string base64_encode(ByteView bytes);
/// Its reverse, with or without padding and line breaks; nullopt if anything else is in it.
std::optional<std::string> base64_decode(std::string_view text);

/// Lower-case hexadecimal, two digits a byte.
std::string hex_encode(ByteView bytes);

/// True if `text` is well-formed UTF-8 without U+0000 and without surrogates (MQTT 5 section
/// 1.5.4).
/// Cost: about 1 ns a byte for ASCII.
bool is_mqtt_utf8(std::string_view text);

}  // namespace wireway
