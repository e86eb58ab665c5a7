#pragma once
/// The table of properties (MQTT 5 section 2.2.2.2): identifier, type, and the packets that may
/// carry it. Decoding and encoding both follow it.

#include <cstdint>
#include <optional>

#include "wire/mqtt/detail/reader.h"
#include "wire/mqtt/packet.h"

namespace wireway::wire::mqtt {

enum class PropertyId : std::uint8_t {
  payload_format_indicator = 0x01,
  message_expiry_interval = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_identifier = 0x0B,
  session_expiry_interval = 0x11,
  assigned_client_identifier = 0x12,
  server_keep_alive = 0x13,
  authentication_method = 0x15,
  authentication_data = 0x16,
  request_problem_information = 0x17,
  will_delay_interval = 0x18,
  request_response_information = 0x19,
  response_information = 0x1A,
  server_reference = 0x1C,
  reason_string = 0x1F,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_subscription_available = 0x28,
  subscription_identifier_available = 0x29,
  shared_subscription_available = 0x2A,
};

/// A set of packets; `will` stands for the will properties inside CONNECT.
using PacketSet = std::uint32_t;
constexpr PacketSet set_of(PacketType type) { return 1U << static_cast<unsigned>(type); }
inline constexpr PacketSet will_properties = 1U << 16;

/// The packets that may carry the property; 0 for an unknown identifier.
PacketSet allowed_in(std::uint8_t id);

/// Reads the property length and all properties of one packet other than PUBLISH into `properties`.
void read_properties(Reader& reader, PacketSet packet, Properties& properties);

/// Reads the properties of a PUBLISH; the ones to forward stay encoded
/// (Publish::forwarded_properties), moved together into `scratch` if they do not lie side by side.
void read_publish_properties(Reader& reader, Publish& publish, Bytes& scratch);

/// Appends the properties in the table's order.
void append_property_list(const Properties& properties, Bytes& out);
/// The same behind their length.
void append_properties(const Properties& properties, Bytes& out);
void append_publish_properties(const PublishProperties& properties, Bytes& out);

}  // namespace wireway::wire::mqtt
