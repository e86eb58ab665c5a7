#include "broker/service.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/log.h"

namespace wireway::broker {

using resource::Condition;
using resource::ObjectKey;
using resource::Step;

BrokerService::BrokerService(net::Shards& shards, resource::Resources& resources,
                             BrokerServiceOptions options)
    : shards_(shards),
      env_(shards.env(0)),
      resources_(resources),
      options_(std::move(options)),
      started_(env_.loop.wall_now()),
      started_mono_(env_.loop.now()),
      counted_(shards.count()),
      tick_(env_.loop),
      goodbye_(env_.loop) {
  NodeTable table;
  for (std::size_t i = 0; i < shards.count(); ++i) {
    nodes_.push_back(std::make_unique<Node>(i, shards.env(i), settings_));
    table.push_back(nodes_.back()->address());
  }
  for (const auto& node : nodes_) node->join(table);
}

BrokerService::~BrokerService() { *alive_ = false; }

void BrokerService::start() {
  auto brokers = std::make_unique<resource::Controller>(
      env_, resources_, "Broker", [this](const ObjectKey& key) { return reconcile_broker(key); });
  brokers_ = &brokers->watch(resource::broker, options_.space);
  auto listeners = std::make_unique<resource::Controller>(
      env_, resources_, "BrokerListener",
      [this](const ObjectKey& key) { return reconcile_listener(key); });
  listeners_ = &listeners->watch(resource::broker_listener, options_.space);
  controllers_.push_back(std::move(brokers));
  controllers_.push_back(std::move(listeners));
  for (const resource::Kind& kind :
       {resource::broker_authentication, resource::broker_authorization}) {
    // The cache exists once the controller watches; the reconcile step reads it through this box.
    auto cache = std::make_shared<const resource::Cache*>(nullptr);
    auto controller = std::make_unique<resource::Controller>(
        env_, resources_, std::string(kind.kind),
        [this, kind, cache](const ObjectKey& key) { return say_not_served(kind, **cache, key); });
    *cache = &controller->watch(kind, options_.space);
    controllers_.push_back(std::move(controller));
  }
  for (const auto& controller : controllers_) controller->start();
  tick_.arm(metrics_interval, [this] { on_tick(); });
}

Step BrokerService::reconcile_broker(const ObjectKey& key) {
  // Listeners depend on whether their Broker exists.
  for (const auto& [listener, object] : listeners_->all())
    if (broker_of(object) == key.name || broker_of(object).empty())
      controllers_[1]->enqueue(listener);
  const json::value* object = brokers_->find(key);
  if (object == nullptr) return {};
  broker_name_ = key.name;
  settings_ = settings_of(*object);
  for (const auto& node : nodes_)
    NodeAddress::post(node->address(),
                      [settings = settings_](Node& target) { target.set_settings(settings); });
  const std::string level = text_at(*object, {"spec", "diagnostics", "logs", "level"});
  if (!level.empty()) log::set_level(log::parse_level(level, log::Level::info));
  Condition condition;
  condition.status = true;
  condition.reason = "Running";
  condition.message =
      fmt::format("{} shard{}, packets up to {} MiB", nodes_.size(), nodes_.size() == 1 ? "" : "s",
                  settings_.packet_bytes_max / (1024 * 1024));
  write_status(resource::broker, *object, condition);
  return {};
}

Step BrokerService::reconcile_listener(const ObjectKey& key) {
  if (!controllers_[0]->synced()) {
    Step later;
    later.again_after = std::chrono::milliseconds{50};
    return later;
  }
  const json::value* object = listeners_->find(key);
  if (object == nullptr) {
    ports_.erase(key);
    return {};
  }
  Condition condition;
  const std::string broker = broker_of(*object);
  const bool has_broker =
      broker.empty() ? !brokers_->all().empty() : brokers_->find({key.space, broker}) != nullptr;
  if (!has_broker) {
    ports_.erase(key);
    condition.reason = "BrokerMissing";
    condition.message = fmt::format(
        "Broker \"{}\" does not exist in namespace {}; create it, or "
        "correct spec.brokerRef",
        broker, key.space);
    write_status(resource::broker_listener, *object, condition);
    return {};
  }
  const std::vector<PortPlan> plan = ports_of(*object);
  const std::vector<Error> errors = make_ports(key, plan);
  std::vector<std::string> serving;
  for (const auto& [number, port] : ports_[key])
    serving.push_back(fmt::format("{} on {}:{}",
                                  port.plan.carrier == Carrier::tcp ? "Mqtt" : "WebSockets",
                                  port.plan.host, number));
  std::vector<std::string> troubles;
  bool again = false;
  for (const Error& error : errors) {
    troubles.push_back(error.message);
    if (error.code == Errc::unsupported)
      condition.reason = "NotServedYet";
    else
      again = true;
  }
  if (again) condition.reason = "PortUnavailable";
  condition.status = errors.empty() && !serving.empty();
  if (condition.status)
    condition.reason = "Listening";
  else if (errors.empty())
    condition.reason = "NoPorts", troubles.push_back("spec.ports is empty");
  condition.message = fmt::format(
      "{}{}{}", fmt::join(troubles, "; "), troubles.empty() || serving.empty() ? "" : "; ",
      serving.empty() ? std::string{} : fmt::format("accepting {}", fmt::join(serving, ", ")));
  write_status(resource::broker_listener, *object, condition);
  Step step;
  if (again) step.again_after = port_retry;
  return step;
}

std::vector<Error> BrokerService::make_ports(const ObjectKey& key,
                                             const std::vector<PortPlan>& plan) {
  Ports& ports = ports_[key];
  std::erase_if(ports, [&plan](const auto& entry) {
    const PortPlan& open = entry.second.plan;
    return std::ranges::none_of(plan, [&open](const PortPlan& wanted) {
      return wanted.refusal.empty() && wanted.port == open.port && wanted.host == open.host &&
             wanted.carrier == open.carrier;
    });
  });
  std::vector<Error> errors;
  for (const PortPlan& wanted : plan) {
    if (!wanted.refusal.empty()) {
      errors.push_back({Errc::unsupported, wanted.refusal});
      continue;
    }
    if (ports.contains(wanted.port)) continue;
    if (auto opened = open_port(ports, wanted); !opened) errors.push_back(opened.error());
  }
  return errors;
}

Result<> BrokerService::open_port(Ports& ports, const PortPlan& plan) {
  net::ListenOptions options;
  options.endpoint = {plan.host, plan.port};
  Node* const door = nodes_[0].get();
  auto listener = env_.network.listen(
      options, [door, carrier = plan.carrier](std::unique_ptr<net::Stream> stream) {
        door->accept(std::move(stream), carrier);
      });
  if (!listener) return std::unexpected(listener.error());
  log::info("listening for {} on {}:{}",
            plan.carrier == Carrier::tcp ? "MQTT" : "MQTT over WebSocket", plan.host, plan.port);
  ports[plan.port] = {std::move(*listener), plan};
  return {};
}

Step BrokerService::say_not_served(const resource::Kind& kind, const resource::Cache& cache,
                                   const ObjectKey& key) {
  const json::value* object = cache.find(key);
  if (object == nullptr) return {};
  Condition condition;
  condition.reason = "NotServedYet";
  condition.message = fmt::format(
      "this version does not serve {}; a listener port that refers to it "
      "stays closed",
      kind.kind);
  write_status(kind, *object, condition);
  return {};
}

void BrokerService::write_status(const resource::Kind& kind, const json::value& object,
                                 Condition condition) {
  condition.observed_generation = resource::generation_of(object);
  const json::value* status = find(object, "status");
  const json::object wanted = resource::status_with(condition, status, env_.loop.wall_now());
  const json::value* now = status == nullptr ? nullptr : find(*status, "conditions");
  if (now != nullptr && *now == wanted.at("conditions")) return;
  const ObjectKey key = resource::key_of(object);
  if (condition.status)
    log::info("{} {}: {}", kind.kind, key.name, condition.message);
  else
    log::warn("{} {}: {}: {}", kind.kind, key.name, condition.reason, condition.message);
  resources_.patch_status(kind, key, wanted);
}

void BrokerService::on_tick() {
  tick_.arm(metrics_interval, [this] { on_tick(); });
  ++ticks_;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    NodeAddress::post(
        nodes_[i]->address(), [this, i, alive = alive_, home = nodes_[0]->address()](Node& node) {
          NodeAddress::post(home, [this, i, alive, counters = node.counters()](Node&) {
            if (!*alive) return;
            counted_[i] = counters;
            if (i + 1 == counted_.size()) {
              Counters total;
              for (const Counters& one : counted_) total += one;
              on_counters(total);
            }
          });
        });
  }
}

