#include "link/detail/mqtt_outbound.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::link::detail {

namespace mqtt = wire::mqtt;
using flow::Outcome;
using flow::Qos;

MqttOutbound::~MqttOutbound() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  // Settled one by one as `abandoned`, when the containers no longer belong to us: a callback may
  // look.
  const auto queue = std::exchange(queue_, {});
  const auto in_flight = std::exchange(in_flight_, {});
}

Result<> MqttOutbound::offer(flow::Message message, flow::Ack ack, MonoTime now) {
  if (queue_.size() >= queue_max_) {
    return fail(
        Errc::exhausted,
        fmt::format("{}: {} messages wait to be sent already; the broker is away or too slow",
                    server_, queue_max_));
  }
  Entry& entry = queue_.emplace_back();
  entry.message = std::move(message);
  entry.ack = std::move(ack);
  entry.queued = now;
  entry.sequence = next_sequence_++;
  return {};
}

void MqttOutbound::connected(const MqttServerLimits& limits, bool session_present) {
  limits_ = limits;
  limits_.receive_maximum = std::min(limits.receive_maximum, window_max);
  session_present_ = session_present;
  awaiting_ = 0;
  // Section 4.4: again in the order in which they were sent first.
  std::vector<std::pair<std::uint64_t, std::uint16_t>> order;
  for (auto& [id, entry] : in_flight_) {
    entry.sent_before = entry.sent_before || entry.awaiting_reply;
    entry.awaiting_reply = false;
    // Without the session the server knows neither message nor identifier: from the start again. A
    // repeated QoS 2 message is better than a lost one.
    if (!session_present) entry.released = false;
    order.emplace_back(entry.sequence, id);
  }
  std::ranges::sort(order);
  again_.clear();
  for (const auto& [sequence, id] : order) again_.push_back(id);
}

void MqttOutbound::pump(MonoTime now) {
  if (std::exchange(pumping_, true)) return;
  bool destroyed = false;
  destroyed_ = &destroyed;
  while (out_.is_open() && !out_.congested()) {
    const bool went_on = again_.empty() ? send_first(now) : send_again(now);
    if (destroyed) return;  // by whom an Ack told its outcome
    if (!went_on) break;
  }
  destroyed_ = nullptr;
  pumping_ = false;
}

bool MqttOutbound::send_again(MonoTime now) {
  if (awaiting_ >= limits_.receive_maximum) return false;
  const std::uint16_t id = again_.front();
  again_.pop_front();
  Entry& entry = in_flight_.at(id);
  ++awaiting_;
  entry.awaiting_reply = true;
  if (entry.released) {
    out_.send(mqtt::PublishReply{
        .type = mqtt::PacketType::pubrel, .packet_identifier = id, .properties = {}});
  } else {
    send_publish(entry, std::min(entry.message.qos, limits_.qos_max), id, now);
  }
  return true;
}

bool MqttOutbound::send_first(MonoTime now) {
  if (queue_.empty()) return false;
  const Qos qos = std::min(queue_.front().message.qos, limits_.qos_max);
  if (qos != Qos::at_most_once && awaiting_ >= limits_.receive_maximum) return false;
  Entry entry = std::move(queue_.front());
  queue_.pop_front();
  if (can_never_go(entry, now)) {
    entry.ack.settle(Outcome::dead_lettered);
    return true;
  }
  if (qos == Qos::at_most_once) {
    send_publish(entry, qos, 0, now);
    entry.ack.settle(Outcome::delivered);
    return true;
  }
  const std::uint16_t id = new_packet_identifier();
  control_ids_.erase(id);
  ++awaiting_;
  entry.awaiting_reply = true;
  send_publish(entry, qos, id, now);
  in_flight_.emplace(id, std::move(entry));
  return true;
}

