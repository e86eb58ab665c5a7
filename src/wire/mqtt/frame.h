#pragma once
/// Cuts a byte stream into MQTT packets: the first thing that received bytes meet.
///
/// Source:  MQTT 5 section 2.1
/// Owns:    at most one incomplete packet; whole packets are handed on where they lie
/// Limits:  packet_bytes_max (whole packet): Refused packet_too_large before it is buffered
/// Errors:  Refused with its clause; the stream is then useless

#include <cstddef>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "wire/mqtt/packet.h"

namespace wireway::wire::mqtt {

/// The fixed header of a packet, as far as it has arrived.
struct FrameHeader {
  std::uint8_t first_byte = 0;
  std::size_t header_bytes = 0;  ///< 0 = not whole yet
  std::size_t body_bytes = 0;
};

/// Reads the fixed header at the front of `bytes`.
std::optional<Refused> read_frame_header(ByteView bytes, std::size_t packet_bytes_max,
                                         FrameHeader& header);

class FrameReader {
 public:
  explicit FrameReader(std::size_t packet_bytes_max = packet_bytes_limit)
      : packet_bytes_max_(std::uint32_t(std::min(packet_bytes_max, packet_bytes_limit))) {}

  void set_packet_bytes_max(std::size_t bytes) {
    packet_bytes_max_ = std::uint32_t(std::min(bytes, packet_bytes_limit));
  }

  /// Calls `on_packet(first_byte, body)` for each whole packet; the body is valid during the call.
  /// If it returns false, reading stops and what follows is kept (see take_rest).
  template <class OnPacket>
  std::optional<Refused> read(ByteView bytes, OnPacket&& on_packet);

  /// Of a packet that has not come whole yet.
  std::size_t held_bytes() const { return rest_ ? rest_->size() : 0; }
  /// The bytes that were received and not handed on; leaves the reader empty.
  Bytes take_rest() {
    const std::unique_ptr<Bytes> rest = std::move(rest_);
    return rest ? std::move(*rest) : Bytes();
  }

 private:
  std::unique_ptr<Bytes> rest_;  ///< none most of the time
  std::uint32_t packet_bytes_max_;
};

template <class OnPacket>
std::optional<Refused> FrameReader::read(ByteView bytes, OnPacket&& on_packet) {
  Bytes joined;
  if (rest_) {
    joined = take_rest();
    joined.insert(joined.end(), bytes.begin(), bytes.end());
    bytes = joined;
  }
  while (!bytes.empty()) {
    FrameHeader header;
    if (auto refused = read_frame_header(bytes, packet_bytes_max_, header)) return refused;
    const std::size_t whole = header.header_bytes + header.body_bytes;
    if (header.header_bytes == 0 || bytes.size() < whole) break;
    const ByteView body = bytes.subspan(header.header_bytes, header.body_bytes);
    bytes = bytes.subspan(whole);
    if (!on_packet(header.first_byte, body)) break;
  }
  // A large packet that arrives in many pieces must not be copied once a piece: the buffer moves.
  if (!joined.empty() && bytes.size() == joined.size())
    rest_ = std::make_unique<Bytes>(std::move(joined));
  else if (!bytes.empty())
    rest_ = std::make_unique<Bytes>(bytes.begin(), bytes.end());
  return std::nullopt;
}

}  // namespace wireway::wire::mqtt
