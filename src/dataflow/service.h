#pragma once
/// The dataflow service: keeps a Pipeline running for every Dataflow of one profile, and says in
/// `status` how each fares.
///
/// Source:  spec dataflows 1 and 7; docs/reference/dataflow-language.md
/// Thread:  the Loop of its Env
/// Change:  a changed dataflow is built first, and a broker that it shall move to is tried; only
///          when that succeeds does it replace the one that runs, under the same session, so that
///          nothing is lost. One that cannot be built leaves the one that runs in place. The others
///          notice nothing.
/// Writes:  status of Dataflow, DataflowEndpoint and DataflowProfile, when something changed;
///          `$wireway/metrics/dataflow/<profile>` once a second

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "flow/door.h"
#include "resource/resources.h"

namespace wireway::dataflow {

struct DataflowServiceOptions {
  std::string space{resource::default_namespace};
  std::string profile = "default";
  unsigned instance = 0;  ///< of several that share the work (instanceCount)
  /// How to make the sinks, by endpointType: "Mqtt", "LocalStorage".
  std::map<std::string, flow::SinkFactory> sinks;
  std::string data_folder;
  /// The local broker, if it is not to be found by its BrokerListener.
  std::optional<net::Endpoint> broker;
};

class DataflowService {
 public:
  DataflowService(net::Env& env, resource::Resources& resources, DataflowServiceOptions options);
  ~DataflowService();
  DataflowService(const DataflowService&) = delete;
  DataflowService& operator=(const DataflowService&) = delete;

  void start();
  /// Lets the sinks finish what they have (a few seconds at most); `done` comes once.
  void stop(net::Task done);

  /// What is published as metrics.
  json::object metrics() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wireway::dataflow
