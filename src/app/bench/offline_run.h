#pragma once
/// Persistent sessions whose clients are away: fill their queues, and see later, perhaps after the
/// broker was restarted or killed, what comes back. Both halves need the same --run, --connections
/// and --messages.

#include "app/bench/publisher.h"
#include "app/bench/run.h"

namespace wireway::app::bench {

/// Makes the sessions, lets them go, publishes `messages` to each, and ends with the last
/// acknowledgement.
class OfflineFill final : public Run {
 public:
  using Run::Run;

  void on_done(Peer& peer) override;

 private:
  void begin() override;
  std::uint64_t progress() const override { return acknowledged_; }
  std::uint64_t total() const;
  void publish();
  void pump();
  void filled();

  std::unique_ptr<Publisher> publisher_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t resident_before_ = 0;
};

/// The sessions come back and must get all of it, in order. Ends them for good.
class OfflineDrain final : public Run {
 public:
  explicit OfflineDrain(const Ground& ground)
      : Run(ground), ledgers_(ground.settings.options.connections) {}

  void on_ready(Peer& peer) override;
  void on_publish(Peer& peer, const Received& received) override;

 private:
  void begin() override;
  std::uint64_t progress() const override { return received_ + forgotten_; }
  void on_patience_lost() override;
  std::uint64_t total() const;
  void look_if_done();
  void close_books();

  std::vector<Ledger> ledgers_;
  std::uint64_t received_ = 0;
  std::uint64_t forgotten_ = 0;  ///< sessions closed for good
  std::uint64_t sessions_lost_ = 0;
  bool all_back_ = false;
  bool closed_ = false;
};

}  // namespace wireway::app::bench
