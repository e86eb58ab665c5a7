#include "source/opcua/normalise.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "source/opcua/configuration.h"

namespace wireway::source::opcua {
namespace {

constexpr std::string_view scheme = "opc.tcp://";
constexpr std::string_view policy_none = "http://opcfoundation.org/UA/SecurityPolicy#None";
constexpr std::string_view reserved_point_name = "_ErrorMessage";
constexpr std::uint32_t queue_size_max = 100'000;
constexpr std::uint32_t items_max_max = 1'000'000;
constexpr std::uint32_t key_frame_count_max = 1'000'000;

std::string trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(blank) - first + 1));
}

bool starts_with_scheme(std::string_view url) {
  return url.size() > scheme.size() && equals_ignoring_case(url.substr(0, scheme.size()), scheme);
}

const json::value* spec_field(const json::value& object, std::string_view name) {
  return find(object, "spec", name);
}

/// The settings that `configuration` gives, on top of `outer`.
SamplingModel sampling_from(const Configuration& configuration, SamplingModel outer) {
  if (const auto ms =
          configuration.number({"publishingInterval", "publishingIntervalMilliseconds"}))
    outer.publishing_ms = static_cast<std::int32_t>(*ms);
  if (const auto ms = configuration.number({"samplingInterval", "samplingIntervalMilliseconds"}))
    outer.sampling_ms = static_cast<std::int32_t>(*ms);
  if (const auto size = configuration.number({"queueSize"}, queue_size_max))
    outer.queue_size = std::max(*size, 1U);
  if (const auto count = configuration.number({"keyFrameCount"}, key_frame_count_max))
    outer.key_frame_count = *count;
  return outer;
}

/// What the profile asks for beyond security None and anonymous, or empty.
std::string refusal_of(const json::value& profile, const Configuration& security) {
  const std::string method = text_at(profile, {"spec", "authentication", "method"});
  if (!method.empty() && !equals_ignoring_case(method, "Anonymous"))
    return fmt::format("user authentication {} is not served yet: use Anonymous", method);
  const std::string policy = security.text("securityPolicy").value_or("");
  if (!policy.empty() && !equals_ignoring_case(policy, policy_none) &&
      !equals_ignoring_case(policy, "None"))
    return fmt::format(
        "security policy {} is not served yet: leave securityPolicy out or set it "
        "to {}",
        policy, policy_none);
  const std::string mode = security.text("securityMode").value_or("");
  if (!mode.empty() && !equals_ignoring_case(mode, "none"))
    return fmt::format(
        "security mode {} is not served yet: leave securityMode out or set it to "
        "none",
        mode);
  return {};
}

void read_session(EndpointModel& model, const Configuration& root) {
  const Configuration session = root.section("session");
  const auto set = [](std::uint32_t& target, std::optional<std::uint32_t> value) {
    if (value) target = *value;
  };
  set(model.session_timeout_ms, session.number({"timeoutMilliseconds", "timeout"}));
  set(model.session_keep_alive_ms,
      session.number({"keepAliveIntervalMilliseconds", "keepAliveInterval"}));
  set(model.reconnect_ms, session.number({"reconnectPeriodMilliseconds", "reconnectPeriod"}));
  set(model.reconnect_ms_max,
      session.number({"reconnectExponentialBackOffMilliseconds", "reconnectExponentialBackOff"}));
  session.note_unknown({"timeoutMilliseconds", "timeout", "keepAliveIntervalMilliseconds",
                        "keepAliveInterval", "reconnectPeriodMilliseconds", "reconnectPeriod",
                        "reconnectExponentialBackOffMilliseconds", "reconnectExponentialBackOff",
                        "enableTracingHeaders"});
  const Configuration subscription = root.section("subscription");
  set(model.items_max, subscription.number({"maxItems"}, items_max_max));
  set(model.lifetime_ms, subscription.number({"lifeTimeMilliseconds", "lifeTime"}));
  subscription.note_unknown({"maxItems", "lifeTimeMilliseconds", "lifeTime"});
  set(model.keep_alive_ms, root.number({"keepAliveMilliseconds", "keepAlive"}));
  model.items_max = std::max(model.items_max, 1U);
  // 0 asks for "as fast as possible": these keep a broken endpoint from spinning.
  model.session_timeout_ms = std::max(model.session_timeout_ms, 1000U);
  model.session_keep_alive_ms = std::max(model.session_keep_alive_ms, 1000U);
  model.keep_alive_ms = std::max(model.keep_alive_ms, 1000U);
  model.reconnect_ms = std::max(model.reconnect_ms, 100U);
  model.reconnect_ms_max = std::max(model.reconnect_ms_max, model.reconnect_ms);
}

