#include "app/bench/retained_run.h"

#include <algorithm>

#include <fmt/format.h>

#include "app/bench/process_figures.h"

namespace wireway::app::bench {

void RetainedRun::begin() {
  std::vector<PeerPlan> plans;
  plans.push_back({.client_identifier = client_name(ground_.settings, "pub", 0), .index = 0});
  plans.push_back({.client_identifier = client_name(ground_.settings, "sub", 1),
                   .index = 1,
                   .qos = ground_.settings.qos});
  seen_.assign(ground_.settings.options.topics, false);
  open(std::move(plans), [this] {
    resident_before_ = resident_bytes(ground_.settings.options.pid).value_or(0);
    costs_.begin();
    send_all(false, [this] { stored(); });
  });
}

void RetainedRun::send_all(bool empty, net::Task then) {
  const MqttBenchOptions& options = ground_.settings.options;
  PublisherPlan plan{.topics = {.prefix = options.topic + "/r/", .count = options.topics},
                     .slots = options.window,
                     .payload_bytes = options.payload_bytes,
                     .retain = true,
                     .empty = empty};
  publisher_ = std::make_unique<Publisher>(ground_, *peers_[0], std::move(plan));
  acknowledged_now_ = 0;
  then_ = std::move(then);
  pump();
}

void RetainedRun::pump() {
  const std::uint64_t all = ground_.settings.options.topics;
  const std::uint64_t room = publisher_->slots() - (publisher_->sent() - acknowledged_now_);
  publisher_->send(std::min(room, all - publisher_->sent()), ground_.loop.now());
}

void RetainedRun::on_done(Peer&) {
  ++acknowledged_;
  ++acknowledged_now_;
  if (acknowledged_now_ == ground_.settings.options.topics)
    return ground_.loop.defer(std::exchange(then_, {}));
  // Half a window at a time: a write for each acknowledgement would measure system calls.
  if (publisher_->sent() - acknowledged_now_ <= publisher_->slots() / 2) pump();
}

void RetainedRun::stored() {
  costs_.end();
  const MqttBenchOptions& options = ground_.settings.options;
  costs_.report(report_, "store", options.topics);
  after(0.3, [this] { replay(); });
}

void RetainedRun::replay() {
  const MqttBenchOptions& options = ground_.settings.options;
  if (const auto resident = resident_bytes(options.pid))
    report_.add(
        "broker_bytes_per_topic",
        (static_cast<double>(*resident) - static_cast<double>(resident_before_)) / options.topics);
  replaying_ = true;
  costs_.begin();
  peers_[1]->subscribe({options.topic + "/r/#"});
}

void RetainedRun::on_publish(Peer&, const Received& received) {
  const Marks marks = marks_of(received.payload);
  if (marks.run != ground_.settings.options.run || marks.sequence == 0 ||
      marks.sequence > seen_.size())
    return;
  if (!received.retain) ++without_flag_;
  if (seen_[marks.sequence - 1]) {
    ++report_.violations.duplicates;
    return;
  }
  seen_[marks.sequence - 1] = true;
  if (++count_ == seen_.size()) ground_.loop.defer([this] { replayed(); });
}

void RetainedRun::replayed() {
  if (!std::exchange(replaying_, false)) return;
  costs_.end();
  report_.add("replay_seconds", costs_.seconds());
  costs_.report(report_, "replayed_message", count_);
  report_.violations.lost += seen_.size() - count_;
  if (without_flag_ > 0)
    report_.faults.push_back(
        fmt::format("{} retained messages came without the retain flag", without_flag_));
  if (ground_.settings.options.keep) return finish();
  remove();
}

void RetainedRun::remove() {
  peers_[1]->leave();
  send_all(true, [this] { finish(); });
}

void RetainedRun::on_patience_lost() {
  if (replaying_) return replayed();
  Run::on_patience_lost();
}

}  // namespace wireway::app::bench
