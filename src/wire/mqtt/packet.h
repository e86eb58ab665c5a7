#pragma once
/// The packets of MQTT 3.1.1 and 5 as values: what decode() gives and encode() takes. Publish holds
/// views into the received bytes, because it is the hot path; all other packets own what they hold.
///
/// Source: MQTT 5 section 3, MQTT 3.1.1 section 3

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "wire/mqtt/reason.h"

namespace wireway::wire::mqtt {

enum class Version : std::uint8_t { v311 = 4, v5 = 5 };

enum class PacketType : std::uint8_t {
  connect = 1,
  connack,
  publish,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  pingreq,
  pingresp,
  disconnect,
  auth
};

enum class Qos : std::uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

inline constexpr std::size_t packet_bytes_limit = 268'435'460;  ///< section 2.1.4, whole packet
inline constexpr std::uint32_t session_never_expires = 0xFFFFFFFF;

using UserProperties = std::vector<std::pair<std::string, std::string>>;

/// Properties of every packet but PUBLISH (section 2.2.2.2); each packet uses the few that it may
/// carry.
struct Properties {
  std::optional<std::uint8_t> payload_format_indicator;
  std::optional<std::uint32_t> message_expiry_interval_s;
  std::optional<std::string> content_type;
  std::optional<std::string> response_topic;
  std::optional<Bytes> correlation_data;
  std::optional<std::uint32_t> subscription_identifier;
  std::optional<std::uint32_t> session_expiry_interval_s;
  std::optional<std::string> assigned_client_identifier;
  std::optional<std::uint16_t> server_keep_alive_s;
  std::optional<std::string> authentication_method;
  std::optional<Bytes> authentication_data;
  std::optional<std::uint8_t> request_problem_information;
  std::optional<std::uint32_t> will_delay_interval_s;
  std::optional<std::uint8_t> request_response_information;
  std::optional<std::string> response_information;
  std::optional<std::string> server_reference;
  std::optional<std::string> reason_string;
  std::optional<std::uint16_t> receive_maximum;
  std::optional<std::uint16_t> topic_alias_maximum;
  std::optional<std::uint8_t> maximum_qos;
  std::optional<std::uint8_t> retain_available;
  std::optional<std::uint32_t> maximum_packet_size;
  std::optional<std::uint8_t> wildcard_subscription_available;
  std::optional<std::uint8_t> subscription_identifier_available;
  std::optional<std::uint8_t> shared_subscription_available;
  UserProperties user_properties;
};

struct Will {
  std::string topic;
  Bytes payload;
  Qos qos = Qos::at_most_once;
  bool retain = false;
  Properties properties;
};

struct Connect {
  Version version = Version::v5;
  bool clean_start = true;
  std::uint16_t keep_alive_s = 0;
  std::string client_identifier;
  std::optional<Will> will;
  std::optional<std::string> user_name;
  std::optional<Bytes> password;
  Properties properties;
};

struct Connack {
  bool session_present = false;
  ReasonCode reason = ReasonCode::success;
  Properties properties;
};

/// Views into the bytes that were decoded; valid as long as those.
struct Publish {
  bool duplicate = false;
  Qos qos = Qos::at_most_once;
  bool retain = false;
  std::uint16_t packet_identifier = 0;  ///< 0 at QoS 0
  std::string_view topic;               ///< empty if only an alias was sent
  std::optional<std::uint16_t> topic_alias;
  std::optional<std::uint32_t> message_expiry_interval_s;
  std::vector<std::uint32_t> subscription_identifiers;
  /// The properties that a server must hand on unaltered (section 3.3.2.3: payload format
  /// indicator, content type, response topic, correlation data, user properties), validated, still
  /// encoded.
  ByteView forwarded_properties;
  ByteView payload;
};

/// `forwarded_properties` taken apart, for endpoints (clients) that use them.
struct PublishProperties {
  bool payload_is_utf8 = false;
  std::string content_type;
  std::string response_topic;
  Bytes correlation_data;
  UserProperties user_properties;
};

/// PUBACK, PUBREC, PUBREL and PUBCOMP have one shape.
struct PublishReply {
  PacketType type = PacketType::puback;
  std::uint16_t packet_identifier = 0;
  ReasonCode reason = ReasonCode::success;
  Properties properties;
};

enum class RetainHandling : std::uint8_t { send = 0, send_if_new = 1, never = 2 };

struct SubscribeEntry {
  std::string filter;
  Qos qos = Qos::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  RetainHandling retain_handling = RetainHandling::send;
};

struct Subscribe {
  std::uint16_t packet_identifier = 0;
  std::vector<SubscribeEntry> entries;
  Properties properties;
};

struct Unsubscribe {
  std::uint16_t packet_identifier = 0;
  std::vector<std::string> filters;
  Properties properties;
};

/// SUBACK and UNSUBACK; a 3.1.1 UNSUBACK has no reasons.
struct SubscribeReply {
  PacketType type = PacketType::suback;
  std::uint16_t packet_identifier = 0;
  std::vector<ReasonCode> reasons;
  Properties properties;
};

struct Pingreq {};
struct Pingresp {};

struct Disconnect {
  ReasonCode reason = ReasonCode::success;
  Properties properties;
};

struct Auth {
  ReasonCode reason = ReasonCode::success;
  Properties properties;
};

using Packet = std::variant<Connect, Connack, Publish, PublishReply, Subscribe, SubscribeReply,
                            Unsubscribe, Pingreq, Pingresp, Disconnect, Auth>;

}  // namespace wireway::wire::mqtt
