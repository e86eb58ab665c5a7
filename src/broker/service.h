#pragma once
/// The broker as a service: Broker and BrokerListener resources say what it is, their status says
/// how it is.
///
/// Way of a wish: Controller -> plan.h -> listeners opened, changed and closed one by one; clients
/// of ports that did not change notice nothing.
///
/// Thread: shard 0's loop; Nodes live on their own shards
/// Owns:   the nodes and the listeners
/// Limits: Settings; what of Broker changes live: memoryProfile and advanced.clients (for what
///         happens from then on) and diagnostics.logs.level; persistence within the bounds of
///         journal_hub.h. With another cardinality the service asks to be built anew
///         (BrokerServiceOptions::reshard), before it has opened anything or when a journal keeps
///         all that it has promised; else that waits for the next start.
/// Errors: a port that cannot be opened is a condition of its listener and is tried again; what
///         the listener had open before stays (ports.h), others go on

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/access_service.h"
#include "broker/admin.h"
#include "broker/journal_hub.h"
#include "broker/node.h"
#include "broker/operations.h"
#include "broker/plan.h"
#include "broker/ports.h"
#include "net/shards.h"
#include "resource/controller.h"
#include "resource/status_writer.h"

namespace wireway::broker {

struct BrokerServiceOptions {
  std::string space = std::string(resource::default_namespace);  ///< "" = every namespace
  OperationsOptions operations = {};
  link::HttpClient* http = nullptr;  ///< for BrokerAuthentication's Custom; none = not served
  std::string folder = {};           ///< of the broker's own files; empty = no view of clients
  /// Of the whole process, in equal parts on its shards; 0 = what Node takes.
  std::size_t connections_max = 0;
  /// Most shards that a Broker's cardinality can ask for, the number without one; 0 = how many
  /// there are is settled.
  std::size_t shards_max = 0;
  /// The Broker asks for so many: the service is to be stopped, and one on so many started.
  std::move_only_function<void(std::size_t)> reshard = {};
};

class BrokerService {
 public:
  static constexpr Duration metrics_interval = std::chrono::seconds{1};
  static constexpr Duration port_retry = std::chrono::seconds{2};
  /// So long nobody is told that the API has not answered yet.
  static constexpr Duration quiet_start = std::chrono::seconds{5};
  static constexpr Duration goodbye_patience = std::chrono::seconds{2};

  BrokerService(net::Shards& shards, resource::Resources& resources, BrokerServiceOptions options);
  /// After stop(), unless all shards run on the caller's loop.
  ~BrokerService();
  BrokerService(const BrokerService&) = delete;
  BrokerService& operator=(const BrokerService&) = delete;

  void start();
  /// Closes ports and connections, takes the nodes down on their shards; `done` comes from the
  /// loop.
  void stop(net::Task done);

 private:
  struct OpenListener {
    OpenListener(net::Env& env, Node& door, AccessService& access) : ports(env, door, access) {}
    Ports ports;
    std::string broker;  ///< whose it was when its ports were opened
  };

  resource::Step reconcile_broker(const resource::ObjectKey& key);
  resource::Step reconcile_listener(const resource::ObjectKey& key);
  /// What to say of a cardinality that waits, or empty; nothing if it takes effect now.
  std::optional<std::string> look_at_cardinality(const json::value& broker);
  void look_at_listeners();
  void say_waiting(const resource::ObjectKey& key);
  bool has_broker(const std::string& space, const std::string& name) const;
  std::vector<PortPlan> plan_of(const json::value& listener) const;
  std::vector<PortTrouble> bring_up(const resource::ObjectKey& key, const json::value& listener);
  static resource::Conditions listener_says(const Ports& ports, std::int64_t generation,
                                            const std::vector<PortTrouble>& troubles);
  void on_tick();
  void on_counters(const Counters& counters);
  void on_buffer_trouble(std::size_t shard, std::string trouble);
  void publish_metrics(const Counters& total);
  bool is_public(const std::string& space, const std::string& broker) const;
  void publish(const std::string& topic, const std::string& payload, bool retain);
  void wait_for_goodbyes(MonoTime deadline);
  void take_nodes_down();

  net::Shards& shards_;
  net::Env& env_;
  resource::Resources& resources_;
  BrokerServiceOptions options_;
  const WallTime started_;
  const MonoTime began_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unique_ptr<JournalHub> hub_;
  std::unique_ptr<Operations> operations_;
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<AccessService> access_;
  std::map<resource::ObjectKey, OpenListener> open_;
  resource::StatusWriter status_;
  std::vector<std::unique_ptr<resource::Controller>> controllers_;
  bool has_begun_ = false;  ///< a Broker is in force
  const resource::Cache* brokers_ = nullptr;
  const resource::Cache* listeners_ = nullptr;
  std::string broker_name_ = "default";
  Settings settings_;
  std::vector<Counters> counted_;
  std::vector<std::string> buffer_troubles_;  ///< by shard
  net::Timer tick_;
  net::Timer goodbye_;
  net::Task stopped_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace wireway::broker