struct TopicModel {
  std::string path;
  bool retain = false;
};

/// `topic` or `defaultTopic`; an empty path if there is none.
TopicModel topic_from(const json::value* topic) {
  if (topic == nullptr || !topic->is_object()) return {};
  return {trimmed(text_at(*topic, {"path"})),
          equals_ignoring_case(text_at(*topic, {"retain"}), "Keep")};
}

/// A reason why nothing can be published on `topic`, or empty.
std::string topic_fault(const std::string& topic) {
  if (topic.find_first_of("+#") != std::string::npos)
    return fmt::format("topic {} holds a wildcard: name one topic", topic);
  if (topic.size() > 65'535 || !is_mqtt_utf8(topic)) return "topic is no MQTT topic name";
  return {};
}

/// One dataset's way from manifest to model.
class DatasetReader {
 public:
  DatasetReader(AssetModel& asset, SamplingModel sampling) : asset_(asset), sampling_(sampling) {}

  void read(const json::value& dataset, TopicModel topic) {
    model_.name = text_at(dataset, {"name"}, "default");
    const Configuration configuration(find(dataset, "datasetConfiguration"),
                                      place("datasetConfiguration"), asset_.notes);
    sampling_ = sampling_from(configuration, sampling_);
    const TopicModel own = topic_from(find(dataset, "topic"));
    if (!own.path.empty()) topic = own;
    model_.topic = topic.path;
    model_.retain = topic.retain;
    model_.publishing_ms = sampling_.publishing_ms;
    model_.key_frame_count = sampling_.key_frame_count;
    if (configuration.text("startInstance").value_or("") != "") {
      asset_.faults.push_back(
          fmt::format("{}: startInstance (browse paths) is not served yet: give each data point "
                      "its node id",
                      place("dataset")));
      return;
    }
    if (std::string fault = topic_fault(model_.topic); !fault.empty()) {
      asset_.faults.push_back(fmt::format("{}: {}", place("dataset"), fault));
      return;
    }
    const json::value* points = find(dataset, "dataPoints");
    if (points != nullptr && points->is_array())
      for (const json::value& point : points->get_array()) read_point(point);
    asset_.datasets.push_back(std::move(model_));
  }

 private:
  std::string place(std::string_view what) const {
    return model_.name == "default" ? std::string(what) : fmt::format("{} ({})", what, model_.name);
  }

  void read_point(const json::value& point) {
    PointModel result;
    result.source = trimmed(text_at(point, {"dataSource"}));
    result.name = text_at(point, {"name"}, text_at(point, {"capabilityId"}));
    if (result.name.empty()) result.name = result.source;
    if (result.source.empty()) {
      asset_.faults.push_back(fmt::format("data point {} has no dataSource", result.name));
      return;
    }
    if (result.name == reserved_point_name || !names_.insert(result.name).second) {
      asset_.faults.push_back(
          result.name == reserved_point_name
              ? fmt::format("data point name {} is reserved: choose another", result.name)
              : fmt::format("two data points are named {}: rename one", result.name));
      return;
    }
    const Configuration configuration(find(point, "dataPointConfiguration"),
                                      fmt::format("dataPointConfiguration of {}", result.name),
                                      asset_.notes);
    const SamplingModel sampling = sampling_from(configuration, sampling_);
    result.sampling_ms = sampling.sampling_ms;
    result.queue_size = sampling.queue_size;
    model_.points.push_back(std::move(result));
  }

  AssetModel& asset_;
  SamplingModel sampling_;
  DatasetModel model_;
  std::set<std::string> names_;
};

/// Points whose queue is shorter than what one interval brings lose samples at the server.
void note_short_queues(AssetModel& asset) {
  std::size_t count = 0;
  for (const DatasetModel& dataset : asset.datasets)
    for (const PointModel& point : dataset.points)
      if (point.sampling_ms > 0 &&
          dataset.publishing_ms > std::int64_t{point.sampling_ms} * point.queue_size)
        ++count;
  if (count == 0) return;
  asset.notes.push_back(
      fmt::format("queueSize keeps only the last of several samples in an interval for {} tag{}",
                  count, count == 1 ? "" : "s"));
}

}  // namespace

