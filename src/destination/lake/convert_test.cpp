#include "destination/lake/convert.h"

#include <gtest/gtest.h>

#include "base/json_text.h"

namespace wireway::destination::lake {
namespace {

json::value value(std::string_view text) { return *parse_json_exact(text); }

TEST(Convert, cuts_fractions_and_parses_text) {
  EXPECT_EQ(to_integer(value("3.9"), 32), 3);
  EXPECT_EQ(to_integer(value("-3.9"), 32), -3);
  EXPECT_EQ(to_integer(value("\"12\""), 32), 12);
  EXPECT_EQ(to_integer(value("\" 12.7 \""), 64), 12);
  EXPECT_EQ(to_integer(value("true"), 8), 1);
  EXPECT_EQ(to_integer(value("9223372036854775807"), 64), INT64_MAX);
}

TEST(Convert, refuses_what_does_not_fit) {
  EXPECT_FALSE(to_integer(value("128"), 8));
  EXPECT_EQ(to_integer(value("-128"), 8), -128);
  EXPECT_FALSE(to_integer(value("9223372036854775808"), 64));
  EXPECT_FALSE(to_integer(value("9.3e18"), 64));
  EXPECT_FALSE(to_integer(value("\"abc\""), 64));
  EXPECT_FALSE(to_integer(value("[1]"), 64));
  EXPECT_FALSE(to_double(value("\"\"")));
  EXPECT_FALSE(to_boolean(value("2")));
  EXPECT_EQ(to_double(value("\"abc\"")).error().message, "cannot make a double of \"abc\"");
}

TEST(Convert, rounds_decimals_half_to_even) {
  const auto decimal = [](std::string_view text, int precision, int scale) {
    const auto converted = to_decimal(value(text), precision, scale);
    return converted ? static_cast<std::int64_t>(*converted) : -999;
  };
  EXPECT_EQ(decimal("1.25", 10, 1), 12);
  EXPECT_EQ(decimal("1.35", 10, 1), 14);
  EXPECT_EQ(decimal("1.2501", 10, 1), 13);
  EXPECT_EQ(decimal("\"-12.345\"", 10, 2), -1234);
  EXPECT_EQ(decimal("1e3", 10, 2), 100000);
  EXPECT_EQ(decimal("12345", 4, 0), -999);
  EXPECT_EQ(decimal("\"x\"", 4, 0), -999);
  EXPECT_EQ(decimal("0.00001", 4, 1), 0);
}

TEST(Convert, reads_dates_times_and_bytes) {
  EXPECT_EQ(to_timestamp(value("\"1970-01-01T00:00:01.5Z\"")), 1'500'000);
  EXPECT_EQ(to_timestamp(value("\"1969-12-31T23:59:59.9999999Z\"")), -1);
  EXPECT_EQ(to_timestamp(value("2")), 2'000'000);
  EXPECT_EQ(to_date(value("\"1970-01-02\"")), 1);
  EXPECT_EQ(to_date(value("\"1969-12-31\"")), -1);
  EXPECT_FALSE(to_date(value("\"soon\"")));
  EXPECT_EQ(to_binary(value("\"aGk=\"")), "hi");
  EXPECT_EQ(to_binary(value("\"\"")), "");
  EXPECT_FALSE(to_binary(value("\"aGk\"")));
  EXPECT_FALSE(to_binary(value("\"a=k=\"")));
  EXPECT_EQ(to_string(value("24.0")), "24.0");
}

}  // namespace
}  // namespace wireway::destination::lake
