// Goal: the clock's text, order and rules are those that the public clients have.

#include "broker/state_store/hlc.h"

#include <gtest/gtest.h>

namespace wireway::broker::state_store {
namespace {

Hlc at(std::uint64_t ms, std::uint32_t counter, std::string node = "n") {
  return {ms, counter, std::move(node)};
}

TEST(HlcText, is_padded_when_written_and_need_not_be_when_read) {
  EXPECT_EQ(to_text(at(1696374425000, 1, "StateStore")), "001696374425000:00001:StateStore");
  EXPECT_EQ(parse_hlc("001696374425000:00001:StateStore"), at(1696374425000, 1, "StateStore"));
  EXPECT_EQ(parse_hlc("1696374425000:0:Client1"), at(1696374425000, 0, "Client1"));
  EXPECT_EQ(parse_hlc("0:123456:"), at(0, 123456, ""));
  EXPECT_EQ(to_text(at(5, 2147483647, "x")), "000000000000005:2147483647:x");
}

TEST(HlcText, refuses_what_is_malformed) {
  for (const char* text :
       {"", ":", "::", "1:2", "1::n", ":1:n", "-1:2:n", "+1:2:n", " 1:2:n", "1:2:n:m", "1:x:n",
        "1e3:1:n", "1:2147483648:n", "1000000000000000:0:n", "99999999999999999999999:0:n"})
    EXPECT_EQ(parse_hlc(text), std::nullopt) << text;
}

TEST(Hlc, is_ordered_by_milliseconds_then_counter_then_bytes_of_the_node) {
  EXPECT_LT(at(1, 9, "z"), at(2, 0, "a"));
  EXPECT_LT(at(1, 1, "z"), at(1, 2, "a"));
  EXPECT_LT(at(1, 1, "B"), at(1, 1, "a"));
  EXPECT_EQ(at(1, 1, "a"), at(1, 1, "a"));
}

TEST(HlcClock, follows_the_four_rules_of_a_received_time) {
  struct Row {
    Hlc own, received;
    std::uint64_t wall;
    Hlc expected;
  };
  const Row rows[] = {
      {at(10, 5), at(11, 7), 12, at(12, 0)},  // the wall clock is ahead of both
      {at(10, 5), at(10, 7), 10, at(10, 8)},  // same time: the larger counter counts on
      {at(10, 9), at(10, 7), 3, at(10, 10)},
      {at(20, 5), at(10, 7), 15, at(20, 6)},  // our own is ahead
      {at(10, 5), at(20, 7), 15, at(20, 8)},  // the other is ahead
      {at(10, 5), at(20, 7), 20, at(20, 8)},
  };
  for (const Row& row : rows) {
    HlcClock clock{"n"};
    clock.restore(row.own);
    EXPECT_EQ(clock.update(row.received, row.wall), row.expected)
        << to_text(row.own) << " " << to_text(row.received) << " " << row.wall;
  }
}

TEST(HlcClock, ticks_on_when_the_wall_clock_stands_or_steps_back) {
  HlcClock clock{"n"};
  EXPECT_EQ(clock.tick(100), at(100, 0));
  EXPECT_EQ(clock.tick(100), at(100, 1));
  EXPECT_EQ(clock.tick(50), at(100, 2));
  EXPECT_EQ(clock.tick(101), at(101, 0));
  clock.restore(at(90, 4));
  EXPECT_EQ(clock.last(), at(101, 0));
}

TEST(HlcClock, carries_a_full_counter_into_the_milliseconds) {
  HlcClock clock{"n"};
  EXPECT_EQ(clock.update(at(100, counter_max), 100), at(101, 0));
  clock.restore(at(200, counter_max));
  EXPECT_EQ(clock.tick(200), at(201, 0));
}

TEST(Hlc, may_be_a_minute_ahead_and_no_more) {
  EXPECT_FALSE(is_too_far_ahead(at(1'060'000, 9), 1'000'000));
  EXPECT_TRUE(is_too_far_ahead(at(1'060'001, 0), 1'000'000));
  EXPECT_FALSE(is_too_far_ahead(at(1, 0), 1'000'000));
}

}  // namespace
}  // namespace wireway::broker::state_store
