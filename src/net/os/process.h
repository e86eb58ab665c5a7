#pragma once
/// Child processes of the supervisor (control/workload): start, output, end.
///
/// Thread: the OsLoop's.
/// Owns:   a Process kills (SIGKILL) and reaps its child when destroyed. A child also dies with us:
///         PR_SET_PDEATHSIG is SIGKILL, checked against a parent that died in between. "Us" is the
///         thread that started it: start children from the main thread's loop.
///         Each child has a process group of its own, so that Ctrl-C reaches us alone and we decide
///         the order in which they stop; its stdin is /dev/null.
/// Limits: a line of output longer than 16 KiB is cut into several.
/// Errors: Errc::not_found / denied naming the program.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/os/os_loop.h"

namespace wireway::net {

/// How a child ended. Exactly one of the two is meaningful.
struct ExitStatus {
  int code = 0;
  int signal = 0;  ///< 0 if it exited by itself
  /// "exited with code 1" / "was killed by signal 9 (SIGKILL)".
  std::string to_string() const;
};

struct ProcessOptions {
  std::vector<std::string> arguments;               ///< arguments[0] is the program's path
  std::vector<std::string> environment_extra = {};  ///< "NAME=value", added to ours
  std::move_only_function<void(std::string_view line)> on_output =
      {};  ///< each line; null = inherit
  std::move_only_function<void(const ExitStatus&)> on_exit = {};
};

class Process {
 public:
  virtual ~Process() = default;
  virtual pid_t pid() const = 0;
  /// Sends a signal; nothing happens if it has ended.
  virtual void signal(int number) = 0;
};

Result<std::unique_ptr<Process>> start_process(OsLoop& loop, ProcessOptions options);

/// Raises how many files and sockets this process may have open (RLIMIT_NOFILE) to what the system
/// lets it, and returns that. Before it starts threads; not where a library still uses select().
std::size_t raise_open_files_max();

/// Path of the running program, for starting our own subcommands.
std::string own_program_path();

}  // namespace wireway::net
