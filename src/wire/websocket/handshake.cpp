#include "wire/websocket/handshake.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/json.h"

namespace wireway::wire::websocket {
namespace {

constexpr std::string_view accept_salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// The part before `separator`, which is removed with it.
std::string_view take_until(std::string_view& text, std::string_view separator) {
  const auto at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + separator.size());
  return part;
}

struct Request {
  std::string_view method;
  std::string_view version;
  std::vector<std::pair<std::string_view, std::string_view>> headers;
};

std::optional<Request> parse(std::string_view text) {
  std::string_view line = take_until(text, "\r\n");
  Request request;
  request.method = take_until(line, " ");
  const std::string_view target = take_until(line, " ");
  request.version = line;
  if (target.empty()) return std::nullopt;
  for (;;) {
    line = take_until(text, "\r\n");
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    request.headers.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  return request;
}

std::string_view header(const Request& request, std::string_view name) {
  for (const auto& [key, value] : request.headers)
    if (equals_ignoring_case(key, name)) return value;
  return {};
}

/// True if one of the comma-separated values of the header, however often it stands, is `token`.
bool has_token(const Request& request, std::string_view name, std::string_view token) {
  for (const auto& [key, value] : request.headers) {
    if (!equals_ignoring_case(key, name)) continue;
    for (std::string_view list = value; !list.empty();)
      if (equals_ignoring_case(trim(take_until(list, ",")), token)) return true;
  }
  return false;
}

/// Section 4.1: 16 bytes in base64.
bool is_valid_key(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  return std::ranges::all_of(key.substr(0, 22), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  });
}

Answer refuse(std::string_view status, std::string_view why, std::string_view extra = "") {
  return {.accepted = false,
          .response = fmt::format("HTTP/1.1 {}\r\n{}Content-Type: text/plain\r\n"
                                  "Content-Length: {}\r\nConnection: close\r\n\r\n{}\n",
                                  status, extra, why.size() + 1, why)};
}

}  // namespace

std::string accept_key(std::string_view key) {
  const std::string salted = std::string(key) + std::string(accept_salt);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  EVP_Digest(salted.data(), salted.size(), digest.data(), &bytes, EVP_sha1(), nullptr);
  return base64_encode(ByteView(digest.data(), bytes));
}

Answer answer_handshake(std::string_view text) {
  const auto request = parse(text);
  if (!request) return refuse("400 Bad Request", "this is not an HTTP request");
  if (request->method != "GET" || request->version != "HTTP/1.1")
    return refuse("405 Method Not Allowed", "a WebSocket handshake is a GET of HTTP/1.1",
                  "Allow: GET\r\n");
  const bool upgrade =
      has_token(*request, "Upgrade", "websocket") && has_token(*request, "Connection", "Upgrade");
  if (!upgrade)
    return refuse("426 Upgrade Required", "this port speaks MQTT over WebSocket",
                  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
  if (header(*request, "Sec-WebSocket-Version") != "13")
    return refuse("426 Upgrade Required", "only WebSocket version 13 is served",
                  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
  const std::string_view key = header(*request, "Sec-WebSocket-Key");
  if (!is_valid_key(key))
    return refuse("400 Bad Request", "Sec-WebSocket-Key must be 16 bytes in base64");
  if (!has_token(*request, "Sec-WebSocket-Protocol", "mqtt"))
    return refuse("400 Bad Request", "offer the subprotocol \"mqtt\" [MQTT-6.0.0-3]");
  return {.accepted = true,
          .response = fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n"
                                  "Sec-WebSocket-Protocol: mqtt\r\n\r\n",
                                  accept_key(key))};
}

Answer answer_too_long() {
  return refuse("431 Request Header Fields Too Large",
                fmt::format("the handshake is longer than {} bytes", handshake_bytes_max));
}

}  // namespace wireway::wire::websocket
