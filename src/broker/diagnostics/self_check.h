#pragma once
/// The broker's probe of itself: now and again a client of ours connects over loopback to each
/// shard, subscribes, publishes and gets its message back, pings, unsubscribes and leaves.
///
/// The broker dials out to the probe, not the probe in: so no port is open that nobody has
/// configured, and the probe needs no credentials whatever the ports demand.
///
/// Source: Broker, spec.diagnostics.selfCheck
/// Thread: the Loop's
/// Owns:   its connections; ends them when destroyed
/// Limits: one round at a time, one route after the other; `timeout` for a route
/// Errors: what failed stands in figures().message; the next round finds out anew

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/diagnostics/figures.h"
#include "net/env.h"

namespace wireway::broker::diagnostics {

struct SelfCheckOptions {
  bool enabled = true;
  Duration interval = std::chrono::seconds{30};
  Duration timeout = std::chrono::seconds{15};

  friend bool operator==(const SelfCheckOptions&, const SelfCheckOptions&) = default;
};

/// What the probe needs of the broker.
struct SelfCheckDoors {
  /// Takes a stream as if it had come through a port without authentication.
  std::move_only_function<void(std::unique_ptr<net::Stream>)> accept;
  /// A fresh client identifier that lives on this shard.
  std::move_only_function<std::string(std::size_t)> name_on;
  std::move_only_function<void()> on_round;  ///< a round has ended
};

class SelfCheck {
 public:
  static constexpr std::string_view topic = "$wireway/selftest";
  static constexpr std::string_view category = "broker_selftest";

  SelfCheck(net::Env& env, std::size_t routes, SelfCheckDoors doors);
  ~SelfCheck();

  /// The first round begins at once; other options, another rhythm.
  void start(const SelfCheckOptions& options);
  void stop();
  const SelfCheckFigures& figures() const { return figures_; }
  const SelfCheckOptions& options() const { return options_; }

 private:
  class Probe;
  struct Unheard final : net::StreamHandler {
    void on_bytes(ByteView) override {}
    void on_close(const Error&) override {}
  };

  void begin_round();
  void begin_route();
  void end_route();

  net::Env& env_;
  SelfCheckDoors doors_;
  SelfCheckOptions options_;
  SelfCheckFigures figures_;
  SelfCheckFigures round_;
  std::size_t route_ = 0;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<Probe> probe_;
  Unheard unheard_;
  net::Timer next_;
  net::Timer patience_;
};

}  // namespace wireway::broker::diagnostics
