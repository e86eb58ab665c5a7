#include "base/bytes.h"

#include <array>
#include <cstring>

namespace wireway {

std::string base64_encode(ByteView bytes) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    std::uint32_t group = std::uint32_t{bytes[i]} << 16;
    if (left > 1) group |= std::uint32_t{bytes[i + 1]} << 8;
    if (left > 2) group |= bytes[i + 2];
    out.push_back(digits[group >> 18]);
    out.push_back(digits[(group >> 12) & 63]);
    out.push_back(left > 1 ? digits[(group >> 6) & 63] : '=');
    out.push_back(left > 2 ? digits[group & 63] : '=');
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  int bits = 0;
  bool padded = false;
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      padded = true;
      continue;
    }
    std::uint32_t digit = 0;
    if (c >= 'A' && c <= 'Z')
      digit = static_cast<std::uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      digit = static_cast<std::uint32_t>(c - 'a') + 26;
    else if (c >= '0' && c <= '9')
      digit = static_cast<std::uint32_t>(c - '0') + 52;
    else if (c == '+')
      digit = 62;
    else if (c == '/')
      digit = 63;
    else
      return std::nullopt;
    if (padded) return std::nullopt;
    group = (group << 6) | digit;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<char>((group >> bits) & 0xFF));
  }
  // One digit alone holds no byte.
  if (bits == 6) return std::nullopt;
  return out;
}

std::string hex_encode(ByteView bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
  return out;
}

namespace {

struct Sequence {
  std::size_t continuation;  // bytes that follow the first
  std::uint32_t bits;        // of the first byte
  std::uint32_t least;       // smaller code points would be overlong
};

/// Sorts the first byte of a multi-byte sequence; continuation 0 = not a first byte.
Sequence sequence_of(std::uint8_t first) {
  if ((first & 0xE0) == 0xC0) return {1, first & 0x1Fu, 0x80};
  if ((first & 0xF0) == 0xE0) return {2, first & 0x0Fu, 0x800};
  if ((first & 0xF8) == 0xF0) return {3, first & 0x07u, 0x10000};
  return {0, 0, 0};
}

}  // namespace

namespace {

/// Eight bytes of ASCII, none of them 0.
bool is_plain(const std::uint8_t* eight) {
  std::uint64_t word = 0;
  std::memcpy(&word, eight, sizeof word);
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = 0x8080808080808080;
  return ((word | (word - ones)) & highs) == 0;
}

}  // namespace

bool is_mqtt_utf8(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  for (std::size_t i = 0; i < bytes.size();) {
    if (bytes.size() - i >= 8 && is_plain(bytes.data() + i)) {
      i += 8;
      continue;
    }
    if (bytes[i] < 0x80) {
      if (bytes[i] == 0) return false;
      ++i;
      continue;
    }
    const Sequence sequence = sequence_of(bytes[i]);
    if (sequence.continuation == 0 || bytes.size() - i <= sequence.continuation) return false;
    std::uint32_t point = sequence.bits;
    for (std::size_t k = 1; k <= sequence.continuation; ++k) {
      if ((bytes[i + k] & 0xC0) != 0x80) return false;
      point = (point << 6) | (bytes[i + k] & 0x3Fu);
    }
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < sequence.least || point > 0x10FFFF || surrogate) return false;
    i += sequence.continuation + 1;
  }
  return true;
}

}  // namespace wireway
