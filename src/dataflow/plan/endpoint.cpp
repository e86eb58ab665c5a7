#include "dataflow/plan/endpoint.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "dataflow/plan/dialect.h"

namespace wireway::dataflow {
namespace {

constexpr std::string_view settings_field = "spec.mqttSettings";

/// The names under which manifests know the local broker, of all releases.
bool names_local_broker(std::string_view host) {
  static constexpr std::array names{"aio-broker", "aio-mq-dmqtt-frontend"};
  return std::ranges::any_of(names, [&](std::string_view name) {
    return host == name || (host.starts_with(name) && host[name.size()] == '.');
  });
}

/// Reads numbers with the bounds of their field.
std::int64_t bounded(const json::value& settings, std::string_view member, std::int64_t fallback,
                     std::int64_t max, Problems& problems) {
  const std::int64_t value = int_at(settings, {member}, fallback);
  if (value >= 0 && value <= max) return value;
  problems.push_back({fmt::format("{}.{}", settings_field, member),
                      fmt::format("{} is not between 0 and {}", value, max)});
  return fallback;
}

void check_security(const json::value& settings, Problems& problems) {
  const std::string tls =
      spelled(text_at(settings, {"tls", "mode"}, "Enabled"), {"Enabled", "Disabled"});
  if (tls != "Disabled")
    problems.push_back({fmt::format("{}.tls.mode", settings_field),
                        "TLS is not served yet, and the connection is not made without it; set "
                        "`Disabled` if that is what you want",
                        true});
  const std::string method = text_at(settings, {"authentication", "method"});
  if (method.empty())
    problems.push_back({fmt::format("{}.authentication.method", settings_field),
                        "is required; `Anonymous` if the broker asks for nothing"});
  else if (method != "Anonymous")
    problems.push_back({fmt::format("{}.authentication.method", settings_field),
                        fmt::format("`{}` is not served yet; only `Anonymous` is", method), true});
}

MqttSettings read_mqtt(const json::value& settings, Problems& problems) {
  MqttSettings out;
  out.client_id_prefix = text_at(settings, {"clientIdPrefix"});
  out.session_expiry_s = static_cast<std::uint32_t>(
      bounded(settings, "sessionExpirySeconds", 3600, 0xFFFFFFFF, problems));
  out.keep_alive_s =
      static_cast<std::uint16_t>(bounded(settings, "keepAliveSeconds", 60, 65535, problems));
  out.inflight_max = static_cast<std::size_t>(
      std::max<std::int64_t>(1, bounded(settings, "maxInflightMessages", 100, 65535, problems)));
  bounded(settings, "qos", 1, 2, problems);
  const std::string protocol = text_at(settings, {"protocol"}, "Mqtt");
  if (!equals_ignoring_case(protocol, "Mqtt"))
    problems.push_back({fmt::format("{}.protocol", settings_field),
                        fmt::format("`{}` is not served yet; only `Mqtt` is", protocol), true});
  return out;
}

void plan_mqtt(EndpointPlan& plan, json::object& spec,
               const std::optional<net::Endpoint>& local_broker) {
  json::value& holder = spec["mqttSettings"];
  if (!holder.is_object()) holder.emplace_object();
  MqttSettings mqtt = read_mqtt(holder, plan.problems);
  json::object& settings = holder.get_object();
  const std::string written = text_at(holder, {"host"});
  const auto host = parse_host(written.empty() ? "aio-broker:18883" : written);
  if (!host) {
    plan.problems.push_back(
        {fmt::format("{}.host", settings_field), fmt::format("`{}` is not host:port", written)});
    return;
  }
  if (names_local_broker(host->host)) {
    plan.is_local_broker = true;
    settings["tls"] = json::object{{"mode", "Disabled"}};
    settings["authentication"] = json::object{{"method", "Anonymous"}};
    if (!local_broker) {
      plan.problems.push_back(
          {fmt::format("{}.host", settings_field),
           fmt::format("`{}` is the local broker, but no BrokerListener offers a "
                       "plain Mqtt port",
                       host->to_string()),
           true});
      return;
    }
    mqtt.server = *local_broker;
    plan.note = fmt::format(
        "{} stands for the local broker at {}, reached within this machine "
        "without TLS",
        host->to_string(), local_broker->to_string());
  } else {
    mqtt.server = *host;
    plan.is_local_broker = local_broker == *host;
    check_security(holder, plan.problems);
  }
  settings["host"] = mqtt.server.to_string();
  settings["sessionExpirySeconds"] = mqtt.session_expiry_s;
  settings["keepAliveSeconds"] = mqtt.keep_alive_s;
  settings["maxInflightMessages"] = mqtt.inflight_max;
  settings["qos"] = int_at(holder, {"qos"}, 1);
  // `keepRetain: disabled` is how the previews wrote `Never`.
  const bool keep = bool_at(holder, {"keepRetain"}, true);
  settings["retain"] =
      spelled(text_at(holder, {"retain"}, keep ? "Keep" : "Never"), {"Keep", "Never"});
  plan.mqtt = std::move(mqtt);
}

}  // namespace

std::optional<net::Endpoint> parse_host(std::string_view text) {
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos)
    text.remove_prefix(scheme + 3);
  net::Endpoint out;
  out.port = 8883;
  std::string_view host = text;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(1, close - 1);
    text = text.substr(close + 1);
  } else {
    host = text.substr(0, text.find(':'));
    text = text.substr(host.size());
  }
  out.host = host;
  if (out.host.empty() || out.host.contains('/') || out.host.contains(' ')) return std::nullopt;
  if (text.empty()) return out;
  const auto read = std::from_chars(text.data() + 1, text.data() + text.size(), out.port);
  const bool whole = text.front() == ':' && read.ec == std::errc{} &&
                     read.ptr == text.data() + text.size() && out.port != 0;
  return whole ? std::optional(out) : std::nullopt;
}

