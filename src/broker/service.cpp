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
      began_(env_.loop.now()),
      status_(env_, resources, "broker"),
      counted_(shards.count()),
      buffer_troubles_(shards.count()),
      tick_(env_.loop),
      goodbye_(env_.loop) {
  NodeTable table;
  for (std::size_t i = 0; i < shards.count(); ++i) {
    nodes_.push_back(std::make_unique<Node>(i, shards.env(i), settings_));
    table.push_back(nodes_.back()->address());
    if (!options_.folder.empty()) nodes_.back()->set_buffer_folder(options_.folder + "/buffer");
    if (options_.connections_max > 0)
      nodes_.back()->set_connections_max(std::max(options_.connections_max / shards.count(), 1UL));
  }
  for (const auto& node : nodes_) node->join(table);
  hub_ = std::make_unique<JournalHub>(env_, table, options_.folder);
  nodes_[0]->set_hub(hub_.get());
  admin_ = std::make_unique<Admin>(env_, table);
  operations_ = std::make_unique<Operations>(env_, table, std::move(options_.operations));
  access_ = std::make_unique<AccessService>(env_, table, resources,
                                            AccessOptions{options_.space, options_.http});
  nodes_[0]->set_gate(access_->gate());
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
  access_->start([this] { look_at_listeners(); });
  if (!options_.folder.empty())
    if (const auto started = admin_->start(options_.folder); !started)
      log::warn("{}", started.error().message);
  operations_->start([this] {
    for (const auto& [key, broker] : brokers_->all()) controllers_[0]->enqueue(key);
  });
  for (const auto& controller : controllers_) controller->start();
  tick_.arm(metrics_interval, [this] { on_tick(); });
}

Step BrokerService::reconcile_broker(const ObjectKey& key) {
  // Listeners depend on whether their Broker exists.
  look_at_listeners();
  const json::value* object = brokers_->find(key);
  if (object == nullptr) {
    status_.forget(resource::broker, key);
    return {};
  }
  const auto waiting = look_at_cardinality(*object);
  if (!waiting) return {};
  has_begun_ = true;
  broker_name_ = key.name;
  settings_ = settings_of(*object);
  for (const auto& node : nodes_)
    NodeAddress::post(node->address(),
                      [settings = settings_](Node& target) { target.set_settings(settings); });
  hub_->set_plan(settings_.persistence, [this, key] { controllers_[0]->enqueue(key); });
  const std::string level = text_at(*object, {"spec", "diagnostics", "logs", "level"});
  if (!level.empty()) log::set_level(log::parse_level(level, log::Level::info));
  Condition condition;
  condition.status = true;
  condition.reason = "Running";
  condition.message =
      fmt::format("{} shard{}, packets up to {} MiB{}", nodes_.size(),
                  nodes_.size() == 1 ? "" : "s", settings_.packet_bytes_max / (1024 * 1024),
                  hub_->recording() ? ", acknowledges what is on disk" : "");
  for (const std::string& more : {unserved_of(*object), *waiting})
    if (!more.empty()) condition.message += "; " + more;
  if (!hub_->ready()) {
    condition.status = false;
    condition.reason = hub_->trouble().empty() ? "Recovering" : "JournalUnusable";
    condition.message = hub_->trouble().empty() ? "reading the journal" : hub_->trouble();
  }
  OperationsPlan operations = operations_of(*object);
  operations.is_public = is_public(key.space, key.name);
  operations_->set_plan(operations);
  resource::Conditions says = resource::conditions_of(std::move(condition));
  if (const std::string& trouble = operations_->trouble(); !trouble.empty()) {
    says.degraded.status = true;
    says.degraded.reason = "BrokerProbeFailed";
    says.degraded.message = trouble;
  }
  if (hub_->ready() && !hub_->trouble().empty()) {
    says.degraded.status = true;
    says.degraded.reason = "PersistenceTrouble";
    says.degraded.message = hub_->trouble();
  }
  const auto wrong =
      std::ranges::find_if(buffer_troubles_, [](const std::string& one) { return !one.empty(); });
  if (wrong != buffer_troubles_.end() && !says.degraded.status) {
    says.degraded.status = true;
    says.degraded.reason = "MessageBufferTrouble";
    says.degraded.message = *wrong;
  }
  status_.write(resource::broker, *object, std::move(says));
  return {};
}

