#include "control/workload/heartbeat.h"

#include <cstdio>
#include <string>

#include "base/log.h"

namespace wireway::control {

Heartbeat::Heartbeat(net::Loop& loop) : loop_(loop), timer_(loop) { beat(); }

void Heartbeat::beat() {
  const std::string line = std::string(heartbeat_line) + "\n";
  const bool written = std::fputs(line.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  if (!written) {
    log::warn("nobody reads our output any more: the supervisor is gone; stopping");
    loop_.stop();
    return;
  }
  timer_.arm(heartbeat_interval, [this] { beat(); });
}

}  // namespace wireway::control
