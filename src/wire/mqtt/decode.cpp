#include "wire/mqtt/codec.h"
#include "wire/mqtt/detail/properties.h"
#include "wire/mqtt/topic.h"

namespace wireway::wire::mqtt {
namespace {

using detail::Reader;
using detail::in;
using detail::read_properties;

using Decoded = std::expected<Packet, Refused>;

constexpr std::unexpected<Refused> refuse(ReasonCode code, std::string_view clause) {
  return std::unexpected(Refused{code, clause});
}

/// What a decoder ends with: the packet, unless the reader failed or bytes are left over.
template <class T>
Decoded finish(Reader& reader, T&& packet) {
  if (reader.failed()) return std::unexpected(*reader.refused());
  if (reader.left() > 0) return refuse(ReasonCode::malformed_packet, "MQTT-4.13.1-1");
  return Packet(std::forward<T>(packet));
}

constexpr std::uint8_t flag_clean_start = 0x02;
constexpr std::uint8_t flag_will = 0x04;
constexpr std::uint8_t flag_will_retain = 0x20;
constexpr std::uint8_t flag_password = 0x40;
constexpr std::uint8_t flag_user_name = 0x80;

/// The variable header up to the connect flags.
std::optional<Refused> check_connect_flags(std::uint8_t flags, Version version) {
  const unsigned will_qos = flags >> 3 & 3;
  if ((flags & 1) != 0) return Refused{ReasonCode::malformed_packet, "MQTT-3.1.2-3"};
  if ((flags & flag_will) == 0) {
    if (will_qos != 0) return Refused{ReasonCode::malformed_packet, "MQTT-3.1.2-11"};
    if ((flags & flag_will_retain) != 0)
      return Refused{ReasonCode::malformed_packet, "MQTT-3.1.2-13"};
  }
  if (will_qos == 3) return Refused{ReasonCode::malformed_packet, "MQTT-3.1.2-12"};
  if (version == Version::v311 && (flags & flag_password) != 0 && (flags & flag_user_name) == 0)
    return Refused{ReasonCode::malformed_packet, "MQTT-3.1.2-22"};
  return std::nullopt;
}

void read_will(Reader& reader, std::uint8_t flags, Connect& packet) {
  Will& will = packet.will.emplace();
  will.qos = Qos(flags >> 3 & 3);
  will.retain = (flags & flag_will_retain) != 0;
  if (packet.version == Version::v5) read_properties(reader, detail::in_will, will.properties);
  will.topic = reader.text();
  const ByteView payload = reader.binary();
  will.payload.assign(payload.begin(), payload.end());
  if (!reader.failed() && !is_valid_topic_name(will.topic))
    reader.fail(ReasonCode::topic_name_invalid, "MQTT-3.3.2-2");
}

Decoded decode_connect(ByteView body) {
  Reader reader(body);
  Connect packet;
  const std::string_view name = reader.text();
  const std::uint8_t version = reader.u8();
  if (reader.failed()) return std::unexpected(*reader.refused());
  if (name != "MQTT") return refuse(ReasonCode::unsupported_protocol_version, "MQTT-3.1.2-1");
  if (version != 4 && version != 5)
    return refuse(ReasonCode::unsupported_protocol_version, "MQTT-3.1.2-2");
  packet.version = Version(version);
  const std::uint8_t flags = reader.u8();
  if (reader.failed()) return std::unexpected(*reader.refused());
  if (const auto refused = check_connect_flags(flags, packet.version))
    return std::unexpected(*refused);
  packet.clean_start = (flags & flag_clean_start) != 0;
  packet.keep_alive_s = reader.u16();
  if (packet.version == Version::v5)
    read_properties(reader, in(PacketType::connect), packet.properties);
  packet.client_identifier = reader.text();
  if ((flags & flag_will) != 0) read_will(reader, flags, packet);
  if ((flags & flag_user_name) != 0) packet.user_name.emplace(reader.text());
  if ((flags & flag_password) != 0) {
    const ByteView password = reader.binary();
    packet.password.emplace(password.begin(), password.end());
  }
  return finish(reader, std::move(packet));
}

ReasonCode reason_of_v311(std::uint8_t code) {
  switch (code) {
    case 0: return ReasonCode::success;
    case 1: return ReasonCode::unsupported_protocol_version;
    case 2: return ReasonCode::client_identifier_not_valid;
    case 3: return ReasonCode::server_unavailable;
    case 4: return ReasonCode::bad_user_name_or_password;
    case 5: return ReasonCode::not_authorized;
    default: return ReasonCode::unspecified_error;
  }
}

Decoded decode_connack(ByteView body, Version version) {
  Reader reader(body);
  Connack packet;
  const std::uint8_t flags = reader.u8();
  if (flags > 1) return refuse(ReasonCode::malformed_packet, "MQTT-3.2.2-1");
  packet.session_present = flags == 1;
  const std::uint8_t code = reader.u8();
  packet.reason = version == Version::v5 ? ReasonCode(code) : reason_of_v311(code);
  // A 3.1.1 server that refuses MQTT 5 answers in its own shape, without properties.
  if (version == Version::v5 && reader.left() > 0)
    read_properties(reader, in(PacketType::connack), packet.properties);
  else if (version == Version::v5 && code < 0x80 && code != 0) packet.reason = reason_of_v311(code);
  return finish(reader, std::move(packet));
}

Decoded decode_reply(PacketType type, ByteView body, Version version) {
  Reader reader(body);
  PublishReply packet;
  packet.type = type;
  packet.packet_identifier = reader.u16();
  if (!reader.failed() && packet.packet_identifier == 0)
    return refuse(ReasonCode::protocol_error, "MQTT-2.2.1-3");
  if (version == Version::v5 && reader.left() > 0) {
    packet.reason = ReasonCode(reader.u8());
    if (reader.left() > 0) read_properties(reader, in(type), packet.properties);
  }
  return finish(reader, std::move(packet));
}

/// One filter with its options; the filter itself is judged by the session, entry by entry.
void read_entry(Reader& reader, Version version, Subscribe& packet) {
  SubscribeEntry& entry = packet.entries.emplace_back();
  entry.filter = reader.text();
  const std::uint8_t options = reader.u8();
  const unsigned reserved = version == Version::v5 ? 0xC0 : 0xFC;
  if ((options & reserved) != 0) return reader.fail(ReasonCode::malformed_packet, "MQTT-3.8.3-5");
  if ((options & 3) == 3 || (options >> 4 & 3) == 3)
    return reader.fail(ReasonCode::protocol_error, "MQTT section 3.8.3.1");
  entry.qos = Qos(options & 3);
  entry.no_local = (options & 4) != 0;
  entry.retain_as_published = (options & 8) != 0;
  entry.retain_handling = RetainHandling(options >> 4 & 3);
  if (entry.no_local && entry.filter.starts_with("$share/"))
    reader.fail(ReasonCode::protocol_error, "MQTT-3.8.3-4");
}

Decoded decode_subscribe(ByteView body, Version version) {
  Reader reader(body);
  Subscribe packet;
  packet.packet_identifier = reader.u16();
  if (!reader.failed() && packet.packet_identifier == 0)
    return refuse(ReasonCode::protocol_error, "MQTT-2.2.1-3");
  if (version == Version::v5) read_properties(reader, in(PacketType::subscribe), packet.properties);
  if (!reader.failed() && reader.left() == 0)
    return refuse(ReasonCode::protocol_error, "MQTT-3.8.3-2");
  while (reader.left() > 0) read_entry(reader, version, packet);
  return finish(reader, std::move(packet));
}

Decoded decode_unsubscribe(ByteView body, Version version) {
  Reader reader(body);
  Unsubscribe packet;
  packet.packet_identifier = reader.u16();
  if (!reader.failed() && packet.packet_identifier == 0)
    return refuse(ReasonCode::protocol_error, "MQTT-2.2.1-3");
  if (version == Version::v5)
    read_properties(reader, in(PacketType::unsubscribe), packet.properties);
  if (!reader.failed() && reader.left() == 0)
    return refuse(ReasonCode::protocol_error, "MQTT-3.10.3-2");
  while (reader.left() > 0) packet.filters.emplace_back(reader.text());
  return finish(reader, std::move(packet));
}

Decoded decode_subscribe_reply(PacketType type, ByteView body, Version version) {
  Reader reader(body);
  SubscribeReply packet;
  packet.type = type;
  packet.packet_identifier = reader.u16();
  if (version == Version::v5) read_properties(reader, in(type), packet.properties);
  for (const std::uint8_t code : reader.take_rest()) packet.reasons.push_back(ReasonCode(code));
  return finish(reader, std::move(packet));
}

/// DISCONNECT and AUTH have one shape.
template <class T>
Decoded decode_reasoned(PacketType type, ByteView body, Version version) {
  Reader reader(body);
  T packet;
  if (version == Version::v5 && reader.left() > 0) {
    packet.reason = ReasonCode(reader.u8());
    if (reader.left() > 0) read_properties(reader, in(type), packet.properties);
  }
  return finish(reader, std::move(packet));
}

/// Section 2.1.3: the flags that each packet type must carry, and the clause that says so.
std::optional<Refused> check_flags(std::uint8_t first_byte) {
  const PacketType type = type_of(first_byte);
  const unsigned flags = first_byte & 0x0F;
  std::string_view clause = "MQTT-2.1.3-1";
  unsigned expected = 0;
  switch (type) {
    case PacketType::publish: return std::nullopt;
    case PacketType::pubrel: expected = 2, clause = "MQTT-3.6.1-1"; break;
    case PacketType::subscribe: expected = 2, clause = "MQTT-3.8.1-1"; break;
    case PacketType::unsubscribe: expected = 2, clause = "MQTT-3.10.1-1"; break;
    case PacketType::disconnect: clause = "MQTT-3.14.1-1"; break;
    case PacketType::auth: clause = "MQTT-3.15.1-1"; break;
    default: break;
  }
  if (flags == expected) return std::nullopt;
  return Refused{ReasonCode::malformed_packet, clause};
}

Decoded decode_publish_packet(std::uint8_t first_byte, ByteView body, Version version) {
  Publish publish;
  if (const auto refused = decode_publish(first_byte, body, version, publish))
    return std::unexpected(*refused);
  return Packet(std::move(publish));
}

}  // namespace

Decoded decode(std::uint8_t first_byte, ByteView body, Version version) {
  if (const auto refused = check_flags(first_byte)) return std::unexpected(*refused);
  const PacketType type = type_of(first_byte);
  Reader empty(body);
  switch (type) {
    case PacketType::connect: return decode_connect(body);
    case PacketType::connack: return decode_connack(body, version);
    case PacketType::publish: return decode_publish_packet(first_byte, body, version);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp: return decode_reply(type, body, version);
    case PacketType::subscribe: return decode_subscribe(body, version);
    case PacketType::suback:
    case PacketType::unsuback: return decode_subscribe_reply(type, body, version);
    case PacketType::unsubscribe: return decode_unsubscribe(body, version);
    case PacketType::pingreq: return finish(empty, Pingreq{});
    case PacketType::pingresp: return finish(empty, Pingresp{});
    case PacketType::disconnect: return decode_reasoned<Disconnect>(type, body, version);
    case PacketType::auth:
      if (version == Version::v311) break;
      return decode_reasoned<Auth>(type, body, version);
    case PacketType::reserved: break;
  }
  return refuse(ReasonCode::malformed_packet, "MQTT section 2.1.2");
}

}  // namespace wireway::wire::mqtt
