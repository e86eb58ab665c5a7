#include "destination/mqtt/sink.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "destination/mqtt/topic_template.h"
#include "link/mqtt_client.h"

namespace wireway::destination::mqtt {
namespace {

enum class HeaderAction { add_if_not_present, add_or_replace, remove };

struct Header {
  HeaderAction action;
  std::string key;
  std::string value;
};

struct MqttSinkOptions {
  link::MqttClientOptions client;
  TopicTemplate topic;
  flow::Qos qos = flow::Qos::at_least_once;
  bool keep_retain = true;
  std::vector<Header> headers;
};

void apply(const Header& header, flow::Message& message) {
  auto& properties = message.user_properties;
  const auto same = [&](const auto& property) { return property.first == header.key; };
  if (header.action == HeaderAction::add_if_not_present && std::ranges::any_of(properties, same))
    return;
  std::erase_if(properties, same);
  if (header.action != HeaderAction::remove) properties.emplace_back(header.key, header.value);
}

class MqttSink final : public flow::Sink {
 public:
  MqttSink(net::Env& env, MqttSinkOptions options, std::function<void()> on_health_changed)
      : options_(std::move(options)),
        on_health_changed_(std::move(on_health_changed)),
        health_{false, "Connecting",
                fmt::format("connects to {}", options_.client.server.to_string())},
        client_(
            env, options_.client, [this](const link::MqttState& state) { on_state(state); },
            [](flow::Message, flow::Ack ack) { ack.settle(flow::Outcome::filtered); }) {
    client_.start();
  }

  void put(flow::Message message, flow::Ack ack) override {
    auto topic = options_.topic.resolve(message.topic);
    if (!topic) {
      last_error_ = fmt::format("no topic can be made for a message from {}", message.topic);
      ack.settle(flow::Outcome::dead_lettered);
      return;
    }
    message.topic = std::move(*topic);
    message.qos = options_.qos;
    message.retain = message.retain && options_.keep_retain;
    for (const Header& header : options_.headers) apply(header, message);
    const std::size_t bytes = message.payload.size();
    flow::Ack counted([this, bytes, ack = std::move(ack)](flow::Outcome outcome) mutable {
      if (outcome == flow::Outcome::delivered) bytes_ += bytes;
      if (outcome == flow::Outcome::delivered) ++messages_;
      if (outcome == flow::Outcome::dead_lettered)
        last_error_ = "the broker refused a message for good, or it expired on the way";
      ack.settle(outcome);
    });
    // A refusal settles the duty as abandoned; the source keeps the message.
    if (auto sent = client_.publish(std::move(message), std::move(counted)); !sent)
      last_error_ = sent.error().message;
  }

  flow::Health health() const override { return health_; }

  json::object metrics() const override {
    json::object out{{"type", "Mqtt"},
                     {"host", options_.client.server.to_string()},
                     {"messages", messages_},
                     {"bytes", bytes_}};
    if (!last_error_.empty()) out["last_error"] = last_error_;
    return out;
  }

 private:
  void on_state(const link::MqttState& state) {
    flow::Health health{state.connected, state.connected ? "Connected" : "HostUnreachable",
                        state.message};
    if (health == health_) return;
    health_ = std::move(health);
    if (on_health_changed_) on_health_changed_();
  }

