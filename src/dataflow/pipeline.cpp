#include "dataflow/pipeline.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "wire/mqtt/topic.h"

namespace wireway::dataflow {
namespace {

constexpr Duration drain_look = std::chrono::milliseconds{20};
constexpr Duration disconnect_wait = std::chrono::milliseconds{100};
constexpr Duration poison_log_interval = std::chrono::seconds{10};

}  // namespace

Pipeline::Pipeline(net::Env& env, PipelineOptions options, std::unique_ptr<flow::Sink> sink,
                   Ledger& ledger, net::Task on_health_changed)
    : env_(env),
      options_(std::move(options)),
      ledger_(ledger),
      on_health_changed_(std::move(on_health_changed)),
      transform_(std::move(options_.rules)),
      timer_(env.loop),
      stall_timer_(env.loop),
      client_(
          env, options_.source, [this](const link::MqttState&) { on_health_changed_(); },
          [this](flow::Message message, flow::Ack ack) {
            on_message(std::move(message), std::move(ack));
          }),
      sink_(std::move(sink)) {}

Pipeline::~Pipeline() {
  ending_ = true;
  sink_.reset();
}

void Pipeline::start() {
  for (const std::string& filter : options_.stale_filters) client_.unsubscribe(filter);
  for (const std::string& filter : options_.filters)
    client_.subscribe(filter, flow::Qos::at_least_once);
  client_.start();
  look_for_stall();
}

void Pipeline::end(End how, net::Task done) {
  ending_ = true;
  stall_timer_.cancel();
  if (how == End::drop_session)
    for (const std::string& filter : options_.filters) client_.unsubscribe(filter);
  sink_->flush_hint();
  wait_for_drain(env_.loop.now() + drain_max, std::move(done));
}

void Pipeline::wait_for_drain(MonoTime deadline, net::Task done) {
  const bool waits = ledger_.in_flight > 0 && env_.loop.now() < deadline;
  if (!waits) client_.stop();
  timer_.arm(waits ? drain_look : disconnect_wait,
             [this, waits, deadline, done = std::move(done)]() mutable {
               if (!waits) return done();
               sink_->flush_hint();
               wait_for_drain(deadline, std::move(done));
             });
}

flow::Health Pipeline::source_health() const {
  const link::MqttState& state = client_.state();
  if (state.connected) return {true, "Connected", state.message};
  return {false, state.tried ? "MqttSourceConnectionFailed" : "Connecting", state.message};
}

bool Pipeline::is_ours(const std::string& topic) const {
  return std::ranges::any_of(options_.filters, [&](std::string_view filter) {
    const auto shared = wire::mqtt::parse_shared_filter(filter);
    return wire::mqtt::topic_matches(shared ? shared->filter : filter, topic);
  });
}

void Pipeline::on_message(flow::Message message, flow::Ack ack) {
  if (ending_) return;  // not taken: it comes again to whoever resumes the session
  if (!is_ours(message.topic)) return ack.settle(flow::Outcome::filtered);  // an older version's
  if (message.qos == flow::Qos::at_most_once && ledger_.in_flight >= options_.window + busy_max) {
    ++ledger_.dropped_when_busy;
    return ack.settle(flow::Outcome::filtered);
  }
  const std::uint64_t bytes = message.payload.size();
  ledger_.take(bytes);
  stall_.on_message(env_.loop.now());
  Judgement judgement = transform_.apply(message);
  if (judgement.verdict == Verdict::pass)
    return hand_over(std::move(message), std::move(ack), bytes);
  const bool poisoned = judgement.verdict == Verdict::poisoned;
  if (poisoned) poison(message, std::move(judgement.why));
  const flow::Outcome outcome = poisoned ? flow::Outcome::dead_lettered : flow::Outcome::filtered;
  ledger_.settle(outcome, bytes, 0);
  ack.settle(outcome);
}

void Pipeline::hand_over(flow::Message message, flow::Ack ack, std::uint64_t bytes) {
  const std::uint64_t bytes_sent = message.payload.size();
  flow::Ack counted([this, bytes, bytes_sent, ack = std::move(ack)](flow::Outcome outcome) mutable {
    ledger_.settle(outcome, bytes, bytes_sent);
    ack.settle(outcome);
  });
  sink_->put(std::move(message), std::move(counted));
  if (ledger_.in_flight >= options_.window) sink_->flush_hint();
}

void Pipeline::poison(const flow::Message& message, std::string why) {
  ledger_.last_error = fmt::format("message from {}: {}", message.topic, why);
  const MonoTime now = env_.loop.now();
  if (ledger_.dead_lettered > 0 && now - poison_logged_ < poison_log_interval) return;
  poison_logged_ = now;
  log::warn("dataflow {}: dead-lettered a {}", options_.name, ledger_.last_error);
}

void Pipeline::look_for_stall() {
  if (stall_.suspects(env_.loop.now(), ledger_.in_flight)) sink_->flush_hint();
  stall_timer_.arm(StallWatch::quiet, [this] { look_for_stall(); });
}

}  // namespace wireway::dataflow
