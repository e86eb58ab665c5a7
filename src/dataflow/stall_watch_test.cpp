#include "dataflow/stall_watch.h"

#include <gtest/gtest.h>

#include "dataflow/ledger.h"

namespace wireway::dataflow {
namespace {

using std::chrono::milliseconds;

/// A source on virtual time: `send` messages at once, then silence.
struct Scene {
  StallWatch watch;
  MonoTime now{std::chrono::seconds{1}};
  int flushes = 0;

  void burst(int count) {
    for (int i = 0; i < count; ++i) watch.on_message(now);
  }
  /// Silence for `span`, asked as often as the pipeline asks; returns the flushes within.
  int silence(Duration span, std::uint64_t in_flight) {
    const int before = flushes;
    for (const MonoTime end = now + span; now < end;) {
      now = now + StallWatch::quiet;
      flushes += watch.suspects(now, in_flight) ? 1 : 0;
    }
    return flushes - before;
  }
};

TEST(StallWatch, flushes_again_and_again_while_the_source_waits_for_us) {
  Scene scene;
  for (int round = 0; round < 50; ++round) {
    scene.burst(20);  // all that the broker keeps in flight
    EXPECT_EQ(scene.silence(milliseconds{200}, 20), 1) << round;
  }
}

TEST(StallWatch, lets_a_source_that_speaks_in_bursts_fill_its_batches) {
  Scene scene;
  std::uint64_t in_flight = 0;
  for (int second = 0; second < 600; ++second) {
    in_flight += 100;
    scene.burst(100);
    scene.silence(milliseconds{1000}, in_flight);
  }
  EXPECT_LE(scene.flushes, 10);
}

TEST(StallWatch, does_not_mind_slow_sources_and_settled_messages) {
  Scene scene;
  for (int i = 0; i < 100; ++i) {
    scene.burst(1);
    EXPECT_EQ(scene.silence(milliseconds{500}, 100), 0);
  }
  scene.burst(50);
  EXPECT_EQ(scene.silence(milliseconds{500}, 0), 0);
}

TEST(Ledger, closes_whatever_becomes_of_messages) {
  Ledger ledger;
  for (int i = 0; i < 5; ++i) ledger.take(10);
  ledger.settle(flow::Outcome::delivered, 10, 7);
  ledger.settle(flow::Outcome::filtered, 10, 0);
  ledger.settle(flow::Outcome::dead_lettered, 10, 0);
  ledger.settle(flow::Outcome::abandoned, 10, 0);
  ledger.check();
  EXPECT_EQ(ledger.received, 4u);
  EXPECT_EQ(ledger.in_flight, 1u);
  EXPECT_EQ(ledger.bytes_in, 40u);
  EXPECT_EQ(ledger.bytes_out, 7u);
  EXPECT_DEATH(
      {
        ledger.settle(flow::Outcome::delivered, 10, 0);
        ledger.settle(flow::Outcome::delivered, 10, 0);
      },
      "in flight");
}

}  // namespace
}  // namespace wireway::dataflow
