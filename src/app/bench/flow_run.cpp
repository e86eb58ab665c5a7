#include "app/bench/flow_run.h"

#include <algorithm>

#include <fmt/format.h>

namespace wireway::app::bench {
namespace {

using wire::mqtt::Qos;

/// A prime: consecutive messages go to topics far from each other.
constexpr std::uint32_t topic_stride = 7919;

}  // namespace

FlowRun::FlowRun(const Ground& ground)
    : Run(ground),
      settings_(ground.settings),
      receivers_(settings_.scenario == Scenario::fan_out ? settings_.subscribers : 1) {
  if (settings_.scenario == Scenario::shared)
    shared_.assign(settings_.publishers, SharedLedger(settings_.subscribers));
  else
    ledgers_.resize(std::size_t{settings_.publishers} * settings_.subscribers);
}

PeerPlan FlowRun::subscriber_plan(std::uint32_t index) const {
  const MqttBenchOptions& options = settings_.options;
  PeerPlan plan{.client_identifier = client_name(settings_, "sub", index),
                .index = index,
                .qos = settings_.qos,
                .clean = !options.persistent,
                .persistent = options.persistent};
  switch (settings_.scenario) {
    case Scenario::fan_in: plan.filters = {options.topic + "/+"}; break;
    case Scenario::fan_out: plan.filters = {options.topic + "/0"}; break;
    case Scenario::shared: plan.filters = {fmt::format("$share/bench/{}/+", options.topic)}; break;
    case Scenario::wildcards:
      for (std::uint32_t n = index; n < options.filters; n += settings_.subscribers)
        plan.filters.push_back(fmt::format("{}/{:06}/+/v", options.topic, n));
      break;
    default: plan.filters = {fmt::format("{}/{}", options.topic, index)}; break;
  }
  return plan;
}

PublisherPlan FlowRun::publisher_plan(std::uint32_t index) const {
  const MqttBenchOptions& options = settings_.options;
  PublisherPlan plan{.topics = {.prefix = fmt::format("{}/{}", options.topic, index)},
                     .stream = index,
                     .slots = options.window,
                     .payload_bytes = options.payload_bytes};
  if (settings_.scenario != Scenario::wildcards) return plan;
  plan.topics = {.prefix = options.topic + "/",
                 .suffix = "/x/v",
                 .count = std::max(options.filters / settings_.subscribers, 2U),
                 .first = index,
                 .step = settings_.subscribers};
  plan.topics.stride = topic_stride % plan.topics.count;
  return plan;
}

void FlowRun::begin() {
  std::vector<PeerPlan> plans;
  for (std::uint32_t i = 0; i < settings_.subscribers; ++i) plans.push_back(subscriber_plan(i));
  open(std::move(plans), [this] {
    std::vector<PeerPlan> publishers;
    for (std::uint32_t i = 0; i < settings_.publishers; ++i)
      publishers.push_back({.client_identifier = client_name(settings_, "pub", i), .index = i});
    open(std::move(publishers), [this] { start_flow(); });
  });
}

void FlowRun::start_flow() {
  for (std::uint32_t i = 0; i < settings_.publishers; ++i)
    sources_.push_back({std::make_unique<Publisher>(ground_, *peers_[settings_.subscribers + i],
                                                    publisher_plan(i))});
  flowing_ = true;
  flow_began_ = ground_.clock(ground_.loop);
  after(settings_.options.warm_up_s, [this] { measure(); });
  if (settings_.options.rate != 0) return pump_at_rate();
  pump();
}

void FlowRun::on_publish(Peer& peer, const Received& received) {
  const Marks marks = marks_of(received.payload);
  if (marks.run != settings_.options.run || marks.stream >= sources_.size()) {
    ++foreign_;
    return;
  }
  duplicate_flags_ += received.duplicate ? 1 : 0;
  ++received_;
  Source& source = sources_[marks.stream];
  if (shared_.empty()) {
    source.delivered +=
        ledgers_[std::size_t{peer.index()} * settings_.publishers + marks.stream].note(
            marks.sequence);
  } else {
    shared_[marks.stream].note(peer.index(), marks.sequence);
    source.delivered = shared_[marks.stream].count();
  }
  if (settings_.options.rate != 0) {
    if (marks.time_ns >= latency_from_ns_)
      latency_.add(ground_.clock(ground_.loop).since_start.count() - marks.time_ns);
    return;
  }
  want_pump();
}

void FlowRun::on_done(Peer& peer) {
  ++sources_[peer.index()].acknowledged;
  ++acknowledged_;
  want_pump();
}

void FlowRun::want_pump() {
  if (pump_wanted_ || !flowing_ || settings_.options.rate != 0) return;
  pump_wanted_ = true;
  ground_.loop.defer([this] {
    pump_wanted_ = false;
    if (flowing_) pump();
  });
}

std::uint64_t FlowRun::free_slots(const Source& source) const {
  std::uint64_t arrived = source.delivered / receivers_;
  if (settings_.qos != Qos::at_most_once) arrived = std::min(arrived, source.acknowledged);
  const std::uint64_t on_the_way = source.publisher->sent() - arrived;
  return on_the_way >= source.publisher->slots() ? 0 : source.publisher->slots() - on_the_way;
}

void FlowRun::pump() {
  const MonoTime now = ground_.loop.now();
  for (Source& source : sources_)
    if (const std::uint64_t count = free_slots(source); count > 0)
      source.publisher->send(count, now);
}

void FlowRun::pump_at_rate() {
  if (!flowing_ || over()) return;
  const double rate = settings_.options.rate;
  const MonoTime now = ground_.clock(ground_.loop);
  for (;;) {
    const auto offset = std::chrono::duration<double>(static_cast<double>(due_) / rate);
    const MonoTime due = flow_began_ + std::chrono::duration_cast<Duration>(offset);
    Source& source = sources_[due_ % sources_.size()];
    // Without a free slot the message waits, and its latency counts from when it was due.
    if (due > now || free_slots(source) == 0) break;
    source.publisher->send(1, due);
    ++due_;
  }
  ground_.loop.run_after(ground_.rate_interval, [this] { pump_at_rate(); });
}

void FlowRun::measure() {
  received_before_ = received_;
  latency_from_ns_ = ground_.clock(ground_.loop).since_start.count();
  costs_.begin();
  measuring_ = true;
  after(settings_.options.seconds, [this] { drain(); });
}

void FlowRun::drain() {
  costs_.end();
  measured_ = received_ - received_before_;
  flowing_ = false;
  draining_ = true;
  look_if_drained();
}

void FlowRun::look_if_drained() {
  const bool all = std::ranges::all_of(sources_, [this](const Source& source) {
    const std::uint64_t sent = source.publisher->sent();
    return source.delivered >= sent * receivers_ &&
           (settings_.qos == Qos::at_most_once || source.acknowledged >= sent);
  });
  if (all) return close_books();
  after(0.01, [this] { look_if_drained(); });
}

void FlowRun::on_patience_lost() {
  if (draining_) return close_books();
  // Closed loop: with every message of the window lost nothing moves any more. Say what is lost.
  if (measuring_) return drain();
  Run::on_patience_lost();
}

void FlowRun::close_books() {
  draining_ = false;
  std::uint64_t sent = 0;
  for (std::uint32_t publisher = 0; publisher < sources_.size(); ++publisher) {
    const Source& source = sources_[publisher];
    sent += source.publisher->sent();
    if (settings_.qos != Qos::at_most_once && source.acknowledged < source.publisher->sent())
      report_.faults.push_back(fmt::format("publisher {}: {} messages were not acknowledged",
                                           publisher,
                                           source.publisher->sent() - source.acknowledged));
    if (!shared_.empty()) {
      report_.violations += shared_[publisher].close(source.publisher->sent());
      continue;
    }
    for (std::uint32_t subscriber = 0; subscriber < settings_.subscribers; ++subscriber) {
      const bool meant = receivers_ > 1 || settings_.subscribers == 1 || subscriber == publisher;
      report_.violations +=
          ledgers_[std::size_t{subscriber} * settings_.publishers + publisher].close(
              meant ? source.publisher->sent() : 0);
    }
  }
  costs_.report(report_, "message", measured_);
  report_.add("messages_sent", static_cast<double>(sent));
  report_.add("messages_received", static_cast<double>(received_));
  if (foreign_ > 0) report_.add("foreign_messages", static_cast<double>(foreign_));
  if (duplicate_flags_ > 0) report_.add("dup_flags", static_cast<double>(duplicate_flags_));
  if (settings_.options.rate != 0) report_.add_latency(latency_);
  if (measured_ == 0) return fail("no message arrived in the measured span");
  if (settings_.options.persistent) return forget_sessions();
  finish();
}

/// Leaves no session behind in a broker that others use too.
void FlowRun::forget_sessions() {
  for (std::uint32_t i = 0; i < settings_.subscribers; ++i) peers_[i]->leave();
  std::vector<PeerPlan> plans;
  for (std::uint32_t i = 0; i < settings_.subscribers; ++i)
    plans.push_back({.client_identifier = client_name(settings_, "sub", i), .index = i});
  open(std::move(plans), [this] { finish(); });
}

}  // namespace wireway::app::bench
