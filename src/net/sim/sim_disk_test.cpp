// Logs of a simulated machine, and what a power cut leaves of them.

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "net/sim/sim_world.h"

namespace wireway::net {
namespace {

using std::chrono::seconds;

struct SimDisk : ::testing::Test {
  std::unique_ptr<LogFolder> open(SimWorld& world) {
    Env env = world.env("a");
    auto opened = env.files.open_logs(env.loop, "/logs");
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  static Result<> wait(SimWorld& world, std::move_only_function<void(LogFolder::Done)> begin) {
    std::optional<Result<>> answer;
    begin([&](Result<> result) { answer = std::move(result); });
    EXPECT_TRUE(world.run_until([&] { return answer.has_value(); }, seconds{1}));
    return *answer;
  }
  static Result<> create(SimWorld& world, LogFolder& logs, std::string name) {
    return wait(world, [&](auto done) { logs.create(name, as_bytes("head"), std::move(done)); });
  }
  static Result<> append(SimWorld& world, LogFolder& logs, const std::string& bytes) {
    return wait(world, [&](auto done) { logs.append(as_bytes(bytes), std::move(done)); });
  }
  static std::string content(SimWorld& world, const std::string& name) {
    return *world.env("a").files.read("/logs/" + name);
  }
};

TEST_F(SimDisk, keeps_what_was_synced_and_any_part_of_the_rest) {
  std::set<std::string> ends;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SimWorld world(seed);
    auto logs = open(world);
    ASSERT_TRUE(create(world, *logs, "1"));
    ASSERT_TRUE(append(world, *logs, "synced"));
    bool told = false;
    const std::string tail(3000, 'x');
    logs->append(as_bytes(tail), [&](Result<>) { told = true; });
    world.power_cut("a");
    world.run_for(seconds{1});
    EXPECT_FALSE(told);
    logs.reset();
    const std::string left = content(world, "1");
    ASSERT_TRUE(left.starts_with("headsynced"));
    ends.insert(left);
  }
  EXPECT_TRUE(ends.contains("headsynced"));
  EXPECT_TRUE(ends.contains("headsynced" + std::string(3000, 'x')));
  EXPECT_GT(ends.size(), 50U);
}

TEST_F(SimDisk, creates_a_log_as_a_whole_or_not) {
  int there = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimWorld world(seed);
    auto logs = open(world);
    logs->create("1", as_bytes("head"), [](Result<>) {});
    world.power_cut("a");
    logs.reset();
    logs = open(world);
    const auto entries = logs->list();
    ASSERT_LE(entries->size(), 1U);
    if (entries->empty()) continue;
    ++there;
    EXPECT_EQ(content(world, "1").substr(0, 4), "head");
  }
  EXPECT_GT(there, 10);
  EXPECT_LT(there, 90);
}

TEST_F(SimDisk, is_full_and_has_room_again) {
  SimWorld world(1);
  auto logs = open(world);
  ASSERT_TRUE(create(world, *logs, "1"));
  world.set_disk("a", {.capacity_bytes = 10});
  const std::string twelve(12, 'x');
  EXPECT_EQ(append(world, *logs, twelve).error().code, Errc::exhausted);
  EXPECT_EQ(create(world, *logs, "2").error().code, Errc::exhausted);
  world.set_disk("a", {});
  ASSERT_TRUE(append(world, *logs, twelve));
  EXPECT_EQ(content(world, "1"), "head" + twelve);
}

// Goal: what a failed sync has dropped never reaches the disk, whatever succeeds later.
TEST_F(SimDisk, loses_for_ever_what_a_failed_sync_drops) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimWorld world(seed);
    auto logs = open(world);
    ASSERT_TRUE(create(world, *logs, "1"));
    world.set_disk("a", {.failing_sync = 1});
    EXPECT_EQ(append(world, *logs, "first").error().code, Errc::io);
    EXPECT_EQ(append(world, *logs, "again").error().code, Errc::io) << "until a new log";
    ASSERT_TRUE(create(world, *logs, "2"));
    ASSERT_TRUE(append(world, *logs, "kept"));
    world.power_cut("a");
    if (!content(world, "1").starts_with("headfirst")) ++lost;
    EXPECT_TRUE(content(world, "2").starts_with("headkept"));
  }
  EXPECT_GT(lost, 10);
}

TEST_F(SimDisk, fails_the_write_that_was_chosen) {
  SimWorld world(2);
  auto logs = open(world);
  ASSERT_TRUE(create(world, *logs, "1"));
  world.set_disk("a", {.failing_write = 3});
  EXPECT_TRUE(append(world, *logs, "1"));
  EXPECT_TRUE(append(world, *logs, "2"));
  EXPECT_EQ(append(world, *logs, "3").error().message, "write /logs/1: Input/output error");
}

TEST_F(SimDisk, is_locked_and_free_after_a_power_cut) {
  SimWorld world(3);
  Env env = world.env("a");
  auto logs = open(world);
  EXPECT_EQ(env.files.open_logs(env.loop, "/logs/").error().code, Errc::conflict);
  world.power_cut("a");
  EXPECT_TRUE(env.files.open_logs(env.loop, "/logs"));
}

}  // namespace
}  // namespace wireway::net
