#pragma once
/// The filters that an MQTT client wants, and how much of that its server knows.
///
/// Thread: the Loop's

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "flow/message.h"
#include "link/detail/mqtt_outbound.h"

namespace wireway::link::detail {

class MqttSubscriptions {
 public:
  /// Filters in one SUBSCRIBE or UNSUBSCRIBE.
  static constexpr std::size_t filters_max = 100;

  MqttSubscriptions(MqttPacketOut& out, MqttOutbound& ids) : out_(out), ids_(ids) {}

  void subscribe(const std::string& filter, flow::Qos qos);
  void unsubscribe(const std::string& filter);
  /// After CONNACK: all of it without the session, else what the server has not confirmed.
  void connected(bool session_present);
  void disconnected();
  /// SUBACK and UNSUBACK. The refusals in words: `the subscription to "a/#": Not authorized
  /// (0x87)`.
  std::vector<std::string> on_reply(const wire::mqtt::SubscribeReply& reply);

 private:
  struct Wish {
    flow::Qos qos = flow::Qos::at_most_once;
    bool wanted = true;
    bool confirmed = false;
  };
  void send(const std::vector<std::string>& filters, bool wanted);

  MqttPacketOut& out_;
  MqttOutbound& ids_;
  std::map<std::string, Wish> wishes_;
  std::unordered_map<std::uint16_t, std::vector<std::string>> under_way_;
};

}  // namespace wireway::link::detail
