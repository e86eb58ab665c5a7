#pragma once
/// Workloads as child processes of our own binary: started, watched, restarted with back-off,
/// stopped in order. What happens to a child is told to its owners as Events and as their Ready
/// condition.
///
/// Thread: the main thread's OsLoop: a child dies with the thread that started it
///         (net/os/process.h).
/// Owns:   its children; none outlives it, or the process.
/// Limits: restart_min doubling to restart_max between restarts, again from restart_min after a
///         life of steady_life; silence_max without a heartbeat is a hang; stop_patience before
///         SIGKILL.

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/workload/workload.h"
#include "net/os/os_loop.h"
#include "resource/resources.h"

namespace wireway::control {

struct ProcessRuntimeOptions {
  std::string program = {};                        ///< path of the binary whose subcommands run
  std::vector<std::string> arguments_common = {};  ///< appended to each: log level and format
  std::string log_folder = {};  ///< what each child prints is kept there too; empty = nowhere
  Duration restart_min = std::chrono::milliseconds{200};
  Duration restart_max = std::chrono::seconds{10};
  Duration steady_life = std::chrono::seconds{30};
  Duration silence_max = std::chrono::seconds{10};
  Duration first_beat_max = std::chrono::seconds{30};
  Duration stop_patience = std::chrono::milliseconds{2500};
};

class ProcessRuntime final : public Runtime {
 public:
  ProcessRuntime(net::OsLoop& loop, resource::Resources& resources, ProcessRuntimeOptions options);
  ~ProcessRuntime() override;
  ProcessRuntime(const ProcessRuntime&) = delete;
  ProcessRuntime& operator=(const ProcessRuntime&) = delete;

  void want(const std::vector<Workload>& workloads) override;
  void stop(std::function<void()> done) override;

  /// Process id by workload name, of those that run now.
  std::map<std::string, int> running() const;
  /// How often each was started again, by workload name.
  std::map<std::string, std::int64_t> restarts() const;

 private:
  class Child;
  void child_stopped();
  void stop_next_wave();

  net::OsLoop& loop_;
  resource::Resources& resources_;
  ProcessRuntimeOptions options_;
  std::map<std::string, std::unique_ptr<Child>> children_;
  std::vector<Workload> pending_;  ///< wait for the end of an older child of their name
  std::function<void()> stopped_;  ///< set once stop() was called
  bool stopping_ = false;
  net::Timer sweep_;  ///< removes children that have stopped, outside of their callbacks
};

}  // namespace wireway::control
