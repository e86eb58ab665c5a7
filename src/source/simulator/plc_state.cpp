#include "source/simulator/plc_state.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace wireway::source::simulator {
namespace {

constexpr double sine_amplitude = 100.0;
constexpr double trend_base = 100.0;
constexpr int trend_first_phase_max = 10;
constexpr std::int32_t boiler1_degrees_min = 20;
constexpr std::int32_t boiler1_pressure_base = 100'000;
constexpr float boiler2_overheat_degrees = 10.0F;

struct BadStep {
  std::uint32_t status;
  bool has_value;
};

/// The cycle that BadFastUInt1 and BadSlowUInt1 repeat.
constexpr std::array bad_steps{
    BadStep{status::good, true},          BadStep{status::good, true},
    BadStep{status::good, true},          BadStep{status::uncertain_last_usable_value, true},
    BadStep{status::good, true},          BadStep{status::good, true},
    BadStep{status::good, true},          BadStep{status::uncertain_last_usable_value, true},
    BadStep{status::bad_data_lost, true}, BadStep{status::bad_no_communication, false},
};

void set(Reading& reading, Scalar value, WallTime now) {
  reading.value = value;
  reading.changed = now;
}

float as_float(const Reading& reading) { return std::get<float>(reading.value); }

std::uint32_t as_uint(const Reading& reading, std::uint32_t fallback) {
  const auto* value = std::get_if<std::uint32_t>(&reading.value);
  return value != nullptr ? *value : fallback;
}

}  // namespace

PlcState::PlcState(std::uint64_t seed, WallTime now) : random_(seed) {
  for (Reading& node : fast.nodes) set(node, next_bounded(node), now);
  for (Reading& node : slow.nodes) set(node, std::uint32_t{0}, now);
  set(fast.bad, next_bounded(fast.bad), now);
  set(slow.bad, std::uint32_t{0}, now);
  set(fast.updates_left, std::int32_t{-1}, now);
  set(slow.updates_left, std::int32_t{-1}, now);
  set(step_up, std::uint32_t{0}, now);
  set(alternating_boolean, false, now);
  set(random_signed, std::int32_t{0}, now);
  set(random_unsigned, std::uint32_t{0}, now);
  for (Reading* reading : {&spike, &dip}) set(*reading, 0.0, now);
  spike_anomaly_.outlier_cycle = static_cast<int>(random_.below(cycles_per_phase));
  dip_anomaly_.outlier_cycle = static_cast<int>(random_.below(cycles_per_phase));
  reset_trends(true, true, now);
  boiler1.changed = now;
  set(boiler2.base_temperature, 10.0F, now);
  set(boiler2.current_temperature, 10.0F, now);
  set(boiler2.heater_on, true, now);
  set(boiler2.maintenance_interval_s, std::uint32_t{300}, now);
  set(boiler2.overheat_interval_s, std::uint32_t{120}, now);
  set(boiler2.overheated, false, now);
  set(boiler2.target_temperature, 80.0F, now);
  set(boiler2.overheated_threshold, 80.0F + boiler2_overheat_degrees, now);
  set(boiler2.temperature_change_speed, 1.0F, now);
  set(boiler2.device_health, static_cast<std::int32_t>(DeviceHealth::normal), now);
}

void PlcState::step(WallTime now) {
  ++cycle_;
  if (step_up_running) set(step_up, as_uint(step_up, 0) + 1, now);
  if (cycle_ % cycles_per_phase == 0)
    set(alternating_boolean, !std::get<bool>(alternating_boolean.value), now);
  set(random_signed, static_cast<std::int32_t>(random_.next()), now);
  set(random_unsigned, static_cast<std::uint32_t>(random_.next() >> 33), now);
  set(spike, next_sine(spike_anomaly_, sine_amplitude * 10), now);
  set(dip, next_sine(dip_anomaly_, -sine_amplitude * 10), now);
  set(positive_trend, next_trend(positive_, 1), now);
  set(negative_trend, next_trend(negative_, -1), now);

  if (cycle_ % cycles_per_second == 0) {
    update(fast, now, [this](const Reading& current) { return next_bounded(current); });
    step_boiler1(now);
    step_boiler2(now);
  }
  if (cycle_ % cycles_per_slow_update == 0)
    update(slow, now, [](const Reading& current) { return as_uint(current, 0) + 1; });
}

