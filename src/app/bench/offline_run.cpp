#include "app/bench/offline_run.h"

#include <algorithm>

#include <fmt/format.h>

#include "app/bench/process_figures.h"

namespace wireway::app::bench {
namespace {

/// So that the broker has taken the goodbyes before the first message comes.
constexpr double away_s = 0.3;

TopicPlan topics_of(const MqttBenchOptions& options) {
  return {.prefix = options.topic + "/o/", .count = options.connections};
}

}  // namespace

std::uint64_t OfflineFill::total() const {
  const MqttBenchOptions& options = ground_.settings.options;
  return std::uint64_t{options.connections} * options.messages;
}

void OfflineFill::begin() {
  const Settings& settings = ground_.settings;
  raise_open_files();
  std::vector<PeerPlan> plans;
  for (std::uint32_t i = 0; i < settings.options.connections; ++i)
    plans.push_back({.client_identifier = client_name(settings, "away", i),
                     .index = i,
                     .filters = {topic_name(topics_of(settings.options), i)},
                     .qos = settings.qos,
                     .clean = false,
                     .persistent = true});
  open(std::move(plans), [this] {
    for (const auto& peer : peers_) peer->leave();
    after(away_s, [this] {
      peers_.clear();
      std::vector<PeerPlan> publisher;
      publisher.push_back({.client_identifier = client_name(ground_.settings, "pub", 0)});
      open(std::move(publisher), [this] { publish(); });
    });
  });
}

void OfflineFill::publish() {
  const MqttBenchOptions& options = ground_.settings.options;
  resident_before_ = resident_bytes(options.pid).value_or(0);
  PublisherPlan plan{.topics = topics_of(options),
                     .slots = options.window,
                     .payload_bytes = options.payload_bytes,
                     .stream_per_topic = true};
  publisher_ = std::make_unique<Publisher>(ground_, *peers_[0], std::move(plan));
  costs_.begin();
  pump();
}

void OfflineFill::pump() {
  const std::uint64_t room = publisher_->slots() - (publisher_->sent() - acknowledged_);
  publisher_->send(std::min(room, total() - publisher_->sent()), ground_.loop.now());
}

void OfflineFill::on_done(Peer&) {
  ++acknowledged_;
  if (acknowledged_ == total()) return ground_.loop.defer([this] { filled(); });
  if (publisher_->sent() - acknowledged_ <= publisher_->slots() / 2) pump();
}

void OfflineFill::filled() {
  costs_.end();
  report_.add("fill_seconds", costs_.seconds());
  costs_.report(report_, "message", total());
  if (const auto resident = resident_bytes(ground_.settings.options.pid)) {
    report_.add("broker_resident_megabytes", static_cast<double>(*resident) / 1e6);
    report_.add("broker_bytes_per_message",
                (static_cast<double>(*resident) - static_cast<double>(resident_before_)) /
                    static_cast<double>(total()));
  }
  finish();
}

std::uint64_t OfflineDrain::total() const {
  const MqttBenchOptions& options = ground_.settings.options;
  return std::uint64_t{options.connections} * options.messages;
}

void OfflineDrain::begin() {
  const Settings& settings = ground_.settings;
  raise_open_files();
  std::vector<PeerPlan> plans;
  for (std::uint32_t i = 0; i < settings.options.connections; ++i)
    plans.push_back({.client_identifier = client_name(settings, "away", i),
                     .index = i,
                     .qos = settings.qos,
                     .clean = false,
                     .persistent = true});
  costs_.begin();
  open(std::move(plans), [this] {
    all_back_ = true;
    look_if_done();
  });
}

void OfflineDrain::on_ready(Peer& peer) {
  if (!closed_ && !peer.session_present()) ++sessions_lost_;
  if (closed_) ++forgotten_;
  Run::on_ready(peer);
}

void OfflineDrain::on_publish(Peer& peer, const Received& received) {
  const Marks marks = marks_of(received.payload);
  if (closed_ || marks.run != ground_.settings.options.run || marks.stream != peer.index()) return;
  ++received_;
  ledgers_[marks.stream].note(marks.sequence);
  if (received_ >= total()) ground_.loop.defer([this] { look_if_done(); });
}

void OfflineDrain::look_if_done() {
  if (all_back_ && received_ >= total()) close_books();
}

void OfflineDrain::on_patience_lost() {
  if (closed_ || !all_back_) return Run::on_patience_lost();
  close_books();
}

void OfflineDrain::close_books() {
  if (std::exchange(closed_, true)) return;
  costs_.end();
  report_.add("drain_seconds", costs_.seconds());
  costs_.report(report_, "message", received_);
  report_.add("messages_received", static_cast<double>(received_));
  report_.add("sessions_lost", static_cast<double>(sessions_lost_));
  for (const Ledger& ledger : ledgers_)
    report_.violations += ledger.close(ground_.settings.options.messages);
  if (sessions_lost_ > 0)
    report_.faults.push_back(fmt::format("{} sessions were not there any more", sessions_lost_));
  const Settings& settings = ground_.settings;
  for (const auto& peer : peers_) peer->leave();
  std::vector<PeerPlan> plans;
  for (std::uint32_t i = 0; i < settings.options.connections; ++i)
    plans.push_back({.client_identifier = client_name(settings, "away", i), .index = i});
  open(std::move(plans), [this] { finish(); });
}

}  // namespace wireway::app::bench
