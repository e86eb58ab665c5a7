#pragma once
/// The running dataflows of one profile: builds a Pipeline from a plan and its endpoints, swaps it
/// for the one before, ends it.
///
/// Thread: the Loop of its Env
/// Owns:   the Pipelines and their Ledgers

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "dataflow/pipeline.h"
#include "dataflow/plan/endpoint.h"
#include "dataflow/plan/plan.h"
#include "dataflow/service.h"
#include "resource/kind.h"

namespace wireway::dataflow {

/// All that a Pipeline is made from, resolved.
struct Wanted {
  DataflowPlan plan;
  EndpointPlan source;
  EndpointPlan destination;
  std::vector<std::string> filters;
  std::optional<json::value> schema;  ///< of the destination's columns, from a ConfigMap
  unsigned instance_count = 1;
};

class Flows {
 public:
  using OnHealth = std::move_only_function<void(const resource::ObjectKey&)>;

  Flows(net::Env& env, const DataflowServiceOptions& options, OnHealth on_health_changed);

  /// Makes `wanted` run, if it does not already. Errors: nothing has changed; the one before still
  /// runs.
  Result<> bring_up(const resource::ObjectKey& key, Wanted wanted);
  /// Ends it for good; its session takes no more messages.
  void end(const resource::ObjectKey& key);
  /// Ends all, sessions kept for the next start; `done` comes once.
  void end_all(net::Task done);

  bool runs(const resource::ObjectKey& key) const { return running_.contains(key); }
  /// True while an ended one of this name still finishes.
  bool is_ending(const resource::ObjectKey& key) const;
  std::size_t count() const { return running_.size(); }

  /// Of a running dataflow: the first of its two ends that is not well, else Running.
  flow::Health health(const resource::ObjectKey& key) const;
  /// The first trouble that a dataflow has with this endpoint.
  std::optional<flow::Health> trouble_with(const std::string& endpoint) const;
  json::object metrics() const;

 private:
  struct Running {
    std::string signature;
    std::string source_endpoint;
    std::string destination_endpoint;
    std::string description;
    std::unique_ptr<Ledger> ledger;
    std::unique_ptr<Pipeline> pipeline;
  };
  struct Ending {
    resource::ObjectKey key;
    Running running;
  };

  Result<std::unique_ptr<flow::Sink>> make_sink(const resource::ObjectKey& key,
                                                const Wanted& wanted);
  PipelineOptions options_for(const Wanted& wanted) const;
  void end(const resource::ObjectKey& key, Pipeline::End how);

  net::Env& env_;
  const DataflowServiceOptions& options_;
  OnHealth on_health_changed_;
  std::map<resource::ObjectKey, Running> running_;
  std::list<Ending> ending_;
  net::Task all_ended_;  ///< of end_all()
};

}  // namespace wireway::dataflow
