#include "dataflow/service.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/log.h"
#include "dataflow/flows.h"
#include "resource/controller.h"
#include "resource/status_writer.h"

namespace wireway::dataflow {
namespace {

using resource::ObjectKey;
using resource::Step;

constexpr Duration metrics_interval = std::chrono::seconds{1};
constexpr Duration ending_look = std::chrono::milliseconds{100};

resource::Conditions conditions_of(const flow::Health& health, std::int64_t generation) {
  return resource::conditions_of({.status = health.ready,
                                  .reason = health.reason,
                                  .message = health.message,
                                  .observed_generation = generation});
}

flow::Health refused(const Problems& problems) {
  return {false, reason_of(problems), describe(problems)};
}

flow::Health refused(const Error& error) {
  if (error.code == Errc::unsupported) return {false, "NotServedYet", error.message};
  if (error.code == Errc::unavailable) return {false, "HostUnreachable", error.message};
  return {false, "ConfigurationInvalid", error.message};
}

}  // namespace

class DataflowService::Impl {
 public:
  Impl(net::Env& env, resource::Resources& resources, DataflowServiceOptions options);

  void start();
  void stop(net::Task done);
  json::object metrics() const;

 private:
  using PlanTest = std::move_only_function<bool(const DataflowPlan&) const>;
  using Wish = std::expected<Wanted, flow::Health>;  ///< or why it cannot be

  void watch_all();
  Step reconcile_flow(const ObjectKey& key);
  Step reconcile_endpoint(const ObjectKey& key);
  Step reconcile_profile(const ObjectKey& key);
  resource::Conditions bring_up(const ObjectKey& key, DataflowPlan plan, std::int64_t generation);
  resource::Conditions kept(const ObjectKey& key, std::int64_t generation,
                            const flow::Health& trouble) const;
  flow::Health endpoint_health(const EndpointPlan& plan) const;
  Wish resolve(DataflowPlan plan) const;
  std::expected<EndpointPlan, flow::Health> endpoint(const std::string& name,
                                                     std::string_view role) const;
  std::expected<std::vector<std::string>, flow::Health> filters(const DataflowPlan& plan,
                                                                unsigned instances) const;
  std::expected<std::optional<json::value>, flow::Health> schema(const DataflowPlan& plan) const;
  std::optional<net::Endpoint> local_broker() const;
  unsigned instance_count() const;
  std::vector<ObjectKey> all_flows() const;
  std::vector<ObjectKey> flows_where(const PlanTest& holds) const;
  void on_health_changed(const ObjectKey& key);
  void publish_metrics();

