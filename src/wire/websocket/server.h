#pragma once
/// The server's side of one WebSocket connection: it stands between a stream and an MQTT frame
/// reader and makes a plain byte stream of what comes.
///
/// Source: RFC 6455; MQTT 5 section 6
/// Owns:   the handshake until it is whole, then what FrameReader owns
/// Limits: handshake_bytes_max
/// Errors: it answers the peer itself (HTTP status, close frame) and is then `closed`

#include <string>

#include "base/bytes.h"
#include "wire/websocket/frame.h"
#include "wire/websocket/handshake.h"

namespace wireway::wire::websocket {

class Server {
 public:
  enum class State { handshake, open, closed };

  /// Appends to `data` what the peer sent as payload and to `reply` what must go back to it. Once
  /// `closed` is returned, the stream is to be closed behind `reply`; later bytes are ignored.
  State receive(ByteView bytes, Bytes& data, Bytes& reply);
  State state() const { return state_; }

 private:
  void shake_hands(ByteView& bytes, Bytes& reply);
  void read_frames(ByteView bytes, Bytes& data, Bytes& reply);

  State state_ = State::handshake;
  std::string request_;
  FrameReader frames_{Role::server};
};

}  // namespace wireway::wire::websocket
