#include <algorithm>

#include <fmt/format.h>

#include "conformance/packets.h"
#include "wire/mqtt/codec.h"

namespace wireway::conformance {
namespace {

using namespace wire::mqtt;

template <class T>
void show(Shown& out, const std::string& key, const std::optional<T>& value) {
  if (value) out[key] = fmt::format("{}", *value);
}

void show_user(Shown& out, const UserProperties& properties) {
  std::string& all = out["user"];
  for (const auto& [key, value] : properties)
    all += fmt::format("{}{}:{}", all.empty() ? "" : ",", key, value);
  if (all.empty()) out.erase("user");
}

void show_properties(Shown& out, const Properties& p) {
  show(out, "session_expiry", p.session_expiry_interval_s);
  show(out, "assigned", p.assigned_client_identifier);
  show(out, "server_keep_alive", p.server_keep_alive_s);
  show(out, "receive_maximum", p.receive_maximum);
  show(out, "alias_maximum", p.topic_alias_maximum);
  show(out, "packet_maximum", p.maximum_packet_size);
  show(out, "maximum_qos", p.maximum_qos);
  show(out, "retain_available", p.retain_available);
  show(out, "reason_string", p.reason_string);
  show(out, "response_information", p.response_information);
  show(out, "auth_method", p.authentication_method);
  show_user(out, p.user_properties);
}

Shown show_packet(const Connack& packet) {
  Shown out{{"", "connack"},
            {"session_present", packet.session_present ? "1" : "0"},
            {"reason", reason_word(packet.reason)}};
  show_properties(out, packet.properties);
  return out;
}

Shown show_packet(const Publish& packet) {
  Shown out{{"", "publish"},
            {"topic", std::string(packet.topic)},
            {"qos", std::to_string(unsigned(packet.qos))},
            {"retain", packet.retain ? "1" : "0"},
            {"dup", packet.duplicate ? "1" : "0"},
            {"payload", std::string(as_text(packet.payload))}};
  if (packet.packet_identifier != 0) out["id"] = std::to_string(packet.packet_identifier);
  show(out, "alias", packet.topic_alias);
  show(out, "expiry", packet.message_expiry_interval_s);
  std::vector<std::uint32_t> identifiers = packet.subscription_identifiers;
  std::ranges::sort(identifiers);  // their order says nothing (MQTT-3.3.4-4)
  if (!identifiers.empty()) out["subid"] = fmt::format("{}", fmt::join(identifiers, ","));
  const PublishProperties p = parse_forwarded(packet.forwarded_properties);
  if (p.payload_is_utf8) out["utf8"] = "";
  if (!p.content_type.empty()) out["content_type"] = p.content_type;
  if (!p.response_topic.empty()) out["response_topic"] = p.response_topic;
  if (!p.correlation_data.empty()) out["correlation"] = to_text(p.correlation_data);
  show_user(out, p.user_properties);
  return out;
}

Shown show_packet(const PublishReply& packet) {
  static const char* names[] = {"puback", "pubrec", "pubrel", "pubcomp"};
  Shown out{{"", names[unsigned(packet.type) - unsigned(PacketType::puback)]},
            {"id", std::to_string(packet.packet_identifier)},
            {"reason", reason_word(packet.reason)}};
  show_properties(out, packet.properties);
  return out;
}

Shown show_packet(const SubscribeReply& packet) {
  std::string reasons;
  for (const ReasonCode reason : packet.reasons)
    reasons += (reasons.empty() ? "" : ",") + fmt::format("{:02x}", unsigned(reason));
  Shown out{{"", packet.type == PacketType::suback ? "suback" : "unsuback"},
            {"id", std::to_string(packet.packet_identifier)},
            {"reasons", reasons}};
  show_properties(out, packet.properties);
  return out;
}

Shown show_packet(const Disconnect& packet) {
  Shown out{{"", "disconnect"}, {"reason", reason_word(packet.reason)}};
  show_properties(out, packet.properties);
  return out;
}

Shown show_packet(const Pingresp&) { return {{"", "pingresp"}}; }

/// Packets that a server never sends.
template <class T>
Shown show_packet(const T&) {
  return {{"", "a packet that only a client sends"}};
}

}  // namespace

Shown shown_packet(std::uint8_t first_byte, ByteView body, Version version) {
  Bytes scratch;
  const auto packet = decode(first_byte, body, version, scratch);
  if (!packet) return {{"", fmt::format("a packet that breaks {}", packet.error().clause)}};
  return std::visit([](const auto& one) { return show_packet(one); }, *packet);
}

std::string to_string(const Shown& shown) {
  std::string text = shown.at("");
  for (const auto& [key, value] : shown)
    if (!key.empty()) text += fmt::format(" {}={}", key, value);
  return text;
}

}  // namespace wireway::conformance
