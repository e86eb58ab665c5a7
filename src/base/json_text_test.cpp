#include "base/json_text.h"

#include <bit>
#include <charconv>
#include <cmath>

#include <gtest/gtest.h>

namespace wireway {
namespace {

std::string round_trip(std::string_view text) {
  auto value = parse_json_exact(text);
  return value ? to_json(*value) : "error: " + value.error().message;
}

TEST(JsonText, keeps_every_digit_of_a_double) {
  // Method: bit patterns spread over all exponents by a multiplicative sequence.
  std::uint64_t bits = 0x9E3779B97F4A7C15;
  for (int i = 0; i < 50'000; ++i, bits = bits * 6364136223846793005ULL + 1442695040888963407ULL) {
    const auto number = std::bit_cast<double>(bits);
    if (!std::isfinite(number)) continue;
    std::string text;
    append_json(text, number);
    const auto read = parse_json_exact(text);
    ASSERT_TRUE(read) << text;
    ASSERT_TRUE(read->is_double()) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(read->get_double()), bits) << text;
  }
}

TEST(JsonText, writes_what_it_read) {
  for (const char* text :
       {"{}", "[]", "null", "true", "24.0", "98.22872507286884", "-5", "18446744073709551615",
        R"({"a":[1,2.5,"x\"\\\n\u0001ä"],"b":{"c":null}})", "1e+300"})
    EXPECT_EQ(round_trip(text), text);
}

TEST(JsonText, names_the_place_of_an_error) {
  EXPECT_FALSE(parse_json_exact("{\"a\":1} x"));
  EXPECT_FALSE(parse_json_exact(""));
  EXPECT_FALSE(parse_json_exact("{\"a\":"));
  EXPECT_FALSE(parse_json_exact(std::string(100, '[') + std::string(100, ']')));
  EXPECT_NE(parse_json_exact("[1,}").error().message.find("at byte 3"), std::string::npos);
}

}  // namespace
}  // namespace wireway