std::optional<net::Endpoint> plain_port_of(const json::value& broker_listener) {
  const json::value* ports = find(broker_listener, "spec", "ports");
  if (ports == nullptr || !ports->is_array()) return std::nullopt;
  for (const json::value& port : ports->get_array()) {
    const bool mqtt = equals_ignoring_case(text_at(port, {"protocol"}, "Mqtt"), "Mqtt");
    const json::value* tls = find(port, "tls");
    const std::string authentication = text_at(port, {"authenticationRef"});
    if (!mqtt || (tls && tls->is_object()) || !authentication.empty()) continue;
    const std::int64_t number = int_at(port, {"port"}, 0);
    if (number > 0 && number <= 65535)
      return net::Endpoint{"127.0.0.1", static_cast<std::uint16_t>(number)};
  }
  return std::nullopt;
}

EndpointPlan plan_endpoint(const json::value& manifest,
                           const std::optional<net::Endpoint>& local_broker) {
  EndpointPlan plan;
  plan.name = text_at(manifest, {"metadata", "name"});
  json::object spec = read_endpoint_spec(manifest);
  plan.type = text_at(json::value(spec), {"endpointType"});
  if (plan.type.empty()) plan.problems.push_back({"spec.endpointType", "is required"});
  if (plan.type == "Mqtt") plan_mqtt(plan, spec, local_broker);
  if (plan.type == "LocalStorage") {
    const std::int64_t messages =
        int_at(json::value(spec), {"localStorageSettings", "batching", "maxMessages"}, 100'000);
    plan.batch_messages_max = static_cast<std::size_t>(std::max<std::int64_t>(messages, 1));
    if (text_at(json::value(spec), {"localStorageSettings", "persistentVolumeClaimRef"}).empty())
      plan.problems.push_back(
          {"spec.localStorageSettings.persistentVolumeClaimRef", "is required"});
  }
  json::object out;
  if (const json::value* metadata = find(manifest, "metadata")) out["metadata"] = *metadata;
  out["spec"] = std::move(spec);
  plan.manifest = std::move(out);
  return plan;
}

}  // namespace wireway::dataflow
