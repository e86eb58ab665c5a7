#pragma once
/// Property lists: which property may stand in which packet, reading and writing.
///
/// Source: MQTT 5 section 2.2.2

#include "wire/mqtt/detail/reader.h"
#include "wire/mqtt/detail/writer.h"
#include "wire/mqtt/packet.h"

namespace wireway::wire::mqtt::detail {

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

/// Where a property list stands: a packet type, or the will in a CONNECT.
inline constexpr unsigned in_will = 0;
constexpr unsigned in(PacketType type) { return unsigned(type); }

/// True if table 2-4 lists the property for that place.
bool is_allowed(std::uint8_t property, unsigned place);

/// Reads length and properties.
void read_properties(Reader& reader, unsigned place, Properties& out);
/// Writes length and properties.
void write_properties(const Properties& properties, Bytes& out);


}  // namespace wireway::wire::mqtt::detail
