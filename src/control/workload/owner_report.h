#pragma once
/// What became of a child, written where people look: Events about its owners, their Ready
/// condition and `status.workload`.
///
/// Thread: the Loop's.

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "control/workload/workload.h"
#include "resource/resources.h"

namespace wireway::control {

struct ChildEnd {
  /// "broker (pid 123) was killed by signal 9 (SIGKILL); restarting in 0.2 s"
  std::string sentence;
  std::string reason = "ChildExited";  ///< of the Event
  std::string exit;                    ///< "was killed by signal 9 (SIGKILL)"
  std::int64_t restarts = 0;
  WallTime time;
  WallTime next_start;
  std::int64_t in_a_row = 1;                 ///< ends without a steady life between them
  std::vector<std::string> last_lines = {};  ///< what it printed before it ended
};
/// So many ends in a row are a loop.
inline constexpr std::int64_t crash_loop_from = 3;

/// Ready=False with reason ProcessExited until the service reports again, Degraded with reason
/// CrashLoop and the last lines from crash_loop_from on, and a Warning.
void report_end(resource::Resources& resources, const Workload& workload, const ChildEnd& end);
/// A Normal Event.
void report_start(resource::Resources& resources, const Workload& workload,
                  const std::string& sentence);

}  // namespace wireway::control
