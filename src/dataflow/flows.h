#pragma once
/// The running dataflows of one profile: builds a Pipeline from a plan and its endpoints, swaps it
/// for the one before, ends it. One that runs well moves to another broker only once that one
/// answers.
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
#include "dataflow/trial.h"
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
  std::int64_t generation = 0;  ///< of the Dataflow
};

class Flows {
 public:
  using OnHealth = std::move_only_function<void(const resource::ObjectKey&)>;

  Flows(net::Env& env, const DataflowServiceOptions& options, OnHealth on_health_changed);

  /// Makes `wanted` run, if it does not already; false while a trial of its brokers goes on.
  /// Errors: nothing has changed; the one before still runs.
  Result<bool> bring_up(const resource::ObjectKey& key, Wanted wanted);
  /// Ends it for good; its session takes no more messages.
  void end(const resource::ObjectKey& key);
  /// Ends all, sessions kept for the next start; `done` comes once.
  void end_all(net::Task done);

  bool runs(const resource::ObjectKey& key) const { return running_.contains(key); }
  /// True while an ended one of this name still finishes.
  bool is_ending(const resource::ObjectKey& key) const;
  std::size_t count() const { return running_.size(); }
  /// Of the Dataflow that a running one was made from.
  std::int64_t generation(const resource::ObjectKey& key) const;
  /// The oldest generation of this DataflowEndpoint that a dataflow runs with; nullopt = none does.
  std::optional<std::int64_t> endpoint_generation(const std::string& endpoint) const;
  /// Why a trial of this endpoint has not passed yet; empty if there is none.
  std::string trial_trouble(const std::string& endpoint) const;

  /// Of a running dataflow: the first of its two ends that is not well, else Running.
  flow::Health health(const resource::ObjectKey& key) const;
  /// The first trouble that a dataflow has with this endpoint.
  std::optional<flow::Health> trouble_with(const std::string& endpoint) const;
  json::object metrics() const;

 private:
  /// What is known of an end of a running dataflow.
  struct End {
    std::string endpoint;
    std::int64_t generation = 0;  ///< of the DataflowEndpoint
    std::optional<net::Endpoint> server;
  };
  struct Running {
    std::string signature;
    std::int64_t generation = 0;
    End source;
    End destination;
    std::string description;
    std::unique_ptr<Ledger> ledger;
    std::unique_ptr<Pipeline> pipeline;
  };
  struct Tried {
    std::string signature;
    std::unique_ptr<Trial> trial;
  };
  struct Ending {
    resource::ObjectKey key;
    Running running;
  };

  Result<std::unique_ptr<flow::Sink>> make_sink(const resource::ObjectKey& key,
                                                const Wanted& wanted);
  PipelineOptions options_for(const Wanted& wanted) const;
  static End end_of(const EndpointPlan& plan);
  Result<bool> may_move(const resource::ObjectKey& key, const Wanted& wanted,
                        const std::string& signature);
  void end(const resource::ObjectKey& key, Pipeline::End how);

  net::Env& env_;
  const DataflowServiceOptions& options_;
  OnHealth on_health_changed_;
  std::map<resource::ObjectKey, Running> running_;
  std::map<resource::ObjectKey, Tried> trials_;
  std::list<Ending> ending_;
  net::Task all_ended_;  ///< of end_all()
};

}  // namespace wireway::dataflow
