#pragma once
/// Reads the data types of MQTT from one packet's body; the first fault sticks and later reads give
/// nothing, so that a decoder reads straight on and looks once.
///
/// Source: MQTT 5 section 1.5

#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "wire/mqtt/reason.h"

namespace wireway::wire::mqtt::detail {

/// The packet ends within a field: section 4.13.1 makes that a Malformed Packet.
inline constexpr Refused truncated{ReasonCode::malformed_packet, "MQTT-4.13.1-1"};

class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  std::uint8_t u8() {
    const ByteView bytes = take(1);
    return bytes.empty() ? 0 : bytes[0];
  }
  std::uint16_t u16() {
    const ByteView b = take(2);
    return b.empty() ? 0 : std::uint16_t(b[0] << 8 | b[1]);
  }
  std::uint32_t u32() {
    const ByteView b = take(4);
    return b.empty() ? 0 : std::uint32_t(b[0]) << 24 | b[1] << 16 | b[2] << 8 | b[3];
  }
  std::uint32_t variable() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const std::uint8_t byte = u8();
      value |= std::uint32_t(byte & 0x7F) << (7 * i);
      if ((byte & 0x80) != 0) continue;
      if (i > 0 && byte == 0 && !failed()) break;  // longer than it needs to be
      return value;
    }
    fail(ReasonCode::malformed_packet, "MQTT-1.5.5-1");
    return 0;
  }
  ByteView binary() { return take(u16()); }
  std::string_view text() {
    const std::string_view value = as_text(binary());
    if (is_mqtt_utf8(value)) return value;
    const bool has_null = value.find('\0') != std::string_view::npos;
    fail(ReasonCode::malformed_packet, has_null ? "MQTT-1.5.4-2" : "MQTT-1.5.4-1");
    return {};
  }
  ByteView take(std::size_t bytes) {
    if (bytes > rest_.size()) {
      fail(truncated.code, truncated.clause);
      return {};
    }
    const ByteView taken = rest_.first(bytes);
    rest_ = rest_.subspan(bytes);
    return taken;
  }
  ByteView take_rest() { return take(rest_.size()); }

  const std::uint8_t* position() const { return rest_.data(); }
  std::size_t left() const { return rest_.size(); }
  bool failed() const { return refused_.has_value(); }
  const std::optional<Refused>& refused() const { return refused_; }
  void fail(ReasonCode code, std::string_view clause) {
    if (!refused_) refused_ = Refused{code, clause};
    rest_ = {};
  }

 private:
  ByteView rest_;
  std::optional<Refused> refused_;
};

}  // namespace wireway::wire::mqtt::detail
