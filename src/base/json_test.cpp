#include "base/json.h"

#include <gtest/gtest.h>

namespace wireway {
namespace {

TEST(ParseJson, keeps_the_three_kinds_of_number_apart) {
  const auto value = parse_json(R"({"a":-1,"b":18446744073709551615,"c":1.0})");
  ASSERT_TRUE(value);
  EXPECT_TRUE(value->at("a").is_int64());
  EXPECT_TRUE(value->at("b").is_uint64());
  EXPECT_TRUE(value->at("c").is_double());
}

TEST(ParseJson, says_where_the_text_is_wrong) {
  const auto value = parse_json(R"({"a":1,})");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, Errc::invalid);
  EXPECT_NE(value.error().message.find("byte"), std::string::npos);
}

TEST(ParseJson, refuses_trailing_text_and_incomplete_text) {
  EXPECT_FALSE(parse_json("1 2"));
  EXPECT_FALSE(parse_json(R"({"a":)"));
  EXPECT_FALSE(parse_json(""));
}

TEST(ParseJson, refuses_nesting_beyond_the_limit) {
  EXPECT_TRUE(parse_json(std::string(json_depth_max, '[') + std::string(json_depth_max, ']')));
  EXPECT_FALSE(
      parse_json(std::string(json_depth_max + 1, '[') + std::string(json_depth_max + 1, ']')));
}

TEST(ParseRelaxedJson, accepts_what_documented_manifests_contain) {
  EXPECT_EQ(parse_relaxed_json("")->get_object().size(), 0U);
  EXPECT_EQ(parse_relaxed_json("null")->get_object().size(), 0U);
  const auto value = parse_relaxed_json("\xEF\xBB\xBF{\"samplingInterval\": 4000, /* ms */ }");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(value->at("samplingInterval").as_int64(), 4000);
}

TEST(TypedLookups, fall_back_when_absent_or_of_another_type) {
  const json::value root = {{"a", {{"n", "12"}, {"m", 5}, {"e", "Enabled"}}}};
  EXPECT_EQ(int_at(root, {"a", "n"}, 0), 12);
  EXPECT_EQ(int_at(root, {"a", "m"}, 0), 5);
  EXPECT_EQ(int_at(root, {"a", "e"}, 7), 7);
  EXPECT_TRUE(bool_at(root, {"a", "e"}, false));
  EXPECT_EQ(text_at(root, {"a", "zz"}, "x"), "x");
  EXPECT_EQ(find(root, "a", "b", "c"), nullptr);
}

TEST(FindIgnoringCase, matches_keys_in_any_case) {
  const json::value root = {{"lifeTimeMilliseconds", 1}};
  EXPECT_NE(find_ignoring_case(root, "lifetimemilliseconds"), nullptr);
  EXPECT_EQ(find_ignoring_case(root, "lifetime"), nullptr);
}

}  // namespace
}  // namespace wireway