std::size_t AssetModel::point_count() const {
  std::size_t count = 0;
  for (const DatasetModel& dataset : datasets) count += dataset.points.size();
  return count;
}

bool is_opcua_profile(const json::value& profile) {
  const std::string type = text_at(profile, {"spec", "endpointProfileType"});
  if (type.empty()) return starts_with_scheme(trimmed(text_at(profile, {"spec", "targetAddress"})));
  std::string lower = type;
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find("opcua") != std::string::npos;
}

Result<EndpointModel> normalise_endpoint(const json::value& profile) {
  EndpointModel model;
  model.url = trimmed(text_at(profile, {"spec", "targetAddress"}));
  if (!starts_with_scheme(model.url))
    return fail(Errc::invalid, fmt::format("targetAddress '{}' is no OPC UA address: write "
                                           "opc.tcp://host:port",
                                           model.url));
  const Configuration root(spec_field(profile, "additionalConfiguration"),
                           "additionalConfiguration", model.notes);
  if (const auto name = root.text("applicationName"); name && !name->empty())
    model.application_name = *name;
  const Configuration defaults = root.section("defaults");
  model.defaults = sampling_from(defaults, model.defaults);
  defaults.note_unknown({"publishingIntervalMilliseconds", "samplingIntervalMilliseconds",
                         "publishingInterval", "samplingInterval", "queueSize", "keyFrameCount"});
  read_session(model, root);
  model.refusal = refusal_of(profile, root.section("security"));
  root.note_unknown({"applicationName", "keepAliveMilliseconds", "keepAlive", "defaults", "session",
                     "subscription", "security", "runAssetDiscovery", "assetDiscoveryInterval",
                     "segmentedDiscovery", "discoveryStartNode", "assetTypes", "shared",
                     "highAvailability", "serverHeartbeat"});
  return model;
}

std::string endpoint_name_of(const json::value& asset) {
  return text_at(asset, {"spec", "assetEndpointProfileRef"});
}

AssetModel normalise_asset(const json::value& asset, const SamplingModel& defaults) {
  AssetModel model;
  model.key = resource::key_of(asset);
  model.endpoint = endpoint_name_of(asset);
  model.enabled = bool_at(asset, {"spec", "enabled"}, true);
  model.uuid = text_at(asset, {"spec", "uuid"}, text_at(asset, {"metadata", "uid"}));
  model.external_id = text_at(asset, {"spec", "externalAssetId"}, model.uuid);

  const std::string field = "defaultDatasetsConfiguration";
  const Configuration configuration(spec_field(asset, field), field, model.notes);
  const SamplingModel sampling = sampling_from(configuration, defaults);
  TopicModel topic = topic_from(spec_field(asset, "defaultTopic"));
  if (topic.path.empty())
    topic.path = fmt::format("{}/data/{}", resource::default_namespace, model.key.name);

  if (const json::value* datasets = spec_field(asset, "datasets");
      datasets != nullptr && datasets->is_array()) {
    for (const json::value& dataset : datasets->get_array())
      DatasetReader(model, sampling).read(dataset, topic);
  }
  note_short_queues(model);
  return model;
}

}  // namespace wireway::source::opcua