void BrokerService::on_counters(const Counters& total) {
  const bool busy = total.queued_bytes >= settings_.queued_bytes_max / 100 * Settings::busy_percent;
  for (const auto& node : nodes_)
    NodeAddress::post(node->address(), [busy](Node& target) { target.set_busy(busy); });
  publish_metrics(total);
  if (ticks_ % sys_every == 1) publish_sys(total);
}

void BrokerService::publish_metrics(const Counters& total) {
  const json::object figures = {{"time", to_rfc3339(env_.loop.wall_now(), 3)},
                                {"started", to_rfc3339(started_, 3)},
                                {"messages_in", total.messages_in},
                                {"messages_out", total.messages_out},
                                {"bytes_in", total.bytes_in},
                                {"bytes_out", total.bytes_out},
                                {"connections", total.connections},
                                {"sessions", total.sessions},
                                {"subscriptions", total.subscriptions},
                                {"retained", total.retained},
                                {"queued_bytes", total.queued_bytes},
                                {"dropped", total.dropped}};
  publish("$wireway/metrics/broker/" + broker_name_, json::serialize(figures), false);
}

/// The names are mosquitto's, so that tools that read them find them here too.
void BrokerService::publish_sys(const Counters& total) {
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(env_.loop.now() - started_mono_);
  const std::pair<const char*, std::uint64_t> figures[] = {
      {"clients/connected", total.connections},    {"clients/total", total.sessions},
      {"messages/received", total.messages_in},    {"messages/sent", total.messages_out},
      {"bytes/received", total.bytes_in},          {"bytes/sent", total.bytes_out},
      {"publish/messages/dropped", total.dropped}, {"subscriptions/count", total.subscriptions},
      {"retained messages/count", total.retained},
  };
  for (const auto& [name, value] : figures)
    publish(fmt::format("$SYS/broker/{}", name), fmt::format("{}", value), true);
  publish("$SYS/broker/uptime", fmt::format("{} seconds", uptime.count()), true);
}

