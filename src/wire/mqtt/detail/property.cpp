#include "wire/mqtt/detail/property.h"

#include <array>

#include "wire/mqtt/detail/wildcard.h"
#include "wire/mqtt/detail/writer.h"

namespace wireway::wire::mqtt {
namespace {

using enum PropertyId;

constexpr PacketSet connect = set_of(PacketType::connect);
constexpr PacketSet connack = set_of(PacketType::connack);
constexpr PacketSet in_publish = set_of(PacketType::publish);
constexpr PacketSet disconnect = set_of(PacketType::disconnect);
constexpr PacketSet auth = set_of(PacketType::auth);
constexpr PacketSet replies = set_of(PacketType::puback) | set_of(PacketType::pubrec) |
                              set_of(PacketType::pubrel) | set_of(PacketType::pubcomp) |
                              set_of(PacketType::suback) | set_of(PacketType::unsuback);
constexpr PacketSet everywhere = connect | connack | in_publish | will_properties | disconnect |
                                 auth | replies | set_of(PacketType::subscribe) |
                                 set_of(PacketType::unsubscribe);
constexpr PacketSet message = in_publish | will_properties;

struct Row {
  PropertyId id;
  PacketSet packets;
};

constexpr std::array<Row, 27> table{{
    {payload_format_indicator, message},
    {message_expiry_interval, message},
    {content_type, message},
    {response_topic, message},
    {correlation_data, message},
    {subscription_identifier, in_publish | set_of(PacketType::subscribe)},
    {session_expiry_interval, connect | connack | disconnect},
    {assigned_client_identifier, connack},
    {server_keep_alive, connack},
    {authentication_method, connect | connack | auth},
    {authentication_data, connect | connack | auth},
    {request_problem_information, connect},
    {will_delay_interval, will_properties},
    {request_response_information, connect},
    {response_information, connack},
    {server_reference, connack | disconnect},
    {reason_string, connack | disconnect | auth | replies},
    {receive_maximum, connect | connack},
    {topic_alias_maximum, connect | connack},
    {topic_alias, in_publish},
    {maximum_qos, connack},
    {retain_available, connack},
    {user_property, everywhere},
    {maximum_packet_size, connect | connack},
    {wildcard_subscription_available, connack},
    {subscription_identifier_available, connack},
    {shared_subscription_available, connack},
}};

constexpr std::array<PacketSet, 64> by_id = [] {
  std::array<PacketSet, 64> out{};
  for (const Row& row : table) out[static_cast<std::size_t>(row.id)] = row.packets;
  return out;
}();

/// Stores a value that may come only once.
template <class T>
void once(Reader& reader, std::optional<T>& slot, T value) {
  if (slot) reader.refuse(ReasonCode::protocol_error, "MQTT-2.2.2");
  slot = std::move(value);
}

void once_flag(Reader& reader, std::optional<std::uint8_t>& slot) {
  const std::uint8_t value = reader.byte();
  if (value > 1) reader.refuse(ReasonCode::protocol_error, "MQTT-3.1.2.11");
  once(reader, slot, value);
}

template <class T>
void once_nonzero(Reader& reader, std::optional<T>& slot, T value, std::string_view clause) {
  if (reader.ok() && value == 0) reader.refuse(ReasonCode::protocol_error, clause);
  once(reader, slot, value);
}

void append_user_property(Reader& reader, UserProperties& list) {
  std::string key = owned(reader.text());
  list.emplace_back(std::move(key), owned(reader.text()));
}

/// A Response Topic.
std::string_view read_topic(Reader& reader) {
  const std::string_view topic = reader.text();
  if (reader.ok() && (topic.empty() || has_wildcard(topic)))
    reader.refuse(ReasonCode::topic_name_invalid, "MQTT-3.3.2-14");
  return topic;
}

void read_message_property(Reader& reader, PropertyId id, Properties& to) {
  switch (id) {
    case payload_format_indicator: return once_flag(reader, to.payload_format_indicator);
    case message_expiry_interval:
      return once(reader, to.message_expiry_interval_s, reader.four_bytes());
    case content_type: return once(reader, to.content_type, owned(reader.text()));
    case response_topic: return once(reader, to.response_topic, owned(read_topic(reader)));
    case correlation_data: return once(reader, to.correlation_data, owned(reader.binary()));
    case will_delay_interval: return once(reader, to.will_delay_interval_s, reader.four_bytes());
    default: reader.refuse(ReasonCode::malformed_packet, "MQTT-2.2.2-1");
  }
}

void read_connack_property(Reader& reader, PropertyId id, Properties& to) {
  switch (id) {
    case assigned_client_identifier:
      return once(reader, to.assigned_client_identifier, owned(reader.text()));
    case server_keep_alive: return once(reader, to.server_keep_alive_s, reader.two_bytes());
    case response_information: return once(reader, to.response_information, owned(reader.text()));
    case maximum_qos: return once_flag(reader, to.maximum_qos);
    case retain_available: return once_flag(reader, to.retain_available);
    case wildcard_subscription_available:
      return once_flag(reader, to.wildcard_subscription_available);
    case subscription_identifier_available:
      return once_flag(reader, to.subscription_identifier_available);
    case shared_subscription_available: return once_flag(reader, to.shared_subscription_available);
    default: return read_message_property(reader, id, to);
  }
}

void read_property(Reader& reader, PropertyId id, Properties& to) {
  switch (id) {
    case user_property: return append_user_property(reader, to.user_properties);
    case reason_string: return once(reader, to.reason_string, owned(reader.text()));
    case session_expiry_interval:
      return once(reader, to.session_expiry_interval_s, reader.four_bytes());
    case authentication_method: return once(reader, to.authentication_method, owned(reader.text()));
    case authentication_data: return once(reader, to.authentication_data, owned(reader.binary()));
    case server_reference: return once(reader, to.server_reference, owned(reader.text()));
    case request_problem_information: return once_flag(reader, to.request_problem_information);
    case request_response_information: return once_flag(reader, to.request_response_information);
    case receive_maximum:
      return once_nonzero(reader, to.receive_maximum, reader.two_bytes(), "MQTT-3.1.2.11.3");
    case maximum_packet_size:
      return once_nonzero(reader, to.maximum_packet_size, reader.four_bytes(), "MQTT-3.1.2.11.4");
    case topic_alias_maximum: return once(reader, to.topic_alias_maximum, reader.two_bytes());
    case subscription_identifier:
      return once_nonzero(reader, to.subscription_identifier, reader.variable_integer(),
                          "MQTT-3.8.2.1.2");
    default: return read_connack_property(reader, id, to);
  }
}

/// The properties of one packet as a Reader of their own; the outer reader moves past them.
Reader inner(Reader& reader) { return Reader(reader.take(reader.variable_integer())); }

std::uint8_t take_id(Reader& reader, PacketSet packet) {
  const std::uint8_t id = reader.byte();
  if (reader.ok() && (allowed_in(id) & packet) == 0)
    reader.refuse(ReasonCode::malformed_packet, "MQTT-2.2.2-1");
  return id;
}

}  // namespace

PacketSet allowed_in(std::uint8_t id) { return id < by_id.size() ? by_id[id] : 0; }

void read_properties(Reader& reader, PacketSet packet, Properties& properties) {
  Reader part = inner(reader);
  while (part.ok() && part.left() > 0) {
    const std::uint8_t id = take_id(part, packet);
    if (part.ok()) read_property(part, static_cast<PropertyId>(id), properties);
  }
  if (part.refused()) reader.refuse(part.refused()->code, part.refused()->clause);
}

namespace {

/// What may come only once in a PUBLISH, as bits.
class SeenOnce {
 public:
  void see(Reader& reader, PropertyId id) {
    const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(id);
    if ((seen_ & bit) != 0) reader.refuse(ReasonCode::protocol_error, "MQTT-3.3.2.3");
    seen_ |= bit;
  }