void PlcState::reset_trends(bool positive, bool negative, WallTime now) {
  if (positive) {
    positive_ = Trend{.first_phase = static_cast<int>(random_.below(trend_first_phase_max))};
    set(positive_trend, trend_base, now);
  }
  if (negative) {
    negative_ = Trend{.first_phase = static_cast<int>(random_.below(trend_first_phase_max))};
    set(negative_trend, trend_base, now);
  }
}

double PlcState::next_sine(Anomaly& anomaly, double outlier) {
  const double phase = 2 * std::numbers::pi / cycles_per_phase * anomaly.cycle_left;
  const double value =
      anomaly.cycle_left == anomaly.outlier_cycle ? outlier : sine_amplitude * std::sin(phase);
  if (--anomaly.cycle_left == 0) {
    anomaly.cycle_left = cycles_per_phase;
    anomaly.outlier_cycle = static_cast<int>(random_.below(cycles_per_phase));
  }
  return value;
}

double PlcState::next_trend(Trend& trend, double direction) {
  double value = trend_base;
  if (trend.phase >= trend.first_phase)
    value += direction * (trend.phase - trend.first_phase) / 10.0;
  if (--trend.cycle_left == 0) {
    trend.cycle_left = cycles_per_phase;
    ++trend.phase;
  }
  return value;
}

/// Within the bounds of the fast nodes and never the same value twice in a row.
std::uint32_t PlcState::next_bounded(const Reading& current) {
  constexpr std::uint32_t span = fast_upper_bound - fast_lower_bound + 1;
  const std::uint32_t before = as_uint(current, fast_lower_bound);
  const auto shift = static_cast<std::uint32_t>(1 + random_.below(span - 1));
  return fast_lower_bound + (before - fast_lower_bound + shift) % span;
}

template <std::size_t Count, class Next>
void PlcState::update(UpdateGroup<Count>& group, WallTime now, Next next) {
  const auto left = std::get<std::int32_t>(group.updates_left.value);
  if (!group.running || left == 0) return;
  if (left > 0) set(group.updates_left, left - 1, now);
  for (Reading& node : group.nodes) set(node, next(node), now);
  const BadStep step = bad_steps[group.bad_step++ % bad_steps.size()];
  group.bad.status = step.status;
  set(group.bad, step.has_value ? Scalar{next(group.bad)} : Scalar{}, now);
}

void PlcState::step_boiler1(WallTime now) {
  boiler1.bottom =
      boiler1.heater_on ? boiler1.bottom + 1 : std::max(boiler1_degrees_min, boiler1.bottom - 1);
  boiler1.top = std::max(boiler1_degrees_min, boiler1.bottom - 5);
  boiler1.pressure = boiler1_pressure_base + boiler1.bottom;
  boiler1.changed = now;
}

void PlcState::step_boiler2(WallTime now) {
  Boiler2& b = boiler2;
  ++b.seconds;
  const float base = as_float(b.base_temperature);
  const float target = as_float(b.target_temperature);
  const float threshold = as_float(b.overheated_threshold);
  const float speed = as_float(b.temperature_change_speed);
  float current = as_float(b.current_temperature);

  if (std::get<bool>(b.heater_on.value)) {
    current += std::min(speed, std::fabs(target - current));
    if (current >= target) set(b.heater_on, false, now);
  } else {
    current -= std::min(speed, std::fabs(current - base));
    if (current <= base) set(b.heater_on, true, now);
  }
  DeviceHealth health = DeviceHealth::normal;
  if (current < base) health = DeviceHealth::off_spec;
  if (current > target) health = DeviceHealth::check_function;
  if (current >= threshold) health = DeviceHealth::failure;

  const std::uint32_t overheat_every = as_uint(b.overheat_interval_s, 0);
  if (overheat_every != 0 && b.seconds % overheat_every == 0) {
    current = threshold + boiler2_overheat_degrees;
    set(b.heater_on, false, now);
    health = DeviceHealth::off_spec;
  }
  const std::uint32_t maintain_every = as_uint(b.maintenance_interval_s, 0);
  if (maintain_every != 0 && b.seconds % maintain_every == 0)
    health = DeviceHealth::maintenance_required;

  set(b.current_temperature, current, now);
  set(b.overheated, current > threshold, now);
  set(b.device_health, static_cast<std::int32_t>(health), now);
}

}  // namespace wireway::source::simulator
