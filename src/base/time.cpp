#include "base/time.h"

#include <array>
#include <charconv>
#include <ctime>

#include <fmt/format.h>

namespace wireway {
namespace {

constexpr std::int64_t nanos_per_second = 1'000'000'000;

/// Seconds since the epoch, rounded down, and the nanoseconds above them.
struct Split {
  std::int64_t seconds;
  std::int64_t nanos;
};

Split split(WallTime time) {
  std::int64_t seconds = time.since_epoch.count() / nanos_per_second;
  std::int64_t nanos = time.since_epoch.count() % nanos_per_second;
  if (nanos < 0) {
    nanos += nanos_per_second;
    --seconds;
  }
  return {seconds, nanos};
}

std::string date_and_time(std::int64_t seconds) {
  const std::time_t value = seconds;
  std::tm parts{};
  gmtime_r(&value, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/// Reads exactly `digits` decimal digits at the front of `text` and removes them.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char wanted, char alternative = '\0') {
  if (text.empty() || (text[0] != wanted && text[0] != alternative)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> take_fraction_nanos(std::string_view& text) {
  if (!take(text, '.')) return 0;
  std::int64_t nanos = 0;
  std::int64_t scale = nanos_per_second / 10;
  std::size_t digits = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9' && digits < 9) {
    nanos += (text[0] - '0') * scale;
    scale /= 10;
    text.remove_prefix(1);
    ++digits;
  }
  if (digits == 0) return std::nullopt;
  return nanos;
}

std::optional<std::int64_t> take_offset_seconds(std::string_view& text) {
  if (take(text, 'Z', 'z')) return 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (!take(text, '+', '-')) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const std::int64_t seconds = *hours * 3600 + *minutes * 60;
  return negative ? -seconds : seconds;
}

std::optional<std::int64_t> take_date_time_seconds(std::string_view& text) {
  std::array<int, 6> part{};
  static constexpr std::array<std::size_t, 6> digits{4, 2, 2, 2, 2, 2};
  static constexpr std::string_view separators = "--T::";
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto value = take_number(text, digits[i]);
    if (!value) return std::nullopt;
    part[i] = *value;
    if (i == 5) break;
    const char separator = separators[i];
    if (!take(text, separator, separator == 'T' ? 't' : separator)) return std::nullopt;
  }
  const auto date = std::chrono::year{part[0]} / part[1] / part[2];
  if (!date.ok() || part[3] > 23 || part[4] > 59 || part[5] > 60) return std::nullopt;
  const auto days = std::chrono::sys_days{date}.time_since_epoch().count();
  return std::int64_t{days} * 86400 + part[3] * 3600 + part[4] * 60 + part[5];
}

}  // namespace

std::string to_rfc3339(WallTime time, int digits) {
  const Split parts = split(time);
  std::string out = date_and_time(parts.seconds);
  if (digits > 0) out += fmt::format(".{:09}", parts.nanos).substr(0, 1 + std::size_t(digits));
  return out + "Z";
}

std::string to_opcua_time(WallTime time) {
  const Split parts = split(time);
  std::string out = date_and_time(parts.seconds);
  if (const std::int64_t ticks = parts.nanos / 100; ticks != 0) {
    out += fmt::format(".{:07}", ticks);
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out + "Z";
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  const auto seconds = take_date_time_seconds(text);
  if (!seconds) return std::nullopt;
  const auto nanos = take_fraction_nanos(text);
  if (!nanos) return std::nullopt;
  const auto offset = take_offset_seconds(text);
  if (!offset || !text.empty()) return std::nullopt;
  return WallTime{std::chrono::seconds{*seconds - *offset} + Duration{*nanos}};
}

MonoTime system_mono_now() { return {std::chrono::steady_clock::now().time_since_epoch()}; }

WallTime system_wall_now() { return {std::chrono::system_clock::now().time_since_epoch()}; }

}  // namespace wireway
