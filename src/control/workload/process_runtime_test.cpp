// Goal: children run exactly as wanted; every end is told to the owners and mended; none is left
//       behind.
// Method: /bin/sh as the program, MemoryResources as the world, a real loop with short limits.

#include "control/workload/process_runtime.h"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "control/workload/heartbeat.h"
#include "net/os/process.h"
#include "net/os/test_loop.h"
#include "resource/conditions.h"
#include "resource/memory_resources.h"

namespace wireway::control {
namespace {

using namespace std::chrono_literals;

const resource::ObjectKey broker_key{"n", "default"};

/// Also false for a child that nobody has reaped yet.
bool is_alive(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string id;
  std::string name;
  std::string state;
  return (stat >> id >> name >> state) && state != "Z" && state != "X";
}

class ProcessRuntimeTest : public ::testing::Test {
 protected:
  ProcessRuntimeTest() {
    resources.put({{"apiVersion", resource::api_version(resource::broker)},
                   {"kind", "Broker"},
                   {"metadata", {{"name", "default"}, {"namespace", "n"}}},
                   {"spec", json::object{}}});
  }

  static Workload shell(const std::string& name, const std::string& script) {
    return {.name = name, .arguments = {"-c", script}, .owners = {{resource::broker, broker_key}}};
  }
  void make(ProcessRuntimeOptions options = {}) {
    options.program = "/bin/sh";
    runtime = std::make_unique<ProcessRuntime>(loop, resources, std::move(options));
  }
  bool until(std::move_only_function<bool()> condition) {
    return net::turn_until(loop, std::move(condition));
  }
  int pid_of(const std::string& name) const {
    const auto running = runtime->running();
    const auto found = running.find(name);
    return found == running.end() ? 0 : found->second;
  }
  std::string event(const std::string& reason) const {
    for (const auto& record : resources.events())
      if (record.reason == reason) return record.message;
    return "";
  }
  int count(const std::string& reason) const {
    return int(std::ranges::count(resources.events(), reason, &resource::EventRecord::reason));
  }