std::optional<std::string> BrokerService::look_at_cardinality(const json::value& broker) {
  const std::size_t most = options_.shards_max;
  const std::size_t wanted = shards_of(broker, most > 0 ? most : nodes_.size());
  if (wanted == nodes_.size() || !options_.reshard)
    return has_cardinality(broker) && most == 0 ? "--shards stands above the cardinality" : "";
  if (has_begun_ && !(hub_->recording() && settings_.persistence.keeps_all()))
    return fmt::format(
        "{} shards, as the cardinality asks for, run from the next start on: sessions and messages "
        "that no journal keeps would be lost now",
        wanted);
  if (has_begun_) log::info("the cardinality asks for {} shards: starting anew", wanted);
  options_.reshard(wanted);
  return std::nullopt;
}

void BrokerService::look_at_listeners() {
  for (const auto& [listener, object] : listeners_->all()) controllers_[1]->enqueue(listener);
}

/// Whether a listener of the broker is open to other machines.
bool BrokerService::is_public(const std::string& space, const std::string& broker) const {
  return std::ranges::any_of(listeners_->all(), [&](const auto& listener) {
    if (listener.first.space != space || broker_of(listener.second) != broker) return false;
    return std::ranges::any_of(ports_of(listener.second),
                               [](const PortPlan& port) { return port.host != "127.0.0.1"; });
  });
}

Step BrokerService::reconcile_listener(const ObjectKey& key) {
  if (!controllers_[0]->synced() || !access_->synced()) {
    const bool is_late = env_.loop.now() - began_ > quiet_start;
    if (is_late) say_waiting(key);
    Step later;
    later.again_after = is_late ? Duration{std::chrono::seconds{1}} : std::chrono::milliseconds{50};
    return later;
  }
  const json::value* object = listeners_->find(key);
  if (object == nullptr) {
    if (const auto open = open_.find(key); open != open_.end()) {
      open->second.ports.close();
      open_.erase(open);
    }
    status_.forget(resource::broker_listener, key);
    return {};
  }
  if (!hub_->ready()) {  // nobody is let in before what was promised is known again
    Step later;
    later.again_after = std::chrono::milliseconds{50};
    return later;
  }
  const std::vector<PortTrouble> troubles = bring_up(key, *object);
  const std::int64_t generation = resource::generation_of(*object);
  status_.write(resource::broker_listener, *object,
                listener_says(open_.at(key).ports, generation, troubles));
  Step step;
  if (std::ranges::any_of(
          troubles, [](const PortTrouble& trouble) { return trouble.reason == "PortUnavailable"; }))
    step.again_after = port_retry;
  else
    step.again_after = open_.at(key).ports.look_again_after();
  return step;
}

/// So that a port that stays closed for want of a right of our own does not do so silently.
void BrokerService::say_waiting(const ObjectKey& key) {
  const json::value* object = listeners_->find(key);
  if (object == nullptr) return;
  Condition ready;
  ready.reason = "Starting";
  ready.message =
      "what protects ports is not known yet: the API has not listed Brokers, "
      "BrokerAuthentications, "
      "BrokerAuthorizations, Secrets and ConfigMaps; the broker's log says what it waits for";
  status_.write(resource::broker_listener, *object, resource::conditions_of(std::move(ready)));
}

bool BrokerService::has_broker(const std::string& space, const std::string& name) const {
  return name.empty() ? !brokers_->all().empty() : brokers_->find({space, name}) != nullptr;
}

std::vector<PortPlan> BrokerService::plan_of(const json::value& listener) const {
  const ObjectKey key = resource::key_of(listener);
  std::vector<PortPlan> out = ports_of(listener);
  for (PortPlan& port : out) {
    port.guard.door = fmt::format("{}:{}", key.to_string(), port.port);
    access_->complete(port, key.space);
  }
  return out;
}

