#pragma once
/// Takes the primitive types of MQTT (section 1.5) off the front of a packet's body. After the
/// first thing that does not fit, everything reads as empty and `refused()` tells why.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "wire/mqtt/reason.h"

namespace wireway::wire::mqtt {

class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  bool ok() const { return !refused_; }
  const std::optional<Refused>& refused() const { return refused_; }
  std::size_t left() const { return refused_ ? 0 : bytes_.size(); }

  void refuse(ReasonCode code, std::string_view clause) {
    if (!refused_) refused_ = Refused{code, clause};
  }

  std::uint8_t byte() {
    const ByteView part = take(1);
    return part.empty() ? 0 : part[0];
  }
  std::uint16_t two_bytes() {
    const ByteView part = take(2);
    return part.empty() ? 0 : std::uint16_t((part[0] << 8) | part[1]);
  }
  std::uint32_t four_bytes() {
    const std::uint32_t high = two_bytes();
    return (high << 16) | two_bytes();
  }
  std::uint32_t variable_integer() {
    std::uint32_t value = 0;
    for (int shift = 0; shift <= 21; shift += 7) {
      const std::uint8_t next = byte();
      value |= std::uint32_t{next & 0x7Fu} << shift;
      if ((next & 0x80) != 0) continue;
      if (shift > 0 && next == 0) break;
      return value;
    }
    refuse(ReasonCode::malformed_packet, "MQTT-1.5.5-1");
    return 0;
  }
  ByteView binary() { return take(two_bytes()); }
  std::string_view text() {
    const std::string_view value = as_text(binary());
    if (!is_mqtt_utf8(value)) refuse(ReasonCode::malformed_packet, "MQTT-1.5.4-1");
    return refused_ ? std::string_view{} : value;
  }
  ByteView take(std::size_t count) {
    if (refused_ || bytes_.size() < count) {
      refuse(ReasonCode::malformed_packet, "MQTT-2.1.4");
      return {};
    }
    const ByteView part = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return part;
  }

 private:
  ByteView bytes_;
  std::optional<Refused> refused_;
};

inline std::string owned(std::string_view view) { return std::string(view); }
inline Bytes owned(ByteView view) { return {view.begin(), view.end()}; }

}  // namespace wireway::wire::mqtt
