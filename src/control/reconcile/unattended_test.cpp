// Goal: an object that no service looks at says so with its remedy, and never against a service.
// Method: objects in memory; every write to a status is counted.

#include "control/reconcile/unattended.h"

#include <gtest/gtest.h>

#include "net/os/test_loop.h"
#include "resource/memory_resources.h"

namespace wireway::control {
namespace {

class CountingResources final : public resource::MemoryResources {
 public:
  using MemoryResources::MemoryResources;
  void patch_status(const resource::Kind& kind, const resource::ObjectKey& key,
                    json::object status) override {
    ++writes;
    MemoryResources::patch_status(kind, key, std::move(status));
  }
  int writes = 0;
};

json::value object_of(const resource::Kind& kind, std::string_view name, json::object spec = {},
                      std::string_view space = resource::default_namespace) {
  return {{"apiVersion", resource::api_version(kind)},
          {"kind", kind.kind},
          {"metadata", {{"name", name}, {"namespace", space}}},
          {"spec", std::move(spec)}};
}

resource::ObjectKey key_of(std::string_view name) {
  return {std::string(resource::default_namespace), std::string(name)};
}

class UnattendedTest : public ::testing::Test {
 protected:
  bool until(std::move_only_function<bool()> condition) {
    return net::turn_until(loop, std::move(condition));
  }
  std::string ready(const resource::Kind& kind, std::string_view name, std::string_view field,
                    std::string_view space = resource::default_namespace) {
    return text_at(resources.ready(kind, {std::string(space), std::string(name)}), {field});
  }
  bool comes_to(const resource::Kind& kind, std::string_view name, std::string_view reason) {
    const bool came = until([&] { return ready(kind, name, "reason") == reason; });
    EXPECT_TRUE(came) << name << ": " << ready(kind, name, "reason");
    return came;
  }
  /// Whatever had to be said is said: what an object that is put now has to say was.
  void settle() {
    const std::string last = "zz" + std::to_string(++settled);
    resources.put(object_of(resource::dataflow, last, {{"profileRef", "nowhere"}}));
    ASSERT_TRUE(comes_to(resource::dataflow, last, "ProfileMissing"));
  }

  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  CountingResources resources{loop};
  Unattended unattended{env, resources, std::string(resource::default_namespace)};
  int settled = 0;
};

TEST_F(UnattendedTest, names_the_missing_profile_of_a_dataflow_and_what_to_do) {
  resources.put(object_of(resource::dataflow_profile, "default"));
  resources.put(object_of(resource::dataflow, "f", {{"profileRef", "night"}}));
  unattended.start();
  ASSERT_TRUE(comes_to(resource::dataflow, "f", "ProfileMissing"));
  EXPECT_EQ(ready(resource::dataflow, "f", "status"), "False");
  EXPECT_TRUE(ready(resource::dataflow, "f", "message").contains("DataflowProfile night"));
  EXPECT_EQ(ready(resource::dataflow, "f", "recommendedAction"),
            "create DataflowProfile night, or correct spec.profileRef");
  EXPECT_EQ(int_at(resources.ready(resource::dataflow, key_of("f")), {"observedGeneration"}, 0), 1);
}

TEST_F(UnattendedTest, names_a_profile_that_goes_away) {
  resources.put(object_of(resource::dataflow_profile, "night"));
  resources.put(object_of(resource::dataflow, "f", {{"profileRef", "night"}}));
  unattended.start();
  settle();
  EXPECT_EQ(ready(resource::dataflow, "f", "reason"), "") << "its service will say";
  resources.erase(resource::dataflow_profile, key_of("night"));
  EXPECT_TRUE(comes_to(resource::dataflow, "f", "ProfileMissing"));
}

TEST_F(UnattendedTest, says_of_endpoints_that_no_dataflow_service_runs) {
  resources.put(object_of(resource::dataflow_endpoint, "lake"));
  unattended.start();
  EXPECT_TRUE(comes_to(resource::dataflow_endpoint, "lake", "ProfileMissing"));
}

TEST_F(UnattendedTest, says_of_listeners_and_their_rules_that_there_is_no_broker) {
  resources.put(object_of(resource::broker_listener, "plain", {{"brokerRef", "default"}}));
  resources.put(object_of(resource::broker_authentication, "authn"));
  resources.put(object_of(resource::broker_authorization, "authz"));
  unattended.start();
  EXPECT_TRUE(comes_to(resource::broker_listener, "plain", "BrokerMissing"));
  EXPECT_TRUE(comes_to(resource::broker_authentication, "authn", "BrokerMissing"));
  EXPECT_TRUE(comes_to(resource::broker_authorization, "authz", "BrokerMissing"));
}

TEST_F(UnattendedTest, says_of_an_asset_that_no_connector_runs) {
  resources.put(object_of(resource::asset, "oven", {{"assetEndpointProfileRef", "plc"}}));
  unattended.start();
  ASSERT_TRUE(comes_to(resource::asset, "oven", "EndpointMissing"));
  EXPECT_TRUE(ready(resource::asset, "oven", "message").contains("AssetEndpointProfile plc"));
}

TEST_F(UnattendedTest, names_the_namespace_that_services_look_at) {
  resources.put(object_of(resource::broker, "default", {}, "elsewhere"));
  unattended.start();
  ASSERT_TRUE(until([&] {
    return ready(resource::broker, "default", "reason", "elsewhere") == "NamespaceNotServed";
  }));
  EXPECT_TRUE(ready(resource::broker, "default", "message", "elsewhere")
                  .contains("look at namespace azure-iot-operations only"));
}

TEST_F(UnattendedTest, leaves_to_services_what_they_look_at) {
  for (const resource::Kind& kind : {resource::broker, resource::dataflow_profile,
                                     resource::asset_endpoint_profile, resource::dataflow_endpoint})
    resources.put(object_of(kind, "default"));
  resources.put(object_of(resource::broker_listener, "l", {{"brokerRef", "other"}}));
  resources.put(object_of(resource::asset, "a", {{"assetEndpointProfileRef", "other"}}));
  resources.put(object_of(resource::dataflow, "f", {{"profileRef", "default"}}));
  unattended.start();
  settle();
  EXPECT_EQ(resources.writes, 1) << "of the object that settles";
}

TEST_F(UnattendedTest, writes_once_and_anew_for_each_generation) {
  resources.put(object_of(resource::dataflow, "f", {{"profileRef", "night"}}));
  unattended.start();
  ASSERT_TRUE(comes_to(resource::dataflow, "f", "ProfileMissing"));
  settle();
  EXPECT_EQ(resources.writes, 2);
  resources.put(object_of(resource::dataflow, "f", {{"profileRef", "day"}}));
  ASSERT_TRUE(until(
      [&] { return ready(resource::dataflow, "f", "message").contains("DataflowProfile day"); }));
  EXPECT_EQ(resources.writes, 3);
}

TEST_F(UnattendedTest, tells_ten_thousand_objects) {
  constexpr int objects = 10'000;
  for (int i = 0; i < objects; ++i)
    resources.put(object_of(resource::asset, "a" + std::to_string(i)));
  unattended.start();
  ASSERT_TRUE(until([&] { return resources.writes == objects; }));
  settle();
  EXPECT_EQ(resources.writes, objects + 1);
}

}  // namespace
}  // namespace wireway::control
