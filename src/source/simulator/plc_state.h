#pragma once
/// What the simulated PLC measures: every value of the quickstart's PLC simulator, stepped once per
/// cycle of 100 ms, without OPC UA. The address space (address_space.h) shows these readings to
/// clients.
///
/// Thread: one; the server's
/// Cost:   one cycle is about 30 assignments

#include <array>
#include <cstdint>
#include <variant>

#include "base/time.h"
#include "net/random.h"

namespace wireway::source::simulator {

using Scalar = std::variant<std::monostate, bool, std::int32_t, std::uint32_t, float, double>;

/// A value with its quality and the moment of its last change; monostate = no value.
struct Reading {
  Scalar value;
  std::uint32_t status = 0;  ///< OPC UA StatusCode
  WallTime changed;
};

inline constexpr std::uint32_t fast_lower_bound = 212;
inline constexpr std::uint32_t fast_upper_bound = 273;
inline constexpr Duration plc_cycle = std::chrono::milliseconds{100};
inline constexpr int cycles_per_phase = 50;
inline constexpr int cycles_per_second = 10;
inline constexpr int cycles_per_slow_update = 100;

namespace status {
inline constexpr std::uint32_t good = 0;
inline constexpr std::uint32_t uncertain_last_usable_value = 0x40900000;
inline constexpr std::uint32_t bad_data_lost = 0x809D0000;
inline constexpr std::uint32_t bad_no_communication = 0x80310000;
}  // namespace status

/// Values that come a second or ten apart, with a limit on the number of updates and a bad sibling.
template <std::size_t Count>
struct UpdateGroup {
  std::array<Reading, Count> nodes;
  Reading bad;  ///< walks through good, uncertain and bad qualities
  std::size_t bad_step = 0;
  Reading updates_left;  ///< Int32; -1 = without end
  bool running = true;
};

/// Boiler #1: heats by 1 degree a second while the heater is on, cools down to 20 while it is off.
struct Boiler1 {
  bool heater_on = true;
  std::int32_t bottom = 100;
  std::int32_t top = 95;
  std::int32_t pressure = 99'000;
  WallTime changed;
};

/// Boiler #2: swings between base and target temperature; overheats each overheat interval.
struct Boiler2 {
  Reading base_temperature, current_temperature, heater_on, maintenance_interval_s, overheated,
      overheated_threshold, target_temperature, temperature_change_speed, overheat_interval_s,
      device_health;
  std::uint32_t seconds = 0;  ///< since start, for the two intervals
};

/// NAMUR NE 107 as in OPC 10000-100 DeviceHealthEnumeration.
enum class DeviceHealth : std::int32_t {
  normal = 0,
  failure = 1,
  check_function = 2,
  off_spec = 3,
  maintenance_required = 4
};

class PlcState {
 public:
  PlcState(std::uint64_t seed, WallTime now);

  /// One cycle of 100 ms.
  void step(WallTime now);

  void reset_trends(bool positive, bool negative, WallTime now);

  UpdateGroup<10> fast;
  UpdateGroup<5> slow;
  Reading step_up, alternating_boolean, random_signed, random_unsigned;
  Reading spike, dip, positive_trend, negative_trend;
  bool step_up_running = true;
  Boiler1 boiler1;
  Boiler2 boiler2;

 private:
  /// A sine of which one cycle in each phase is replaced by an outlier.
  struct Anomaly {
    int cycle_left = cycles_per_phase;
    int outlier_cycle = 0;
  };
  struct Trend {
    int cycle_left = cycles_per_phase;
    int phase = 0;
    int first_phase = 0;
  };

  double next_sine(Anomaly& anomaly, double outlier);
  double next_trend(Trend& trend, double direction);
  std::uint32_t next_bounded(const Reading& current);
  template <std::size_t Count, class Next>
  void update(UpdateGroup<Count>& group, WallTime now, Next next);
  void step_boiler1(WallTime now);
  void step_boiler2(WallTime now);

  net::SeededRandom random_;
  std::uint64_t cycle_ = 0;
  Anomaly spike_anomaly_, dip_anomaly_;
  Trend positive_, negative_;
};

}  // namespace wireway::source::simulator
