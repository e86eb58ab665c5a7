#pragma once
/// The connector for OPC UA: reads AssetEndpointProfiles and Assets, watches the tags that they
/// name at their servers, publishes the changes to the broker, and says in `status` how it goes.
///
/// Way of a value: server -> ServerSession (worker) -> DatasetWriter -> EndpointRunner (loop) ->
/// Outbox -> Publisher -> broker. Way of a wish: Controller -> normalise -> EndpointRunner ->
/// Monitor.
///
/// Thread: the Loop's; one worker thread an endpoint
/// Change:  an endpoint that is connected moves to another address only once that one answers; a
///          profile or an asset that cannot be read leaves the one before in place
/// Owns:   controllers, runners, outbox, the client of the broker
/// Limits: see Outbox, Monitor, EndpointRunner
/// Errors: none stops the service; each is a condition of the resource it concerns

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "net/env.h"
#include "resource/controller.h"
#include "resource/resources.h"
#include "resource/status_writer.h"
#include "source/opcua/endpoint_runner.h"
#include "source/opcua/mqtt_publisher.h"
#include "source/opcua/outbox.h"

namespace wireway::source::opcua {

struct OpcuaServiceOptions {
  std::string space = std::string(resource::default_namespace);  ///< "" = every namespace
  std::string name = "default";  ///< in the metrics topic and the MQTT client id
  /// absent = the first plain Mqtt port of a BrokerListener
  std::optional<net::Endpoint> broker;
  PublisherFactory make_publisher;  ///< empty = link::MqttClient
};

class OpcuaService {
 public:
  static constexpr Duration metrics_interval = std::chrono::seconds{1};
  static constexpr Duration status_interval = std::chrono::seconds{5};
  static constexpr Duration first_value_patience = std::chrono::seconds{10};
  static constexpr Duration idle_after = std::chrono::seconds{60};

  OpcuaService(net::Env& env, resource::Resources& resources, OpcuaServiceOptions options);
  ~OpcuaService();
  OpcuaService(const OpcuaService&) = delete;
  OpcuaService& operator=(const OpcuaService&) = delete;

  void start();
  /// Ends sessions and the broker's connection; `done` comes from the loop.
  void stop(std::function<void()> done);

 private:
  struct AssetEntry;
  struct EndpointEntry;

  resource::Step reconcile(const resource::ObjectKey& endpoint);
  resource::Step find_broker();
  void use_broker(std::optional<net::Endpoint> broker);
  void retire(EndpointEntry& entry);
  std::map<resource::ObjectKey, AssetEntry> entries_for(const resource::ObjectKey& endpoint,
                                                        const SamplingModel& defaults,
                                                        EndpointEntry& before) const;
  std::unique_ptr<EndpointRunner> make_runner(EndpointEntry& entry, EndpointModel model);
  /// Makes the wished model run, at once or beside the one that is connected elsewhere.
  void run_endpoint(EndpointEntry& entry);
  void set_assets(EndpointEntry& entry);
  void on_runner_changed(EndpointEntry& entry);
  /// Of a profile for another connector; false if that one has spoken already.
  bool say_foreign(EndpointEntry& entry);
  void take_delivery(EndpointEntry& entry, Delivery delivery);
  void write_statuses(EndpointEntry& entry);
  void write_endpoint_status(EndpointEntry& entry);
  resource::Conditions endpoint_says(const EndpointEntry& entry) const;
  resource::Condition asset_ready(EndpointEntry& entry, AssetEntry& asset);
  void on_tick();
  json::object metrics() const;

  net::Env& env_;
  resource::Resources& resources_;
  const OpcuaServiceOptions options_;
  const WallTime started_;
  resource::StatusWriter status_;
  Outbox outbox_;
  std::unique_ptr<Publisher> publisher_;
  std::optional<net::Endpoint> broker_;
  std::map<resource::ObjectKey, std::unique_ptr<EndpointEntry>> endpoints_;
  std::unique_ptr<resource::Controller> controller_;
  std::unique_ptr<resource::Controller> broker_controller_;
  const resource::Cache* profiles_ = nullptr;
  const resource::Cache* assets_ = nullptr;
  const resource::Cache* listeners_ = nullptr;
  net::Timer tick_;
  MonoTime next_status_;
};

}  // namespace wireway::source::opcua