 private:
  std::uint64_t seen_ = 0;
};

/// Checks one forwarded property and moves past it.
void skip_forwarded(Reader& reader, PropertyId id) {
  switch (id) {
    case payload_format_indicator:
      if (reader.byte() > 1) reader.refuse(ReasonCode::protocol_error, "MQTT-3.3.2.3.2");
      return;
    case response_topic: read_topic(reader); return;
    case correlation_data: reader.binary(); return;
    case user_property: reader.text(); [[fallthrough]];
    default: reader.text();
  }
}

/// True if the property was one that the server consumes.
bool take_consumed(Reader& reader, PropertyId id, Publish& publish) {
  switch (id) {
    case message_expiry_interval:
      publish.message_expiry_interval_s = reader.four_bytes();
      return true;
    case topic_alias:
      publish.topic_alias = reader.two_bytes();
      if (reader.ok() && *publish.topic_alias == 0)
        reader.refuse(ReasonCode::topic_alias_invalid, "MQTT-3.3.2-8");
      return true;
    case subscription_identifier:
      publish.subscription_identifiers.push_back(reader.variable_integer());
      if (reader.ok() && publish.subscription_identifiers.back() == 0)
        reader.refuse(ReasonCode::protocol_error, "MQTT-3.3.2.3.8");
      return true;
    default: return false;
  }
}

}  // namespace

void read_publish_properties(Reader& reader, Publish& publish_packet, Bytes& scratch) {
  const ByteView all = reader.take(reader.variable_integer());
  Reader part(all);
  SeenOnce once_only;
  std::size_t forwarded = 0;
  scratch.clear();
  while (part.ok() && part.left() > 0) {
    const std::size_t begin = all.size() - part.left();
    const std::uint8_t raw = take_id(part, in_publish);
    if (!part.ok()) break;
    const auto id = static_cast<PropertyId>(raw);
    if (id != user_property && id != subscription_identifier) once_only.see(part, id);
    if (take_consumed(part, id, publish_packet)) continue;
    skip_forwarded(part, id);
    if (!part.ok()) break;
    const ByteView one = all.subspan(begin, all.size() - part.left() - begin);
    // As long as forwarded properties lie at the front, a view of them is enough.
    if (forwarded == begin && scratch.empty()) {
      forwarded += one.size();
      publish_packet.forwarded_properties = all.first(forwarded);
      continue;
    }
    if (scratch.empty()) append_bytes(scratch, publish_packet.forwarded_properties);
    append_bytes(scratch, one);
    publish_packet.forwarded_properties = scratch;
  }
  if (part.refused()) reader.refuse(part.refused()->code, part.refused()->clause);
}

namespace {

class PropertyWriter {
 public:
  explicit PropertyWriter(Bytes& out) : out_(out) {}