void BrokerService::publish(std::string topic, std::string payload, bool retain) {
  StoredMessage message;
  message.topic = std::move(topic);
  message.payload.assign(payload.begin(), payload.end());
  message.retain = retain;
  nodes_[0]->publish(std::move(message));
}

void BrokerService::stop(net::Task done) {
  stopped_ = std::move(done);
  tick_.cancel();
  controllers_.clear();
  ports_.clear();
  for (const auto& node : nodes_)
    NodeAddress::post(node->address(), [](Node& target) { target.shut_down(); });
  wait_for_goodbyes(env_.loop.now() + goodbye_patience);
}

/// Looks until every node is without connections, or patience ends.
void BrokerService::wait_for_goodbyes(MonoTime deadline) {
  if (env_.loop.now() >= deadline) return take_nodes_down();
  auto left = std::make_shared<std::size_t>(nodes_.size());
  auto empty = std::make_shared<bool>(true);
  for (const auto& node : nodes_) {
    const auto on_answer = [this, left, empty, deadline, alive = alive_](bool is_empty) {
      if (!*alive) return;
      *empty = *empty && is_empty;
      if (--*left > 0) return;
      if (*empty) return take_nodes_down();
      goodbye_.arm(std::chrono::milliseconds{10},
                   [this, deadline] { wait_for_goodbyes(deadline); });
    };
    NodeAddress::post(node->address(), [on_answer, home = nodes_[0]->address()](Node& target) {
      NodeAddress::post(home,
                        [on_answer, is_empty = target.empty()](Node&) { on_answer(is_empty); });
    });
  }
}

/// Each node is destroyed on its own loop, where its timers and streams live.
void BrokerService::take_nodes_down() {
  auto left = std::make_shared<std::size_t>(nodes_.size());
  net::Loop& home = env_.loop;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    auto node = std::make_shared<std::unique_ptr<Node>>(std::move(nodes_[i]));
    shards_.env(i).loop.post([this, node, left, &home, alive = alive_] {
      node->reset();
      home.post([this, left, alive] {
        if (*alive && --*left == 0 && stopped_) stopped_();
      });
    });
  }
  nodes_.clear();
}

}  // namespace wireway::broker
