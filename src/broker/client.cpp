#include "broker/client.h"

#include <fmt/format.h>

#include "broker/shard.h"
#include "wire/mqtt/topic.h"

namespace wireway::broker {

using mqtt::PacketType;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

/// Permissions as the state store asks for them.
class KeyRights final : public state_store::Rights {
 public:
  explicit KeyRights(const Permissions* permissions) : permissions_(permissions) {}
  bool may_read_key(ByteView key) const override { return permissions_->may_read_key(key); }
  bool may_write_key(ByteView key) const override { return permissions_->may_write_key(key); }
  bool may_subscribe(std::string_view topic) const override {
    return permissions_->may_subscribe(topic);
  }

 private:
  const Permissions* permissions_;
};

}  // namespace

Client::Client(Shard& shard, Session& session, Wire& wire, const mqtt::Connect& connect)
    : shard_(shard),
      session_(session),
      wire_(wire),
      version_(connect.version),
      permissions_(wire.permissions()) {}

template <class Packet>
void Client::send(const Packet& packet) {
  Bytes out;
  mqtt::append(packet, version_, out);
  send_whole(out);
}

void Client::send_whole(ByteView packet) {
  if (packet.size() > session_.packet_bytes_max()) {
    disconnect(ReasonCode::packet_too_large,
               fmt::format("an answer of {} bytes is over the client's maximum packet size",
                           packet.size()));
    return;
  }
  wire_.send(packet);
  ++shard_.count().packets_out;
}

