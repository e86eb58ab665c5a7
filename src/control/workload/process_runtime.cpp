#include "control/workload/process_runtime.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "control/workload/child_log.h"
#include "control/workload/heartbeat.h"
#include "control/workload/owner_report.h"
#include "net/os/process.h"

namespace wireway::control {
namespace {

constexpr std::size_t last_lines_max = 4;
constexpr std::size_t last_line_bytes_max = 240;

double seconds(Duration span) {
  return std::chrono::duration_cast<std::chrono::duration<double>>(span).count();
}

/// A child's log lines are whole already; what else it prints (an assertion, a library) gets its
/// name.
void forward(const std::string& name, std::string_view line) {
  const bool is_log =
      line.starts_with("{\"time\"") ||
      (line.size() > 20 && line.starts_with("20") && line[4] == '-' && line[10] == 'T');
  if (!is_log) return log::warn("{}: {}", name, line);
  const std::string whole = std::string(line) + "\n";
  std::fputs(whole.c_str(), stderr);
}

}  // namespace

/// One workload's process through all of its lives.
class ProcessRuntime::Child {
 public:
  Child(ProcessRuntime& runtime, Workload workload)
      : runtime_(runtime),
        workload_(std::move(workload)),
        log_(runtime.options_.log_folder, workload_.name),
        restart_(runtime.loop_),
        check_(runtime.loop_),
        patience_(runtime.loop_),
        restart_delay_(runtime.options_.restart_min) {
    start();
  }

  const Workload& workload() const { return workload_; }
  int pid() const { return process_ ? static_cast<int>(process_->pid()) : 0; }
  std::int64_t restarts() const { return restarts_; }
  bool stopped() const { return stopping_ && !process_; }
  bool stopping() const { return stopping_; }
  void set_owners(const Workload& workload) { workload_.owners = workload.owners; }

  void stop() {
    if (std::exchange(stopping_, true)) return;
    restart_.cancel();
    check_.cancel();
    if (!process_) return runtime_.child_stopped();
    process_->signal(SIGTERM);
    patience_.arm(runtime_.options_.stop_patience, [this] {
      log::warn("{} (pid {}) did not stop within {:g} s: killed", workload_.name, pid(),
                seconds(runtime_.options_.stop_patience));
      process_->signal(SIGKILL);
    });
  }

 private:
  void start() {
    net::ProcessOptions options;
    options.arguments.push_back(runtime_.options_.program);
    for (const auto& argument : workload_.arguments) options.arguments.push_back(argument);
    for (const auto& argument : runtime_.options_.arguments_common)
      options.arguments.push_back(argument);
    options.environment_extra = {fmt::format("{}=1", heartbeat_variable)};
    options.on_output = [this](std::string_view line) { take_line(line); };
    options.on_exit = [this](const net::ExitStatus& status) { exited(status.to_string()); };
    auto process = net::start_process(runtime_.loop_, std::move(options));
    started_ = runtime_.loop_.now();
    last_beat_.reset();
    if (!process) return ended(fmt::format("could not start: {}", process.error().message), 0);
    process_ = std::move(*process);
    log::info("{} (pid {}) started", workload_.name, pid());
    if (restarts_ > 0) {
      report_start(runtime_.resources_, workload_,
                   fmt::format("{} (pid {}) was started again (restart {})", workload_.name, pid(),
                               restarts_));
    }
    check_alive();
  }

  void take_line(std::string_view line) {
    if (line == heartbeat_line) {
      last_beat_ = runtime_.loop_.now();
      return;
    }
    log_.write(line);
    last_lines_.emplace_back(line.substr(0, last_line_bytes_max));
    if (last_lines_.size() > last_lines_max) last_lines_.pop_front();
    forward(workload_.name, line);
  }

  void check_alive() {
    const MonoTime now = runtime_.loop_.now();
    const Duration silence = now - last_beat_.value_or(started_);
    const Duration limit =
        last_beat_ ? runtime_.options_.silence_max : runtime_.options_.first_beat_max;
    if (silence > limit) {
      hung_ = fmt::format("did not answer for {:.0f} s and was killed", seconds(silence));
      process_->signal(SIGKILL);
      return;
    }
    check_.arm(std::min<Duration>(limit / 4, heartbeat_interval), [this] { check_alive(); });
  }

  void exited(const std::string& how) {
    const int pid_before = pid();
    process_.reset();
    check_.cancel();
    patience_.cancel();
    if (stopping_) {
      log::info("{} (pid {}) stopped", workload_.name, pid_before);
      return runtime_.child_stopped();
    }
    ended(hung_.empty() ? how : hung_, pid_before);
  }

