#include "broker/state_store/resp.h"

#include <charconv>

#include <fmt/format.h>

namespace wireway::broker::state_store {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::size_t count_bytes_max = 24;  ///< sign, digits of 64 bits, line end

/// Takes `<sign><number>\r\n` from the front. No plus, minus or leading zero.
std::optional<std::size_t> take_count(std::string_view& rest, char sign) {
  if (!rest.starts_with(sign)) return std::nullopt;
  const auto end = rest.substr(0, count_bytes_max).find(line_end);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view digits = rest.substr(1, end - 1);
  const bool canonical = !digits.empty() && (digits.size() == 1 || digits[0] != '0') &&
                         digits.find_first_not_of("0123456789") == std::string_view::npos;
  if (!canonical) return std::nullopt;
  std::size_t count = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (parsed.ec != std::errc{}) return std::nullopt;
  rest.remove_prefix(end + line_end.size());
  return count;
}

std::optional<std::string_view> take_blob(std::string_view& rest) {
  const auto length = take_count(rest, '$');
  if (!length || rest.size() < line_end.size() || *length > rest.size() - line_end.size())
    return std::nullopt;
  const std::string_view bytes = rest.substr(0, *length);
  rest.remove_prefix(*length);
  if (!rest.starts_with(line_end)) return std::nullopt;
  rest.remove_prefix(line_end.size());
  return bytes;
}

}  // namespace

std::optional<Arguments> parse_request(std::string_view payload) {
  const auto count = take_count(payload, '*');
  if (!count || *count == 0 || *count > arguments_max) return std::nullopt;
  Arguments out;
  for (; out.count < *count; ++out.count) {
    const auto blob = take_blob(payload);
    if (!blob) return std::nullopt;
    out.values[out.count] = *blob;
  }
  if (!payload.empty()) return std::nullopt;
  return out;
}

std::string ok_reply() { return "+OK\r\n"; }

std::string number_reply(std::int64_t number) { return fmt::format(":{}\r\n", number); }

std::string blob_reply(std::string_view bytes) {
  std::string out = fmt::format("${}\r\n", bytes.size());
  out.reserve(out.size() + bytes.size() + line_end.size());
  out.append(bytes).append(line_end);
  return out;
}

std::string nothing_reply() { return "$-1\r\n"; }

std::string error_reply(std::string_view text) { return fmt::format("-ERR {}\r\n", text); }

std::string array_of(std::span<const std::string_view> blobs) {
  std::string out = fmt::format("*{}\r\n", blobs.size());
  for (const std::string_view blob : blobs) out += blob_reply(blob);
  return out;
}

}  // namespace wireway::broker::state_store
