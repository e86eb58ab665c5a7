#include "source/simulator/plc_state.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace wireway::source::simulator {
namespace {

struct Clock {
  WallTime now{std::chrono::hours{1}};
  WallTime tick() { return now = now + plc_cycle; }
};

void run_seconds(PlcState& state, Clock& clock, int seconds) {
  for (int i = 0; i < seconds * cycles_per_second; ++i) state.step(clock.tick());
}

template <class T>
T value(const Reading& reading) {
  return std::get<T>(reading.value);
}

TEST(PlcState, keeps_fast_values_within_their_bounds_and_changes_them_each_second) {
  Clock clock;
  PlcState state(7, clock.now);
  for (int second = 0; second < 300; ++second) {
    const auto before = value<std::uint32_t>(state.fast.nodes[9]);
    run_seconds(state, clock, 1);
    const auto after = value<std::uint32_t>(state.fast.nodes[9]);
    EXPECT_NE(before, after);
    EXPECT_GE(after, fast_lower_bound);
    EXPECT_LE(after, fast_upper_bound);
    EXPECT_EQ(state.fast.nodes[9].changed, clock.now);
  }
}

TEST(PlcState, repeats_the_same_values_for_the_same_seed) {
  Clock a, b, c;
  PlcState first(42, a.now), second(42, b.now), other(43, c.now);
  run_seconds(first, a, 30);
  run_seconds(second, b, 30);
  run_seconds(other, c, 30);
  EXPECT_EQ(first.fast.nodes[0].value, second.fast.nodes[0].value);
  EXPECT_EQ(first.random_signed.value, second.random_signed.value);
  EXPECT_NE(first.random_signed.value, other.random_signed.value);
}

TEST(PlcState, walks_bad_nodes_through_the_documented_cycle_of_qualities) {
  Clock clock;
  PlcState state(1, clock.now);
  for (int round = 0; round < 2; ++round) {
    for (int step = 0; step < 10; ++step) {
      run_seconds(state, clock, 1);
      const Reading& bad = state.fast.bad;
      const bool has_value = !std::holds_alternative<std::monostate>(bad.value);
      if (step == 3 || step == 7) {
        EXPECT_EQ(bad.status, status::uncertain_last_usable_value);
      } else if (step == 8) {
        EXPECT_EQ(bad.status, status::bad_data_lost);
      } else if (step == 9) {
        EXPECT_EQ(bad.status, status::bad_no_communication);
      } else {
        EXPECT_EQ(bad.status, status::good);
      }
      EXPECT_EQ(has_value, step != 9);
    }
  }
}

TEST(PlcState, counts_updates_down_and_then_stands_still) {
  Clock clock;
  PlcState state(1, clock.now);
  state.fast.updates_left.value = std::int32_t{2};
  run_seconds(state, clock, 2);
  EXPECT_EQ(value<std::int32_t>(state.fast.updates_left), 0);
  const Scalar last = state.fast.nodes[0].value;
  run_seconds(state, clock, 5);
  EXPECT_EQ(state.fast.nodes[0].value, last);
  EXPECT_EQ(value<std::uint32_t>(state.slow.nodes[0]), 0U);
  run_seconds(state, clock, 3);
  EXPECT_EQ(value<std::uint32_t>(state.slow.nodes[0]), 1U) << "slow nodes go on by themselves";
}

TEST(PlcState, makes_one_spike_and_one_dip_in_a_phase_at_most) {
  Clock clock;
  PlcState state(3, clock.now);
  int spikes = 0, dips = 0;
  for (int i = 0; i < 100 * cycles_per_phase; ++i) {
    state.step(clock.tick());
    const double spike = value<double>(state.spike), dip = value<double>(state.dip);
    if (spike == 1000.0)
      ++spikes;
    else
      EXPECT_LE(std::fabs(spike), 100.0);
    if (dip == -1000.0)
      ++dips;
    else
      EXPECT_LE(std::fabs(dip), 100.0);
  }
  // The outlier's place is drawn from 0..49 and place 0 does not come: 98 of 100 phases on average.
  EXPECT_GT(spikes, 80);
  EXPECT_LE(spikes, 100);
  EXPECT_GT(dips, 80);
}

TEST(PlcState, counts_up_in_each_cycle_unless_stopped) {
  Clock clock;
  PlcState state(1, clock.now);
  run_seconds(state, clock, 1);
  EXPECT_EQ(value<std::uint32_t>(state.step_up), 10U);
  state.step_up_running = false;
  run_seconds(state, clock, 1);
  EXPECT_EQ(value<std::uint32_t>(state.step_up), 10U);
}

TEST(PlcState, drifts_trends_apart_until_they_are_reset) {
  Clock clock;
  PlcState state(1, clock.now);
  run_seconds(state, clock, 200);
  EXPECT_GT(value<double>(state.positive_trend), 100.0);
  EXPECT_LT(value<double>(state.negative_trend), 100.0);
  state.reset_trends(true, false, clock.now);
  EXPECT_EQ(value<double>(state.positive_trend), 100.0);
  EXPECT_LT(value<double>(state.negative_trend), 100.0);
}

TEST(PlcState, heats_boiler_1_while_its_heater_is_on_and_cools_it_to_20_degrees) {
  Clock clock;
  PlcState state(1, clock.now);
  EXPECT_EQ(state.boiler1.pressure, 99'000);
  run_seconds(state, clock, 5);
  EXPECT_EQ(state.boiler1.bottom, 105);
  EXPECT_EQ(state.boiler1.top, 100);
  EXPECT_EQ(state.boiler1.pressure, 100'105);
  state.boiler1.heater_on = false;
  run_seconds(state, clock, 200);
  EXPECT_EQ(state.boiler1.bottom, 20);
  EXPECT_EQ(state.boiler1.top, 20);
}

TEST(PlcState, swings_boiler_2_between_base_and_target_and_overheats_it) {
  Clock clock;
  PlcState state(1, clock.now);
  run_seconds(state, clock, 70);
  EXPECT_FLOAT_EQ(value<float>(state.boiler2.current_temperature), 80.0F);
  EXPECT_FALSE(value<bool>(state.boiler2.heater_on)) << "the target is reached";
  run_seconds(state, clock, 50);
  EXPECT_FLOAT_EQ(value<float>(state.boiler2.current_temperature), 100.0F);
  EXPECT_TRUE(value<bool>(state.boiler2.overheated));
  EXPECT_EQ(value<std::int32_t>(state.boiler2.device_health),
            static_cast<std::int32_t>(DeviceHealth::off_spec));
  run_seconds(state, clock, 1);
  EXPECT_EQ(value<std::int32_t>(state.boiler2.device_health),
            static_cast<std::int32_t>(DeviceHealth::failure));
}

}  // namespace
}  // namespace wireway::source::simulator
