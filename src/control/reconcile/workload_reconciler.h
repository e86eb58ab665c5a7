#pragma once
/// Which services run follows from the resources that there are: a Broker needs the broker, an
/// AssetEndpointProfile the connector for OPC UA, each DataflowProfile a dataflow service of its
/// own.
///
/// On the way of a wish: watch -> here -> control/workload -> the service's own reconcile ->
/// status.
/// Thread: the Loop's.

#include <string>
#include <vector>

#include "control/workload/workload.h"
#include "net/env.h"
#include "resource/controller.h"

namespace wireway::control {

struct WorkloadReconcilerOptions {
  std::string space = std::string(resource::default_namespace);
  std::string api_url = {};           ///< what children are given as --api
  std::string data_folder = {};       ///< what dataflows are given as --data
  std::string token_folder = {};      ///< has a token wireway-<service> for each; "" = none
  std::vector<Workload> always = {};  ///< run whatever the resources say: the demo's simulator
};

class WorkloadReconciler {
 public:
  WorkloadReconciler(net::Env& env, resource::Resources& resources, Runtime& runtime,
                     WorkloadReconcilerOptions options);
  void start() { controller_.start(); }
  /// What should run as far as the resources are known.
  std::vector<Workload> wanted() const;

 private:
  std::vector<std::string> service(const std::string& name) const;

  Runtime& runtime_;
  WorkloadReconcilerOptions options_;
  resource::Controller controller_;
  const resource::Cache* brokers_ = nullptr;
  const resource::Cache* listeners_ = nullptr;
  const resource::Cache* endpoint_profiles_ = nullptr;
  const resource::Cache* dataflow_profiles_ = nullptr;
};

}  // namespace wireway::control
