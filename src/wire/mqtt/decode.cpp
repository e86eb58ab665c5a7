#include <cstring>
#include <limits>

#include "wire/mqtt/codec.h"
#include "wire/mqtt/detail/property.h"
#include "wire/mqtt/detail/reader.h"
#include "wire/mqtt/detail/wildcard.h"
#include "wire/mqtt/topic.h"

namespace wireway::wire::mqtt {
namespace {

constexpr auto malformed = ReasonCode::malformed_packet;

std::unexpected<Refused> refuse(ReasonCode code, std::string_view clause) {
  return std::unexpected(Refused{code, clause});
}

/// The value, unless the reader has refused or has something left over.
template <class T>
Decoded<Packet> finished(Reader& reader, T value) {
  if (reader.left() > 0) reader.refuse(malformed, "MQTT-2.1.4");
  if (reader.refused()) return std::unexpected(*reader.refused());
  return Packet(std::move(value));
}

void read_packet_identifier(Reader& reader, std::uint16_t& identifier) {
  identifier = reader.two_bytes();
  if (reader.ok() && identifier == 0) reader.refuse(ReasonCode::protocol_error, "MQTT-2.2.1-3");
}

void read_version(Reader& reader, Connect& connect) {
  const std::string_view name = reader.text();
  if (reader.ok() && name != "MQTT")
    reader.refuse(ReasonCode::unsupported_protocol_version, "MQTT-3.1.2-1");
  const std::uint8_t level = reader.byte();
  if (reader.ok() && level != 4 && level != 5)
    reader.refuse(ReasonCode::unsupported_protocol_version, "MQTT-3.1.2-2");
  connect.version = level == 4 ? Version::v311 : Version::v5;
}

constexpr std::uint8_t flag_clean = 0x02, flag_will = 0x04, flag_will_retain = 0x20,
                       flag_password = 0x40, flag_user = 0x80;

void check_connect_flags(Reader& reader, std::uint8_t flags, Version version) {
  if ((flags & 0x01) != 0) reader.refuse(malformed, "MQTT-3.1.2-3");
  const std::uint8_t will_qos = (flags >> 3) & 3;
  const bool will = (flags & flag_will) != 0;
  if (!will && will_qos != 0) reader.refuse(malformed, "MQTT-3.1.2-11");
  if (!will && (flags & flag_will_retain) != 0) reader.refuse(malformed, "MQTT-3.1.2-13");
  if (will_qos == 3) reader.refuse(malformed, "MQTT-3.1.2-12");
  const bool password_alone = (flags & flag_password) != 0 && (flags & flag_user) == 0;
  if (version == Version::v311 && password_alone) reader.refuse(malformed, "MQTT-3.1.2-22");
}

Will read_will(Reader& reader, std::uint8_t flags, Version version) {
  Will will;
  if (version == Version::v5) read_properties(reader, will_properties, will.properties);
  will.topic = owned(reader.text());
  if (reader.ok() && !is_valid_topic_name(will.topic))
    reader.refuse(ReasonCode::topic_name_invalid, "MQTT-3.1.3-11");
  will.payload = owned(reader.binary());
  will.qos = static_cast<Qos>((flags >> 3) & 3);
  will.retain = (flags & flag_will_retain) != 0;
  return will;
}

Decoded<Packet> decode_connect(Reader& reader) {
  Connect connect;
  read_version(reader, connect);
  const std::uint8_t flags = reader.byte();
  if (reader.ok()) check_connect_flags(reader, flags, connect.version);
  connect.clean_start = (flags & flag_clean) != 0;
  connect.keep_alive_s = reader.two_bytes();
  if (connect.version == Version::v5)
    read_properties(reader, set_of(PacketType::connect), connect.properties);
  if (connect.properties.authentication_data && !connect.properties.authentication_method)
    reader.refuse(ReasonCode::protocol_error, "MQTT-3.1.2.11.10");
  connect.client_identifier = owned(reader.text());
  if ((flags & flag_will) != 0) connect.will = read_will(reader, flags, connect.version);
  if ((flags & flag_user) != 0) connect.user_name = owned(reader.text());
  if ((flags & flag_password) != 0) connect.password = owned(reader.binary());
  return finished(reader, std::move(connect));
}

Decoded<Packet> decode_connack(Reader& reader, Version version) {
  Connack connack;
  const std::uint8_t flags = reader.byte();
  if ((flags & 0xFE) != 0) reader.refuse(malformed, "MQTT-3.2.2-1");
  connack.session_present = (flags & 1) != 0;
  const std::uint8_t code = reader.byte();
  if (version == Version::v5) {
    connack.reason = static_cast<ReasonCode>(code);
    read_properties(reader, set_of(PacketType::connack), connack.properties);
    return finished(reader, std::move(connack));
  }
  static constexpr std::array reasons{ReasonCode::success,
                                      ReasonCode::unsupported_protocol_version,
                                      ReasonCode::client_identifier_not_valid,
                                      ReasonCode::server_unavailable,
                                      ReasonCode::bad_user_name_or_password,
                                      ReasonCode::not_authorized};
  connack.reason = code < reasons.size() ? reasons[code] : ReasonCode::unspecified_error;
  return finished(reader, std::move(connack));
}

bool is_known_reason(ReasonCode code) { return to_string(code) != "Unknown reason"; }

/// Section 2.4, for the packets that end with an optional reason.
bool is_reason_of(PacketType type, ReasonCode reason) {
  const auto code = static_cast<unsigned>(reason);
  switch (type) {
    case PacketType::puback:
    case PacketType::pubrec:
      return reason == ReasonCode::success || reason == ReasonCode::no_matching_subscribers ||
             code == 0x80 || code == 0x83 || code == 0x87 || code == 0x90 || code == 0x91 ||
             code == 0x97 || code == 0x99;
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return reason == ReasonCode::success || reason == ReasonCode::packet_identifier_not_found;
    case PacketType::auth:
      return reason == ReasonCode::success || reason == ReasonCode::continue_authentication ||
             reason == ReasonCode::reauthenticate;
    default:  // a DISCONNECT ends the connection whatever error it names
      return reason == ReasonCode::success || reason == ReasonCode::disconnect_with_will ||
             is_error(reason);
  }
}

/// The statement that this packet bears one of its reason codes.
std::string_view clause_of(PacketType type) {
  switch (type) {
    case PacketType::puback: return "MQTT-3.4.2-1";
    case PacketType::pubrec: return "MQTT-3.5.2-1";
    case PacketType::pubrel: return "MQTT-3.6.2-1";
    case PacketType::pubcomp: return "MQTT-3.7.2-1";
    case PacketType::auth: return "MQTT-3.15.2-1";
    default: return "MQTT-3.14.2-1";
  }
}

/// Reason code and properties, either of which may be left out at the end (section 3.4.2.1).
void read_optional_tail(Reader& reader, PacketType type, ReasonCode& reason,
                        Properties& properties) {
  if (reader.left() == 0) return;
  reason = static_cast<ReasonCode>(reader.byte());
  if (!is_known_reason(reason)) reader.refuse(malformed, clause_of(type));
  if (!is_reason_of(type, reason)) reader.refuse(ReasonCode::protocol_error, clause_of(type));
  if (reader.left() > 0) read_properties(reader, set_of(type), properties);
}

Decoded<Packet> decode_publish_reply(PacketType type, Reader& reader, Version version) {
  PublishReply reply;
  reply.type = type;
  read_packet_identifier(reader, reply.packet_identifier);
  if (version == Version::v5) read_optional_tail(reader, type, reply.reason, reply.properties);
  return finished(reader, std::move(reply));
}

void read_subscribe_options(Reader& reader, Version version, SubscribeEntry& entry) {
  const std::uint8_t options = reader.byte();
  const bool v311 = version == Version::v311;
  if ((options & 3) == 3) reader.refuse(malformed, v311 ? "MQTT-3.8.3-4" : "MQTT-3.8.3-5");
  entry.qos = static_cast<Qos>(options & 3);
  if (v311) {
    if ((options & 0xFC) != 0) reader.refuse(malformed, "MQTT-3.8.3-4");
    return;
  }
  if ((options & 0xC0) != 0) reader.refuse(malformed, "MQTT-3.8.3-5");
  if (((options >> 4) & 3) == 3) reader.refuse(ReasonCode::protocol_error, "MQTT-3.8.3.1");
  entry.no_local = (options & 0x04) != 0;
  entry.retain_as_published = (options & 0x08) != 0;
  entry.retain_handling = static_cast<RetainHandling>((options >> 4) & 3);
  if (entry.no_local && parse_shared_filter(entry.filter))
    reader.refuse(ReasonCode::protocol_error, "MQTT-3.8.3-4");
}

Decoded<Packet> decode_subscribe(Reader& reader, Version version) {
  Subscribe subscribe;
  read_packet_identifier(reader, subscribe.packet_identifier);
  if (version == Version::v5)
    read_properties(reader, set_of(PacketType::subscribe), subscribe.properties);
  if (reader.ok() && reader.left() == 0) reader.refuse(ReasonCode::protocol_error, "MQTT-3.8.3-2");
  while (reader.left() > 0) {
    SubscribeEntry entry;
    entry.filter = owned(reader.text());
    read_subscribe_options(reader, version, entry);
    subscribe.entries.push_back(std::move(entry));
  }
  return finished(reader, std::move(subscribe));
}

Decoded<Packet> decode_unsubscribe(Reader& reader, Version version) {
  Unsubscribe unsubscribe;
  read_packet_identifier(reader, unsubscribe.packet_identifier);
  if (version == Version::v5)
    read_properties(reader, set_of(PacketType::unsubscribe), unsubscribe.properties);
  if (reader.ok() && reader.left() == 0) reader.refuse(ReasonCode::protocol_error, "MQTT-3.10.3-2");
  while (reader.left() > 0) unsubscribe.filters.push_back(owned(reader.text()));
  return finished(reader, std::move(unsubscribe));
}

Decoded<Packet> decode_subscribe_reply(PacketType type, Reader& reader, Version version) {
  SubscribeReply reply;
  reply.type = type;
  read_packet_identifier(reader, reply.packet_identifier);
  if (version == Version::v5) read_properties(reader, set_of(type), reply.properties);
  while (reader.left() > 0) reply.reasons.push_back(static_cast<ReasonCode>(reader.byte()));
  return finished(reader, std::move(reply));
}

Decoded<Packet> decode_disconnect(Reader& reader, Version version) {
  Disconnect disconnect;
  if (version == Version::v5)
    read_optional_tail(reader, PacketType::disconnect, disconnect.reason, disconnect.properties);
  return finished(reader, std::move(disconnect));
}

Decoded<Packet> decode_auth(Reader& reader, Version version) {
  if (version != Version::v5) return refuse(malformed, "MQTT-2.1.2");
  Auth auth;
  read_optional_tail(reader, PacketType::auth, auth.reason, auth.properties);
  return finished(reader, std::move(auth));
}

/// Flags of the fixed header: 2 for PUBREL, SUBSCRIBE, UNSUBSCRIBE, 0 for the others (section
/// 2.1.3).
bool has_valid_flags(std::uint8_t first_byte) {
  const PacketType type = type_of(first_byte);
  const bool two = type == PacketType::pubrel || type == PacketType::subscribe ||
                   type == PacketType::unsubscribe;
  return (first_byte & 0x0F) == (two ? 2 : 0);
}

}  // namespace

Decoded<Publish> decode_publish(std::uint8_t first_byte, ByteView body, Version version,
                                Bytes& scratch) {
  Publish publish;
  publish.duplicate = (first_byte & 0x08) != 0;
  publish.retain = (first_byte & 0x01) != 0;
  const std::uint8_t qos = (first_byte >> 1) & 3;
  if (qos == 3) return refuse(malformed, "MQTT-3.3.1-4");
  if (qos == 0 && publish.duplicate) return refuse(malformed, "MQTT-3.3.1-2");
  publish.qos = static_cast<Qos>(qos);
  Reader reader(body);
  publish.topic = reader.text();
  if (qos > 0) read_packet_identifier(reader, publish.packet_identifier);
  if (version == Version::v5) read_publish_properties(reader, publish, scratch);
  if (reader.ok() && publish.topic.empty() && !publish.topic_alias)
    reader.refuse(ReasonCode::protocol_error, "MQTT-3.3.2-1");
  if (has_wildcard(publish.topic)) reader.refuse(ReasonCode::topic_name_invalid, "MQTT-3.3.2-2");
  if (reader.refused()) return std::unexpected(*reader.refused());
  publish.payload = reader.take(reader.left());
  return publish;
}

bool decode_plain_publish(std::uint8_t first_byte, ByteView body, Version version,
                          std::string_view known, Publish& out) {
  const unsigned qos = (first_byte >> 1) & 3U;
  const std::size_t overhead = 2 + (qos > 0 ? 2U : 0U) + (version == Version::v5 ? 1U : 0U);
  if (known.empty() || body.size() < known.size() + overhead || qos == 3) return false;
  const std::uint8_t* at = body.data();
  if (std::size_t((at[0] << 8) | at[1]) != known.size()) return false;
  at += 2;
  if (std::memcmp(at, known.data(), known.size()) != 0) return false;
  at += known.size();
  if (qos > 0) {
    out.packet_identifier = std::uint16_t((at[0] << 8) | at[1]);
    if (out.packet_identifier == 0) return false;
    at += 2;
  }
  if (version == Version::v5 && *at++ != 0) return false;
  out.duplicate = (first_byte & 0x08) != 0;
  if (out.duplicate && qos == 0) return false;
  out.retain = (first_byte & 0x01) != 0;
  out.qos = static_cast<Qos>(qos);
  out.topic = known;
  out.payload = {at, body.data() + body.size()};
  return true;
}

std::uint16_t decode_plain_reply(std::uint8_t first_byte, ByteView body) {
  if (body.size() != 2 || !has_valid_flags(first_byte)) return 0;
  return std::uint16_t((body[0] << 8) | body[1]);
}

Decoded<Packet> decode(std::uint8_t first_byte, ByteView body, Version version, Bytes& scratch) {
  const PacketType type = type_of(first_byte);
  if (type == PacketType::publish) {
    auto publish = decode_publish(first_byte, body, version, scratch);
    if (!publish) return std::unexpected(publish.error());
    return Packet(std::move(*publish));
  }
  if (!has_valid_flags(first_byte)) return refuse(malformed, "MQTT-2.1.3-1");
  Reader reader(body);
  switch (type) {
    case PacketType::connect: return decode_connect(reader);
    case PacketType::connack: return decode_connack(reader, version);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp: return decode_publish_reply(type, reader, version);
    case PacketType::subscribe: return decode_subscribe(reader, version);
    case PacketType::suback:
    case PacketType::unsuback: return decode_subscribe_reply(type, reader, version);
    case PacketType::unsubscribe: return decode_unsubscribe(reader, version);
    case PacketType::pingreq: return finished(reader, Pingreq{});
    case PacketType::pingresp: return finished(reader, Pingresp{});
    case PacketType::disconnect: return decode_disconnect(reader, version);
    case PacketType::auth: return decode_auth(reader, version);
    default: return refuse(malformed, "MQTT-2.1.2");
  }
}

PublishProperties parse_forwarded(ByteView forwarded_properties) {
  PublishProperties out;
  Reader reader(forwarded_properties);
  while (reader.ok() && reader.left() > 0) {
    switch (static_cast<PropertyId>(reader.byte())) {
      case PropertyId::payload_format_indicator: out.payload_is_utf8 = reader.byte() == 1; break;
      case PropertyId::content_type: out.content_type = owned(reader.text()); break;
      case PropertyId::response_topic: out.response_topic = owned(reader.text()); break;
      case PropertyId::correlation_data: out.correlation_data = owned(reader.binary()); break;
      case PropertyId::user_property: {
        std::string key = owned(reader.text());
        out.user_properties.emplace_back(std::move(key), owned(reader.text()));
        break;
      }
      default: return out;  // never: only validated properties are forwarded
    }
  }
  return out;
}

std::optional<std::string_view> user_property(ByteView forwarded_properties,
                                              std::string_view name) {
  Reader reader(forwarded_properties);
  while (reader.ok() && reader.left() > 0) {
    switch (static_cast<PropertyId>(reader.byte())) {
      case PropertyId::payload_format_indicator: (void)reader.byte(); break;
      case PropertyId::user_property: {
        const std::string_view key = as_text(reader.binary());
        const std::string_view value = as_text(reader.binary());
        if (reader.ok() && key == name) return value;
        break;
      }
      default: (void)reader.binary();  // content type, response topic, correlation data
    }
  }
  return std::nullopt;
}

}  // namespace wireway::wire::mqtt
