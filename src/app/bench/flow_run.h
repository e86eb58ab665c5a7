#pragma once
/// Messages from publishers to subscribers: pairs, fan-in, fan-out, shared, wildcards, at full
/// speed within a window (closed loop) or at a fixed rate (open loop).
///
/// Way: subscribers, then publishers connect -> warm-up -> measured span -> publishing stops -> all
///      that is on the way arrives (or is lost) -> the books are closed.
/// Closed loop: a publisher's message is on the way until it is acknowledged (QoS 1, 2) and all its
///      subscribers have it, so that nothing is pushed into a broker that must then drop it.

#include "app/bench/publisher.h"
#include "app/bench/run.h"

namespace wireway::app::bench {

class FlowRun final : public Run {
 public:
  explicit FlowRun(const Ground& ground);

  void on_publish(Peer& peer, const Received& received) override;
  void on_done(Peer& peer) override;

 private:
  struct Source {
    std::unique_ptr<Publisher> publisher;
    std::uint64_t acknowledged = 0;
    std::uint64_t delivered = 0;  ///< over all its subscribers
  };

  void begin() override;
  std::uint64_t progress() const override { return received_ + acknowledged_; }
  void on_patience_lost() override;

  PeerPlan subscriber_plan(std::uint32_t index) const;
  PublisherPlan publisher_plan(std::uint32_t index) const;
  void start_flow();
  void want_pump();
  void pump();
  void pump_at_rate();
  std::uint64_t free_slots(const Source& source) const;
  void measure();
  void drain();
  void look_if_drained();
  void close_books();
  void forget_sessions();

  const Settings& settings_;
  const std::uint32_t receivers_;  ///< of each message
  std::vector<Source> sources_;
  std::vector<Ledger> ledgers_;  ///< [subscriber * publishers + publisher]
  std::vector<SharedLedger> shared_;
  Histogram latency_;
  std::uint64_t received_ = 0;
  std::uint64_t foreign_ = 0;
  std::uint64_t duplicate_flags_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t received_before_ = 0;  ///< the measured span
  std::uint64_t measured_ = 0;
  std::int64_t latency_from_ns_ = INT64_MAX;
  MonoTime flow_began_;
  std::uint64_t due_ = 0;  ///< messages sent at a fixed rate
  bool flowing_ = false;
  bool measuring_ = false;
  bool draining_ = false;
  bool pump_wanted_ = false;
};

}  // namespace wireway::app::bench