  MqttSinkOptions options_;
  std::function<void()> on_health_changed_;
  flow::Health health_;
  std::string last_error_;
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  link::MqttClient client_;  ///< last: its callbacks use all of the above
};

Result<std::vector<Header>> read_headers(const json::value& destination) {
  std::vector<Header> out;
  const json::value* list = find(destination, "headers");
  if (list == nullptr || !list->is_array()) return out;
  for (std::size_t i = 0; i < list->get_array().size(); ++i) {
    const json::value& entry = list->get_array()[i];
    Header header{HeaderAction::remove, text_at(entry, {"key"}), text_at(entry, {"value"})};
    const std::string action = text_at(entry, {"actionType"});
    if (equals_ignoring_case(action, "AddIfNotPresent"))
      header.action = HeaderAction::add_if_not_present;
    else if (equals_ignoring_case(action, "AddOrReplace"))
      header.action = HeaderAction::add_or_replace;
    else if (!equals_ignoring_case(action, "Remove"))
      return fail(Errc::invalid, fmt::format("headers[{}].actionType: `{}` is not AddIfNotPresent, "
                                             "AddOrReplace or Remove",
                                             i, action));
    if (header.key.empty())
      return fail(Errc::invalid, fmt::format("headers[{}].key is required", i));
    out.push_back(std::move(header));
  }
  return out;
}

Result<> check_security(const json::value& settings) {
  if (!equals_ignoring_case(text_at(settings, {"tls", "mode"}, "Enabled"), "Disabled"))
    return fail(Errc::unsupported,
                "spec.mqttSettings.tls.mode: TLS is not served yet, and the "
                "connection is not made without it; set `Disabled` if that is "
                "what you want");
  const std::string method = text_at(settings, {"authentication", "method"});
  if (!equals_ignoring_case(method, "Anonymous"))
    return fail(Errc::unsupported,
                fmt::format("spec.mqttSettings.authentication.method: `{}` is not "
                            "served yet; only `Anonymous` is",
                            method));
  return {};
}

Result<net::Endpoint> read_server(const std::string& host) {
  net::Endpoint out;
  const auto colon = host.rfind(':');
  if (colon != std::string::npos && colon > 0) {
    out.host = host.substr(0, colon);
    if (out.host.starts_with('[') && out.host.ends_with(']'))
      out.host = out.host.substr(1, out.host.size() - 2);
    std::from_chars(host.data() + colon + 1, host.data() + host.size(), out.port);
  }
  if (out.port != 0) return out;
  return fail(Errc::invalid, fmt::format("spec.mqttSettings.host: `{}` is not host:port", host));
}

Result<MqttSinkOptions> read_options(const flow::SinkOptions& sink) {
  MqttSinkOptions out;
  const json::value* settings = find(sink.endpoint, "spec", "mqttSettings");
  if (settings == nullptr) return fail(Errc::invalid, "spec.mqttSettings is required");
  if (auto checked = check_security(*settings); !checked) return std::unexpected(checked.error());
  auto server = read_server(text_at(*settings, {"host"}));
  if (!server) return std::unexpected(server.error());
  out.client.server = std::move(*server);
  out.client.client_id = text_at(*settings, {"clientIdPrefix"}) + sink.name + "-destination";
  out.client.keep_alive_s = static_cast<std::uint16_t>(int_at(*settings, {"keepAliveSeconds"}, 60));
  out.client.publish_queue_max = publish_queue_max;
  const std::int64_t qos = int_at(*settings, {"qos"}, 1);
  if (qos < 0 || qos > 2)
    return fail(Errc::invalid, fmt::format("spec.mqttSettings.qos: {} is not 0, 1 or 2", qos));
  out.qos = static_cast<flow::Qos>(qos);
  out.keep_retain = !equals_ignoring_case(text_at(*settings, {"retain"}, "Keep"), "Never");
  auto topic = TopicTemplate::parse(text_at(sink.destination, {"dataDestination"}));
  if (!topic) return std::unexpected(topic.error());
  out.topic = std::move(*topic);
  auto headers = read_headers(sink.destination);
  if (!headers) return std::unexpected(headers.error());
  out.headers = std::move(*headers);
  return out;
}

}  // namespace

flow::SinkFactory make_mqtt_factory() {
  return [](net::Env& env, const flow::SinkOptions& sink) -> Result<std::unique_ptr<flow::Sink>> {
    auto options = read_options(sink);
    if (!options) return std::unexpected(std::move(options.error()));
    return std::make_unique<MqttSink>(env, std::move(*options), sink.on_health_changed);
  };
}

}  // namespace wireway::destination::mqtt
