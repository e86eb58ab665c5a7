#include "wire/websocket/client.h"

#include <fmt/format.h>

#include "wire/websocket/handshake.h"

namespace wireway::wire::websocket {

std::string handshake_request(std::string_view host, std::string_view path, std::string_view key) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Protocol: mqtt\r\n\r\n",
      path, host, key);
}

bool accepts(std::string_view response, std::string_view key) {
  return response.starts_with("HTTP/1.1 101 ") &&
         response.find("Sec-WebSocket-Protocol: mqtt\r\n") != std::string_view::npos &&
         response.find("Sec-WebSocket-Accept: " + accept_key(key) + "\r\n") !=
             std::string_view::npos;
}

}  // namespace wireway::wire::websocket
