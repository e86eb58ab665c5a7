// Goal: what no service acts on says so, once, and never against somebody who does.
// Method: objects in memory; every write to a status is counted by what watchers see.

#include "control/reconcile/not_served.h"

#include <gtest/gtest.h>

#include "net/os/test_loop.h"
#include "resource/kind_table.h"
#include "resource/memory_resources.h"

namespace wireway::control {
namespace {

constexpr resource::Kind lnm{"layerednetworkmgmt.iotoperations.azure.com", "v1beta1", "Lnm",
                             "lnms"};

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

resource::ObjectKey key_of(std::string_view name) {
  return {std::string(resource::default_namespace), std::string(name)};
}

json::value object_of(const resource::Kind& kind, std::string_view name, int level = 1) {
  return {{"apiVersion", resource::api_version(kind)},
          {"kind", kind.kind},
          {"metadata", {{"name", name}, {"namespace", resource::default_namespace}}},
          {"spec", {{"level", level}}}};
}

class NotServedTest : public ::testing::Test {
 protected:
  bool until(std::move_only_function<bool()> condition) {
    return net::turn_until(loop, std::move(condition));
  }
  std::string reason(const resource::Kind& kind, std::string_view name) {
    return text_at(resources.ready(kind, key_of(name)), {"reason"});
  }
  std::int64_t observed(std::string_view name) {
    return int_at(resources.ready(lnm, key_of(name)), {"observedGeneration"}, 0);
  }
  /// Whatever the reconciler had to do is done: an object put later has its condition.
  void settle() {
    const std::string last = "zz" + std::to_string(++settled);
    resources.put(object_of(lnm, last));
    ASSERT_TRUE(until([&] { return reason(lnm, last) == "NotServedYet"; }));
  }

  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  CountingResources resources{loop};
  NotServed reconciler{env, resources};
  int settled = 0;
};

TEST_F(NotServedTest, says_what_is_accepted_and_what_will_happen) {
  resources.put(object_of(lnm, "one"));
  reconciler.start();
  ASSERT_TRUE(until([&] { return reason(lnm, "one") == "NotServedYet"; }));
  const json::value ready = resources.ready(lnm, key_of("one"));
  EXPECT_EQ(text_at(ready, {"status"}), "False");
  EXPECT_EQ(observed("one"), 1);
  const std::string message = text_at(ready, {"message"});
  EXPECT_TRUE(message.contains("valid and stored")) << message;
  EXPECT_TRUE(message.contains("no service for layerednetworkmgmt.iotoperations.azure.com Lnm"))
      << message;
}

TEST_F(NotServedTest, follows_the_generation_and_writes_only_on_change) {
  resources.put(object_of(lnm, "one"));
  reconciler.start();
  ASSERT_TRUE(until([&] { return observed("one") == 1; }));
  settle();
  EXPECT_EQ(resources.writes, 2) << "one for each object";
  resources.put(object_of(lnm, "one", 2));
  ASSERT_TRUE(until([&] { return observed("one") == 2; }));
  settle();
  EXPECT_EQ(resources.writes, 4);
}

TEST_F(NotServedTest, leaves_alone_who_serves_the_kind) {
  resources.put(object_of(lnm, "one"));
  resource::Condition running;
  running.status = true;
  running.reason = "Running";
  resources.patch_status(lnm, key_of("one"),
                         resource::status_with(running, nullptr, loop.wall_now()));
  reconciler.start();
  settle();
  EXPECT_EQ(reason(lnm, "one"), "Running");
  resources.put(object_of(lnm, "one", 2));
  settle();
  EXPECT_EQ(reason(lnm, "one"), "Running");
}

TEST_F(NotServedTest, leaves_alone_the_kinds_that_have_a_service) {
  resources.put(object_of(resource::asset, "oven"));
  resources.put(object_of(resource::broker_authentication, "authn"));
  reconciler.start();
  settle();
  EXPECT_EQ(reason(resource::asset, "oven"), "");
  EXPECT_EQ(reason(resource::broker_authentication, "authn"), "");
}

TEST_F(NotServedTest, tells_ten_thousand_objects) {
  constexpr int objects = 10'000;
  for (int i = 0; i < objects; ++i) resources.put(object_of(lnm, "lnm" + std::to_string(i)));
  reconciler.start();
  ASSERT_TRUE(until([&] { return resources.writes == objects; }));
  settle();
  EXPECT_EQ(resources.writes, objects + 1);
}

TEST(UnservedKinds, are_all_without_a_service_and_can_say_it) {
  const resource::KindTable kinds;
  const auto unserved = unserved_kinds();
  EXPECT_GT(unserved.size(), 10U);
  for (const UnservedKind& kind : unserved) {
    EXPECT_FALSE(kind.kind == "Dataflow" || kind.kind == "DataflowProfile") << kind.group;
    const resource::KindEntry* entry = kinds.find(kind.group, kind.kind);
    ASSERT_NE(entry, nullptr) << kind.kind;
    json::value object{
        {"status",
         resource::status_with({.reason = "NotServedYet", .message = "m", .observed_generation = 1},
                               nullptr, WallTime{})}};
    EXPECT_EQ(entry->schema->prune(object), std::vector<std::string>{}) << kind.kind;
  }
}

}  // namespace
}  // namespace wireway::control