  void byte(PropertyId id, const std::optional<std::uint8_t>& value) {
    if (value) begin(id), append_byte(out_, *value);
  }
  void two(PropertyId id, const std::optional<std::uint16_t>& value) {
    if (value) begin(id), append_two(out_, *value);
  }
  void four(PropertyId id, const std::optional<std::uint32_t>& value) {
    if (value) begin(id), append_four(out_, *value);
  }
  void variable(PropertyId id, const std::optional<std::uint32_t>& value) {
    if (value) begin(id), append_variable(out_, *value);
  }
  void text(PropertyId id, const std::optional<std::string>& value) {
    if (value) begin(id), append_text(out_, *value);
  }
  void binary(PropertyId id, const std::optional<Bytes>& value) {
    if (value) begin(id), append_binary(out_, *value);
  }
  void users(const UserProperties& list) {
    for (const auto& [key, value] : list) {
      begin(user_property);
      append_text(out_, key);
      append_text(out_, value);
    }
  }

 private:
  void begin(PropertyId id) { append_byte(out_, static_cast<std::uint8_t>(id)); }
  Bytes& out_;
};

}  // namespace

void append_property_list(const Properties& p, Bytes& out) {
  PropertyWriter writer(out);
  writer.byte(payload_format_indicator, p.payload_format_indicator);
  writer.four(message_expiry_interval, p.message_expiry_interval_s);
  writer.text(content_type, p.content_type);
  writer.text(response_topic, p.response_topic);
  writer.binary(correlation_data, p.correlation_data);
  writer.variable(subscription_identifier, p.subscription_identifier);
  writer.four(session_expiry_interval, p.session_expiry_interval_s);
  writer.text(assigned_client_identifier, p.assigned_client_identifier);
  writer.two(server_keep_alive, p.server_keep_alive_s);
  writer.text(authentication_method, p.authentication_method);
  writer.binary(authentication_data, p.authentication_data);
  writer.byte(request_problem_information, p.request_problem_information);
  writer.four(will_delay_interval, p.will_delay_interval_s);
  writer.byte(request_response_information, p.request_response_information);
  writer.text(response_information, p.response_information);
  writer.text(server_reference, p.server_reference);
  writer.text(reason_string, p.reason_string);
  writer.two(receive_maximum, p.receive_maximum);
  writer.two(topic_alias_maximum, p.topic_alias_maximum);
  writer.byte(maximum_qos, p.maximum_qos);
  writer.byte(retain_available, p.retain_available);
  writer.four(maximum_packet_size, p.maximum_packet_size);
  writer.byte(wildcard_subscription_available, p.wildcard_subscription_available);
  writer.byte(subscription_identifier_available, p.subscription_identifier_available);
  writer.byte(shared_subscription_available, p.shared_subscription_available);
  writer.users(p.user_properties);
}

void append_properties(const Properties& p, Bytes& out) {
  Bytes body;
  append_property_list(p, body);
  append_variable(out, body.size());
  append_bytes(out, body);
}

void append_publish_properties(const PublishProperties& properties, Bytes& out) {
  PropertyWriter writer(out);
  if (properties.payload_is_utf8) writer.byte(payload_format_indicator, std::uint8_t{1});
  if (!properties.content_type.empty()) writer.text(content_type, properties.content_type);
  if (!properties.response_topic.empty()) writer.text(response_topic, properties.response_topic);
  if (!properties.correlation_data.empty())
    writer.binary(correlation_data, properties.correlation_data);
  writer.users(properties.user_properties);
}

}  // namespace wireway::wire::mqtt