std::vector<PortTrouble> BrokerService::bring_up(const ObjectKey& key,
                                                 const json::value& listener) {
  OpenListener& open = open_.try_emplace(key, env_, *nodes_[0], *access_).first->second;
  const std::string broker = broker_of(listener);
  if (has_broker(key.space, broker)) {
    auto troubles = open.ports.make(resource::generation_of(listener), plan_of(listener));
    if (troubles.empty()) open.broker = broker;
    if (troubles.empty() && open.ports.empty())
      troubles.push_back({"NoPorts", "spec.ports is empty"});
    return troubles;
  }
  if (!has_broker(key.space, open.broker) || open.broker == broker) open.ports.close();
  return {{"BrokerMissing",
           fmt::format("spec.brokerRef: Broker \"{}\" does not exist in namespace {}; create it, "
                       "or correct spec.brokerRef",
                       broker, key.space)}};
}

resource::Conditions BrokerService::listener_says(const Ports& ports, std::int64_t generation,
                                                  const std::vector<PortTrouble>& troubles) {
  std::vector<std::string> sentences;
  for (const PortTrouble& trouble : troubles) sentences.push_back(trouble.message);
  const std::string wrong = fmt::format("{}", fmt::join(sentences, "; "));
  const std::vector<std::string> serving = ports.serving();
  const std::string accepting =
      serving.empty() ? "" : fmt::format("accepting {}", fmt::join(serving, ", "));
  const bool runs = ports.generation() != 0 && !ports.empty();
  Condition ready;
  ready.status = runs;
  ready.reason = runs ? "Listening" : troubles.front().reason;
  ready.message = runs || wrong.empty() || accepting.empty()
                      ? (runs ? accepting : wrong + accepting)
                      : fmt::format("{}; {}", wrong, accepting);
  ready.observed_generation = runs ? ports.generation() : generation;
  resource::Conditions out = resource::conditions_of(std::move(ready));
  if (runs && !troubles.empty()) {
    out.degraded = resource::not_applied(generation, ports.generation(), wrong);
  } else if (const auto warnings = ports.warnings(); !warnings.empty()) {
    out.degraded.status = true;
    out.degraded.reason = warnings.front().reason;
    for (const PortTrouble& warning : warnings)
      out.degraded.message += (out.degraded.message.empty() ? "" : "; ") + warning.message;
  }
  return out;
}

void BrokerService::on_tick() {
  tick_.arm(metrics_interval, [this] { on_tick(); });
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    NodeAddress::post(nodes_[i]->address(),
                      [this, i, alive = alive_, home = nodes_[0]->address()](Node& node) {
                        NodeAddress::post(home, [this, i, alive, counters = node.counters(),
                                                 trouble = node.buffer_trouble()](Node&) {
                          if (!*alive) return;
                          counted_[i] = counters;
                          on_buffer_trouble(i, trouble);
                          if (i + 1 == counted_.size()) {
                            Counters total;
                            for (const Counters& one : counted_) total += one;
                            on_counters(total);
                          }
                        });
                      });
  }
}

void BrokerService::on_buffer_trouble(std::size_t shard, std::string trouble) {
  if (buffer_troubles_[shard] == trouble) return;
  buffer_troubles_[shard] = std::move(trouble);
  for (const auto& [key, broker] : brokers_->all()) controllers_[0]->enqueue(key);
}

void BrokerService::on_counters(const Counters& total) {
  for (const auto& node : nodes_)
    NodeAddress::post(node->address(), [](Node& target) { target.on_second(); });
  hub_->on_tick();
  publish_metrics(total);
  operations_->on_counters(total, settings_.queued_bytes_max);
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

void BrokerService::publish(const std::string& topic, const std::string& payload, bool retain) {
  MessageView message;
  message.topic = topic;
  message.payload = as_bytes(payload);
  message.retain = retain;
  nodes_[0]->publish(message);
}

void BrokerService::stop(net::Task done) {
  stopped_ = std::move(done);
  tick_.cancel();
  operations_->stop();
  admin_->stop();
  controllers_.clear();
  open_.clear();
  access_->stop();
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
