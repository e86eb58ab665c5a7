#pragma once
/// The hybrid logical clock: wall time that never runs backwards and counts on where two events
/// share a millisecond, so that versions of one store are ordered whatever the clocks of its
/// clients do.
///
/// Source: state store protocol, "Versioning" (HLC); text form `%015d:%05d:%s`
/// Thread: any; values, and a clock of its owner
/// Limits: drift_ms_max: a received time further ahead of the local clock is refused
///         counter_max: one more carries into the milliseconds

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wireway::broker::state_store {

/// Milliseconds first, then the counter, then the node's bytes.
struct Hlc {
  std::uint64_t ms = 0;  ///< since 1970-01-01T00:00:00Z
  std::uint32_t counter = 0;
  std::string node;

  friend auto operator<=>(const Hlc&, const Hlc&) = default;
};

inline constexpr std::uint64_t drift_ms_max = 60'000;
inline constexpr std::uint32_t counter_max = 0x7FFFFFFF;          ///< clients keep it in 32 bits
inline constexpr std::uint64_t hlc_ms_max = 999'999'999'999'999;  ///< 15 digits: year 33658

/// "001696374425000:00001:StateStore".
std::string to_text(const Hlc& hlc);
/// Takes shorter numbers too; nullopt if malformed or out of range.
std::optional<Hlc> parse_hlc(std::string_view text);
/// True if `hlc` is more than drift_ms_max ahead of the local wall clock.
bool is_too_far_ahead(const Hlc& hlc, std::uint64_t wall_ms);

class HlcClock {
 public:
  explicit HlcClock(std::string node) : last_{0, 0, std::move(node)} {}

  /// The time of an event of our own; greater than all before.
  const Hlc& tick(std::uint64_t wall_ms);
  /// The time of an event that a received time has led to; greater than that and all before. The
  /// caller has checked is_too_far_ahead().
  const Hlc& update(const Hlc& received, std::uint64_t wall_ms);
  /// After a restart: not less than what was given out before.
  void restore(const Hlc& given_out);

  const Hlc& last() const { return last_; }

 private:
  void set(std::uint64_t ms, std::uint64_t counter);

  Hlc last_;
};

}  // namespace wireway::broker::state_store
