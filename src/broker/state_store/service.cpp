#include "broker/state_store/service.h"

#include <algorithm>
#include <cctype>

#include "wire/mqtt/codec.h"
#include "wire/mqtt/topic.h"

namespace wireway::broker::state_store {
namespace {

using mqtt::ReasonCode;

constexpr std::string_view own_topics =
    "clients/statestore/v1/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8";
constexpr std::string_view own_preview_topics =
    "clients/statestore/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8";

Admission refused(ReasonCode reason, std::string_view why) { return {reason, false, why, {}}; }

std::optional<std::string> user_property(const mqtt::PublishProperties& properties,
                                         std::string_view name) {
  for (const auto& [key, value] : properties.user_properties)
    if (key == name) return value;
  return std::nullopt;
}

std::string upper_hex(std::string_view text) {
  std::string out = hex_encode(as_bytes(text));
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return char(std::toupper(c)); });
  return out;
}

Bytes properties_of(Bytes correlation_data, const std::optional<Hlc>& version, bool is_response) {
  mqtt::PublishProperties properties;
  properties.content_type = "application/octet-stream";
  properties.correlation_data = std::move(correlation_data);
  // 200 also when the store refuses: the answer itself says so.
  if (is_response) properties.user_properties.emplace_back("__stat", "200");
  if (version) properties.user_properties.emplace_back("__ts", to_text(*version));
  properties.user_properties.emplace_back("__protVer", "1.0");
  return mqtt::encode_forwarded(properties);
}

bool is_granted(const Command& command, const Rights* rights) {
  if (rights == nullptr) return true;
  const ByteView key = as_bytes(command.key);
  return writes(command.verb) ? rights->may_write_key(key) : rights->may_read_key(key);
}

}  // namespace

Admission admit(const mqtt::Publish& publish, const Sender& sender) {
  if (sender.version != mqtt::Version::v5)
    return refused(ReasonCode::not_authorized, "the state store needs MQTT 5");
  if (publish.qos != mqtt::Qos::at_least_once)
    return refused(ReasonCode::not_authorized, "a request to the state store needs QoS 1");
  auto properties = mqtt::parse_forwarded(publish.forwarded_properties);
  const std::string& topic = properties.response_topic;
  if (topic.empty() || !mqtt::is_valid_topic_name(topic))
    return refused(ReasonCode::not_authorized,
                   "a request to the state store needs a response "
                   "topic");
  if (is_request_topic(topic) || topic.starts_with(own_topics) ||
      topic.starts_with(own_preview_topics))
    return {ReasonCode::topic_name_invalid,
            true,
            "the response topic of a request is the state store's own",
            {}};
  if (properties.correlation_data.empty())
    return refused(ReasonCode::not_authorized,
                   "a request to the state store needs correlation "
                   "data");
  if (topic.starts_with("$") || (sender.rights && !sender.rights->may_subscribe(topic)))
    return refused(ReasonCode::not_authorized,
                   "the client may not subscribe to the response "
                   "topic of its request");
  Asked asked;
  asked.asker = {std::string(sender.client_identifier), sender.connection,
                 publish.topic == preview_request_topic};
  asked.payload = as_text(publish.payload);
  asked.correlation_data = std::move(properties.correlation_data);
  asked.timestamp = user_property(properties, "__ts");
  asked.fencing_token = user_property(properties, "__ft");
  asked.expiry_s = publish.message_expiry_interval_s;
  asked.keep_asked = user_property(properties, "aio-persistence") == "true";
  if (const auto command = parse_command(asked.payload)) {
    asked.authorized = is_granted(*command, sender.rights);
    asked.listens = command->verb == Verb::keynotify && !command->stop;
  }
  asked.response_topic = std::move(properties.response_topic);
  return {ReasonCode::success, false, {}, std::move(asked)};
}

Request request_of(const Asked& asked) {
  Request out;
  out.payload = asked.payload;
  out.timestamp = asked.timestamp;
  out.fencing_token = asked.fencing_token;
  out.authorized = asked.authorized;
  out.keep_asked = asked.keep_asked;
  out.asker = asked.asker;
  return out;
}

Message response_to(const Asked& asked, const Outcome& outcome) {
  return {asked.response_topic, properties_of(asked.correlation_data, outcome.version, true),
          outcome.reply};
}

Message notification_of(const Notice& notice) {
  std::string topic(notice.to.preview ? own_preview_topics : own_topics);
  topic += "/" + upper_hex(notice.to.client_identifier) + "/command/notify/";
  topic += upper_hex(notice.key);
  return {std::move(topic), properties_of({}, notice.version, false), notice.payload};
}

}  // namespace wireway::broker::state_store
