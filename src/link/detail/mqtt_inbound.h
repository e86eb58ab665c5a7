#pragma once
/// What an MQTT server has sent us at QoS 1 and 2 and what became of it: acknowledgements leave
/// only when their message is settled, and never on a connection on which the message was not sent.
///
/// Source:  MQTT 5 sections 4.3.2, 4.3.3, 4.4
/// Limits:  the Receive Maximum that we told the server bounds the entries
/// Thread:  the Loop's

#include <cstdint>
#include <string>
#include <unordered_map>

#include "flow/message.h"
#include "link/detail/mqtt_packet_out.h"

namespace wireway::link::detail {

class MqttInbound {
 public:
  /// Names one delivery to the application; 0 is none.
  using Token = std::uint64_t;

  explicit MqttInbound(MqttPacketOut& out) : out_(out) {}

  /// After CONNACK. Without the session everything is forgotten: identifiers then mean other
  /// messages.
  void connected(bool session_present);

  /// A QoS 1 or 2 PUBLISH has come. The token if the application must get it; 0 if it has it
  /// already.
  Token received(const wire::mqtt::Publish& publish);
  /// The application has settled a delivery: acknowledges, now or when the server sends it again.
  void settled(std::uint16_t id, Token token, flow::Outcome outcome);
  void on_pubrel(std::uint16_t id);

 private:
  enum class State {
    with_application,
    settled,   ///< but not acknowledged: it was received on an earlier connection
    recorded,  ///< QoS 2: PUBREC was sent, PUBREL is awaited
  };
  struct Entry {
    Token token = 0;
    std::uint64_t connection = 0;  ///< on which the server sent it last
    wire::mqtt::Qos qos = wire::mqtt::Qos::at_least_once;
    State state = State::with_application;
    std::string topic = {};
  };

  void acknowledge(std::unordered_map<std::uint16_t, Entry>::iterator found);

  MqttPacketOut& out_;
  std::unordered_map<std::uint16_t, Entry> entries_;
  Token next_token_ = 1;
  std::uint64_t connection_ = 0;
};

}  // namespace wireway::link::detail
