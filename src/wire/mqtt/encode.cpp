#include <algorithm>

#include "wire/mqtt/codec.h"
#include "wire/mqtt/detail/property.h"
#include "wire/mqtt/detail/writer.h"

namespace wireway::wire::mqtt {
namespace {

void append_frame(std::uint8_t first_byte, ByteView body, Bytes& out) {
  append_byte(out, first_byte);
  append_variable(out, body.size());
  append_bytes(out, body);
}

std::uint8_t first_byte_of(PacketType type, std::uint8_t flags = 0) {
  return std::uint8_t((static_cast<unsigned>(type) << 4) | flags);
}

bool has_any(const Properties& p) { return p.reason_string || !p.user_properties.empty(); }

std::uint8_t connect_flags(const Connect& packet) {
  std::uint8_t flags = packet.clean_start ? 0x02 : 0x00;
  if (packet.will) {
    flags |= std::uint8_t(0x04 | (static_cast<unsigned>(packet.will->qos) << 3));
    if (packet.will->retain) flags |= 0x20;
  }
  if (packet.password) flags |= 0x40;
  if (packet.user_name) flags |= 0x80;
  return flags;
}

/// A packet that is an optional reason followed by optional properties.
void append_reason_packet(PacketType type, ReasonCode reason, const Properties& properties,
                          Bytes& out) {
  Bytes body;
  const bool more = has_any(properties) || properties.session_expiry_interval_s ||
                    properties.server_reference || properties.authentication_method;
  if (reason != ReasonCode::success || more) append_byte(body, static_cast<std::uint8_t>(reason));
  if (more) append_properties(properties, body);
  append_frame(first_byte_of(type), body, out);
}

std::uint8_t subscribe_options(const SubscribeEntry& entry, Version version) {
  auto options = static_cast<unsigned>(entry.qos);
  if (version == Version::v311) return std::uint8_t(options);
  if (entry.no_local) options |= 0x04;
  if (entry.retain_as_published) options |= 0x08;
  options |= static_cast<unsigned>(entry.retain_handling) << 4;
  return std::uint8_t(options);
}

std::size_t publish_property_bytes(const Publish& packet) {
  std::size_t size = packet.forwarded_properties.size();
  if (packet.message_expiry_interval_s) size += 5;
  if (packet.topic_alias) size += 3;
  for (const std::uint32_t identifier : packet.subscription_identifiers)
    size += 1 + variable_size(identifier);
  return size;
}

std::size_t publish_body_bytes(const Publish& packet, Version version) {
  std::size_t size = 2 + packet.topic.size() + packet.payload.size();
  if (packet.qos != Qos::at_most_once) size += 2;
  if (version == Version::v5) {
    const std::size_t properties = publish_property_bytes(packet);
    size += variable_size(properties) + properties;
  }
  return size;
}

}  // namespace

void append(const Connect& packet, Bytes& out) {
  Bytes body;
  append_text(body, "MQTT");
  append_byte(body, static_cast<std::uint8_t>(packet.version));
  append_byte(body, connect_flags(packet));
  append_two(body, packet.keep_alive_s);
  const bool v5 = packet.version == Version::v5;
  if (v5) append_properties(packet.properties, body);
  append_text(body, packet.client_identifier);
  if (packet.will) {
    if (v5) append_properties(packet.will->properties, body);
    append_text(body, packet.will->topic);
    append_binary(body, packet.will->payload);
  }
  if (packet.user_name) append_text(body, *packet.user_name);
  if (packet.password) append_binary(body, *packet.password);
  append_frame(first_byte_of(PacketType::connect), body, out);
}

void append(const Connack& packet, Version version, Bytes& out) {
  Bytes body;
  append_byte(body, packet.session_present ? 1 : 0);
  if (version == Version::v5) {
    append_byte(body, static_cast<std::uint8_t>(packet.reason));
    append_properties(packet.properties, body);
  } else {
    append_byte(body, connack_code_v311(packet.reason));
  }
  append_frame(first_byte_of(PacketType::connack), body, out);
}

void append(const PublishReply& packet, Version version, Bytes& out) {
  const std::uint8_t first = first_byte_of(packet.type, packet.type == PacketType::pubrel ? 2 : 0);
  const bool tail = version == Version::v5 &&
                    (packet.reason != ReasonCode::success || has_any(packet.properties));
  if (!tail) {  // the usual case: four bytes
    append_byte(out, first);
    append_byte(out, 2);
    append_two(out, packet.packet_identifier);
    return;
  }
  Bytes body;
  append_two(body, packet.packet_identifier);
  append_byte(body, static_cast<std::uint8_t>(packet.reason));
  if (has_any(packet.properties)) append_properties(packet.properties, body);
  append_frame(first, body, out);
}

void append(const Subscribe& packet, Version version, Bytes& out) {
  Bytes body;
  append_two(body, packet.packet_identifier);
  if (version == Version::v5) append_properties(packet.properties, body);
  for (const SubscribeEntry& entry : packet.entries) {
    append_text(body, entry.filter);
    append_byte(body, subscribe_options(entry, version));
  }
  append_frame(first_byte_of(PacketType::subscribe, 2), body, out);
}

void append(const SubscribeReply& packet, Version version, Bytes& out) {
  Bytes body;
  append_two(body, packet.packet_identifier);
  if (version == Version::v5) append_properties(packet.properties, body);
  const bool reasons = version == Version::v5 || packet.type == PacketType::suback;
  for (const ReasonCode reason : packet.reasons) {
    if (!reasons) break;
    // 3.1.1 knows one failure code only (section 3.9.3).
    const bool old_failure = version == Version::v311 && is_error(reason);
    append_byte(body, old_failure ? 0x80 : static_cast<std::uint8_t>(reason));
  }
  append_frame(first_byte_of(packet.type), body, out);
}

void append(const Unsubscribe& packet, Version version, Bytes& out) {
  Bytes body;
  append_two(body, packet.packet_identifier);
  if (version == Version::v5) append_properties(packet.properties, body);
  for (const std::string& filter : packet.filters) append_text(body, filter);
  append_frame(first_byte_of(PacketType::unsubscribe, 2), body, out);
}

void append(const Disconnect& packet, Version version, Bytes& out) {
  if (version == Version::v311) {
    append_frame(first_byte_of(PacketType::disconnect), {}, out);
    return;
  }
  append_reason_packet(PacketType::disconnect, packet.reason, packet.properties, out);
}

void append(const Auth& packet, Bytes& out) {
  append_reason_packet(PacketType::auth, packet.reason, packet.properties, out);
}

void append_refusal(ByteView connect_body, const Refused& refused, Bytes& out) {
  static constexpr std::uint8_t v5[] = {0, 4, 'M', 'Q', 'T', 'T', 5};
  const bool is_v5 =
      connect_body.size() > sizeof v5 && std::ranges::equal(connect_body.first(sizeof v5), v5);
  if (is_v5)
    append(Connack{false, refused.code, {}}, Version::v5, out);
  else if (refused.code == ReasonCode::unsupported_protocol_version)
    append(Connack{false, refused.code, {}}, Version::v311, out);
}

void append_pingreq(Bytes& out) { append_frame(first_byte_of(PacketType::pingreq), {}, out); }
void append_pingresp(Bytes& out) { append_frame(first_byte_of(PacketType::pingresp), {}, out); }

std::size_t publish_bytes(const Publish& packet, Version version) {
  const std::size_t body = publish_body_bytes(packet, version);
  return 1 + variable_size(body) + body;
}

std::size_t packet_identifier_offset(const Publish& packet, Version version) {
  return 1 + variable_size(publish_body_bytes(packet, version)) + 2 + packet.topic.size();
}

void append_publish_head(const Publish& packet, Version version, Bytes& out) {
  const std::size_t body = publish_body_bytes(packet, version);
  const std::size_t begin = out.size();
  out.resize(begin + 1 + variable_size(body) + body - packet.payload.size());
  auto flags = static_cast<unsigned>(packet.qos) << 1;
  if (packet.duplicate) flags |= 0x08;
  if (packet.retain) flags |= 0x01;
  Pen pen(out.data() + begin);
  pen.byte(first_byte_of(PacketType::publish, std::uint8_t(flags)));
  pen.variable(body);
  WIREWAY_ASSERT(packet.topic.size() <= 65535, "a topic fits its two-byte length");
  pen.two(std::uint16_t(packet.topic.size()));
  pen.bytes(as_bytes(packet.topic));
  if (packet.qos != Qos::at_most_once) pen.two(packet.packet_identifier);
  if (version == Version::v5) {
    pen.variable(publish_property_bytes(packet));
    pen.bytes(packet.forwarded_properties);
    if (packet.message_expiry_interval_s) {
      pen.byte(static_cast<std::uint8_t>(PropertyId::message_expiry_interval));
      pen.four(*packet.message_expiry_interval_s);
    }
    if (packet.topic_alias) {
      pen.byte(static_cast<std::uint8_t>(PropertyId::topic_alias));
      pen.two(*packet.topic_alias);
    }
    for (const std::uint32_t identifier : packet.subscription_identifiers) {
      pen.byte(static_cast<std::uint8_t>(PropertyId::subscription_identifier));
      pen.variable(identifier);
    }
  }
  WIREWAY_ASSERT(pen.at() == out.data() + out.size(), "a PUBLISH is as long as was counted");
}

void append_publish(const Publish& packet, Version version, Bytes& out) {
  append_publish_head(packet, version, out);
  append_bytes(out, packet.payload);
}

Bytes encode_forwarded(const PublishProperties& properties) {
  Bytes out;
  append_publish_properties(properties, out);
  return out;
}

Bytes forwarded_of(const Properties& will) {
  Properties forwarded;
  forwarded.payload_format_indicator = will.payload_format_indicator;
  forwarded.content_type = will.content_type;
  forwarded.response_topic = will.response_topic;
  forwarded.correlation_data = will.correlation_data;
  forwarded.user_properties = will.user_properties;
  Bytes out;
  append_property_list(forwarded, out);
  return out;
}

}  // namespace wireway::wire::mqtt