bool MqttOutbound::can_never_go(const Entry& entry, MonoTime now) const {
  const flow::Message& message = entry.message;
  if (message.expiry_s && now - entry.queued >= std::chrono::seconds{*message.expiry_s})
    return true;
  // An upper bound of what the head adds: nothing that is near the limit is worth a closer look.
  std::size_t bytes = message.payload.size() + message.topic.size() + message.content_type.size() +
                      message.response_topic.size() + message.correlation_data.size() + 64;
  for (const auto& [name, value] : message.user_properties) bytes += name.size() + value.size() + 5;
  if (bytes <= limits_.packet_bytes_max) return false;
  log::warn(
      "{}: a message of {} bytes to \"{}\" is larger than the broker takes ({} bytes); "
      "it is dead-lettered",
      server_, bytes, message.topic, limits_.packet_bytes_max);
  return true;
}

void MqttOutbound::send_publish(const Entry& entry, Qos qos, std::uint16_t id, MonoTime now) {
  const flow::Message& message = entry.message;
  mqtt::Publish publish;
  publish.duplicate = session_present_ && entry.sent_before && qos != Qos::at_most_once;
  publish.qos = static_cast<mqtt::Qos>(qos);
  publish.retain = message.retain && limits_.retain_available;
  publish.packet_identifier = id;
  publish.topic = message.topic;
  publish.payload = message.payload;
  if (message.expiry_s) {
    // Less what it has waited here (MQTT-3.3.2-6); what is sent again must still complete, so 1 at
    // least.
    const auto waited =
        std::chrono::duration_cast<std::chrono::seconds>(now - entry.queued).count();
    const std::int64_t left = static_cast<std::int64_t>(*message.expiry_s) - waited;
    publish.message_expiry_interval_s = static_cast<std::uint32_t>(std::max<std::int64_t>(left, 1));
  }
  Bytes forwarded;
  const bool plain = !message.payload_is_utf8 && message.content_type.empty() &&
                     message.response_topic.empty() && message.correlation_data.empty() &&
                     message.user_properties.empty();
  if (!plain) {
    forwarded = mqtt::encode_forwarded({message.payload_is_utf8, message.content_type,
                                        message.response_topic, message.correlation_data,
                                        message.user_properties});
    publish.forwarded_properties = forwarded;
  }
  out_.send_publish(publish);
}

void MqttOutbound::on_reply(const mqtt::PublishReply& reply) {
  const auto found = in_flight_.find(reply.packet_identifier);
  const bool known = found != in_flight_.end() && found->second.awaiting_reply;
  if (reply.type == mqtt::PacketType::pubrec && !known) {
    out_.send(mqtt::PublishReply{.type = mqtt::PacketType::pubrel,
                                 .packet_identifier = reply.packet_identifier,
                                 .reason = mqtt::ReasonCode::packet_identifier_not_found,
                                 .properties = {}});
    return;
  }
  if (!known) return;  // an answer to something that a lost session forgot
  Entry& entry = found->second;
  if (mqtt::is_error(reply.reason) && !entry.released) {
    warn_refused(entry, reply);
    return finish(found, Outcome::dead_lettered);
  }
  if (reply.type != mqtt::PacketType::pubrec) return finish(found, Outcome::delivered);
  entry.released = true;
  out_.send(mqtt::PublishReply{.type = mqtt::PacketType::pubrel,
                               .packet_identifier = reply.packet_identifier,
                               .properties = {}});
}

void MqttOutbound::warn_refused(const Entry& entry, const mqtt::PublishReply& reply) const {
  log::warn("{} refused a message to \"{}\": {} (0x{:02X}){}{}; it is dead-lettered", server_,
            entry.message.topic, mqtt::to_string(reply.reason), static_cast<unsigned>(reply.reason),
            reply.properties.reason_string ? ": " : "",
            reply.properties.reason_string.value_or(""));
}

void MqttOutbound::finish(std::unordered_map<std::uint16_t, Entry>::iterator found,
                          Outcome outcome) {
  flow::Ack ack = std::move(found->second.ack);
  in_flight_.erase(found);
  --awaiting_;
  ack.settle(outcome);
}

std::uint16_t MqttOutbound::new_packet_identifier() {
  do ++last_id_;
  while (last_id_ == 0 || in_flight_.contains(last_id_) || control_ids_.contains(last_id_));
  control_ids_[last_id_] = true;
  return last_id_;
}

}  // namespace wireway::link::detail