  /// It should run and does not: tell, wait, start again.
  void ended(const std::string& how, int pid_before) {
    const auto& options = runtime_.options_;
    if (runtime_.loop_.now() - started_ > options.steady_life) {
      restart_delay_ = options.restart_min;
      in_a_row_ = 0;
    }
    ++in_a_row_;
    const Duration delay = restart_delay_;
    restart_delay_ = std::min(restart_delay_ * 2, options.restart_max);
    ++restarts_;
    const std::string who =
        pid_before > 0 ? fmt::format("{} (pid {})", workload_.name, pid_before) : workload_.name;
    ChildEnd end;
    end.sentence = fmt::format("{} {}; restarting in {:g} s", who, how, seconds(delay));
    end.reason = std::exchange(hung_, {}).empty() ? "ChildExited" : "ChildHung";
    end.exit = how;
    end.restarts = restarts_;
    end.time = runtime_.loop_.wall_now();
    end.next_start = end.time;
    end.next_start.since_epoch += delay;
    end.in_a_row = in_a_row_;
    end.last_lines.assign(last_lines_.begin(), last_lines_.end());
    last_lines_.clear();
    log::error("{}", end.sentence);
    report_end(runtime_.resources_, workload_, end);
    restart_.arm(delay, [this] { start(); });
  }

  ProcessRuntime& runtime_;
  Workload workload_;
  ChildLog log_;
  std::unique_ptr<net::Process> process_;
  net::Timer restart_;
  net::Timer check_;
  net::Timer patience_;
  Duration restart_delay_;
  std::int64_t restarts_ = 0;
  std::int64_t in_a_row_ = 0;  ///< ends without a steady life between them
  std::deque<std::string> last_lines_;
  MonoTime started_;
  std::optional<MonoTime> last_beat_;
  std::string hung_;  ///< why it was killed, if that was for its silence
  bool stopping_ = false;
};

ProcessRuntime::ProcessRuntime(net::OsLoop& loop, resource::Resources& resources,
                               ProcessRuntimeOptions options)
    : loop_(loop), resources_(resources), options_(std::move(options)), sweep_(loop) {}

ProcessRuntime::~ProcessRuntime() = default;

void ProcessRuntime::want(const std::vector<Workload>& workloads) {
  if (stopping_) return;
  std::map<std::string, const Workload*> wanted;
  for (const Workload& workload : workloads) wanted[workload.name] = &workload;
  for (auto& [name, child] : children_) {
    const auto found = wanted.find(name);
    if (found != wanted.end() && found->second->arguments == child->workload().arguments &&
        !child->stopping()) {
      child->set_owners(*found->second);
      wanted.erase(found);
    } else {
      // Its place must be free before another of its name starts: child_stopped() asks again.
      if (!child->stopping()) log::info("{}: no longer wanted as it is; stopping", name);
      child->stop();
    }
  }
  pending_.clear();
  for (const auto& [name, workload] : wanted) {
    if (children_.contains(name))
      pending_.push_back(*workload);
    else
      children_[name] = std::make_unique<Child>(*this, *workload);
  }
}

void ProcessRuntime::stop(std::function<void()> done) {
  stopping_ = true;
  stopped_ = std::move(done);
  pending_.clear();
  stop_next_wave();
}

void ProcessRuntime::stop_next_wave() {
  std::optional<int> highest;
  for (const auto& [name, child] : children_)
    highest = std::max(highest.value_or(child->workload().wave), child->workload().wave);
  if (!highest) {
    if (auto done = std::exchange(stopped_, nullptr)) loop_.post(std::move(done));
    return;
  }
  for (const auto& [name, child] : children_)
    if (child->workload().wave == *highest) child->stop();
}

void ProcessRuntime::child_stopped() {
  // Not here: the child that says it is still on the stack.
  sweep_.arm(Duration{0}, [this] {
    std::erase_if(children_, [](const auto& each) { return each.second->stopped(); });
    if (stopping_) return stop_next_wave();
    for (Workload& workload : std::exchange(pending_, {})) {
      const std::string name = workload.name;
      if (children_.contains(name))
        pending_.push_back(std::move(workload));
      else
        children_[name] = std::make_unique<Child>(*this, std::move(workload));
    }
  });
}

std::map<std::string, std::int64_t> ProcessRuntime::restarts() const {
  std::map<std::string, std::int64_t> out;
  for (const auto& [name, child] : children_) out[name] = child->restarts();
  return out;
}

std::map<std::string, int> ProcessRuntime::running() const {
  std::map<std::string, int> out;
  for (const auto& [name, child] : children_)
    if (child->pid() > 0) out[name] = child->pid();
  return out;
}

}  // namespace wireway::control
