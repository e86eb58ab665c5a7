#pragma once
/// The client's half of the opening handshake: what tests and tools need to speak to our server.
///
/// Source: RFC 6455 section 4.1

#include <string>
#include <string_view>

namespace wireway::wire::websocket {

/// `key` is 16 random bytes in base64.
std::string handshake_request(std::string_view host, std::string_view path, std::string_view key);

/// True if `response` (up to its empty line) accepts the request with this key and subprotocol
/// mqtt.
bool accepts(std::string_view response, std::string_view key);

}  // namespace wireway::wire::websocket
