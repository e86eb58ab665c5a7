#pragma once
/// What every run stands on: the loop, the way to the broker, the settings and a clock.

#include <functional>

#include "app/bench/options.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls/context.h"

namespace wireway::app::bench {

/// Owns nothing; all of it outlives the run.
struct Ground {
  net::Loop& loop;
  net::Network& network;
  const Settings& settings;
  net::TlsClientContext* tls = nullptr;  ///< null = plain TCP
  /// Between looks for what is due at a fixed rate. Zero = without sleeping, because a timer's
  /// lateness would be counted as the broker's; virtual time needs more.
  Duration rate_interval{0};
  /// The time now, not that of the turn's beginning: latency must hold this program's own delays.
  MonoTime (*clock)(net::Loop&) = [](net::Loop& turning) { return turning.now(); };
};

}  // namespace wireway::app::bench
