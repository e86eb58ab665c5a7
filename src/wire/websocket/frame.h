#pragma once
/// Frames of the WebSocket protocol from bytes and to bytes, for both ends. Data is handed on as it
/// arrives, so that a large frame is never held.
///
/// Source: RFC 6455 section 5; MQTT 5 section 6 (binary frames only, their borders mean nothing)
/// Owns:   at most one incomplete header and one control frame
/// Limits: control frames of 125 bytes (section 5.5); data frames have none, because nothing is
///         held
/// Errors: a CloseCode to answer with; the stream is then useless

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace wireway::wire::websocket {

enum class Opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

/// RFC 6455 section 7.4.1.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  none = 1005,  ///< the peer gave no code; never sent
  invalid_payload = 1007,
};

inline constexpr std::size_t control_payload_max = 125;

using Mask = std::array<std::uint8_t, 4>;

/// The server's frames are not masked, the client's must be.
enum class Role { server, client };

/// Appends one whole, final frame as a server sends it.
void append_frame(Opcode opcode, ByteView payload, Bytes& out);
/// The same as a client sends it.
void append_masked_frame(Opcode opcode, ByteView payload, const Mask& mask, Bytes& out);
void append_close(CloseCode code, Bytes& out);

/// Takes the frames of the other side apart.
class FrameReader {
 public:
  /// `role` is our own: a server demands masked frames, a client refuses them.
  explicit FrameReader(Role role) : role_(role) {}

  /// What the peer's control frames ask for, to be read after each call of read().
  struct Control {
    Bytes pongs;                     ///< payloads of pings, as whole pong frames of a server
    std::optional<CloseCode> close;  ///< the peer closes; what follows is ignored
  };

  /// Appends the payload of data frames to `data`. Nothing more may be read after a fault or a
  /// close.
  std::optional<CloseCode> read(ByteView bytes, Bytes& data, Control& control);

 private:
  std::optional<CloseCode> take_header(ByteView& bytes);
  std::optional<CloseCode> judge_header();
  std::optional<CloseCode> judge_length();
  std::optional<CloseCode> begin_frame();
  std::optional<CloseCode> end_control(Control& control);
  void unmask(ByteView bytes, Bytes& out);
  std::size_t header_bytes_wanted() const;

  Role role_;
  bool in_message_ = false;
  std::array<std::uint8_t, 14> header_{};
  std::size_t header_bytes_ = 0;
  bool in_frame_ = false;
  Opcode opcode_ = Opcode::continuation;
  std::uint64_t left_ = 0;   ///< payload bytes of the frame that are still to come
  std::size_t mask_at_ = 0;  ///< position in the mask
  Mask mask_{};
  Bytes control_;
};

}  // namespace wireway::wire::websocket
