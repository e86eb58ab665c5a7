#include "wire/mqtt/frame.h"

namespace wireway::wire::mqtt {

std::optional<Refused> read_frame_header(ByteView bytes, std::size_t packet_bytes_max,
                                         FrameHeader& header) {
  header.first_byte = bytes[0];
  std::size_t length = 0;
  for (std::size_t i = 1; i <= 4; ++i) {
    if (i >= bytes.size()) return std::nullopt;  // not whole yet
    length |= std::size_t{bytes[i] & 0x7Fu} << (7 * (i - 1));
    if ((bytes[i] & 0x80) != 0) continue;
    if (i > 1 && bytes[i] == 0) return Refused{ReasonCode::malformed_packet, "MQTT-1.5.5-1"};
    if (length + i + 1 > packet_bytes_max)
      return Refused{ReasonCode::packet_too_large, "MQTT-3.1.2-24"};
    header.header_bytes = i + 1;
    header.body_bytes = length;
    return std::nullopt;
  }
  return Refused{ReasonCode::malformed_packet, "MQTT-1.5.5-1"};
}

}  // namespace wireway::wire::mqtt
