#include "app/bench/run.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

#include "app/bench/connection_run.h"
#include "app/bench/flow_run.h"
#include "app/bench/offline_run.h"
#include "app/bench/process_figures.h"
#include "app/bench/retained_run.h"

namespace wireway::app::bench {

void Costs::begin() {
  began_ = ground_.clock(ground_.loop);
  const pid_t pid = ground_.settings.options.pid;
  broker_s_ = pid == 0 ? std::nullopt : processor_seconds(pid);
  own_s_ = own_processor_seconds();
}

void Costs::end() {
  const Duration took = ground_.clock(ground_.loop) - began_;
  seconds_ = std::chrono::duration<double>(took).count();
  own_s_ = own_processor_seconds() - own_s_;
  if (!broker_s_) return;
  const auto now = processor_seconds(ground_.settings.options.pid);
  broker_s_ = now ? std::optional(*now - *broker_s_) : std::nullopt;
}

void Costs::report(Report& report, const std::string& unit, std::uint64_t count) const {
  if (count == 0 || seconds_ <= 0) return;
  const auto each = [count](double seconds) { return seconds * 1e6 / static_cast<double>(count); };
  report.add(unit + "s_per_second", static_cast<double>(count) / seconds_);
  if (broker_s_) {
    report.add("broker_us_per_" + unit, each(*broker_s_));
    report.add("broker_cores_" + unit + "s", *broker_s_ / seconds_);
  }
  report.add("own_us_per_" + unit, each(own_s_));
  report.add("own_cores_" + unit + "s", own_s_ / seconds_);
}

void Run::start(net::Task done) {
  done_ = std::move(done);
  progressed_ = ground_.loop.now();
  watch_progress();
  begin();
}

void Run::after(double seconds, net::Task task) {
  clock_.arm(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)),
             std::move(task));
}

void Run::watch_progress() {
  patience_.arm(look_interval, [this] {
    const MonoTime now = ground_.loop.now();
    if (const std::uint64_t all = progress() + ready_; all != seen_progress_) {
      seen_progress_ = all;
      progressed_ = now;
    }
    const std::chrono::duration<double> without = now - progressed_;
    if (without.count() >= ground_.settings.options.patience_s) {
      on_patience_lost();
      if (over_) return;
      progressed_ = now;
    }
    watch_progress();
  });
}

void Run::on_patience_lost() {
  fail(fmt::format("no progress for {} seconds: {} connections stand, {} are waited for",
                   ground_.settings.options.patience_s, ready_, connecting_ + waiting_.size()));
}

void Run::open(std::vector<PeerPlan> plans, net::Task then) {
  std::ranges::reverse(plans);
  waiting_ = std::move(plans);
  then_ = std::move(then);
  open_next();
}

void Run::open_next() {
  while (connecting_ < connecting_max && !waiting_.empty()) {
    peers_.push_back(std::make_unique<Peer>(ground_, std::move(waiting_.back()), *this));
    waiting_.pop_back();
    ++connecting_;
    peers_.back()->open();
  }
}

void Run::on_ready(Peer&) {
  ++ready_;
  --connecting_;
  open_next();
  if (connecting_ > 0 || !then_ || over_) return;
  // Not from within the peer's call: what follows may destroy it.
  ground_.loop.run_after(Duration{0}, [this, then = std::exchange(then_, {})]() mutable {
    if (!over_) then();
  });
}

void Run::on_lost(Peer&, const std::string& why) {
  if (!over_) on_peer_lost(why);
}

void Run::fail(std::string sentence) {
  if (over_) return;
  report_.faults.push_back(std::move(sentence));
  finish();
}

void Run::finish() {
  if (std::exchange(over_, true)) return;
  patience_.cancel();
  clock_.cancel();
  for (const auto& peer : peers_) peer->leave();
  // A turn later, so that the goodbyes leave.
  ground_.loop.run_after(Duration{0}, [done = std::move(done_)]() mutable { done(); });
}

std::string client_name(const Settings& settings, std::string_view part, std::uint32_t number) {
  return fmt::format("bench-{:08x}-{}-{}", settings.options.run, part, number);
}

std::unique_ptr<Run> make_run(const Ground& ground) {
  switch (ground.settings.scenario) {
    case Scenario::retained: return std::make_unique<RetainedRun>(ground);
    case Scenario::connect: return std::make_unique<ConnectRun>(ground);
    case Scenario::idle: return std::make_unique<IdleRun>(ground);
    case Scenario::offline_fill: return std::make_unique<OfflineFill>(ground);
    case Scenario::offline_drain: return std::make_unique<OfflineDrain>(ground);
    default: return std::make_unique<FlowRun>(ground);
  }
}

}  // namespace wireway::app::bench
