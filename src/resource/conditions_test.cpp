// Goal: what services say of objects is said in one form, and a transition time means a transition.

#include "resource/conditions.h"

#include <gtest/gtest.h>

#include "net/os/test_loop.h"
#include "resource/kind_table.h"
#include "resource/memory_resources.h"
#include "resource/status_writer.h"

namespace wireway::resource {
namespace {

TEST(StatusWith, keeps_the_transition_time_while_the_status_stays) {
  using namespace std::chrono_literals;
  const Condition ready{.status = true, .reason = "Running", .message = "runs"};
  const json::value first = status_with(ready, nullptr, WallTime{10s});
  const json::value second = status_with(ready, &first, WallTime{20s});
  EXPECT_EQ(text_at(second.at("conditions").at(0), {"lastTransitionTime"}), "1970-01-01T00:00:10Z");
  Condition failed = ready;
  failed.status = false;
  const json::value third = status_with(failed, &second, WallTime{30s});
  EXPECT_EQ(text_at(third.at("conditions").at(0), {"lastTransitionTime"}), "1970-01-01T00:00:30Z");
}

TEST(StatusWith, carries_conditions_of_other_types_over) {
  const json::value before = {{"conditions", {{{"type", "Degraded"}, {"status", "True"}}}}};
  const json::value after = status_with(Condition{}, &before, WallTime{});
  ASSERT_EQ(after.at("conditions").as_array().size(), 2U);
  EXPECT_EQ(text_at(after.at("conditions").at(1), {"type"}), "Degraded");
}

TEST(StatusWith, says_all_three_and_keeps_each_ones_time) {
  using namespace std::chrono_literals;
  Conditions said = conditions_of({.status = true, .reason = "Running", .message = "runs"});
  const json::value first = status_with(said, nullptr, WallTime{10s});
  said.degraded = not_applied(7, 6, "spec.ports[0].port 1883 is in use");
  const json::value second = status_with(said, &first, WallTime{20s});
  const auto at = [&second](std::string_view type, std::string_view field) {
    const json::value object{{"status", second}};
    const json::value* condition = condition_of(object, type);
    return condition == nullptr ? "none" : text_at(*condition, {field}, "none");
  };
  EXPECT_EQ(at("Ready", "status"), "True");
  EXPECT_EQ(at("Ready", "lastTransitionTime"), "1970-01-01T00:00:10Z");
  EXPECT_EQ(at("Reconciling", "status"), "False");
  EXPECT_EQ(at("Degraded", "status"), "True");
  EXPECT_EQ(at("Degraded", "lastTransitionTime"), "1970-01-01T00:00:20Z");
  EXPECT_EQ(at("Degraded", "message"),
            "generation 7 is not applied: spec.ports[0].port 1883 is in use; still running "
            "generation 6");
  EXPECT_TRUE(at("Degraded", "recommendedAction").contains("wireway rollback"));
  EXPECT_EQ(at("Ready", "recommendedAction"), "none") << "nothing is to be done";
}

TEST(StatusWith, recommends_what_the_service_says_before_the_general_advice) {
  const auto action = [](const Condition& condition) {
    const json::value status = status_with(condition, nullptr, WallTime{});
    return text_at(status.at("conditions").at(0), {"recommendedAction"}, "none");
  };
  EXPECT_EQ(action({.reason = "ProfileMissing"}), action_for("ProfileMissing"));
  EXPECT_EQ(action({.reason = "ProfileMissing", .action = "create DataflowProfile night"}),
            "create DataflowProfile night");
  EXPECT_EQ(action({.status = true, .reason = "Disabled"}), "none");
  EXPECT_EQ(action({.reason = "NobodyKnows"}), "none");
}

TEST(ConditionsOf, reconciles_while_it_begins) {
  EXPECT_TRUE(conditions_of({.reason = "Starting", .message = "m"}).reconciling.status);
  EXPECT_TRUE(conditions_of({.reason = "Connecting", .message = "m"}).reconciling.status);
  EXPECT_FALSE(conditions_of({.reason = "HostUnreachable", .message = "m"}).reconciling.status);
  EXPECT_FALSE(conditions_of({.status = true, .reason = "Running"}).reconciling.status);
}

TEST(StatusWith, is_kept_whole_by_the_schema_of_every_kind) {
  const KindTable kinds;
  const json::object status =
      status_with(conditions_of({.reason = "ProfileMissing", .message = "m"}), nullptr, WallTime{});
  int with_schema = 0;
  for (const auto& [name, entry] : kinds.all()) {
    if (!entry.schema) continue;
    ++with_schema;
    json::value object{{"status", status}};
    EXPECT_EQ(entry.schema->prune(object), std::vector<std::string>{}) << name.second;
  }
  EXPECT_GT(with_schema, 40);
}

TEST(TryingAgain, counts_while_pauses_grow_and_then_says_the_same) {
  using namespace std::chrono_literals;
  EXPECT_EQ(trying_again({.failed = 1, .next = WallTime{10s}}).message,
            "1 attempt failed; the next is at 1970-01-01T00:00:10.000Z");
  EXPECT_EQ(trying_again({.failed = 9, .pause = 30s, .is_longest = true}).message,
            "it has failed again and again; one attempt is made about every 30 s");
}

class CountingResources final : public MemoryResources {
 public:
  using MemoryResources::MemoryResources;
  void patch_status(const Kind& kind, const ObjectKey& key, json::object status) override {
    ++writes;
    MemoryResources::patch_status(kind, key, std::move(status));
  }
  int writes = 0;
};

class StatusWriterTest : public ::testing::Test {
 protected:
  StatusWriterTest() {
    resources.put({{"apiVersion", api_version(asset)},
                   {"kind", "Asset"},
                   {"metadata", {{"name", "oven"}, {"namespace", "n"}}},
                   {"spec", json::object{}}});
  }
  const json::value& object() { return *resources.object(asset, {"n", "oven"}); }
  static Conditions running() {
    return conditions_of({.status = true, .reason = "Running", .message = "runs"});
  }

  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  CountingResources resources{loop};
};

TEST_F(StatusWriterTest, writes_only_what_is_new_also_after_a_restart) {
  StatusWriter writer(env, resources, "test");
  EXPECT_TRUE(writer.write(asset, object(), running()));
  EXPECT_FALSE(writer.write(asset, object(), running()));
  EXPECT_EQ(resources.writes, 1);
  ASSERT_TRUE(net::turn_until(loop, [&] { return condition_of(object(), "Ready") != nullptr; }));
  EXPECT_EQ(int_at(*condition_of(object(), "Ready"), {"observedGeneration"}, 0), 1);
  StatusWriter restarted(env, resources, "test");
  EXPECT_FALSE(restarted.write(asset, object(), running()));
  EXPECT_EQ(resources.writes, 1);
  Conditions other = running();
  other.ready.message = "runs on";
  EXPECT_FALSE(restarted.write(asset, object(), other)) << "the same reason is no news";
  EXPECT_EQ(resources.writes, 2) << "but the message is written";
}

TEST_F(StatusWriterTest, tells_of_the_beginning_and_the_end_of_degraded) {
  StatusWriter writer(env, resources, "test");
  writer.write(asset, object(), running());
  Conditions worse = running();
  worse.degraded = not_applied(2, 1, "spec.x is wrong");
  EXPECT_TRUE(writer.write(asset, object(), worse));
  EXPECT_FALSE(writer.write(asset, object(), worse));
  EXPECT_TRUE(writer.write(asset, object(), running()));
  ASSERT_EQ(resources.events().size(), 2U);
  EXPECT_TRUE(resources.events()[0].warning);
  EXPECT_EQ(resources.events()[0].reason, "ConfigurationRejected");
  EXPECT_EQ(resources.events()[0].component, "test");
  EXPECT_FALSE(resources.events()[1].warning);
}

}  // namespace
}  // namespace wireway::resource
