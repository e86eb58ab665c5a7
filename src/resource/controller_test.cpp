// Goal: the controller's contract (keys de-duplicated, retry per key, caches current, dependants
//       woken).
// Method: a real loop and MemoryResources; reconcile functions that count.

#include "resource/controller.h"

#include <gtest/gtest.h>

#include "net/os/test_loop.h"
#include "resource/memory_resources.h"

namespace wireway::resource {
namespace {

json::value object_of(std::string_view kind, std::string_view name, json::object spec) {
  return {{"apiVersion", "connectivity.iotoperations.azure.com/v1"},
          {"kind", kind},
          {"metadata", {{"name", name}, {"namespace", "n"}}},
          {"spec", std::move(spec)}};
}

class ControllerTest : public ::testing::Test {
 protected:
  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  MemoryResources resources{loop};
  std::map<ObjectKey, int> steps;
};

TEST_F(ControllerTest, reconciles_each_object_once_after_the_first_list) {
  resources.put(object_of("Dataflow", "a", {}));
  resources.put(object_of("Dataflow", "b", {}));
  Controller controller(env, resources, "test", [&](const ObjectKey& key) {
    ++steps[key];
    return Step{};
  });
  const Cache& cache = controller.watch(dataflow, "");
  controller.start();
  ASSERT_TRUE(net::turn_until(loop, [&] { return steps.size() == 2; }));
  EXPECT_EQ(cache.all().size(), 2U);
  EXPECT_EQ((steps[{"n", "a"}]), 1);
}

TEST_F(ControllerTest, retries_a_failing_key_while_others_go_on) {
  resources.put(object_of("Dataflow", "bad", {}));
  Controller controller(env, resources, "test", [&](const ObjectKey& key) -> Step {
    if (++steps[key] < 3 && key.name == "bad")
      return {.again_after = {}, .error = Error{Errc::unavailable, "not yet"}};
    return {};
  });
  controller.watch(dataflow, "");
  controller.start();
  ASSERT_TRUE(net::turn_until(loop, [&] { return steps[{"n", "bad"}] == 1; }));
  resources.put(object_of("Dataflow", "good", {}));
  ASSERT_TRUE(net::turn_until(loop, [&] { return steps[{"n", "good"}] == 1; }));
  ASSERT_TRUE(net::turn_until(loop, [&] { return steps[{"n", "bad"}] == 3; }));
}

TEST_F(ControllerTest, wakes_what_an_object_refers_to_now_and_what_it_referred_to_before) {
  Controller controller(env, resources, "test", [&](const ObjectKey& key) {
    ++steps[key];
    return Step{};
  });
  controller.watch(dataflow, "", [](const json::value& object) {
    return std::vector<ObjectKey>{{"n", text_at(object, {"spec", "profileRef"})}};
  });
  controller.start();
  resources.put(object_of("Dataflow", "a", {{"profileRef", "one"}}));
  ASSERT_TRUE(net::turn_until(loop, [&] { return steps[{"n", "one"}] >= 1; }));
  const int before = steps[{"n", "one"}];
  resources.put(object_of("Dataflow", "a", {{"profileRef", "two"}}));
  ASSERT_TRUE(net::turn_until(loop, [&] { return steps[{"n", "two"}] >= 1; }));
  EXPECT_GT((steps[{"n", "one"}]), before);
}

TEST_F(ControllerTest, sees_erased_objects_and_its_own_status_writes) {
  resources.put(object_of("Dataflow", "a", {}));
  bool gone = false;
  const Cache* cache = nullptr;
  Controller controller(env, resources, "test", [&](const ObjectKey& key) {
    const json::value* object = cache->find(key);
    gone = object == nullptr;
    if (object != nullptr)
      resources.patch_status(dataflow, key,
                             status_with({.status = true, .reason = "Running", .message = "runs"},
                                         find(*object, "status"), loop.wall_now()));
    return Step{};
  });
  cache = &controller.watch(dataflow, "");
  controller.start();
  ASSERT_TRUE(net::turn_until(
      loop, [&] { return text_at(resources.ready(dataflow, {"n", "a"}), {"status"}) == "True"; }));
  resources.erase(dataflow, {"n", "a"});
  ASSERT_TRUE(net::turn_until(loop, [&] { return gone; }));
}

TEST(MergePatch, follows_rfc_7386) {
  json::value target = {{"a", 1}, {"b", {{"c", 2}, {"d", 3}}}, {"e", {1, 2}}};
  merge_patch(target, {{"a", nullptr}, {"b", {{"c", 5}}}, {"e", json::array{9}}});
  const json::value wanted = {{"b", {{"c", 5}, {"d", 3}}}, {"e", json::array{9}}};
  EXPECT_EQ(target, wanted);
}

}  // namespace
}  // namespace wireway::resource
