#include "app/process.h"

#include <csignal>

#include "base/log.h"

namespace wireway::app {

bool run_until_signal(ProcessEnv& process, std::function<void(std::function<void()>)> stop) {
  bool stopping = false;
  bool clean = false;
  net::Timer patience(process.loop);
  process.loop.on_signals({SIGINT, SIGTERM}, [&](int) {
    if (stopping) {
      log::warn("second signal: ending at once");
      process.loop.stop();
      return;
    }
    stopping = true;
    patience.arm(stop_patience, [&] {
      log::warn("not everything stopped within 8 s: ending at once");
      process.loop.stop();
    });
    stop([&] {
      clean = true;
      process.loop.stop();
    });
  });
  process.loop.run();
  return clean;
}

}  // namespace wireway::app
