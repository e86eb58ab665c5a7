#pragma once
/// What every subcommand's process stands on: the real loop, files and randomness as one Env, the
/// end by SIGINT or SIGTERM, and the heartbeat by which a supervisor sees that the loop turns.
///
/// Thread: main's.

#include <functional>
#include <memory>
#include <string>

#include "net/env.h"
#include "net/os/os_loop.h"

namespace wireway::app {

/// Exit codes of every subcommand, documented in docs/guide/operate.md.
enum class ExitCode : int {
  success = 0,
  failure = 1,  ///< something outside failed; the last line says what
  usage = 2,    ///< options are wrong
  port_in_use = 3,
  data_folder = 4,  ///< cannot be used: missing rights, disk full, in use by another process
};

struct ProcessEnv {
  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
};

/// Runs the loop until SIGINT or SIGTERM. `stop` is called at the first signal with a callback to
/// call when everything is down; a second signal, or stop_patience without that callback, ends at
/// once. Returns false if it had to be cut short.
bool run_until_signal(ProcessEnv& process, std::function<void(std::function<void()>)> stop);

inline constexpr Duration stop_patience = std::chrono::seconds{8};

}  // namespace wireway::app
