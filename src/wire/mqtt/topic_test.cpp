#include "wire/mqtt/topic.h"

#include <string>

#include <gtest/gtest.h>

namespace wireway::wire::mqtt {
namespace {

TEST(Topic, matches_as_section_4_7_says) {
  struct Case {
    const char* filter;
    const char* topic;
    bool matches;
  };
  const Case cases[] = {
      {"a/b", "a/b", true},       {"a/b", "a/c", false},       {"a/b", "a/b/c", false},
      {"a/#", "a", true},         {"a/#", "a/b/c", true},      {"a/#", "ab", false},
      {"#", "a/b", true},         {"#", "/", true},            {"#", "$SYS/x", false},
      {"+/x", "$SYS/x", false},   {"$SYS/#", "$SYS/x", true},  {"$SYS/+", "$SYS/x", true},
      {"+", "a", true},           {"+", "/a", false},          {"+/+", "/a", true},
      {"/+", "/a", true},         {"a/+/c", "a//c", true},     {"a/+", "a", false},
      {"a/+/#", "a/b", true},     {"a/+/#", "a", false},       {"sport/+", "sport/", true},
      {"a//b", "a//b", true},     {"a/b/", "a/b", false},      {"A/b", "a/b", false},
  };
  for (const Case& c : cases)
    EXPECT_EQ(topic_matches(c.filter, c.topic), c.matches) << c.filter << " against " << c.topic;
}

TEST(Topic, judges_names_and_filters) {
  for (const char* good : {"a", "/", "a/b", "$SYS/x", " a b", "\xC3\xA4/x"})
    EXPECT_TRUE(is_valid_topic_name(good)) << good;
  for (const char* bad : {"", "a/+", "#", "a+b", "\xC3"}) EXPECT_FALSE(is_valid_topic_name(bad));
  for (const char* good : {"#", "+", "a/+/#", "/", "$share/g/a/#", "$share/g//", "$shared/x"})
    EXPECT_TRUE(is_valid_topic_filter(good)) << good;
  for (const char* bad : {"", "a#", "#/a", "a/#/b", "a+/b", "$share/g", "$share//a", "$share/g/",
                          "$share/+/a", "$share/g#/a", "a\xC0\x80"})
    EXPECT_FALSE(is_valid_topic_filter(bad)) << bad;
}

TEST(Topic, refuses_more_levels_than_the_limit) {
  std::string deep = "a";
  for (std::size_t i = 1; i < topic_levels_max; ++i) deep += "/a";
  EXPECT_TRUE(is_valid_topic_name(deep));
  EXPECT_FALSE(is_valid_topic_name(deep + "/a"));
  EXPECT_FALSE(is_valid_topic_filter(deep + "/#"));
}

TEST(Topic, takes_shared_filters_apart) {
  const auto shared = parse_shared_filter("$share/group/a/+");
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->group, "group");
  EXPECT_EQ(shared->filter, "a/+");
  EXPECT_FALSE(parse_shared_filter("a/$share/b"));
}

}  // namespace
}  // namespace wireway::wire::mqtt
