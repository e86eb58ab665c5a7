#include "source/opcua/service.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/log.h"
#include "source/opcua/normalise.h"
#include "source/opcua/status.h"

namespace wireway::source::opcua {

using resource::Condition;
using resource::ObjectKey;
using resource::Step;

struct OpcuaService::AssetEntry {
  AssetModel model;             ///< that runs
  std::int64_t generation = 0;  ///< of the model
  std::int64_t wished = 0;      ///< the newest generation
  std::string rejection;        ///< why the newest is not the model; empty if it is
  SampleCounts counts;
  bool has_value = false;
  MonoTime monitored_since;
  bool was_monitored = false;
  MonoTime last_value;
};

struct OpcuaService::EndpointEntry {
  ObjectKey key;
  std::optional<EndpointModel> model;  ///< the newest, if it can be read
  std::string fault;                   ///< why it cannot
  bool is_ours = false;                ///< there is a profile, and it is one for OPC UA
  std::int64_t generation = 0;         ///< the newest
  std::int64_t running = 0;            ///< the runner's
  Condition ready;                     ///< as last said
  std::map<ObjectKey, AssetEntry> assets;
  std::unique_ptr<EndpointRunner> runner;
  std::unique_ptr<EndpointRunner> next;  ///< tries another address while the runner goes on
};

OpcuaService::OpcuaService(net::Env& env, resource::Resources& resources,
                           OpcuaServiceOptions options)
    : env_(env),
      resources_(resources),
      options_(std::move(options)),
      started_(env.loop.wall_now()),
      status_(env, resources, "opcua"),
      tick_(env.loop) {}

OpcuaService::~OpcuaService() {
  endpoints_.clear();
  outbox_.set_publisher(nullptr);
  publisher_.reset();
}

void OpcuaService::start() {
  controller_ = std::make_unique<resource::Controller>(
      env_, resources_, "opcua", [this](const ObjectKey& key) { return reconcile(key); });
  profiles_ = &controller_->watch(resource::asset_endpoint_profile, options_.space);
  assets_ = &controller_->watch(resource::asset, options_.space,
                                [](const json::value& asset) -> std::vector<ObjectKey> {
                                  return {{resource::key_of(asset).space, endpoint_name_of(asset)}};
                                });
  controller_->start();
  if (options_.broker) {
    use_broker(options_.broker);
  } else {
    broker_controller_ = std::make_unique<resource::Controller>(
        env_, resources_, "opcua broker", [this](const ObjectKey&) { return find_broker(); });
    listeners_ = &broker_controller_->watch(
        resource::broker_listener, options_.space,
        [](const json::value&) -> std::vector<ObjectKey> { return {{"", "broker"}}; });
    broker_controller_->start();
  }
  next_status_ = env_.loop.now() + status_interval;
  tick_.arm(metrics_interval, [this] { on_tick(); });
}

void OpcuaService::stop(std::function<void()> done) {
  tick_.cancel();
  controller_.reset();
  broker_controller_.reset();
  endpoints_.clear();
  if (publisher_ != nullptr) publisher_->stop();
  env_.loop.defer([done = std::move(done)] { done(); });
}

Step OpcuaService::find_broker() {
  std::optional<net::Endpoint> found;
  for (const auto& [key, listener] : listeners_->all()) {
    const json::value* ports = find(listener, "spec", "ports");
    if (ports == nullptr || !ports->is_array() || found) continue;
    for (const json::value& port : ports->get_array()) {
      const bool is_plain = equals_ignoring_case(text_at(port, {"protocol"}, "Mqtt"), "Mqtt") &&
                            find(port, "tls") == nullptr &&
                            find(port, "authenticationRef") == nullptr;
      const std::int64_t number = int_at(port, {"port"}, 0);
      if (!is_plain || number <= 0 || number > 65'535) continue;
      found = net::Endpoint{"127.0.0.1", static_cast<std::uint16_t>(number)};
      break;
    }
  }
  if (!found && !broker_)
    log::warn(
        "no BrokerListener in namespace {} has a plain Mqtt port: messages wait; add one or "
        "name the broker with --broker",
        options_.space);
  if (found) use_broker(found);
  return {};
}

void OpcuaService::use_broker(std::optional<net::Endpoint> broker) {
  if (broker == broker_ && publisher_ != nullptr) return;
  broker_ = std::move(broker);
  outbox_.set_publisher(nullptr);
  publisher_.reset();
  const PublisherFactory factory =
      options_.make_publisher ? options_.make_publisher
                              : mqtt_publishers(fmt::format("wireway-opcua-{}", options_.name));
  publisher_ = factory(env_, *broker_, [this] {
    outbox_.pump();
    for (const auto& [key, entry] : endpoints_) write_statuses(*entry);
  });
  outbox_.set_publisher(publisher_.get());
}

/// From the resources to models and to the runner; also how it starts, and how it ends.
Step OpcuaService::reconcile(const ObjectKey& key) {
  std::unique_ptr<EndpointEntry>& slot = endpoints_[key];
  if (slot == nullptr) slot = std::make_unique<EndpointEntry>(key);
  EndpointEntry& entry = *slot;
  const json::value* profile = profiles_->find(key);
  entry.is_ours = profile != nullptr && is_opcua_profile(*profile);
  entry.model.reset();
  entry.fault.clear();
  if (profile != nullptr) entry.generation = resource::generation_of(*profile);
  if (entry.is_ours) {
    Result<EndpointModel> model = normalise_endpoint(*profile);
    if (model) {
      entry.model = std::move(*model);
    } else {
      entry.fault = model.error().message;
    }
  }
  // What asks for more protection than there is must not go on without it.
  const bool is_refused = entry.model && !entry.model->refusal.empty();
  const bool is_kept = entry.is_ours && !entry.fault.empty() && entry.runner != nullptr;
  if (entry.is_ours && entry.model && !is_refused)
    run_endpoint(entry);
  else if (!is_kept)
    retire(entry);
  const SamplingModel defaults = entry.runner != nullptr ? entry.runner->model().defaults
                                 : entry.model           ? entry.model->defaults
                                                         : SamplingModel{};
  entry.assets = entries_for(key, defaults, entry);
  set_assets(entry);
  write_statuses(entry);
  if (profile == nullptr) status_.forget(resource::asset_endpoint_profile, key);
  if (profile == nullptr && entry.assets.empty()) endpoints_.erase(key);
  return {};
}

std::map<ObjectKey, OpcuaService::AssetEntry> OpcuaService::entries_for(
    const ObjectKey& endpoint, const SamplingModel& defaults, EndpointEntry& before) const {
  std::map<ObjectKey, AssetEntry> result;
  for (const auto& [key, asset] : assets_->all()) {
    if (key.space != endpoint.space || endpoint_name_of(asset) != endpoint.name) continue;
    AssetEntry& entry = result[key];
    if (const auto same = before.assets.find(key); same != before.assets.end())
      entry = std::move(same->second);
    AssetModel model = normalise_asset(asset, defaults);
    entry.wished = resource::generation_of(asset);
    entry.rejection.clear();
    // Worse than what runs: a first one runs as far as it can.
    const bool has_run = entry.generation != 0 && entry.model.enabled;
    if (has_run && model.enabled && model.faults.size() > entry.model.faults.size()) {
      entry.rejection = fmt::format("{}", fmt::join(model.faults, "; "));
      continue;
    }
    entry.model = std::move(model);
    entry.generation = entry.wished;
  }
  return result;
}

std::unique_ptr<EndpointRunner> OpcuaService::make_runner(EndpointEntry& entry,
                                                          EndpointModel model) {
  EndpointRunner::Handlers handlers;
  handlers.on_changed = [this, &entry] { on_runner_changed(entry); };
  handlers.on_delivery = [this, &entry](Delivery delivery) {
    take_delivery(entry, std::move(delivery));
  };
  return std::make_unique<EndpointRunner>(env_, std::move(model), std::move(handlers));
}

void OpcuaService::run_endpoint(EndpointEntry& entry) {
  const EndpointModel& wish = *entry.model;
  if (entry.runner != nullptr && entry.runner->model() == wish) {
    entry.next.reset();
    entry.running = entry.generation;
    return;
  }
  const bool moves = entry.runner != nullptr && entry.runner->state() &&
                     entry.runner->state()->is_connected && entry.runner->model().url != wish.url;
  if (moves) {
    if (entry.next == nullptr || entry.next->model() != wish) entry.next = make_runner(entry, wish);
    return;
  }
  retire(entry);
  entry.runner = make_runner(entry, wish);
  entry.running = entry.generation;
}

void OpcuaService::set_assets(EndpointEntry& entry) {
  if (entry.runner == nullptr) return;
  std::vector<AssetModel> wish;
  for (const auto& [key, asset] : entry.assets)
    if (asset.model.enabled) wish.push_back(asset.model);
  entry.runner->set_assets(std::move(wish));
}

void OpcuaService::on_runner_changed(EndpointEntry& entry) {
  const bool arrived =
      entry.next != nullptr && entry.next->state() && entry.next->state()->is_connected;
  if (!arrived) return write_statuses(entry);
  log::info("endpoint {}: moves to {}", entry.key.to_string(), entry.next->model().url);
  entry.runner = std::move(entry.next);
  entry.running = entry.generation;
  // The assets' defaults may be others now.
  controller_->enqueue(entry.key);
}

void OpcuaService::retire(EndpointEntry& entry) {
  entry.next.reset();
  if (entry.runner == nullptr) return;
  log::info("endpoint {}: session ended", entry.key.to_string());
  entry.runner.reset();
}

void OpcuaService::take_delivery(EndpointEntry& entry, Delivery delivery) {
  const auto found = entry.assets.find(delivery.asset);
  if (found == entry.assets.end() || !found->second.model.enabled) return;
  AssetEntry& asset = found->second;
  asset.counts.values += delivery.counts.values;
  asset.counts.messages += delivery.counts.messages;
  asset.counts.bad += delivery.counts.bad;
  asset.counts.last_value = delivery.counts.last_value;
  asset.last_value = env_.loop.now();
  for (flow::Message& message : delivery.messages) outbox_.put(delivery.asset, std::move(message));
  if (!asset.has_value) {
    asset.has_value = true;
    write_statuses(entry);
  }
}

resource::Conditions OpcuaService::endpoint_says(const EndpointEntry& entry) const {
  const auto state_of = [](const std::unique_ptr<EndpointRunner>& runner) {
    return runner != nullptr && runner->state() ? &*runner->state() : nullptr;
  };
  EndpointFacts facts;
  facts.model = entry.runner != nullptr ? &entry.runner->model()
                : entry.model           ? &*entry.model
                                        : nullptr;
  facts.fault = entry.fault;
  facts.state = state_of(entry.runner);
  for (const auto& [key, asset] : entry.assets) {
    if (!asset.model.enabled) continue;
    ++facts.assets;
    facts.points += asset.model.point_count();
  }
  resource::Conditions out = resource::conditions_of(endpoint_condition(facts));
  if (entry.runner == nullptr || entry.running == entry.generation) return out;
  out.ready.observed_generation = entry.running;
  Condition wished;
  if (entry.next != nullptr)
    wished = endpoint_condition(
        {.model = &entry.next->model(), .fault = {}, .state = state_of(entry.next)});
  if (entry.next != nullptr && entry.next->state() == std::nullopt) {
    out.reconciling.status = true;
    out.reconciling.reason = wished.reason;
    out.reconciling.message = wished.message;
  } else {
    out.degraded = resource::not_applied(entry.generation, entry.running,
                                         entry.next != nullptr ? wished.message : entry.fault);
  }
  return out;
}

void OpcuaService::write_endpoint_status(EndpointEntry& entry) {
  const json::value* object = profiles_->find(entry.key);
  if (object == nullptr) return;
  resource::Conditions said = endpoint_says(entry);
  entry.ready = said.ready;
  const bool is_news = status_.write(resource::asset_endpoint_profile, *object, std::move(said));
  if (!is_news || entry.ready.reason == "Connecting") return;
  resources_.emit({.kind = resource::asset_endpoint_profile,
                   .about = entry.key,
                   .warning = !entry.ready.status,
                   .reason = entry.ready.reason,
                   .message = entry.ready.message,
                   .component = "opcua"});
}

/// There is no other connector in this version; one that comes has the last word.
bool OpcuaService::say_foreign(EndpointEntry& entry) {
  const json::value* object = profiles_->find(entry.key);
  const json::value* ready = resource::condition_of(*object, "Ready");
  const bool is_ours = ready == nullptr || text_at(*ready, {"reason"}) == "NotServedYet" ||
                       text_at(*ready, {"reason"}) == "ProcessExited";
  if (!is_ours) return false;
  entry.ready = {.reason = "NotServedYet",
                 .message = fmt::format(
                     "no connector of this version serves spec.endpointProfileType {}: only "
                     "Microsoft.OpcUa is served",
                     text_at(*object, {"spec", "endpointProfileType"}, "(none)"))};
  status_.write(resource::asset_endpoint_profile, *object, resource::conditions_of(entry.ready));
  return true;
}

Condition OpcuaService::asset_ready(EndpointEntry& entry, AssetEntry& asset) {
  AssetFacts facts;
  facts.model = &asset.model;
  if (profiles_->find(entry.key) != nullptr) facts.endpoint = entry.ready;
  const bool is_connected =
      entry.runner != nullptr && entry.runner->state() && entry.runner->state()->is_connected;
  if (is_connected) facts.report = entry.runner->report(asset.model.key);
  const MonoTime now = env_.loop.now();
  const bool is_monitored = facts.report != nullptr && facts.report->monitored > 0;
  if (!is_monitored) {
    asset.has_value = false;
  } else if (!asset.was_monitored) {
    asset.monitored_since = now;
  }
  asset.was_monitored = is_monitored;
  facts.has_value = asset.has_value;
  facts.waits_too_long = is_monitored && now - asset.monitored_since > first_value_patience;
  if (asset.has_value && now - asset.last_value > idle_after)
    facts.idle_since = asset.counts.last_value;
  if (publisher_ == nullptr) {
    facts.broker_trouble = "no broker is known";
  } else if (!publisher_->is_connected()) {
    facts.broker_trouble = publisher_->state_text();
  }
  facts.dropped = outbox_.dropped(asset.model.key);
  return asset_condition(facts);
}

void OpcuaService::write_statuses(EndpointEntry& entry) {
  if (entry.is_ours) {
    write_endpoint_status(entry);
  } else if (profiles_->find(entry.key) != nullptr) {
    if (!say_foreign(entry)) return;
  }
  for (auto& [key, asset] : entry.assets) {
    const json::value* object = assets_->find(key);
    if (object == nullptr) continue;
    resource::Conditions said = resource::conditions_of(asset_ready(entry, asset));
    said.ready.observed_generation = asset.generation;
    if (!asset.rejection.empty())
      said.degraded = resource::not_applied(asset.wished, asset.generation, asset.rejection);
    else if (said.ready.reason == "Degraded")
      said.degraded = {.type = "Degraded",
                       .status = true,
                       .reason = "TagsRefused",
                       .message = said.ready.message,
                       .action = "correct the tags that the message names, or remove them"};
    status_.write(resource::asset, *object, std::move(said));
  }
}

void OpcuaService::on_tick() {
  tick_.arm(metrics_interval, [this] { on_tick(); });
  if (env_.loop.now() >= next_status_) {
    next_status_ = env_.loop.now() + status_interval;
    for (const auto& [key, entry] : endpoints_) write_statuses(*entry);
  }
  if (publisher_ == nullptr || !publisher_->is_connected()) return;
  flow::Message message;
  message.topic = fmt::format("$wireway/metrics/opcua/{}", options_.name);
  message.qos = flow::Qos::at_most_once;
  message.content_type = "application/json";
  message.payload_is_utf8 = true;
  const std::string text = to_json(metrics());
  message.payload.assign(text.begin(), text.end());
  // At QoS 0 nothing waits for it, and a next one comes in a second.
  static_cast<void>(publisher_->publish(std::move(message), flow::Ack{}));
}

json::object OpcuaService::metrics() const {
  json::object assets;
  for (const auto& [endpoint_key, entry] : endpoints_) {
    for (const auto& [key, asset] : entry->assets) {
      json::object& counters = assets[key.name].emplace_object();
      counters["endpoint"] = endpoint_key.name;
      counters["values"] = asset.counts.values;
      counters["messages"] = asset.counts.messages;
      counters["bad"] = asset.counts.bad;
      counters["dropped"] = outbox_.dropped(key);
      if (asset.counts.last_value.since_epoch.count() != 0)
        counters["last_value_time"] = to_opcua_time(asset.counts.last_value);
    }
  }
  return {{"time", to_rfc3339(env_.loop.wall_now(), 3)},
          {"started", to_rfc3339(started_)},
          {"assets", std::move(assets)}};
}

}  // namespace wireway::source::opcua
