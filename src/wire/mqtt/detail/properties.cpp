#include "wire/mqtt/detail/properties.h"

#include "wire/mqtt/topic.h"

namespace wireway::wire::mqtt::detail {
namespace {

constexpr std::string_view property_clause = "MQTT section 2.2.2.2";

constexpr unsigned bit(PacketType type) { return 1u << unsigned(type); }

constexpr unsigned will_bit = 1u << in_will;
constexpr unsigned publish_replies = bit(PacketType::puback) | bit(PacketType::pubrec) |
                                     bit(PacketType::pubrel) | bit(PacketType::pubcomp);
constexpr unsigned reasoned = bit(PacketType::connack) | publish_replies | bit(PacketType::suback) |
                              bit(PacketType::unsuback) | bit(PacketType::disconnect) |
                              bit(PacketType::auth);

/// Table 2-4: the places where a property may stand, as bits.
constexpr unsigned places_of(PropertyId id) {
  using enum PacketType;
  switch (id) {
    case PropertyId::payload_format_indicator:
    case PropertyId::message_expiry_interval:
    case PropertyId::content_type:
    case PropertyId::response_topic:
    case PropertyId::correlation_data: return bit(publish) | will_bit;
    case PropertyId::subscription_identifier: return bit(publish) | bit(subscribe);
    case PropertyId::session_expiry_interval: return bit(connect) | bit(connack) | bit(disconnect);
    case PropertyId::authentication_method:
    case PropertyId::authentication_data: return bit(connect) | bit(connack) | bit(auth);
    case PropertyId::request_problem_information:
    case PropertyId::request_response_information: return bit(connect);
    case PropertyId::will_delay_interval: return will_bit;
    case PropertyId::assigned_client_identifier:
    case PropertyId::server_keep_alive:
    case PropertyId::response_information:
    case PropertyId::maximum_qos:
    case PropertyId::retain_available:
    case PropertyId::wildcard_subscription_available:
    case PropertyId::subscription_identifier_available:
    case PropertyId::shared_subscription_available: return bit(connack);
    case PropertyId::server_reference: return bit(connack) | bit(disconnect);
    case PropertyId::reason_string: return reasoned;
    case PropertyId::receive_maximum:
    case PropertyId::topic_alias_maximum:
    case PropertyId::maximum_packet_size: return bit(connect) | bit(connack);
    case PropertyId::topic_alias: return bit(publish);
    case PropertyId::user_property:
      return reasoned | will_bit | bit(connect) | bit(publish) | bit(subscribe) | bit(unsubscribe);
  }
  return 0;
}

/// Takes the value of a property that may come once; a second one is a Protocol Error.
template <class T, class Value>
void set_once(Reader& reader, std::optional<T>& slot, Value&& value) {
  if (slot) return reader.fail(ReasonCode::protocol_error, property_clause);
  slot.emplace(std::forward<Value>(value));
}

void set_flag(Reader& reader, std::optional<std::uint8_t>& slot) {
  const std::uint8_t value = reader.u8();
  if (value > 1) return reader.fail(ReasonCode::protocol_error, property_clause);
  set_once(reader, slot, value);
}

template <class T>
void set_not_zero(Reader& reader, std::optional<T>& slot, T value) {
  if (value == 0 && !reader.failed())
    return reader.fail(ReasonCode::protocol_error, property_clause);
  set_once(reader, slot, value);
}

void read_response_topic(Reader& reader, std::optional<std::string>& slot) {
  const std::string_view topic = reader.text();
  if (!reader.failed() && !is_valid_topic_name(topic))
    return reader.fail(ReasonCode::protocol_error, "MQTT-3.3.2-14");
  set_once(reader, slot, topic);
}

void read_user_property(Reader& reader, UserProperties& out) {
  const std::string_view key = reader.text();
  const std::string_view value = reader.text();
  if (!reader.failed()) out.emplace_back(key, value);
}

/// The properties of messages; false if `id` is none of them.
bool read_message_property(Reader& reader, PropertyId id, Properties& out) {
  switch (id) {
    case PropertyId::payload_format_indicator:
      set_flag(reader, out.payload_format_indicator);
      return true;
    case PropertyId::message_expiry_interval:
      set_once(reader, out.message_expiry_interval_s, reader.u32());
      return true;
    case PropertyId::content_type: set_once(reader, out.content_type, reader.text()); return true;
    case PropertyId::response_topic: read_response_topic(reader, out.response_topic); return true;
    case PropertyId::correlation_data: {
      const ByteView data = reader.binary();
      set_once(reader, out.correlation_data, Bytes(data.begin(), data.end()));
      return true;
    }
    case PropertyId::subscription_identifier:
      set_not_zero(reader, out.subscription_identifier, reader.variable());
      return true;
    case PropertyId::will_delay_interval:
      set_once(reader, out.will_delay_interval_s, reader.u32());
      return true;
    case PropertyId::user_property: read_user_property(reader, out.user_properties); return true;
    default: return false;
  }
}

bool read_text_property(Reader& reader, PropertyId id, Properties& out) {
  switch (id) {
    case PropertyId::assigned_client_identifier:
      set_once(reader, out.assigned_client_identifier, reader.text());
      return true;
    case PropertyId::authentication_method:
      set_once(reader, out.authentication_method, reader.text());
      return true;
    case PropertyId::authentication_data: {
      const ByteView data = reader.binary();
      set_once(reader, out.authentication_data, Bytes(data.begin(), data.end()));
      return true;
    }
    case PropertyId::response_information:
      set_once(reader, out.response_information, reader.text());
      return true;
    case PropertyId::server_reference:
      set_once(reader, out.server_reference, reader.text());
      return true;
    case PropertyId::reason_string: set_once(reader, out.reason_string, reader.text()); return true;
    default: return false;
  }
}

void read_connection_property(Reader& reader, PropertyId id, Properties& out) {
  switch (id) {
    case PropertyId::session_expiry_interval:
      return set_once(reader, out.session_expiry_interval_s, reader.u32());
    case PropertyId::server_keep_alive:
      return set_once(reader, out.server_keep_alive_s, reader.u16());
    case PropertyId::request_problem_information:
      return set_flag(reader, out.request_problem_information);
    case PropertyId::request_response_information:
      return set_flag(reader, out.request_response_information);
    case PropertyId::receive_maximum:
      return set_not_zero(reader, out.receive_maximum, reader.u16());
    case PropertyId::topic_alias_maximum:
      return set_once(reader, out.topic_alias_maximum, reader.u16());
    case PropertyId::maximum_qos: return set_flag(reader, out.maximum_qos);
    case PropertyId::retain_available: return set_flag(reader, out.retain_available);
    case PropertyId::maximum_packet_size:
      return set_not_zero(reader, out.maximum_packet_size, reader.u32());
    case PropertyId::wildcard_subscription_available:
      return set_flag(reader, out.wildcard_subscription_available);
    case PropertyId::subscription_identifier_available:
      return set_flag(reader, out.subscription_identifier_available);
    case PropertyId::shared_subscription_available:
      return set_flag(reader, out.shared_subscription_available);
    default: return reader.fail(ReasonCode::malformed_packet, property_clause);
  }
}

/// Writes one optional value behind its identifier.
template <class T, class Write>
void put(Writer& writer, PropertyId id, const std::optional<T>& value, Write write) {
  if (!value) return;
  writer.u8(std::uint8_t(id));
  write(*value);
}

void write_list(const Properties& p, Bytes& out) {
  Writer w(out);
  const auto u8 = [&](std::uint8_t v) { w.u8(v); };
  const auto u16 = [&](std::uint16_t v) { w.u16(v); };
  const auto u32 = [&](std::uint32_t v) { w.u32(v); };
  const auto text = [&](const std::string& v) { w.text(v); };
  const auto binary = [&](const Bytes& v) { w.binary(v); };
  using enum PropertyId;
  put(w, payload_format_indicator, p.payload_format_indicator, u8);
  put(w, message_expiry_interval, p.message_expiry_interval_s, u32);
  put(w, content_type, p.content_type, text);
  put(w, response_topic, p.response_topic, text);
  put(w, correlation_data, p.correlation_data, binary);
  put(w, subscription_identifier, p.subscription_identifier, [&](auto v) { w.variable(v); });
  put(w, session_expiry_interval, p.session_expiry_interval_s, u32);
  put(w, assigned_client_identifier, p.assigned_client_identifier, text);
  put(w, server_keep_alive, p.server_keep_alive_s, u16);
  put(w, authentication_method, p.authentication_method, text);
  put(w, authentication_data, p.authentication_data, binary);
  put(w, request_problem_information, p.request_problem_information, u8);
  put(w, will_delay_interval, p.will_delay_interval_s, u32);
  put(w, request_response_information, p.request_response_information, u8);
  put(w, response_information, p.response_information, text);
  put(w, server_reference, p.server_reference, text);
  put(w, reason_string, p.reason_string, text);
  put(w, receive_maximum, p.receive_maximum, u16);
  put(w, topic_alias_maximum, p.topic_alias_maximum, u16);
  put(w, maximum_qos, p.maximum_qos, u8);
  put(w, retain_available, p.retain_available, u8);
  put(w, maximum_packet_size, p.maximum_packet_size, u32);
  put(w, wildcard_subscription_available, p.wildcard_subscription_available, u8);
  put(w, subscription_identifier_available, p.subscription_identifier_available, u8);
  put(w, shared_subscription_available, p.shared_subscription_available, u8);
  for (const auto& [key, value] : p.user_properties) {
    w.u8(std::uint8_t(user_property));
    w.text(key);
    w.text(value);
  }
}

}  // namespace

bool is_allowed(std::uint8_t property, unsigned place) {
  return (places_of(PropertyId(property)) >> place & 1) != 0;
}

void read_properties(Reader& reader, unsigned place, Properties& out) {
  const std::uint32_t length = reader.variable();
  Reader list(reader.take(length));
  if (reader.failed()) return;
  while (list.left() > 0) {
    const std::uint32_t id = list.variable();
    if (!list.failed() && (id > 0x7F || !is_allowed(std::uint8_t(id), place)))
      list.fail(ReasonCode::malformed_packet, property_clause);
    if (list.failed()) break;
    const PropertyId property{std::uint8_t(id)};
    if (read_message_property(list, property, out)) continue;
    if (read_text_property(list, property, out)) continue;
    read_connection_property(list, property, out);
  }
  if (list.failed()) return reader.fail(list.refused()->code, list.refused()->clause);
  if (out.authentication_data && !out.authentication_method)
    reader.fail(ReasonCode::protocol_error, "MQTT section 3.1.2.11.10");
}

void write_properties(const Properties& properties, Bytes& out) {
  Bytes list;
  write_list(properties, list);
  Writer writer(out);
  writer.variable(list.size());
  writer.raw(list);
}

}  // namespace wireway::wire::mqtt::detail