bool Client::on_packet(std::uint8_t first_byte, ByteView body, MonoTime now) {
  if (ended_) return false;
  last_packet_ = now;
  shard_.count().bytes_in += body.size() + 2;
  ++shard_.count().packets_in;
  const PacketType type = mqtt::type_of(first_byte);
  if (type == PacketType::publish) return on_publish(first_byte, body, now);
  if (session_.trace) [[unlikely]]
    trace_in(type, body.size(), now, {});
  if (type >= PacketType::puback && type <= PacketType::pubcomp) {
    if (const std::uint16_t identifier = mqtt::decode_plain_reply(first_byte, body)) {
      handle(type, identifier, ReasonCode::success, now);
      return !ended_;
    }
  }
  Bytes scratch;
  const auto packet = mqtt::decode(first_byte, body, version_, scratch);
  if (!packet) {
    refuse(packet.error());
  } else if (const auto* reply_packet = std::get_if<mqtt::PublishReply>(&*packet)) {
    handle(type, reply_packet->packet_identifier, reply_packet->reason, now);
  } else if (const auto* subscribe = std::get_if<mqtt::Subscribe>(&*packet)) {
    on(*subscribe, now);
  } else if (const auto* unsubscribe = std::get_if<mqtt::Unsubscribe>(&*packet)) {
    on(*unsubscribe);
  } else if (std::holds_alternative<mqtt::Pingreq>(*packet)) {
    static constexpr std::uint8_t pingresp[] = {0xD0, 0};
    wire_.send(pingresp);
    ++shard_.count().packets_out;
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
  rare_.made().last_words = std::move(why);
  if (version_ == Version::v5) send(mqtt::Disconnect{reason, {}});
  wire_.close();
}

bool Client::on_publish(std::uint8_t first_byte, ByteView body, MonoTime now) {
  ++shard_.count().messages_in;
  mqtt::Publish publish;
  const bool known =
      last_ && mqtt::decode_plain_publish(first_byte, body, version_, last_->topic, publish);
  if (!known && !decode(first_byte, body, publish)) return false;
  const bool qos2 = publish.qos == mqtt::Qos::exactly_once;
  if (publish.qos != mqtt::Qos::at_most_once && !may_receive(publish)) return false;
  ReasonCode reason = known ? ReasonCode::success : verdict(publish.topic);
  const bool kept = publish.qos != mqtt::Qos::at_most_once || publish.retain;
  // What empties the retained store is what helps.
  const bool clears = publish.retain && publish.payload.empty();
  const bool busy = !clears && shard_.busy();
  if (reason == ReasonCode::success && (busy || (kept && shard_.cannot_record())))
    reason = ReasonCode::quota_exceeded;
  count_in(publish, reason);
  if (session_.trace) [[unlikely]]
    trace_in(PacketType::publish, body.size(), now, publish.topic);
  const bool refused = mqtt::is_error(reason);
  if (!known && !refused && state_store::is_request_topic(publish.topic))
    return on_store_request(publish);
  if (refused && permissions_ && reason == ReasonCode::not_authorized)
    return refuse_publish(publish, reason);
  if (refused && version_ == Version::v311) {
    // 3.1.1 has no way to say no to one message; not to acknowledge and to close is the honest one.
    disconnect(reason,
               fmt::format("publish to {} refused: {}", publish.topic, mqtt::to_string(reason)));
    return false;
  }
  if (publish.qos == mqtt::Qos::at_most_once) {
    if (refused)
      drop_qos0();
    else
      accept(publish, now);
    return true;
  }
  const bool is_new = !refused && (!qos2 || session_.begin_receive(publish.packet_identifier));
  if (is_new) accept(publish, now);
  if (qos2 && !refused) return reply_received(publish.packet_identifier, is_new);
  reply(qos2 ? PacketType::pubrec : PacketType::puback, publish.packet_identifier, reason);
  return true;
}

/// PUBREC, once the message is where it belongs; also if it has come before, because the connection
/// on which the answer waited may be gone.
bool Client::reply_received(std::uint16_t identifier, bool is_new) {
  const bool hold = is_new ? shard_.must_hold(*this) : shard_.must_hold_again(*this);
  HeldReply held;
  held.type = PacketType::pubrec;
  held.identifier = identifier;
  held.then_record = hold && session_.number() != 0 && (!is_new || shard_.has_relayed());
  if (!held.then_record) session_.record_receiving(identifier);
  if (hold || shard_.must_hold(*this))
    shard_.hold(*this, std::move(held));
  else
    send_now(held);
  return true;
}

/// What a policy does not allow is dropped; 3.1.1 gets an ordinary acknowledgement (broker.md 5.2).
bool Client::refuse_publish(const mqtt::Publish& publish, ReasonCode reason) {
  ++shard_.count().dropped;
  ++shard_.count().unauthorized;
  if (publish.qos == mqtt::Qos::at_most_once) return true;
  const bool qos2 = publish.qos == mqtt::Qos::exactly_once;
  reply(qos2 ? PacketType::pubrec : PacketType::puback, publish.packet_identifier,
        version_ == Version::v311 ? ReasonCode::success : reason);
  return true;
}

void Client::count_in(const mqtt::Publish& publish, ReasonCode reason) {
  Counters& counters = shard_.count();
  counters.payload_in += publish.payload.size();
  ++session_.traffic.messages_in;
  session_.traffic.payload_in += publish.payload.size();
  if (reason == ReasonCode::quota_exceeded) ++counters.refused_busy;
}

void Client::trace_in(PacketType type, std::size_t body_bytes, MonoTime now,
                      std::string_view topic) {
  if (session_.trace->over(now)) {
    session_.trace.reset();
    return;
  }
  session_.trace->note({.at = now,
                        .type = type,
                        .bytes = body_bytes + 2,
                        .topic = std::string(topic.substr(0, ClientTrace::topic_bytes_max))});
}

void Client::drop_qos0() {
  ++shard_.count().dropped;
  ++shard_.count().qos0_dropped_in;
}

/// What does not fit decode_plain_publish(); false = the connection ends.
bool Client::decode(std::uint8_t first_byte, ByteView body, mqtt::Publish& publish) {
  auto decoded = mqtt::decode_publish(first_byte, body, version_, shard_.decode_scratch());
  if (!decoded) {
    refuse(decoded.error());
    return false;
  }
  publish = std::move(*decoded);
  if (!resolve_alias(publish)) return false;
  if (!publish.subscription_identifiers.empty()) {
    refuse({ReasonCode::protocol_error, "MQTT-3.3.4-6"});
    return false;
  }
  return true;
}

/// Whether our Receive Maximum allows one more: of what is unacknowledged, QoS 2 is what lasts.
/// 3.1.1 knows none; a QoS 2 message that is sent again takes no new place.
bool Client::may_receive(const mqtt::Publish& publish) {
  if (version_ == Version::v311 || session_.receiving() < shard_.settings().receive_maximum)
    return true;
  const bool again =
      publish.qos == mqtt::Qos::exactly_once && session_.is_receiving(publish.packet_identifier);
  if (again) return true;
  refuse({ReasonCode::receive_maximum_exceeded, "MQTT-3.3.4-7"});
  return false;
}

bool Client::resolve_alias(mqtt::Publish& publish) {
  if (!publish.topic_alias) return true;
  const std::uint16_t alias = *publish.topic_alias;
  if (alias > shard_.settings().topic_alias_maximum) {
    refuse({ReasonCode::topic_alias_invalid, "MQTT-3.3.2-9"});
    return false;
  }
  if (!publish.topic.empty()) {
    std::vector<std::string>& aliases = rare_.made().aliases;
    if (aliases.size() < alias) aliases.resize(alias);
    aliases[alias - 1U] = publish.topic;
    return true;
  }
  const std::vector<std::string>& known = rare_->aliases;
  if (alias > known.size() || known[alias - 1U].empty()) {
    refuse({ReasonCode::protocol_error, "MQTT-3.3.2-7"});
    return false;
  }
  publish.topic = known[alias - 1U];
  return true;
}

ReasonCode Client::verdict(std::string_view topic) const {
  if (!mqtt::is_valid_topic_name(topic)) return ReasonCode::topic_name_invalid;
  // The broker's own topics; services of ours publish figures under $wireway/metrics.
  if (topic.starts_with("$SYS") || topic.starts_with("$share/")) return ReasonCode::not_authorized;
  if (permissions_ && !permissions_->may_publish(topic)) return ReasonCode::not_authorized;
  return ReasonCode::success;
}

void Client::accept(const mqtt::Publish& publish, MonoTime now) {
  if (!last_) last_ = std::make_unique<RouteMemo>();
  if (last_->topic != publish.topic) {
    last_->topic = publish.topic;
    last_->cache_age = 0;
  }
  MessageView message;
  message.topic = publish.topic;
  message.forwarded_properties = publish.forwarded_properties;
  message.payload = publish.payload;
  message.publisher = session_.client_identifier();
  if (publish.message_expiry_interval_s)
    message.expires_at = now + std::chrono::seconds{*publish.message_expiry_interval_s};
  message.qos = publish.qos;
  message.retain = publish.retain;
  if (publish.qos != mqtt::Qos::exactly_once || session_.number() == 0)
    return shard_.publish(message, now, last_.get());
  const Origin origin{session_.number(), publish.packet_identifier,
                      session_.begin_half(publish.packet_identifier, message)};
  message.origin = &origin;
  shard_.publish(message, now, last_.get());
}

/// The store's answer comes as a PUBLISH; subscribers never see the request.
bool Client::on_store_request(const mqtt::Publish& publish) {
  const KeyRights rights(permissions_);
  state_store::Admission admission = state_store::admit(
      publish, {session_.client_identifier(), number_, version_, permissions_ ? &rights : nullptr});
  if (admission.disconnects || (version_ == Version::v311 && !admission.asked)) {
    disconnect(admission.reason, std::string(admission.why));
    return false;
  }
  if (admission.asked) {
    listens_ = listens_ || admission.asked->listens;
    shard_.ask_store(std::move(*admission.asked));
  } else if (publish.qos == mqtt::Qos::at_most_once) {
    drop_qos0();
  }
  if (publish.qos == mqtt::Qos::at_most_once) return true;
  const bool qos2 = publish.qos == mqtt::Qos::exactly_once;
  reply(qos2 ? PacketType::pubrec : PacketType::puback, publish.packet_identifier,
        admission.reason);
  return true;
}

void Client::reply(PacketType type, std::uint16_t identifier, ReasonCode reason) {
  HeldReply held;
  held.type = type;
  held.identifier = identifier;
  held.reason = reason;
  // A refusal promises nothing.
  if (mqtt::is_error(reason) || !shard_.must_hold(*this)) return send_now(held);
  shard_.hold(*this, std::move(held));
}

void Client::reply(const mqtt::SubscribeReply& answer) {
  if (!shard_.must_hold(*this)) return send(answer);
  HeldReply held;
  held.packet = std::make_unique<Bytes>();
  mqtt::append(answer, version_, *held.packet);
  shard_.hold(*this, std::move(held));
}

void Client::send_now(const HeldReply& held) {
  if (ended_) return;
  if (held.packet) return send_whole(*held.packet);
  if (held.reason != ReasonCode::success && version_ == Version::v5) {
    send(mqtt::PublishReply{held.type, held.identifier, held.reason, {}});
    return;
  }
  const unsigned flags = held.type == PacketType::pubrel ? 2 : 0;
  const std::uint8_t packet[] = {std::uint8_t((static_cast<unsigned>(held.type) << 4) | flags), 2,
                                 std::uint8_t(held.identifier >> 8), std::uint8_t(held.identifier)};
  wire_.send(packet);
  ++shard_.count().packets_out;
}

void Client::handle(PacketType type, std::uint16_t identifier, ReasonCode reason, MonoTime now) {
  switch (type) {
    case PacketType::puback: session_.on_puback(identifier, now); return;
    case PacketType::pubrec: {
      const auto next = session_.on_pubrec(identifier, reason, now);
      if (next == Session::Pubrec::release)
        reply(PacketType::pubrel, identifier, ReasonCode::success);
      else if (next == Session::Pubrec::unknown && !mqtt::is_error(reason))
        reply(PacketType::pubrel, identifier, ReasonCode::packet_identifier_not_found);
      return;
    }
    case PacketType::pubrel: {
      const bool known = session_.end_receive(identifier);
      if (known) return reply(PacketType::pubcomp, identifier, ReasonCode::success);
      HeldReply held;
      held.type = PacketType::pubcomp;
      held.identifier = identifier;
      held.reason = ReasonCode::packet_identifier_not_found;
      if (!shard_.must_hold_again(*this)) return send_now(held);
      shard_.hold(*this, std::move(held));
      return;
    }
    default: session_.on_pubcomp(identifier, now);
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
    if (permissions_ && !permissions_->may_subscribe(entry.filter)) {
      ++shard_.count().unauthorized;
      answer.reasons.push_back(ReasonCode::not_authorized);
      continue;
    }
    if (session_.number() != 0 && shard_.cannot_record()) {
      answer.reasons.push_back(ReasonCode::quota_exceeded);
      continue;
    }
    answer.reasons.push_back(static_cast<ReasonCode>(entry.qos));
    granted.push_back(&entry);
  }
  const bool recorded = session_.number() != 0;
  if (!recorded) reply(answer);  // before any message that the subscription brings
  for (const mqtt::SubscribeEntry* entry : granted)
    shard_.subscribe(*this, *entry, packet.properties.subscription_identifier.value_or(0), now);
  if (recorded) reply(answer);
}

void Client::on(const mqtt::Unsubscribe& packet) {
  mqtt::SubscribeReply answer{PacketType::unsuback, packet.packet_identifier, {}, {}};
  for (const std::string& filter : packet.filters) {
    const bool known = shard_.unsubscribe(session_, filter);
    answer.reasons.push_back(known ? ReasonCode::success : ReasonCode::no_subscription_existed);
  }
  reply(answer);
}

void Client::on(const mqtt::Disconnect& packet) {
  const auto expiry = packet.properties.session_expiry_interval_s;
  if (expiry && *expiry != 0 && session_expiry_s_ == 0) {
    refuse({ReasonCode::protocol_error, "MQTT-3.14.2.2.2"});
    return;
  }
  if (expiry) session_expiry_s_ = *expiry;
  will_wanted_ = packet.reason != ReasonCode::success;  // 0x04 and errors send the will
  ended_ = true;
  wire_.close();
}

}  // namespace wireway::broker
