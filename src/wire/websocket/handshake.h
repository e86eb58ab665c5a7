#pragma once
/// The opening handshake of a WebSocket connection that carries MQTT, without I/O.
///
/// Source: RFC 6455 section 4; MQTT 5 section 6 (subprotocol "mqtt", any path)
/// Limits: handshake_bytes_max: answered with 431

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace wireway::wire::websocket {

inline constexpr std::size_t handshake_bytes_max = 8 * 1024;

/// What a server answers to a request: the whole HTTP response, and whether frames follow.
struct Answer {
  bool accepted = false;
  std::string response;
};

/// `request` ends with the empty line.
Answer answer_handshake(std::string_view request);
/// For a request that is longer than handshake_bytes_max.
Answer answer_too_long();

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string accept_key(std::string_view key);

}  // namespace wireway::wire::websocket
