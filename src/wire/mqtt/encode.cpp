#include "wire/mqtt/codec.h"
#include "wire/mqtt/detail/properties.h"

namespace wireway::wire::mqtt {
namespace {

using detail::PropertyId;
using detail::Writer;
using detail::variable_bytes;
using detail::write_properties;

/// Writes a packet whose size is not known before: the body is made first.
template <class WriteBody>
void put_packet(PacketType type, unsigned flags, Bytes& out, WriteBody write_body) {
  Bytes body;
  write_body(body);
  Writer writer(out);
  writer.u8(std::uint8_t(unsigned(type) << 4 | flags));
  writer.variable(body.size());
  writer.raw(body);
}

bool is_empty(const Properties& properties) {
  Bytes list;
  write_properties(properties, list);
  return list.size() == 1;
}

std::uint8_t connect_flags(const Connect& packet) {
  unsigned flags = packet.clean_start ? 0x02 : 0;
  if (packet.will)
    flags |= 0x04 | unsigned(packet.will->qos) << 3 | (packet.will->retain ? 0x20 : 0);
  if (packet.password) flags |= 0x40;
  if (packet.user_name) flags |= 0x80;
  return std::uint8_t(flags);
}

std::size_t publish_properties_bytes(const Publish& packet) {
  std::size_t bytes = packet.forwarded_properties.size();
  if (packet.topic_alias) bytes += 3;
  if (packet.message_expiry_interval_s) bytes += 5;
  for (const std::uint32_t id : packet.subscription_identifiers) bytes += 1 + variable_bytes(id);
  return bytes;
}

std::size_t publish_body_bytes(const Publish& packet, Version version) {
  std::size_t bytes = 2 + packet.topic.size() + packet.payload.size();
  if (packet.qos != Qos::at_most_once) bytes += 2;
  if (version == Version::v5) {
    const std::size_t properties = publish_properties_bytes(packet);
    bytes += variable_bytes(properties) + properties;
  }
  return bytes;
}

void put_publish_properties(const Publish& packet, Writer& writer) {
  writer.variable(publish_properties_bytes(packet));
  if (packet.topic_alias) {
    writer.u8(std::uint8_t(PropertyId::topic_alias));
    writer.u16(*packet.topic_alias);
  }
  if (packet.message_expiry_interval_s) {
    writer.u8(std::uint8_t(PropertyId::message_expiry_interval));
    writer.u32(*packet.message_expiry_interval_s);
  }
  for (const std::uint32_t id : packet.subscription_identifiers) {
    writer.u8(std::uint8_t(PropertyId::subscription_identifier));
    writer.variable(id);
  }
  writer.raw(packet.forwarded_properties);
}

void put_reason(ReasonCode reason, const Properties& properties, Writer& writer, Bytes& out) {
  writer.u8(std::uint8_t(reason));
  write_properties(properties, out);
}

}  // namespace

void encode(const Connect& packet, Bytes& out) {
  put_packet(PacketType::connect, 0, out, [&](Bytes& body) {
    Writer writer(body);
    writer.text("MQTT");
    writer.u8(std::uint8_t(packet.version));
    writer.u8(connect_flags(packet));
    writer.u16(packet.keep_alive_s);
    const bool v5 = packet.version == Version::v5;
    if (v5) write_properties(packet.properties, body);
    writer.text(packet.client_identifier);
    if (packet.will) {
      if (v5) write_properties(packet.will->properties, body);
      writer.text(packet.will->topic);
      writer.binary(packet.will->payload);
    }
    if (packet.user_name) writer.text(*packet.user_name);
    if (packet.password) writer.binary(*packet.password);
  });
}

void encode(const Connack& packet, Version version, Bytes& out) {
  put_packet(PacketType::connack, 0, out, [&](Bytes& body) {
    Writer writer(body);
    writer.u8(packet.session_present ? 1 : 0);
    const bool v5 = version == Version::v5;
    writer.u8(v5 ? std::uint8_t(packet.reason) : connack_code_v311(packet.reason));
    if (v5) write_properties(packet.properties, body);
  });
}

std::size_t encoded_bytes(const Publish& packet, Version version) {
  const std::size_t body = publish_body_bytes(packet, version);
  return 1 + variable_bytes(body) + body;
}

void encode(const Publish& packet, Version version, Bytes& out) {
  const std::size_t body = publish_body_bytes(packet, version);
  Writer writer(out);
  writer.u8(std::uint8_t(0x30 | (packet.duplicate ? 8 : 0) | unsigned(packet.qos) << 1 |
                         (packet.retain ? 1 : 0)));
  writer.variable(body);
  writer.text(packet.topic);
  if (packet.qos != Qos::at_most_once) writer.u16(packet.packet_identifier);
  if (version == Version::v5) put_publish_properties(packet, writer);
  writer.raw(packet.payload);
}

void encode_reply(PacketType type, std::uint16_t packet_identifier, ReasonCode reason,
                  Version version, Bytes& out) {
  const bool with_reason = version == Version::v5 && reason != ReasonCode::success;
  const std::uint8_t bytes[] = {
      std::uint8_t(unsigned(type) << 4 | (type == PacketType::pubrel ? 2 : 0)),
      std::uint8_t(with_reason ? 3 : 2), std::uint8_t(packet_identifier >> 8),
      std::uint8_t(packet_identifier), std::uint8_t(reason)};
  out.insert(out.end(), bytes, bytes + (with_reason ? 5 : 4));
}

void encode(const PublishReply& packet, Version version, Bytes& out) {
  if (version == Version::v311 || is_empty(packet.properties))
    return encode_reply(packet.type, packet.packet_identifier, packet.reason, version, out);
  const unsigned flags = packet.type == PacketType::pubrel ? 2 : 0;
  put_packet(packet.type, flags, out, [&](Bytes& body) {
    Writer writer(body);
    writer.u16(packet.packet_identifier);
    put_reason(packet.reason, packet.properties, writer, body);
  });
}

void encode(const Subscribe& packet, Version version, Bytes& out) {
  put_packet(PacketType::subscribe, 2, out, [&](Bytes& body) {
    Writer writer(body);
    writer.u16(packet.packet_identifier);
    const bool v5 = version == Version::v5;
    if (v5) write_properties(packet.properties, body);
    for (const SubscribeEntry& entry : packet.entries) {
      writer.text(entry.filter);
      unsigned options = unsigned(entry.qos);
      if (v5)
        options |= (entry.no_local ? 4 : 0) | (entry.retain_as_published ? 8 : 0) |
                   unsigned(entry.retain_handling) << 4;
      writer.u8(std::uint8_t(options));
    }
  });
}

void encode(const SubscribeReply& packet, Version version, Bytes& out) {
  put_packet(packet.type, 0, out, [&](Bytes& body) {
    Writer writer(body);
    writer.u16(packet.packet_identifier);
    const bool v5 = version == Version::v5;
    if (v5) write_properties(packet.properties, body);
    if (!v5 && packet.type == PacketType::unsuback) return;
    for (const ReasonCode reason : packet.reasons) {
      // 3.1.1 knows one failure only (section 3.9.3).
      const std::uint8_t code = !v5 && is_error(reason) ? 0x80 : std::uint8_t(reason);
      writer.u8(code);
    }
  });
}

void encode(const Unsubscribe& packet, Version version, Bytes& out) {
  put_packet(PacketType::unsubscribe, 2, out, [&](Bytes& body) {
    Writer writer(body);
    writer.u16(packet.packet_identifier);
    if (version == Version::v5) write_properties(packet.properties, body);
    for (const std::string& filter : packet.filters) writer.text(filter);
  });
}

void encode(const Disconnect& packet, Version version, Bytes& out) {
  put_packet(PacketType::disconnect, 0, out, [&](Bytes& body) {
    if (version == Version::v311) return;
    if (packet.reason == ReasonCode::success && is_empty(packet.properties)) return;
    Writer writer(body);
    put_reason(packet.reason, packet.properties, writer, body);
  });
}

void encode(const Auth& packet, Version version, Bytes& out) {
  if (version == Version::v311) return;
  put_packet(PacketType::auth, 0, out, [&](Bytes& body) {
    Writer writer(body);
    put_reason(packet.reason, packet.properties, writer, body);
  });
}

void encode(Pingreq, Bytes& out) { out.insert(out.end(), {0xC0, 0x00}); }
void encode(Pingresp, Bytes& out) { out.insert(out.end(), {0xD0, 0x00}); }

void append_forwarded(const PublishProperties& properties, Bytes& out) {
  Writer writer(out);
  const auto text = [&](PropertyId id, const std::string& value) {
    if (value.empty()) return;
    writer.u8(std::uint8_t(id));
    writer.text(value);
  };
  if (properties.payload_is_utf8) {
    writer.u8(std::uint8_t(PropertyId::payload_format_indicator));
    writer.u8(1);
  }
  text(PropertyId::content_type, properties.content_type);
  text(PropertyId::response_topic, properties.response_topic);
  if (!properties.correlation_data.empty()) {
    writer.u8(std::uint8_t(PropertyId::correlation_data));
    writer.binary(properties.correlation_data);
  }
  for (const auto& [key, value] : properties.user_properties) {
    writer.u8(std::uint8_t(PropertyId::user_property));
    writer.text(key);
    writer.text(value);
  }
}

void append_forwarded(const Properties& will_properties, Bytes& out) {
  append_forwarded(
      PublishProperties{
          .payload_is_utf8 = will_properties.payload_format_indicator == std::uint8_t{1},
          .content_type = will_properties.content_type.value_or(""),
          .response_topic = will_properties.response_topic.value_or(""),
          .correlation_data = will_properties.correlation_data.value_or(Bytes{}),
          .user_properties = will_properties.user_properties,
      },
      out);
}

}  // namespace wireway::wire::mqtt
