// Goal: what runs follows from what there is, and the demo never overwrites a user's change.
// Method: MemoryResources and a runtime that only remembers what is wanted.

#include <filesystem>

#include <gtest/gtest.h>

#include "control/reconcile/demo.h"
#include "control/reconcile/workload_reconciler.h"
#include "net/os/test_loop.h"
#include "resource/kind_table.h"
#include "resource/memory_resources.h"

namespace wireway::control {
namespace {

class RememberingRuntime final : public Runtime {
 public:
  void want(const std::vector<Workload>& workloads) override {
    ++calls;
    wanted.clear();
    for (const Workload& workload : workloads) wanted[workload.name] = workload;
  }
  void stop(std::function<void()> done) override { done(); }
  std::map<std::string, Workload> wanted;
  int calls = 0;
};

json::value object_of(const resource::Kind& kind, std::string_view name) {
  return {{"apiVersion", resource::api_version(kind)},
          {"kind", kind.kind},
          {"metadata", {{"name", name}, {"namespace", resource::default_namespace}}},
          {"spec", json::object{}}};
}

resource::ObjectKey key_of(std::string_view name) {
  return {std::string(resource::default_namespace), std::string(name)};
}

class ReconcileTest : public ::testing::Test {
 protected:
  bool until(std::move_only_function<bool()> condition) {
    return net::turn_until(loop, std::move(condition));
  }
  void start(WorkloadReconcilerOptions options = {}) {
    options.api_url = "http://api";
    options.data_folder = "/data";
    reconciler = std::make_unique<WorkloadReconciler>(env, resources, runtime, std::move(options));
    reconciler->start();
  }

  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  resource::MemoryResources resources{loop};
  RememberingRuntime runtime;
  std::unique_ptr<WorkloadReconciler> reconciler;
};

TEST_F(ReconcileTest, runs_nothing_without_resources) {
  start();
  ASSERT_TRUE(until([&] { return runtime.calls > 0; }));
  EXPECT_TRUE(runtime.wanted.empty());
}

TEST_F(ReconcileTest, runs_what_the_resources_need) {
  resources.put(object_of(resource::broker, "default"));
  resources.put(object_of(resource::broker_listener, "default"));
  resources.put(object_of(resource::asset_endpoint_profile, "plc"));
  resources.put(object_of(resource::dataflow_profile, "default"));
  resources.put(object_of(resource::dataflow_profile, "night"));
  start();
  ASSERT_TRUE(until([&] { return runtime.wanted.size() == 4; }));
  const std::vector<std::string> broker{
      "broker", "--api", "http://api", "--namespace", "azure-iot-operations", "--data", "/data"};
  EXPECT_EQ(runtime.wanted["broker"].arguments, broker);
  EXPECT_EQ(runtime.wanted["broker"].owners.size(), 2U) << "the Broker and its listener";
  const std::vector<std::string> night{
      "dataflow",  "--api", "http://api", "--namespace", "azure-iot-operations",
      "--profile", "night", "--data",     "/data"};
  EXPECT_EQ(runtime.wanted["dataflow-night"].arguments, night);
  EXPECT_TRUE(runtime.wanted.contains("dataflow"));
  EXPECT_GT(runtime.wanted["opcua"].wave, runtime.wanted["dataflow"].wave);
  EXPECT_GT(runtime.wanted["dataflow"].wave, runtime.wanted["broker"].wave);
}

TEST_F(ReconcileTest, follows_resources_that_come_and_go) {
  start({.always = {{.name = "simulator", .arguments = {"simulate", "plc"}}}});
  ASSERT_TRUE(until([&] { return runtime.wanted.contains("simulator"); }));
  resources.put(object_of(resource::asset_endpoint_profile, "one"));
  ASSERT_TRUE(until([&] { return runtime.wanted.contains("opcua"); }));
  resources.put(object_of(resource::asset_endpoint_profile, "two"));
  ASSERT_TRUE(until([&] { return runtime.wanted["opcua"].owners.size() == 2; }));
  resources.erase(resource::asset_endpoint_profile, key_of("one"));
  resources.erase(resource::asset_endpoint_profile, key_of("two"));
  ASSERT_TRUE(until([&] { return !runtime.wanted.contains("opcua"); }));
  EXPECT_TRUE(runtime.wanted.contains("simulator"));
}

TEST_F(ReconcileTest, demo_is_valid_complete_and_keeps_what_a_user_has_changed) {
  const resource::KindTable kinds;
  for (const json::value& manifest : demo_manifests(50001))
    EXPECT_EQ(kinds.problems(manifest), std::vector<std::string>{}) << json::serialize(manifest);
  json::value changed = object_of(resource::asset, "oven");
  changed.at("spec").as_object()["displayName"] = "mine";
  resources.put(changed);
  Demo demo(env, resources, 50001);
  demo.start();
  ASSERT_TRUE(until([&] {
    return resources.object(resource::dataflow, key_of("oven-alerts")) != nullptr &&
           resources.object(resource::asset, key_of("boiler")) != nullptr;
  }));
  EXPECT_EQ(text_at(*resources.object(resource::asset, key_of("oven")), {"spec", "displayName"}),
            "mine");
  const json::value* plc =
      resources.object(resource::asset_endpoint_profile, key_of("plc-simulator"));
  ASSERT_NE(plc, nullptr);
  EXPECT_EQ(text_at(*plc, {"spec", "targetAddress"}), "opc.tcp://127.0.0.1:50001");
}

}  // namespace
}  // namespace wireway::control
