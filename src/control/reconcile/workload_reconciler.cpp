#include "control/reconcile/workload_reconciler.h"

#include <fmt/format.h>

namespace wireway::control {
namespace {

/// What stops first writes to what stops later.
constexpr int wave_of_sources = 2;
constexpr int wave_of_dataflows = 1;
constexpr int wave_of_broker = 0;

std::vector<Owner> owners_of(const resource::Kind& kind, const resource::Cache& cache) {
  std::vector<Owner> out;
  for (const auto& [key, object] : cache.all()) out.push_back({kind, key});
  return out;
}

/// Everything leads to the one question what should run.
std::vector<resource::ObjectKey> to_one_key(const json::value&) {
  return {resource::ObjectKey{"", "workloads"}};
}

}  // namespace

WorkloadReconciler::WorkloadReconciler(net::Env& env, resource::Resources& resources,
                                       Runtime& runtime, WorkloadReconcilerOptions options)
    : runtime_(runtime),
      options_(std::move(options)),
      controller_(env, resources, "workloads", [this](const resource::ObjectKey&) {
        runtime_.want(wanted());
        return resource::Step{};
      }) {
  const auto watch = [this](const resource::Kind& kind) {
    return &controller_.watch(kind, options_.space, to_one_key);
  };
  brokers_ = watch(resource::broker);
  listeners_ = watch(resource::broker_listener);
  endpoint_profiles_ = watch(resource::asset_endpoint_profile);
  dataflow_profiles_ = watch(resource::dataflow_profile);
  controller_.enqueue({"", "workloads"});
}

std::vector<std::string> WorkloadReconciler::service(const std::string& name) const {
  std::vector<std::string> out{name, "--api", options_.api_url, "--namespace", options_.space};
  if (options_.token_folder.empty()) return out;
  out.insert(out.end(), {"--token-file", options_.token_folder + "/wireway-" + name});
  return out;
}

std::vector<Workload> WorkloadReconciler::wanted() const {
  std::vector<Workload> out = options_.always;
  if (!brokers_->all().empty()) {
    Workload broker{.name = "broker", .arguments = service("broker"), .wave = wave_of_broker};
    broker.arguments.insert(broker.arguments.end(), {"--data", options_.data_folder});
    broker.owners = owners_of(resource::broker, *brokers_);
    for (Owner& owner : owners_of(resource::broker_listener, *listeners_))
      broker.owners.push_back(std::move(owner));
    out.push_back(std::move(broker));
  }
  for (const auto& [key, profile] : dataflow_profiles_->all()) {
    Workload dataflow{
        .name = "dataflow", .arguments = service("dataflow"), .wave = wave_of_dataflows};
    if (key.name != "default") dataflow.name += "-" + key.name;
    for (const std::string& argument :
         {std::string("--profile"), key.name, std::string("--data"), options_.data_folder})
      dataflow.arguments.push_back(argument);
    dataflow.owners = {{resource::dataflow_profile, key}};
    out.push_back(std::move(dataflow));
  }
  if (!endpoint_profiles_->all().empty()) {
    Workload opcua{.name = "opcua", .arguments = service("opcua"), .wave = wave_of_sources};
    opcua.owners = owners_of(resource::asset_endpoint_profile, *endpoint_profiles_);
    out.push_back(std::move(opcua));
  }
  return out;
}

}  // namespace wireway::control
