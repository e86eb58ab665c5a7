#include "wire/mqtt/reason.h"

#include <algorithm>
#include <array>
#include <utility>

namespace wireway::wire::mqtt {
namespace {

constexpr std::array<std::pair<ReasonCode, std::string_view>, 43> names{{
    {ReasonCode::success, "Success"},
    {ReasonCode::granted_qos_1, "Granted QoS 1"},
    {ReasonCode::granted_qos_2, "Granted QoS 2"},
    {ReasonCode::disconnect_with_will, "Disconnect with Will Message"},
    {ReasonCode::no_matching_subscribers, "No matching subscribers"},
    {ReasonCode::no_subscription_existed, "No subscription existed"},
    {ReasonCode::continue_authentication, "Continue authentication"},
    {ReasonCode::reauthenticate, "Re-authenticate"},
    {ReasonCode::unspecified_error, "Unspecified error"},
    {ReasonCode::malformed_packet, "Malformed Packet"},
    {ReasonCode::protocol_error, "Protocol Error"},
    {ReasonCode::implementation_specific_error, "Implementation specific error"},
    {ReasonCode::unsupported_protocol_version, "Unsupported Protocol Version"},
    {ReasonCode::client_identifier_not_valid, "Client Identifier not valid"},
    {ReasonCode::bad_user_name_or_password, "Bad User Name or Password"},
    {ReasonCode::not_authorized, "Not authorized"},
    {ReasonCode::server_unavailable, "Server unavailable"},
    {ReasonCode::server_busy, "Server busy"},
    {ReasonCode::banned, "Banned"},
    {ReasonCode::server_shutting_down, "Server shutting down"},
    {ReasonCode::bad_authentication_method, "Bad authentication method"},
    {ReasonCode::keep_alive_timeout, "Keep Alive timeout"},
    {ReasonCode::session_taken_over, "Session taken over"},
    {ReasonCode::topic_filter_invalid, "Topic Filter invalid"},
    {ReasonCode::topic_name_invalid, "Topic Name invalid"},
    {ReasonCode::packet_identifier_in_use, "Packet Identifier in use"},
    {ReasonCode::packet_identifier_not_found, "Packet Identifier not found"},
    {ReasonCode::receive_maximum_exceeded, "Receive Maximum exceeded"},
    {ReasonCode::topic_alias_invalid, "Topic Alias invalid"},
    {ReasonCode::packet_too_large, "Packet too large"},
    {ReasonCode::message_rate_too_high, "Message rate too high"},
    {ReasonCode::quota_exceeded, "Quota exceeded"},
    {ReasonCode::administrative_action, "Administrative action"},
    {ReasonCode::payload_format_invalid, "Payload format invalid"},
    {ReasonCode::retain_not_supported, "Retain not supported"},
    {ReasonCode::qos_not_supported, "QoS not supported"},
    {ReasonCode::use_another_server, "Use another server"},
    {ReasonCode::server_moved, "Server moved"},
    {ReasonCode::shared_subscriptions_not_supported, "Shared Subscriptions not supported"},
    {ReasonCode::connection_rate_exceeded, "Connection rate exceeded"},
    {ReasonCode::maximum_connect_time, "Maximum connect time"},
    {ReasonCode::subscription_identifiers_not_supported, "Subscription Identifiers not supported"},
    {ReasonCode::wildcard_subscriptions_not_supported, "Wildcard Subscriptions not supported"},
}};

}  // namespace

std::string_view to_string(ReasonCode code) {
  const auto found = std::ranges::find(names, code, [](const auto& entry) { return entry.first; });
  return found == names.end() ? "Unknown reason" : found->second;
}

std::uint8_t connack_code_v311(ReasonCode code) {
  switch (code) {
    case ReasonCode::success: return 0;
    case ReasonCode::unsupported_protocol_version: return 1;
    case ReasonCode::client_identifier_not_valid: return 2;
    case ReasonCode::bad_user_name_or_password: return 4;
    case ReasonCode::not_authorized:
    case ReasonCode::banned:
    case ReasonCode::bad_authentication_method: return 5;
    default: return 3;
  }
}

}  // namespace wireway::wire::mqtt
