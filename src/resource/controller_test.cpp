// Goal: the controller's contract (keys de-duplicated, retry per key, caches current, dependants
//       woken).
// Method: a real loop and MemoryResources; reconcile functions that count.

#include "resource/controller.h"

#include <gtest/gtest.h>

#include "net/os/test_loop.h"
#include "net/sim/sim_world.h"
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

/// On virtual time: seconds pass at once.
class BackoffTest : public ::testing::Test {
 protected:
  std::vector<Duration> pauses() const {
    std::vector<Duration> out;
    for (std::size_t i = 1; i < attempts.size(); ++i) out.push_back(attempts[i] - attempts[i - 1]);
    return out;
  }

  net::SimWorld world{7};
  net::Env env = world.env("host");
  MemoryResources resources{env.loop};
  std::vector<MonoTime> attempts;
  bool fails = true;
};

TEST_F(BackoffTest, doubles_with_jitter_up_to_the_ceiling_and_begins_anew_after_a_success) {
  resources.put(object_of("Dataflow", "bad", {}));
  Controller controller(env, resources, "test", [&](const ObjectKey&) -> Step {
    attempts.push_back(env.loop.now());
    if (!fails) return {};
    return {.again_after = {}, .error = Error{Errc::unavailable, "not yet"}};
  });
  controller.watch(dataflow, "");
  controller.start();
  ASSERT_TRUE(world.run_until([&] { return attempts.size() == 14; }, std::chrono::minutes{10}));
  bool is_spread = false;
  Duration base = Controller::retry_min;
  for (const Duration pause : pauses()) {
    EXPECT_GE(pause, base * 3 / 4);
    EXPECT_LE(pause, base * 5 / 4 + std::chrono::milliseconds{1});
    is_spread = is_spread || (pause > base * 21 / 20 || pause < base * 19 / 20);
    base = std::min(base * 2, Controller::retry_max);
  }
  EXPECT_TRUE(is_spread) << "jitter";
  EXPECT_EQ(controller.attempts({"n", "bad"}), 14U);
  fails = false;
  ASSERT_TRUE(world.run_until([&] { return attempts.size() == 15; }, std::chrono::minutes{1}));
  EXPECT_EQ(controller.attempts({"n", "bad"}), 0U);
  fails = true;
  attempts.clear();
  controller.enqueue({"n", "bad"});
  ASSERT_TRUE(world.run_until([&] { return attempts.size() == 2; }, std::chrono::minutes{1}));
  EXPECT_LE(pauses()[0], Controller::retry_min * 5 / 4 + std::chrono::milliseconds{1});
}

TEST_F(BackoffTest, an_exception_fails_its_key_and_no_other) {
  resources.put(object_of("Dataflow", "bad", {}));
  resources.put(object_of("Dataflow", "good", {}));
  int good = 0;
  Controller controller(env, resources, "test", [&](const ObjectKey& key) -> Step {
    if (key.name == "good") return ++good, Step{};
    attempts.push_back(env.loop.now());
    if (fails) (void)json::value(1).as_object();
    return {};
  });
  controller.watch(dataflow, "");
  controller.start();
  ASSERT_TRUE(world.run_until([&] { return attempts.size() == 3; }, std::chrono::minutes{1}));
  EXPECT_EQ(good, 1);
  fails = false;
  ASSERT_TRUE(world.run_until([&] { return attempts.size() == 4; }, std::chrono::minutes{1}));
  world.run_for(std::chrono::minutes{5});
  EXPECT_EQ(attempts.size(), 4U) << "no retry after a success";
}

TEST(MergePatch, follows_rfc_7386) {
  json::value target = {{"a", 1}, {"b", {{"c", 2}, {"d", 3}}}, {"e", {1, 2}}};
  merge_patch(target, {{"a", nullptr}, {"b", {{"c", 5}}}, {"e", json::array{9}}});
  const json::value wanted = {{"b", {{"c", 5}, {"d", 3}}}, {"e", json::array{9}}};
  EXPECT_EQ(target, wanted);
}

}  // namespace
}  // namespace wireway::resource
