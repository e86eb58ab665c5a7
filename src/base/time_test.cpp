#include "base/time.h"

#include <gtest/gtest.h>

namespace wireway {
namespace {

using namespace std::chrono_literals;

TEST(Rfc3339, writes_seconds_and_fractions) {
  const WallTime time{1'722'265'337s + 185'843'500ns};
  EXPECT_EQ(to_rfc3339(time), "2024-07-29T15:02:17Z");
  EXPECT_EQ(to_rfc3339(time, 3), "2024-07-29T15:02:17.185Z");
}

TEST(OpcUaTime, writes_100_ns_digits_and_trims_zeros) {
  EXPECT_EQ(to_opcua_time({1'722'265'337s + 185'843'500ns}), "2024-07-29T15:02:17.1858435Z");
  EXPECT_EQ(to_opcua_time({1'722'265'337s + 500'000'000ns}), "2024-07-29T15:02:17.5Z");
  EXPECT_EQ(to_opcua_time({1'722'265'337s}), "2024-07-29T15:02:17Z");
}

TEST(Rfc3339, reads_back_what_it_wrote_and_offsets) {
  const WallTime time{1'722'265'337s + 185'843'512ns};
  EXPECT_EQ(parse_rfc3339(to_rfc3339(time, 9)), time);
  EXPECT_EQ(parse_rfc3339("2024-07-29T17:02:17+02:00"), (WallTime{1'722'265'337s}));
}

TEST(Rfc3339, refuses_malformed_text) {
  for (const auto* text : {"", "2024-07-29", "2024-02-30T00:00:00Z", "2024-07-29T24:00:00Z",
                           "2024-07-29T15:02:17", "2024-07-29T15:02:17.Z", "2024-07-29T15:02:17Zx"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Rfc3339, writes_times_before_the_epoch) {
  EXPECT_EQ(to_rfc3339({-1ns}, 9), "1969-12-31T23:59:59.999999999Z");
}

}  // namespace
}  // namespace wireway
