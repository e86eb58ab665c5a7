#include "app/bench/process_figures.h"

#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

namespace wireway::app::bench {
namespace {

std::optional<std::string> text_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// The `index`th word, counted from 0.
std::uint64_t number_at(std::string_view text, int index) {
  for (int i = 0; i < index; ++i) {
    const auto space = text.find(' ');
    if (space == std::string_view::npos) return 0;
    text.remove_prefix(space + 1);
  }
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// What the scheduler has counted, to the nanosecond; absent in some kernels.
double scheduled_seconds(pid_t pid) {
  std::uint64_t nanoseconds = 0;
  std::error_code error;
  const std::filesystem::directory_iterator threads(fmt::format("/proc/{}/task", pid), error);
  if (error) return 0;
  for (const auto& thread : threads)
    if (const auto text = text_of(thread.path() / "schedstat")) nanoseconds += number_at(*text, 0);
  return static_cast<double>(nanoseconds) * 1e-9;
}

}  // namespace

std::optional<double> processor_seconds(pid_t pid) {
  if (const double exact = scheduled_seconds(pid); exact > 0) return exact;
  const auto text = text_of(fmt::format("/proc/{}/stat", pid));
  if (!text) return std::nullopt;
  const auto name_end = text->rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  const std::string_view rest = std::string_view(*text).substr(name_end + 1);
  const std::uint64_t ticks = number_at(rest, 12) + number_at(rest, 13);
  return static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double own_processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::optional<std::uint64_t> resident_bytes(pid_t pid) {
  const auto text = text_of(fmt::format("/proc/{}/statm", pid));
  if (!text) return std::nullopt;
  return number_at(*text, 1) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t raise_open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace wireway::app::bench
