#include "link/detail/mqtt_inbound.h"

namespace wireway::link::detail {

namespace mqtt = wire::mqtt;

void MqttInbound::connected(bool session_present) {
  ++connection_;
  if (!session_present) entries_.clear();
}

MqttInbound::Token MqttInbound::received(const mqtt::Publish& publish) {
  const auto found = entries_.find(publish.packet_identifier);
  // Only what is marked as a repetition of what we hold is one; else the identifier has been
  // reused.
  if (found != entries_.end() && publish.duplicate && found->second.topic == publish.topic) {
    Entry& entry = found->second;
    entry.connection = connection_;
    if (entry.state != State::with_application) acknowledge(found);
    return 0;
  }
  Entry& entry = entries_[publish.packet_identifier];
  entry = {.token = next_token_++, .connection = connection_, .qos = publish.qos};
  entry.topic = publish.topic;
  return entry.token;
}

void MqttInbound::settled(std::uint16_t id, Token token, flow::Outcome outcome) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.token != token) return;
  if (outcome == flow::Outcome::abandoned) {
    entries_.erase(found);  // the server keeps it, and what it sends again is new to us
    return;
  }
  found->second.state = State::settled;
  if (out_.is_open() && found->second.connection == connection_) acknowledge(found);
}

void MqttInbound::acknowledge(std::unordered_map<std::uint16_t, Entry>::iterator found) {
  const bool once = found->second.qos == mqtt::Qos::exactly_once;
  out_.send(mqtt::PublishReply{.type = once ? mqtt::PacketType::pubrec : mqtt::PacketType::puback,
                               .packet_identifier = found->first,
                               .properties = {}});
  if (once)
    found->second.state = State::recorded;
  else
    entries_.erase(found);
}

void MqttInbound::on_pubrel(std::uint16_t id) {
  const auto found = entries_.find(id);
  const bool known = found != entries_.end() && found->second.state == State::recorded;
  if (known) entries_.erase(found);
  using mqtt::ReasonCode;
  out_.send(mqtt::PublishReply{
      .type = mqtt::PacketType::pubcomp,
      .packet_identifier = id,
      .reason = known ? ReasonCode::success : ReasonCode::packet_identifier_not_found,
      .properties = {}});
}

}  // namespace wireway::link::detail
