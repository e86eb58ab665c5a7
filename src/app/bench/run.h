#pragma once
/// A run of one scenario from its first connection to its report, and what all runs share: opening
/// many connections a few at a time, giving up without progress, and costs over a span of time.
///
/// Thread: the loop's.
/// Errors: what goes wrong ends the run and is in the report.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/bench/peer.h"
#include "app/bench/report.h"

namespace wireway::app::bench {

/// Processor time and memory of the broker and of this program, from mark to mark.
class Costs {
 public:
  explicit Costs(const Ground& ground) : ground_(ground) {}
  void begin();
  void end();
  double seconds() const { return seconds_; }
  /// Adds <unit>s_per_second, broker_us_per_<unit> (if its pid is known), own_us_per_<unit>, and
  /// the shares of a core: broker_cores_<unit>s, own_cores_<unit>s.
  void report(Report& report, const std::string& unit, std::uint64_t count) const;

 private:
  const Ground& ground_;
  MonoTime began_;
  double seconds_ = 0;
  std::optional<double> broker_s_;
  double own_s_ = 0;
};

class Run : public PeerHandler {
 public:
  static constexpr std::size_t connecting_max = 64;
  static constexpr Duration look_interval = std::chrono::milliseconds{100};

  explicit Run(const Ground& ground)
      : ground_(ground), costs_(ground), patience_(ground.loop), clock_(ground.loop) {}

  /// `done` comes from the loop; report() is final then.
  void start(net::Task done);
  const Report& report() const { return report_; }

  void on_ready(Peer& peer) override;
  void on_lost(Peer& peer, const std::string& why) final;

 protected:
  /// Opens the first connections by open().
  virtual void begin() = 0;
  /// Something that grows while the run gets on: without it the run gives up after patience_s.
  virtual std::uint64_t progress() const = 0;
  virtual void on_patience_lost();
  /// A connection that stood was lost; the default is to fail.
  virtual void on_peer_lost(const std::string& why) { fail(why); }

  /// Opens connections, connecting_max at a time; `then` when all are ready.
  void open(std::vector<PeerPlan> plans, net::Task then);
  void fail(std::string sentence);
  void finish();
  bool over() const { return over_; }
  void after(double seconds, net::Task task);

  const Ground& ground_;
  Report report_;
  Costs costs_;
  std::vector<std::unique_ptr<Peer>> peers_;

 private:
  void open_next();
  void watch_progress();

  net::Task done_;
  net::Task then_;
  std::vector<PeerPlan> waiting_;  ///< to be opened, the next one last
  std::size_t connecting_ = 0;
  bool over_ = false;
  std::uint64_t seen_progress_ = 0;
  MonoTime progressed_;
  std::uint64_t ready_ = 0;
  net::Timer patience_;
  net::Timer clock_;
};

/// The run of a scenario.
std::unique_ptr<Run> make_run(const Ground& ground);

/// The name of a client of this run: "bench-1a2b3c4d-sub-7".
std::string client_name(const Settings& settings, std::string_view part, std::uint32_t number);

}  // namespace wireway::app::bench
