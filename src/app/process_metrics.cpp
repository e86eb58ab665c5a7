#include "app/process_metrics.h"

#include <charconv>
#include <optional>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>

#include "app/version.h"
#include "control/api/metrics.h"

namespace wireway::app {
namespace {

struct Figures {
  double processor_s = 0;
  std::uint64_t resident_bytes = 0;
};

/// /proc/<pid>/stat after the name, which may have spaces: field 3 comes first.
std::optional<Figures> read_process(net::Files& files, const std::string& who) {
  constexpr std::size_t utime = 11;
  constexpr std::size_t stime = 12;
  constexpr std::size_t pages = 21;
  const auto text = files.read("/proc/" + who + "/stat");
  if (!text) return std::nullopt;
  std::vector<std::uint64_t> fields;
  std::string_view rest = std::string_view(*text);
  const auto name_end = rest.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  rest.remove_prefix(std::min(name_end + 2, rest.size()));
  while (!rest.empty() && fields.size() <= pages) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    std::uint64_t number = 0;
    std::from_chars(word.data(), word.data() + word.size(), number);
    fields.push_back(number);
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  }
  if (fields.size() <= pages) return std::nullopt;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return Figures{
      .processor_s = static_cast<double>(fields[utime] + fields[stime]) / ticks,
      .resident_bytes = fields[pages] * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

}  // namespace

std::string process_metrics(net::Files& files,
                            const std::map<std::string, ChildFigures>& children) {
  using control::metric_head;
  std::string out = metric_head("wireway_build_info", "gauge", "The version that runs.");
  out += fmt::format("wireway_build_info{{version=\"{}\"}} 1\n", version);
  if (const auto own = read_process(files, "self")) {
    out += metric_head("process_cpu_seconds_total", "counter", "Processor time of this process.");
    out += fmt::format("process_cpu_seconds_total {}\n", own->processor_s);
    out += metric_head("process_resident_memory_bytes", "gauge", "Memory of this process.");
    out += fmt::format("process_resident_memory_bytes {}\n", own->resident_bytes);
  }
  if (const auto open = files.list("/proc/self/fd")) {
    out += metric_head("process_open_fds", "gauge", "Files and sockets that are open.");
    out += fmt::format("process_open_fds {}\n", open->size());
  }
  std::string restarts = metric_head("wireway_child_restarts_total", "counter",
                                     "Restarts of a child process since the start.");
  std::string memory =
      metric_head("wireway_child_resident_memory_bytes", "gauge", "Memory of a child process.");
  std::string processor = metric_head("wireway_child_cpu_seconds_total", "counter",
                                      "Processor time of a child process that runs.");
  std::string up = metric_head("wireway_child_up", "gauge", "1 if the child process runs.");
  for (const auto& [name, child] : children) {
    restarts +=
        fmt::format("wireway_child_restarts_total{{child=\"{}\"}} {}\n", name, child.restarts);
    up += fmt::format("wireway_child_up{{child=\"{}\"}} {}\n", name, child.pid > 0 ? 1 : 0);
    const auto figures =
        child.pid > 0 ? read_process(files, std::to_string(child.pid)) : std::nullopt;
    if (!figures) continue;
    memory += fmt::format("wireway_child_resident_memory_bytes{{child=\"{}\"}} {}\n", name,
                          figures->resident_bytes);
    processor += fmt::format("wireway_child_cpu_seconds_total{{child=\"{}\"}} {}\n", name,
                             figures->processor_s);
  }
  return children.empty() ? out : out + up + restarts + memory + processor;
}

}  // namespace wireway::app