  net::OsLoop loop;
  resource::MemoryResources resources{loop};
  std::unique_ptr<ProcessRuntime> runtime;
};

TEST_F(ProcessRuntimeTest, restarts_a_killed_child_and_tells_its_owner) {
  make();
  runtime->want({shell("broker", "exec sleep 100")});
  const int first = pid_of("broker");
  ASSERT_GT(first, 0);
  ::kill(first, SIGKILL);
  ASSERT_TRUE(until([&] { return pid_of("broker") != first && pid_of("broker") > 0; }));
  EXPECT_EQ(
      event("ChildExited"),
      fmt::format("broker (pid {}) was killed by signal 9 (SIGKILL); restarting in 0.2 s", first));
  EXPECT_EQ(event("ChildStarted"),
            fmt::format("broker (pid {}) was started again (restart 1)", pid_of("broker")));
  const json::value ready = resources.ready(resource::broker, broker_key);
  EXPECT_EQ(text_at(ready, {"status"}), "False");
  EXPECT_EQ(text_at(ready, {"reason"}), "ProcessExited");
  const json::value* object = resources.object(resource::broker, broker_key);
  EXPECT_EQ(int_at(*object, {"status", "workload", "restarts"}, 0), 1);
  EXPECT_EQ(text_at(*object, {"status", "workload", "lastExit"}),
            "was killed by signal 9 (SIGKILL)");
}

TEST_F(ProcessRuntimeTest, waits_longer_each_time_for_a_child_that_ends_at_once) {
  make({.restart_min = 20ms, .restart_max = 80ms});
  runtime->want({shell("broker", "exit 7")});
  ASSERT_TRUE(until([&] { return count("ChildExited") == 5; }));
  std::vector<std::string> ends;
  for (const auto& record : resources.events())
    if (record.reason == "ChildExited") ends.push_back(record.message);
  EXPECT_TRUE(ends[0].ends_with("exited with code 7; restarting in 0.02 s")) << ends[0];
  EXPECT_TRUE(ends[1].ends_with("in 0.04 s")) << ends[1];
  EXPECT_TRUE(ends[4].ends_with("in 0.08 s")) << ends[4];
}

TEST_F(ProcessRuntimeTest, says_of_a_crash_loop_what_the_child_printed_last_and_when_it_goes_on) {
  make({.restart_min = 20ms, .restart_max = 40ms});
  runtime->want({shell("broker", "echo cannot read the moon; exit 7")});
  ASSERT_TRUE(until([&] { return count("ChildExited") >= 2; }));
  const auto degraded = [&] {
    const json::value* object = resources.object(resource::broker, broker_key);
    const json::value* found = resource::condition_of(*object, "Degraded");
    return found == nullptr ? json::value() : *found;
  };
  ASSERT_TRUE(until([&] { return text_at(degraded(), {"reason"}) == "CrashLoop"; }));
  const std::string message = text_at(degraded(), {"message"});
  EXPECT_NE(message.find("ended 3 times in a row"), std::string::npos) << message;
  EXPECT_NE(message.find("exited with code 7"), std::string::npos) << message;
  EXPECT_NE(message.find("its last lines: cannot read the moon"), std::string::npos) << message;
  EXPECT_NE(message.find("it is started again at "), std::string::npos) << message;
  EXPECT_FALSE(text_at(degraded(), {"recommendedAction"}).empty());
}

TEST_F(ProcessRuntimeTest, leaves_the_others_alone) {
  make();
  runtime->want({shell("broker", "exec sleep 100"), shell("opcua", "exec sleep 100")});
  const int broker = pid_of("broker");
  const int opcua = pid_of("opcua");
  ::kill(opcua, SIGKILL);
  ASSERT_TRUE(until([&] { return pid_of("opcua") != opcua && pid_of("opcua") > 0; }));
  EXPECT_EQ(pid_of("broker"), broker);
}

TEST_F(ProcessRuntimeTest, makes_what_runs_follow_what_is_wanted) {
  make();
  const Workload one = shell("one", "exec sleep 100");
  const Workload two = shell("two", "exec sleep 100");
  runtime->want({one, two});
  const int pid_one = pid_of("one");
  const int pid_two = pid_of("two");
  runtime->want({one, shell("two", "exec sleep 200")});
  EXPECT_EQ(pid_of("one"), pid_one);
  ASSERT_TRUE(until([&] { return pid_of("two") > 0 && pid_of("two") != pid_two; }));
  EXPECT_FALSE(is_alive(pid_two));
  runtime->want({});
  ASSERT_TRUE(until([&] { return runtime->running().empty(); }));
  EXPECT_EQ(count("ChildExited"), 0) << "what is stopped on purpose is no trouble";
}

TEST_F(ProcessRuntimeTest, kills_and_restarts_a_child_whose_heart_stops) {
  make({.restart_min = 20ms, .silence_max = 200ms});
  runtime->want({shell("broker", "printf '\\026\\n'; exec sleep 100")});
  const int first = pid_of("broker");
  ASSERT_TRUE(until([&] { return pid_of("broker") > 0 && pid_of("broker") != first; }));
  EXPECT_NE(event("ChildHung").find("did not answer for"), std::string::npos);
  EXPECT_FALSE(is_alive(first));
}

TEST_F(ProcessRuntimeTest, stops_later_waves_first_and_kills_what_does_not_listen) {
  make({.stop_patience = 200ms});
  const std::string log = ::testing::TempDir() + "wireway-waves-" + std::to_string(::time(nullptr));
  const auto listener = [&](const std::string& name) {
    return "trap 'echo " + name + " >>" + log +
           "; exit 0' TERM; while :; do sleep 0.05 & wait; done";
  };
  Workload low = shell("low", "echo up >>" + log + ".low; " + listener("low"));
  Workload high = shell("high", "echo up >>" + log + ".high; " + listener("high"));
  Workload deaf = shell(
      "deaf", "trap '' TERM; echo up >>" + log + ".deaf; while :; do sleep 0.05 & wait; done");
  high.wave = deaf.wave = 1;
  runtime->want({low, high, deaf});
  ASSERT_TRUE(until([&] {
    return std::ranges::all_of(std::array{".low", ".high", ".deaf"}, [&](const char* suffix) {
      return std::filesystem::exists(log + suffix);
    });
  }));
  bool stopped = false;
  runtime->stop([&] { stopped = true; });
  ASSERT_TRUE(until([&] { return stopped; }));
  EXPECT_TRUE(runtime->running().empty());
  std::ifstream file(log);
  std::string first;
  std::string second;
  file >> first >> second;
  EXPECT_EQ(first + " " + second, "high low");
  for (const char* suffix : {"", ".low", ".high", ".deaf"}) std::filesystem::remove(log + suffix);
}

TEST_F(ProcessRuntimeTest, says_that_a_program_is_not_there_and_tries_again) {
  ProcessRuntimeOptions options{.program = "/nowhere/wireway", .restart_min = 10ms};
  ProcessRuntime missing(loop, resources, options);
  missing.want({{.name = "broker", .arguments = {}, .owners = {{resource::broker, broker_key}}}});
  ASSERT_TRUE(until([&] { return count("ChildExited") == 2; }));
  EXPECT_TRUE(event("ChildExited").starts_with("broker could not start: start /nowhere/wireway"))
      << event("ChildExited");
}

TEST(Heartbeat, beats_as_long_as_the_loop_turns) {
  net::OsLoop loop;
  ::testing::internal::CaptureStdout();
  {
    Heartbeat heartbeat(loop);
    net::turn_until(loop, [&] { return false; }, 1200ms);
  }
  const std::string out = ::testing::internal::GetCapturedStdout();
  EXPECT_GE(std::ranges::count(out, '\x16'), 2);
}

/// The parent of the next test, in a process of its own: never part of a normal run.
TEST(Supervisor, DISABLED_supervises_until_it_is_killed) {
  net::OsLoop loop;
  resource::MemoryResources resources(loop);
  ProcessRuntime runtime(loop, resources, {.program = "/bin/sh"});
  runtime.want(
      {{.name = "one", .arguments = {"-c", "exec sleep 100"}},
       {.name = "two", .arguments = {"-c", "trap '' TERM HUP; while :; do sleep 0.05; done"}}});
  for (const auto& [name, pid] : runtime.running()) fmt::print("child {}\n", pid);
  std::fflush(stdout);
  loop.run();
}

TEST(Supervisor, leaves_no_child_behind_when_it_is_killed) {
  net::OsLoop loop;
  std::vector<int> children;
  net::ProcessOptions options;
  options.arguments = {net::own_program_path(), "--gtest_also_run_disabled_tests",
                       "--gtest_filter=Supervisor.DISABLED_supervises_until_it_is_killed"};
  options.on_output = [&](std::string_view line) {
    if (line.starts_with("child ")) children.push_back(std::stoi(std::string(line.substr(6))));
  };
  bool ended = false;
  options.on_exit = [&](const net::ExitStatus&) { ended = true; };
  auto parent = net::start_process(loop, std::move(options));
  ASSERT_TRUE(parent) << parent.error().message;
  ASSERT_TRUE(net::turn_until(loop, [&] { return children.size() == 2; }));
  ASSERT_TRUE(std::ranges::all_of(children, is_alive));
  (*parent)->signal(SIGKILL);
  ASSERT_TRUE(net::turn_until(loop, [&] { return ended; }));
  EXPECT_TRUE(net::turn_until(loop, [&] { return std::ranges::none_of(children, is_alive); }));
}

}  // namespace
}  // namespace wireway::control
