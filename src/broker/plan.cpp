#include "broker/plan.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace wireway::broker {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;
constexpr const char* loopback = "127.0.0.1";
constexpr const char* buffer_field = "diskBackedMessageBuffer";

struct Profile {
  std::string_view name;
  std::size_t packet_bytes_max;
  std::size_t queued_bytes_max;
};

/// broker.md 2.2: largest packet, and buffer of incoming messages.
constexpr Profile profiles[] = {
    {"Tiny", 4 * mebibyte, 16 * mebibyte},
    {"Low", 16 * mebibyte, 64 * mebibyte},
    {"Medium", 64 * mebibyte, 576 * mebibyte},
    {"High", 256 * mebibyte, 2048 * mebibyte},
};

void take_clients(const json::value& clients, Settings& settings) {
  const auto cap = [&](std::string_view field, std::int64_t least, std::int64_t most,
                       std::int64_t fallback) {
    return std::clamp(int_at(clients, {field}, fallback), least, most);
  };
  if (find(clients, "maxSessionExpirySeconds") != nullptr)
    settings.session_expiry_s_max = std::uint32_t(cap("maxSessionExpirySeconds", 1, UINT32_MAX, 1));
  if (find(clients, "maxMessageExpirySeconds") != nullptr)
    settings.message_expiry_s_max = std::uint32_t(cap("maxMessageExpirySeconds", 1, UINT32_MAX, 1));
  settings.packet_bytes_max = std::min(settings.packet_bytes_max,
                                       std::size_t(cap("maxPacketSizeBytes", 1, 268'435'456,
                                                       std::int64_t(settings.packet_bytes_max))));
  settings.client_receive_maximum_max = std::uint16_t(cap("maxReceiveMaximum", 1, 65535, 65535));
  settings.keep_alive_s_max = std::uint16_t(cap("maxKeepAliveSeconds", 0, 65535, 65535));
  const json::value* limit = find(clients, "subscriberQueueLimit");
  if (limit == nullptr) return;
  if (const std::int64_t length = int_at(*limit, {"length"}, 0); length > 0)
    settings.queue_messages_max = std::uint64_t(length);
  settings.drop_oldest = equals_ignoring_case(text_at(*limit, {"strategy"}), "DropOldest");
}

/// "10GiB", "10Gi", "500M": bytes; 0 if it is no size.
std::uint64_t size_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return 0;
  std::string_view unit(end, std::size_t(text.data() + text.size() - end));
  if (unit.empty()) return value;
  const auto power = std::string_view("kMGTPE").find(unit[0] == 'K' ? 'k' : unit[0]);
  if (power == std::string_view::npos) return 0;
  const std::uint64_t base = unit.size() > 1 && unit[1] == 'i' ? 1024 : 1000;
  for (std::size_t i = 0; i <= power; ++i) value *= base;
  return value;
}

std::vector<std::string> texts_at(const json::value* object, std::string_view field) {
  std::vector<std::string> out;
  const json::value* list = object == nullptr ? nullptr : find(*object, field);
  if (list != nullptr && list->is_array())
    for (const json::value& one : list->get_array())
      if (one.is_string()) out.emplace_back(one.get_string());
  return out;
}

using Mode = PersistenceSettings::Mode;

/// Of one section: its mode, and whether clients may ask by user property.
void take_section(const json::value& persistence, std::string_view name, std::string_view custom,
                  Mode& mode, bool& dynamic) {
  const json::value* section = find(persistence, name);
  if (section == nullptr || !section->is_object()) return;
  const std::string wanted = text_at(*section, {"mode"}, "All");
  mode = equals_ignoring_case(wanted, "None")     ? Mode::none
         : equals_ignoring_case(wanted, "Custom") ? Mode::custom
                                                  : Mode::all;
  dynamic =
      !equals_ignoring_case(text_at(*section, {custom, "dynamic", "mode"}, "Enabled"), "Disabled");
}

