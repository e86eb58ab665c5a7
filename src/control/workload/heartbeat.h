#pragma once
/// The sign of life of a supervised child: a child whose loop turns writes heartbeat_line to its
/// output once a second, and its supervisor takes the line out. A child that only looks alive stays
/// silent.
///
/// Thread: the Loop's.

#include <string_view>

#include "net/loop.h"

namespace wireway::control {

/// ASCII "synchronous idle": nothing that a log would say.
inline constexpr std::string_view heartbeat_line = "\x16";
inline constexpr Duration heartbeat_interval = std::chrono::seconds{1};
/// Set to anything in the environment of a child that shall beat.
inline constexpr std::string_view heartbeat_variable = "WIREWAY_HEARTBEAT";

/// Beats as long as it lives and the loop turns. The end of whoever reads ends this process too.
class Heartbeat {
 public:
  explicit Heartbeat(net::Loop& loop);

 private:
  void beat();
  net::Loop& loop_;
  net::Timer timer_;
};

}  // namespace wireway::control
