#include "control/workload/owner_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "resource/conditions.h"

namespace wireway::control {
namespace {

constexpr std::string_view component = "supervisor";

resource::Conditions conditions_of(const ChildEnd& end, std::int64_t generation) {
  resource::Conditions out = resource::conditions_of({.status = false,
                                                      .reason = "ProcessExited",
                                                      .message = end.sentence,
                                                      .observed_generation = generation});
  out.reconciling = resource::trying_again(
      {.failed = static_cast<std::uint64_t>(end.in_a_row), .next = end.next_start});
  out.reconciling.observed_generation = generation;
  if (end.in_a_row < crash_loop_from) return out;
  out.degraded.status = true;
  out.degraded.reason = "CrashLoop";
  out.degraded.message =
      fmt::format("ended {} times in a row, lastly: {}; it is started again at {}", end.in_a_row,
                  end.exit, to_rfc3339(end.next_start, 3));
  if (!end.last_lines.empty())
    out.degraded.message += fmt::format("; its last lines: {}", fmt::join(end.last_lines, " | "));
  return out;
}

/// The condition is written onto what the object says now, so that its other conditions stay.
void write_condition(resource::Resources& resources, const Owner& owner, const ChildEnd& end) {
  const auto patch = [&resources, owner, end](const Result<json::value>& object) {
    if (!object) return;  // the owner is gone, and so will the child be
    json::object status = resource::status_with(
        conditions_of(end, resource::generation_of(*object)), find(*object, "status"), end.time);
    status["workload"] = {
        {"restarts", end.restarts}, {"lastExit", end.exit}, {"lastExitTime", to_rfc3339(end.time)}};
    resources.patch_status(owner.kind, owner.key, std::move(status));
  };
  resources.get(owner.kind, owner.key, patch);
}

}  // namespace

void report_end(resource::Resources& resources, const Workload& workload, const ChildEnd& end) {
  for (const Owner& owner : workload.owners) {
    write_condition(resources, owner, end);
    resources.emit({.kind = owner.kind,
                    .about = owner.key,
                    .warning = true,
                    .reason = end.reason,
                    .message = end.sentence,
                    .component = std::string(component)});
  }
}

void report_start(resource::Resources& resources, const Workload& workload,
                  const std::string& sentence) {
  for (const Owner& owner : workload.owners)
    resources.emit({.kind = owner.kind,
                    .about = owner.key,
                    .warning = false,
                    .reason = "ChildStarted",
                    .message = sentence,
                    .component = std::string(component)});
}

}  // namespace wireway::control
