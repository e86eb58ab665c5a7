#include "base/log_limit.h"

#include <gtest/gtest.h>

namespace wireway {
namespace {

using namespace std::chrono_literals;

TEST(LogLimit, lets_so_many_lines_a_second_through_and_says_how_many_it_left_out) {
  LogLimit limit(2);
  EXPECT_EQ(limit.admit({0ms}), 0U);
  EXPECT_EQ(limit.admit({10ms}), 0U);
  EXPECT_FALSE(limit.admit({20ms}));
  EXPECT_FALSE(limit.admit({999ms}));
  EXPECT_EQ(limit.admit({1000ms}), 2U);
  EXPECT_EQ(limit.admit({1001ms}), 0U);
}

TEST(LogLimit, says_what_it_left_out_also_if_no_further_line_comes) {
  LogLimit limit;
  EXPECT_EQ(limit.take_left_out({0ms}), 0U);
  EXPECT_EQ(limit.admit({0ms}), 0U);
  EXPECT_FALSE(limit.admit({1ms}));
  EXPECT_EQ(limit.take_left_out({500ms}), 0U);
  EXPECT_EQ(limit.take_left_out({1000ms}), 1U);
  EXPECT_EQ(limit.admit({1500ms}), 0U) << "said already";
}

}  // namespace
}  // namespace wireway
