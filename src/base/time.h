#pragma once
/// Time as the product knows it: a monotonic clock for durations and timers, a wall clock for what
/// is written down. Code above `net/` takes either from its Loop (net/loop.h), never from the
/// system, so that it runs on virtual time too.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wireway {

using Duration = std::chrono::nanoseconds;

/// A point on the monotonic clock of a Loop. Comparable only within one Loop.
struct MonoTime {
  Duration since_start{0};
  friend auto operator<=>(const MonoTime&, const MonoTime&) = default;
  friend MonoTime operator+(MonoTime t, Duration d) { return {t.since_start + d}; }
  friend Duration operator-(MonoTime a, MonoTime b) { return a.since_start - b.since_start; }
};

/// UTC, nanoseconds since 1970-01-01T00:00:00Z.
struct WallTime {
  Duration since_epoch{0};
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
  friend WallTime operator+(WallTime t, Duration d) { return {t.since_epoch + d}; }
  friend Duration operator-(WallTime a, WallTime b) { return a.since_epoch - b.since_epoch; }
};

/// RFC 3339 in UTC: "2026-01-31T08:00:00Z", or with `digits` (1..9) of the fraction of a second.
std::string to_rfc3339(WallTime time, int digits = 0);

/// RFC 3339 in UTC with 100 ns digits, trailing zeros trimmed, as OPC UA JSON writes it.
std::string to_opcua_time(WallTime time);

/// Accepts RFC 3339 with `Z` or an offset, up to nine digits of fraction; nullopt if malformed.
std::optional<WallTime> parse_rfc3339(std::string_view text);

/// The system's clocks. Only `net/` and `main` call these.
MonoTime system_mono_now();
WallTime system_wall_now();

}  // namespace wireway