  net::Env& env_;
  DataflowServiceOptions options_;
  std::string started_;
  resource::StatusWriter status_;
  Flows flows_;
  resource::Controller flow_controller_;
  resource::Controller endpoint_controller_;
  resource::Controller profile_controller_;
  const resource::Cache* dataflows_ = nullptr;
  const resource::Cache* endpoints_ = nullptr;
  const resource::Cache* endpoints_shown_ = nullptr;
  const resource::Cache* profiles_ = nullptr;
  const resource::Cache* profiles_shown_ = nullptr;
  const resource::Cache* assets_ = nullptr;
  const resource::Cache* config_maps_ = nullptr;
  const resource::Cache* listeners_ = nullptr;
  bool stopping_ = false;
  net::Timer metrics_timer_;
  std::optional<net::Endpoint> metrics_broker_;
  std::unique_ptr<link::MqttClient> metrics_client_;
};

DataflowService::Impl::Impl(net::Env& env, resource::Resources& resources,
                            DataflowServiceOptions options)
    : env_(env),
      options_(std::move(options)),
      started_(to_rfc3339(env.loop.wall_now(), 3)),
      status_(env, resources, "dataflow"),
      flows_(env, options_, [this](const ObjectKey& key) { on_health_changed(key); }),
      flow_controller_(env, resources, "dataflow",
                       [this](const ObjectKey& key) { return reconcile_flow(key); }),
      endpoint_controller_(env, resources, "dataflow-endpoint",
                           [this](const ObjectKey& key) { return reconcile_endpoint(key); }),
      profile_controller_(env, resources, "dataflow-profile",
                          [this](const ObjectKey& key) { return reconcile_profile(key); }),
      metrics_timer_(env.loop) {
  watch_all();
}

void DataflowService::Impl::watch_all() {
  const std::string& space = options_.space;
  const auto all = [this](const json::value&) { return all_flows(); };
  dataflows_ = &flow_controller_.watch(resource::dataflow, space);
  endpoints_ = &flow_controller_.watch(resource::dataflow_endpoint, space, all);
  profiles_ = &flow_controller_.watch(resource::dataflow_profile, space, all);
  listeners_ =
      &flow_controller_.watch(resource::broker_listener, space, [this](const json::value&) {
        if (endpoints_)
          for (const auto& [key, object] : endpoints_->all()) endpoint_controller_.enqueue(key);
        return all_flows();
      });
  assets_ = &flow_controller_.watch(resource::asset, space, [this](const json::value& object) {
    const std::string name = resource::key_of(object).name;
    return flows_where([&](const DataflowPlan& plan) {
      return plan.topics.empty() && (plan.asset == name || plan.asset.ends_with("/" + name));
    });
  });
  config_maps_ =
      &flow_controller_.watch(resource::config_map, space, [this](const json::value& object) {
        const std::string name = resource::key_of(object).name;
        return flows_where([&](const DataflowPlan& plan) { return plan.schema == name; });
      });
  endpoints_shown_ = &endpoint_controller_.watch(resource::dataflow_endpoint, space);
  profiles_shown_ = &profile_controller_.watch(resource::dataflow_profile, space);
}

void DataflowService::Impl::start() {
  flow_controller_.start();
  endpoint_controller_.start();
  profile_controller_.start();
  publish_metrics();
}

void DataflowService::Impl::stop(net::Task done) {
  stopping_ = true;
  metrics_timer_.cancel();
  if (metrics_client_) metrics_client_->stop();
  flows_.end_all(std::move(done));
}

std::vector<ObjectKey> DataflowService::Impl::all_flows() const {
  return flows_where([](const DataflowPlan&) { return true; });
}

std::vector<ObjectKey> DataflowService::Impl::flows_where(const PlanTest& holds) const {
  std::vector<ObjectKey> out;
  if (dataflows_ == nullptr) return out;
  for (const auto& [key, object] : dataflows_->all())
    if (holds(plan_dataflow(object))) out.push_back(key);
  return out;
}

void DataflowService::Impl::on_health_changed(const ObjectKey& key) {
  if (stopping_) return;
  flow_controller_.enqueue(key);
  for (const auto& [endpoint, object] : endpoints_shown_->all())
    endpoint_controller_.enqueue(endpoint);
}

Step DataflowService::Impl::reconcile_flow(const ObjectKey& key) {
  if (stopping_) return {};
  const json::value* object = dataflows_->find(key);
  DataflowPlan plan;
  if (object != nullptr) plan = plan_dataflow(*object);
  if (object == nullptr || (!plan.profile.empty() && plan.profile != options_.profile)) {
    flows_.end(key);
    status_.forget(resource::dataflow, key);
  } else if (flows_.is_ending(key)) {
    return {.again_after = ending_look, .error = std::nullopt};
  } else {
    const std::int64_t generation = resource::generation_of(*object);
    status_.write(resource::dataflow, *object, bring_up(key, std::move(plan), generation));
  }
  for (const auto& [endpoint, shown] : endpoints_shown_->all())
    endpoint_controller_.enqueue(endpoint);
  for (const auto& [profile, shown] : profiles_shown_->all()) profile_controller_.enqueue(profile);
  return {};
}

resource::Conditions DataflowService::Impl::bring_up(const ObjectKey& key, DataflowPlan plan,
                                                     std::int64_t generation) {
  if (!plan.enabled) {
    flows_.end(key);
    return conditions_of({false, "Disabled", "spec.mode is Disabled: no messages are taken"},
                         generation);
  }
  flow::Health trouble;
  if (auto wanted = resolve(std::move(plan)); !wanted) {
    trouble = std::move(wanted.error());
  } else {
    wanted->generation = generation;
    const auto running = flows_.bring_up(key, std::move(*wanted));
    if (running && *running) return conditions_of(flows_.health(key), generation);
    if (!running) trouble = refused(running.error());
  }
  return flows_.runs(key) ? kept(key, generation, trouble) : conditions_of(trouble, generation);
}

/// The one before keeps running; without a reason for trouble the next is being tried.
resource::Conditions DataflowService::Impl::kept(const ObjectKey& key, std::int64_t generation,
                                                 const flow::Health& trouble) const {
  const std::int64_t running = flows_.generation(key);
  resource::Conditions out = conditions_of(flows_.health(key), running);
  if (trouble.reason.empty()) {
    out.reconciling.status = true;
    out.reconciling.reason = "TryingEndpoint";
    out.reconciling.message = "the broker that it shall use is tried before it moves there";
    return out;
  }
  // Its own generation runs: then what it refers to has changed.
  out.degraded = running != generation
                     ? resource::not_applied(generation, running, trouble.message)
                     : resource::Condition{.type = "Degraded",
                                           .status = true,
                                           .reason = trouble.reason,
                                           .message = fmt::format("{}; it keeps running as before",
                                                                  trouble.message)};
  return out;
}

DataflowService::Impl::Wish DataflowService::Impl::resolve(DataflowPlan plan) const {
  if (!plan.problems.empty()) return std::unexpected(refused(plan.problems));
  Wanted out;
  auto source = endpoint(plan.source_endpoint, "source");
  if (!source) return std::unexpected(source.error());
  if (!source->mqtt)
    return std::unexpected(
        flow::Health{false, source->type == "Kafka" ? "NotServedYet" : "ConfigurationInvalid",
                     fmt::format("endpoint {}: type {} cannot be a source; Mqtt can", source->name,
                                 source->type)});
  auto destination = endpoint(plan.destination_endpoint, "destination");
  if (!destination) return std::unexpected(destination.error());
  out.instance_count = instance_count();
  auto topics = filters(plan, out.instance_count);
  if (!topics) return std::unexpected(topics.error());
  const std::string target = text_at(json::value(plan.destination), {"dataDestination"});
  const bool same_broker = destination->mqtt && destination->mqtt->server == source->mqtt->server;
  if (same_broker && loops(*topics, target))
    return std::unexpected(
        flow::Health{false, "Loop",
                     fmt::format("dataDestination `{}` is among the topics that the dataflow reads "
                                 "from the same broker; messages would circle for ever",
                                 target)});
  auto columns = destination->mqtt ? std::nullopt : schema(plan);
  if (!columns) return std::unexpected(columns.error());
  out.schema = std::move(*columns);
  out.filters = std::move(*topics);
  out.source = std::move(*source);
  out.destination = std::move(*destination);
  out.plan = std::move(plan);
  return out;
}

std::expected<EndpointPlan, flow::Health> DataflowService::Impl::endpoint(
    const std::string& name, std::string_view role) const {
  const json::value* object = endpoints_->find({options_.space, name});
  if (object == nullptr)
    return std::unexpected(
        flow::Health{false, "EndpointMissing",
                     fmt::format("the {}'s DataflowEndpoint {} does not exist in {}", role, name,
                                 options_.space)});
  EndpointPlan plan = plan_endpoint(*object, local_broker());
  if (plan.problems.empty()) return plan;
  flow::Health health = refused(plan.problems);
  health.message.insert(0, fmt::format("endpoint {}: ", name));
  return std::unexpected(std::move(health));
}

std::expected<std::vector<std::string>, flow::Health> DataflowService::Impl::filters(
    const DataflowPlan& plan, unsigned instances) const {
  std::vector<std::string> out = plan.topics;
  if (out.empty()) {
    const std::size_t slash = plan.asset.find('/');
    const std::string name = plan.asset.substr(slash == std::string::npos ? 0 : slash + 1);
    const json::value* asset = assets_->find({options_.space, name});
    if (asset == nullptr)
      return std::unexpected(
          flow::Health{false, "AssetMissing",
                       fmt::format("the source's Asset {} does not exist in {}; its "
                                   "topics are not known",
                                   name, options_.space)});
    out = topics_of_asset(*asset);
  }
  if (instances > 1)
    for (std::string& filter : out)
      if (!filter.starts_with("$share/"))
        filter = fmt::format("$share/dataflow-{}/{}", plan.name, filter);
  return out;
}

std::expected<std::optional<json::value>, flow::Health> DataflowService::Impl::schema(
    const DataflowPlan& plan) const {
  if (plan.schema.empty()) return std::nullopt;
  if (plan.schema.starts_with("aio-sr://"))
    return std::unexpected(
        flow::Health{false, "NotServedYet",
                     fmt::format("schemaRef {}: the schema registry is not served yet; put the "
                                 "schema in a ConfigMap and name that",
                                 plan.schema)});
  const json::value* object = config_maps_->find({options_.space, plan.schema});
  const json::value* data = object ? find(*object, "data") : nullptr;
  if (data == nullptr || !data->is_object() || data->get_object().empty())
    return std::unexpected(
        flow::Health{false, "SchemaMissing",
                     fmt::format("schemaRef {}: there is no ConfigMap of this name with "
                                 "data in {}",
                                 plan.schema, options_.space)});
  const json::value* text = data->get_object().if_contains("schema");
  if (text == nullptr) text = &data->get_object().begin()->value();
  auto parsed = parse_json(text->is_string() ? std::string_view(text->get_string()) : "");
  if (!parsed)
    return std::unexpected(
        flow::Health{false, "ConfigurationInvalid",
                     fmt::format("schemaRef {}: {}", plan.schema, parsed.error().message)});
  return std::optional(std::move(*parsed));
}

std::optional<net::Endpoint> DataflowService::Impl::local_broker() const {
  if (options_.broker) return options_.broker;
  for (const auto& [key, listener] : listeners_->all())
    if (auto port = plain_port_of(listener)) return port;
  return std::nullopt;
}

unsigned DataflowService::Impl::instance_count() const {
  const json::value* profile = profiles_->find({options_.space, options_.profile});
  const std::int64_t count = profile ? int_at(*profile, {"spec", "instanceCount"}, 1) : 1;
  return static_cast<unsigned>(std::clamp<std::int64_t>(count, 1, 20));
}

flow::Health DataflowService::Impl::endpoint_health(const EndpointPlan& plan) const {
  if (!plan.problems.empty()) return refused(plan.problems);
  if (!options_.sinks.contains(plan.type) && !plan.mqtt)
    return {false, "NotServedYet",
            fmt::format("endpoints of type {} are not served yet", plan.type)};
  if (auto trouble = flows_.trouble_with(plan.name)) return std::move(*trouble);
  if (!plan.note.empty()) return {true, "Accepted", plan.note};
  return {true, "Accepted",
          plan.mqtt ? fmt::format("MQTT broker at {}", plan.mqtt->server.to_string())
                    : fmt::format("{} is ready to be used by dataflows", plan.type)};
}

Step DataflowService::Impl::reconcile_endpoint(const ObjectKey& key) {
  const json::value* object = endpoints_shown_->find(key);
  if (object == nullptr) status_.forget(resource::dataflow_endpoint, key);
  if (object == nullptr || stopping_ || !flow_controller_.synced()) return {};
  const EndpointPlan plan = plan_endpoint(*object, local_broker());
  const std::int64_t generation = resource::generation_of(*object);
  const flow::Health health = endpoint_health(plan);
  resource::Conditions said = conditions_of(health, generation);
  const auto used = flows_.endpoint_generation(key.name);
  const std::string refusal =
      plan.problems.empty() ? flows_.trial_trouble(key.name) : health.message;
  if (used && *used != generation && !refusal.empty()) {
    const auto trouble = flows_.trouble_with(key.name);
    said = conditions_of(trouble.value_or(flow::Health{true, "Accepted",
                                                       "dataflows run with the generation before"}),
                         *used);
    said.degraded = resource::not_applied(generation, *used, refusal);
  }
  status_.write(resource::dataflow_endpoint, *object, said);
  return {};
}

Step DataflowService::Impl::reconcile_profile(const ObjectKey& key) {
  const json::value* object = profiles_shown_->find(key);
  if (object == nullptr || stopping_ || key.name != options_.profile) return {};
  const std::size_t count = flows_.count();
  flow::Health health{
      true, "Running",
      fmt::format("{} dataflow{} run{}", count, count == 1 ? "" : "s", count == 1 ? "s" : "")};
  status_.write(resource::dataflow_profile, *object, conditions_of(health, 0));
  return {};
}

json::object DataflowService::Impl::metrics() const {
  return {{"time", to_rfc3339(env_.loop.wall_now(), 3)},
          {"started", started_},
          {"dataflows", flows_.metrics()}};
}

void DataflowService::Impl::publish_metrics() {
  metrics_timer_.arm(metrics_interval, [this] { publish_metrics(); });
  const auto broker = local_broker();
  if (broker != metrics_broker_) {
    metrics_client_.reset();
    metrics_broker_ = broker;
    if (broker) {
      link::MqttClientOptions options;
      options.server = *broker;
      options.client_id =
          fmt::format("dataflow-metrics-{}-{}", options_.profile, options_.instance);
      metrics_client_ = std::make_unique<link::MqttClient>(
          env_, std::move(options), [](const link::MqttState&) {}, [](flow::Message, flow::Ack) {});
      metrics_client_->start();
    }
  }
  if (!metrics_client_ || !metrics_client_->state().connected) return;
  const std::string text = to_json(metrics());
  flow::Message message;
  message.topic = "$wireway/metrics/dataflow/" + options_.profile;
  message.payload.assign(text.begin(), text.end());
  message.qos = flow::Qos::at_most_once;
  message.content_type = "application/json";
  message.payload_is_utf8 = true;
  (void)metrics_client_->publish(std::move(message), flow::Ack());
}

DataflowService::DataflowService(net::Env& env, resource::Resources& resources,
                                 DataflowServiceOptions options)
    : impl_(std::make_unique<Impl>(env, resources, std::move(options))) {}
DataflowService::~DataflowService() = default;
void DataflowService::start() { impl_->start(); }
void DataflowService::stop(net::Task done) { impl_->stop(std::move(done)); }
json::object DataflowService::metrics() const { return impl_->metrics(); }

}  // namespace wireway::dataflow