void take_keys(const json::value& persistence, PersistenceSettings& out) {
  const json::value* list =
      find(persistence, "stateStore", "stateStoreSettings", "stateStoreResources");
  if (list == nullptr || !list->is_array()) return;
  for (const json::value& one : list->get_array()) {
    const std::string type = text_at(one, {"keyType"}, "Pattern");
    for (std::string& key : texts_at(&one, "keys")) {
      if (equals_ignoring_case(type, "Pattern")) {
        out.key_patterns.push_back(std::move(key));
      } else if (equals_ignoring_case(type, "String")) {
        out.key_names.push_back(std::move(key));
      } else if (const auto binary = base64_decode(key)) {
        out.key_names.push_back(*binary);
      }
    }
  }
}

PersistenceSettings persistence_of(const json::value& wanted) {
  PersistenceSettings out;
  out.enabled = true;
  out.bytes_max = size_of(text_at(wanted, {"maxSize"}));
  out.encrypted =
      !equals_ignoring_case(text_at(wanted, {"encryption", "mode"}, "Enabled"), "Disabled");
  out.property = text_at(wanted, {"dynamicSettings", "userPropertyKey"}, out.property);
  out.property_value =
      text_at(wanted, {"dynamicSettings", "userPropertyValue"}, out.property_value);
  take_section(wanted, "retain", "retainSettings", out.retained, out.retained_dynamic);
  out.retained_topics = texts_at(find(wanted, "retain", "retainSettings"), "topics");
  take_section(wanted, "subscriberQueue", "subscriberQueueSettings", out.queues,
               out.queues_dynamic);
  out.queue_clients =
      texts_at(find(wanted, "subscriberQueue", "subscriberQueueSettings"), "subscriberClientIds");
  take_section(wanted, "stateStore", "stateStoreSettings", out.keys, out.keys_dynamic);
  take_keys(wanted, out);
  return out;
}

bool present(const json::value& object, std::string_view field) {
  const json::value* found = find(object, field);
  return found != nullptr && !found->is_null();
}

/// What a port asks for and does not get, or empty.
std::string refusal_of(const json::value& port, const PortPlan& plan) {
  const auto refused = [&plan](std::string_view what, std::string_view field) {
    return fmt::format(
        "{}: port {} asks for {}, which is not served; name it by `{}Ref` instead of `{}Enabled`",
        plan.place, plan.port, what, field, field);
  };
  if (plan.authentication.empty() && bool_at(port, {"authenticationEnabled"}, false))
    return refused("authentication by a BrokerAuthentication's listenerRef", "authentication");
  if (plan.authorization.empty() && bool_at(port, {"authorizationEnabled"}, false))
    return refused("authorization by a BrokerAuthorization's listenerRef", "authorization");
  if (!plan.authorization.empty() && plan.authentication.empty())
    return fmt::format(
        "{}: port {} asks for authorization by {} without authentication; add an "
        "authenticationRef, or remove its authorizationRef to let everyone do everything",
        plan.place, plan.port, plan.authorization);
  return {};
}

/// The Secret with a port's certificate: the one that is named, or the one that is made for it.
std::string certificate_secret_of(const json::value& port, const std::string& listener) {
  if (!present(port, "tls")) return {};
  const json::value& tls = *find(port, "tls");
  if (auto named = text_at(tls, {"manual", "secretRef"}); !named.empty()) return named;
  return resource::automatic_secret(port, listener);
}

/// Reads `proxyProtocol`; what is wrong with it is the port's refusal.
void take_proxies(const json::value& port, PortPlan& plan) {
  if (!present(port, "proxyProtocol")) return;
  for (const std::string& text : texts_at(find(port, "proxyProtocol"), "trustedSources")) {
    const auto network = IpNetwork::parse(text);
    if (network)
      plan.proxies.push_back(*network);
    else
      plan.refusal = fmt::format(
          "{}.proxyProtocol.trustedSources: \"{}\" is no network; write for example 10.0.0.0/8",
          plan.place, text);
  }
  if (plan.proxies.empty() && plan.refusal.empty())
    plan.refusal = fmt::format(
        "{}.proxyProtocol: nobody is trusted; name the load balancer's network in trustedSources",
        plan.place);
}

