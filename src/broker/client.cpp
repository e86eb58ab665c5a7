#include "broker/client.h"

#include <fmt/format.h>

#include "broker/shard.h"
#include "wire/mqtt/topic.h"

namespace wireway::broker {

using mqtt::PacketType;
using mqtt::ReasonCode;
using mqtt::Version;

Client::Client(Shard& shard, Session& session, Wire& wire, const mqtt::Connect& connect,
               std::string peer)
    : shard_(shard),
      session_(session),
      wire_(wire),
      version_(connect.version),
      peer_(std::move(peer)) {}

template <class Packet>
void Client::send(const Packet& packet) {
  packet_.clear();
  mqtt::append(packet, version_, packet_);
  wire_.send(packet_);
}

bool Client::on_packet(std::uint8_t first_byte, ByteView body, MonoTime now) {
  if (ended_) return false;
  last_packet_ = now;
  shard_.count().bytes_in += body.size() + 2;
  if (mqtt::type_of(first_byte) == PacketType::publish) return on_publish(first_byte, body, now);
  const auto packet = mqtt::decode(first_byte, body, version_, scratch_);
  if (!packet) {
    refuse(packet.error());
  } else if (const auto* reply_packet = std::get_if<mqtt::PublishReply>(&*packet)) {
    on(*reply_packet, now);
  } else if (const auto* subscribe = std::get_if<mqtt::Subscribe>(&*packet)) {
    on(*subscribe, now);
  } else if (const auto* unsubscribe = std::get_if<mqtt::Unsubscribe>(&*packet)) {
    on(*unsubscribe);
  } else if (std::holds_alternative<mqtt::Pingreq>(*packet)) {
    packet_.clear();
    mqtt::append_pingresp(packet_);
    wire_.send(packet_);
  } else if (const auto* disconnect_packet = std::get_if<mqtt::Disconnect>(&*packet)) {
    on(*disconnect_packet);
  } else if (std::holds_alternative<mqtt::Connect>(*packet)) {
    refuse({ReasonCode::protocol_error, "MQTT-3.1.0-2"});
  } else {
    refuse({ReasonCode::protocol_error, "MQTT-4.13.1-1"});  // a packet that only a server sends
  }
  return !ended_;
}

void Client::on_refused(const mqtt::Refused& refused) {
  if (!ended_) refuse(refused);
}

void Client::refuse(const mqtt::Refused& refused) {
  disconnect(refused.code,
             fmt::format("broke {}: {}", refused.clause, mqtt::to_string(refused.code)));
}

void Client::disconnect(ReasonCode reason, std::string why) {
  if (ended_) return;
  ended_ = true;
  last_words_ = std::move(why);
  if (version_ == Version::v5) send(mqtt::Disconnect{reason, {}});
  wire_.close();
}

bool Client::on_publish(std::uint8_t first_byte, ByteView body, MonoTime now) {
  auto decoded = mqtt::decode_publish(first_byte, body, version_, scratch_);
  if (!decoded) {
    refuse(decoded.error());
    return false;
  }
  mqtt::Publish& publish = *decoded;
  ++shard_.count().messages_in;
  if (!resolve_alias(publish)) return false;
  if (!publish.subscription_identifiers.empty()) {
    refuse({ReasonCode::protocol_error, "MQTT-3.3.4-6"});
    return false;
  }
  const bool qos2 = publish.qos == mqtt::Qos::exactly_once;
  // 3.1.1 knows no Receive Maximum; a message that is sent again takes no new place.
  const bool counts =
      qos2 && version_ == Version::v5 && !session_.is_receiving(publish.packet_identifier);
  if (counts && session_.receiving() >= shard_.settings().receive_maximum) {
    refuse({ReasonCode::receive_maximum_exceeded, "MQTT-3.3.4-9"});
    return false;
  }
  const ReasonCode reason = verdict(publish);
  if (mqtt::is_error(reason) && version_ == Version::v311) {
    // 3.1.1 has no way to say no to one message; not to acknowledge and to close is the honest one.
    disconnect(reason,
               fmt::format("publish to {} refused: {}", publish.topic, mqtt::to_string(reason)));
    return false;
  }
  if (publish.qos == mqtt::Qos::at_most_once) {
    if (mqtt::is_error(reason))
      ++shard_.count().dropped;
    else
      accept(publish, now);
    return true;
  }
  if (!qos2) {
    if (!mqtt::is_error(reason)) accept(publish, now);
    reply(PacketType::puback, publish.packet_identifier, reason);
    return true;
  }
  if (mqtt::is_error(reason)) {
    reply(PacketType::pubrec, publish.packet_identifier, reason);
    return true;
  }
  if (session_.begin_receive(publish.packet_identifier)) accept(publish, now);
  reply(PacketType::pubrec, publish.packet_identifier, ReasonCode::success);
  return true;
}

bool Client::resolve_alias(mqtt::Publish& publish) {
  if (!publish.topic_alias) return true;
  const std::uint16_t alias = *publish.topic_alias;
  if (alias > shard_.settings().topic_alias_maximum) {
    refuse({ReasonCode::topic_alias_invalid, "MQTT-3.3.2-9"});
    return false;
  }
  if (!publish.topic.empty()) {
    aliases_.insert_or_assign(alias, std::string(publish.topic));
    return true;
  }
  const auto known = aliases_.find(alias);
  if (known == aliases_.end()) {
    refuse({ReasonCode::protocol_error, "MQTT-3.3.2-7"});
    return false;
  }
  publish.topic = known->second;
  return true;
}

ReasonCode Client::verdict(const mqtt::Publish& publish) const {
  if (!mqtt::is_valid_topic_name(publish.topic)) return ReasonCode::topic_name_invalid;
  // The broker's own topics; services of ours publish figures under $wireway/metrics.
  if (publish.topic.starts_with("$SYS") || publish.topic.starts_with("$share/"))
    return ReasonCode::not_authorized;
  if (shard_.busy()) return ReasonCode::quota_exceeded;
  return ReasonCode::success;
}

void Client::accept(const mqtt::Publish& publish, MonoTime now) {
  StoredMessage message;
  message.topic = std::string(publish.topic);
  message.payload.assign(publish.payload.begin(), publish.payload.end());
  message.qos = publish.qos;
  message.retain = publish.retain;
  message.forwarded_properties.assign(publish.forwarded_properties.begin(),
                                      publish.forwarded_properties.end());
  if (publish.message_expiry_interval_s)
    message.expires_at = now + std::chrono::seconds{*publish.message_expiry_interval_s};
  message.publisher = session_.client_identifier();
  shard_.publish(std::move(message), now);
}

void Client::reply(PacketType type, std::uint16_t identifier, ReasonCode reason) {
  send(mqtt::PublishReply{type, identifier, reason, {}});
}

void Client::on(const mqtt::PublishReply& packet, MonoTime now) {
  switch (packet.type) {
    case PacketType::puback: session_.on_puback(packet.packet_identifier, now); return;
    case PacketType::pubrec:
      if (!session_.on_pubrec(packet.packet_identifier, packet.reason, now) &&
          !mqtt::is_error(packet.reason))
        reply(PacketType::pubrel, packet.packet_identifier,
              ReasonCode::packet_identifier_not_found);
      return;
    case PacketType::pubrel: {
      const bool known = session_.end_receive(packet.packet_identifier);
      reply(PacketType::pubcomp, packet.packet_identifier,
            known ? ReasonCode::success : ReasonCode::packet_identifier_not_found);
      return;
    }
    default: session_.on_pubcomp(packet.packet_identifier, now);
  }
}

void Client::on(const mqtt::Subscribe& packet, MonoTime now) {
  mqtt::SubscribeReply answer{PacketType::suback, packet.packet_identifier, {}, {}};
  std::vector<const mqtt::SubscribeEntry*> granted;
  for (const mqtt::SubscribeEntry& entry : packet.entries) {
    if (!mqtt::is_valid_topic_filter(entry.filter)) {
      answer.reasons.push_back(ReasonCode::topic_filter_invalid);
      continue;
    }
    answer.reasons.push_back(static_cast<ReasonCode>(entry.qos));
    granted.push_back(&entry);
  }
  send(answer);  // before any message that the subscription brings
  for (const mqtt::SubscribeEntry* entry : granted)
    shard_.subscribe(*this, *entry, packet.properties.subscription_identifier.value_or(0), now);
}

void Client::on(const mqtt::Unsubscribe& packet) {
  mqtt::SubscribeReply answer{PacketType::unsuback, packet.packet_identifier, {}, {}};
  for (const std::string& filter : packet.filters) {
    const bool known = shard_.unsubscribe(session_, filter);
    answer.reasons.push_back(known ? ReasonCode::success : ReasonCode::no_subscription_existed);
  }
  send(answer);
}

void Client::on(const mqtt::Disconnect& packet) {
  const auto expiry = packet.properties.session_expiry_interval_s;
  if (expiry && *expiry != 0 && session_expiry_s_ == 0) {
    refuse({ReasonCode::protocol_error, "MQTT-3.14.2-1"});
    return;
  }
  if (expiry) session_expiry_s_ = *expiry;
  will_wanted_ = packet.reason != ReasonCode::success;  // 0x04 and errors send the will
  ended_ = true;
  wire_.close();
}

}  // namespace wireway::broker
