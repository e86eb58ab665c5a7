#pragma once
/// What connections cost: made and ended as fast as the broker takes them, or standing idle.

#include "app/bench/run.h"

namespace wireway::app::bench {

/// CONNECT, CONNACK, DISCONNECT, over and over on `connections` connections at a time.
class ConnectRun final : public Run {
 public:
  using Run::Run;

  void on_ready(Peer& peer) override;

 private:
  void begin() override;
  std::uint64_t progress() const override { return made_; }
  void renew();

  std::uint64_t made_ = 0;
  std::uint64_t made_before_ = 0;
  std::uint64_t names_ = 0;
  std::vector<std::uint32_t> leaving_;
};

/// Memory of the broker for each of `connections` connections that stand and say nothing.
class IdleRun final : public Run {
 public:
  /// What a broker allocates once is not to be counted as that of its connections.
  static constexpr std::uint32_t first_connections = 100;
  static constexpr double settle_s = 1;

  using Run::Run;

 private:
  void begin() override;
  std::uint64_t progress() const override { return resting_ ? ++turns_ : 0; }
  std::vector<PeerPlan> plans(std::uint32_t first, std::uint32_t count) const;
  void settled(net::Task then);
  void measure();

  std::uint64_t resident_before_ = 0;
  bool resting_ = false;
  mutable std::uint64_t turns_ = 0;  ///< to rest is progress
};

}  // namespace wireway::app::bench