PortPlan port_of(const json::value& port, const std::string& host, std::size_t index,
                 const std::string& listener) {
  PortPlan plan;
  plan.host = host;
  plan.place = fmt::format("spec.ports[{}]", index);
  plan.authentication = text_at(port, {"authenticationRef"});
  plan.authorization = text_at(port, {"authorizationRef"});
  std::int64_t number = int_at(port, {"port"}, 0);
  if (equals_ignoring_case(text_at(port, {"protocol"}, "Mqtt"), "WebSockets"))
    plan.carrier = Carrier::websocket;
  const bool is_inside = host == loopback;
  if (const auto node_port = int_at(port, {"nodePort"}, 0); node_port > 0 && !is_inside)
    number = node_port;
  plan.port = std::uint16_t(std::clamp<std::int64_t>(number, 0, 65535));
  plan.certificate_secret = certificate_secret_of(port, listener);
  const auto limit = [&port](std::string_view field) {
    return std::uint64_t(std::max<std::int64_t>(int_at(port, {field}, 0), 0));
  };
  plan.limits = {limit("maxConnections"), limit("maxConnectionsPerSecond")};
  plan.refusal = refusal_of(port, plan);
  take_proxies(port, plan);
  if (!plan.refusal.empty()) plan.refusal_reason = "ConfigurationInvalid";
  if (number < 1 || number > 65535) {
    plan.refusal = fmt::format("{}.port: {} is not a port; write 1 to 65535", plan.place, number);
    plan.refusal_reason = "ConfigurationInvalid";
  }
  return plan;
}

}  // namespace

Settings settings_of(const json::value& broker) {
  Settings settings;
  const std::string wanted = text_at(broker, {"spec", "memoryProfile"}, "Medium");
  for (const Profile& profile : profiles) {
    if (!equals_ignoring_case(profile.name, wanted)) continue;
    settings.packet_bytes_max = profile.packet_bytes_max;
    settings.queued_bytes_max = profile.queued_bytes_max;
  }
  if (const json::value* clients = find(broker, "spec", "advanced", "clients"))
    take_clients(*clients, settings);
  settings.buffer_bytes_max = size_of(text_at(broker, {"spec", buffer_field, "maxSize"}));
  if (const json::value* kept = find(broker, "spec", "persistence");
      kept != nullptr && kept->is_object())
    settings.persistence = persistence_of(*kept);
  return settings;
}

bool has_cardinality(const json::value& broker) {
  const json::value* spec = find(broker, "spec");
  return spec != nullptr && present(*spec, "cardinality");
}

std::size_t shards_of(const json::value& broker, std::size_t most) {
  if (!has_cardinality(broker)) return most;
  const auto count = [&broker](std::string_view part, std::string_view units, int usual) {
    const auto of = [&](std::string_view field, int otherwise) {
      return std::clamp<std::int64_t>(
          int_at(broker, {"spec", "cardinality", part, field}, otherwise), 1, 16);
    };
    return std::size_t(of(units, 1) * of("workers", usual));
  };
  return std::min(
      most, std::max(count("frontend", "replicas", 2), count("backendChain", "partitions", 1)));
}

std::string unserved_of(const json::value& broker) {
  std::string out;
  const auto say = [&out](std::string_view what) {
    out += fmt::format("{}{}", out.empty() ? "" : "; ", what);
  };
  const json::value* spec = find(broker, "spec");
  if (spec == nullptr) return out;
  if (present(*spec, buffer_field) && size_of(text_at(*spec, {buffer_field, "maxSize"})) == 0)
    say("diskBackedMessageBuffer.maxSize is no size: queues stay in memory; write for example 10G");
  return out;
}

std::vector<PortPlan> ports_of(const json::value& listener) {
  const std::string service = text_at(listener, {"spec", "serviceType"}, "ClusterIp");
  const std::string host = equals_ignoring_case(service, "ClusterIp") ? loopback : "0.0.0.0";
  std::vector<PortPlan> out;
  const json::value* ports = find(listener, "spec", "ports");
  if (ports != nullptr && ports->is_array())
    for (const json::value& port : ports->get_array())
      out.push_back(port_of(port, host, out.size(), text_at(listener, {"metadata", "name"})));
  return out;
}

std::string broker_of(const json::value& listener) {
  if (auto name = text_at(listener, {"spec", "brokerRef"}); !name.empty()) return name;
  const json::value* owners = find(listener, "metadata", "ownerReferences");
  if (owners != nullptr && owners->is_array())
    for (const json::value& owner : owners->get_array())
      if (text_at(owner, {"kind"}) == "Broker") return text_at(owner, {"name"});
  return {};
}

}  // namespace wireway::broker
