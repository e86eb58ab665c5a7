#include "broker/access/glob.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "wire/mqtt/topic.h"

namespace wireway::broker {
namespace {

TEST(Glob, matches_text_bytes_and_sets) {
  const struct {
    const char* pattern;
    const char* text;
    bool matches;
  } cases[] = {
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*", "abc", true},
      {"a*c", "abbc", true},
      {"a*c", "abcd", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"line-[0-9]", "line-7", true},
      {"line-[0-9]", "line-x", false},
      {"[abx-z]", "y", true},
      {"[]]", "]", true},
      {"[", "[", true},
      {"[a", "[a", true},
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"a\\", "a\\", true},
      {"*a*b*c", "xxaxxbxxc", true},
      {"*a*b*c", "xxaxxcxxb", false},
  };
  for (const auto& each : cases)
    EXPECT_EQ(glob_matches(each.pattern, each.text), each.matches)
        << each.pattern << " on " << each.text;
}

TEST(Glob, escaped_text_matches_itself_alone) {
  for (const std::string text : {"*", "a?b", "[0-9]", "\\", "plain"}) {
    EXPECT_TRUE(glob_matches(glob_escape(text), text)) << text;
    EXPECT_FALSE(glob_matches(glob_escape(text), text + "x")) << text;
  }
  EXPECT_FALSE(glob_matches(glob_escape("*"), "anything"));
}

TEST(TopicPattern, covers_names_and_filters) {
  const struct {
    const char* pattern;
    const char* filter;
    bool covers;
  } cases[] = {
      {"a/b", "a/b", true},     {"a/b", "a/c", false},      {"a/b", "a/b/c", false},
      {"a/+", "a/b", true},     {"a/+", "a/+", true},       {"a/+", "a/#", false},
      {"a/b", "a/+", false},    {"a/#", "a", true},         {"a/#", "a/b/c", true},
      {"a/#", "a/#", true},     {"a/#", "a/+/c", true},     {"a/#", "#", false},
      {"#", "#", true},         {"#", "+/x", true},         {"#", "$SYS/#", false},
      {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/#", true}, {"+/+", "#", false},
      {"a/*", "a/b/c", true},   {"a/*", "a/#", true},       {"a/*", "b/a", false},
      {"*", "x/y", true},       {"*", "$SYS/x", false},     {"a/b*", "a/bc/d", true},
      {"a/b*", "a/b", true},    {"a/b*", "a/+", false},     {"a/b*", "a/#", false},
      {"a/b*", "a/b/#", true},  {"a/b*", "a/c", false},     {"a*/b", "a*/b", true},
      {"a*/b", "ax/b", false},  {"a/+/c", "a/+/+", false},  {"a/+/c", "a/b/c", true},
      {"/a", "/a", true},       {"/a", "a", false},         {"a//b", "a//b", true},
      {"+/+/#", "a/b", true},   {"+/+/#", "a", false},
  };
  for (const auto& each : cases) {
    const auto pattern = TopicPattern::parse(each.pattern);
    ASSERT_TRUE(pattern) << each.pattern;
    EXPECT_EQ(pattern->covers(each.filter), each.covers) << each.pattern << " of " << each.filter;
  }
}

TEST(TopicPattern, refuses_what_is_no_filter) {
  for (const char* text : {"", "a/#/b", "a+", "#*", "a/+*", "a#"})
    EXPECT_FALSE(TopicPattern::parse(text)) << text;
}

/// Goal: a covered filter never matches a name that the pattern does not. Method: all names of up
/// to three levels of a small alphabet, random patterns and filters.
TEST(TopicPattern, covers_a_filter_only_if_it_covers_every_name_of_it) {
  const std::vector<std::string> words{"a", "b", "ab", "$x", ""};
  std::vector<std::string> names = words;
  for (const auto& one : words)
    for (const auto& two : words) {
      names.push_back(one + "/" + two);
      for (const auto& three : words) names.push_back(one + "/" + two + "/" + three);
    }
  std::mt19937 random(7);
  const auto some_filter = [&](bool may_glob) {
    std::string out;
    const auto levels = 1 + random() % 3;
    for (std::size_t level = 0; level < levels; ++level) {
      if (level > 0) out += '/';
      const auto pick = random() % 8;
      if (pick == 0) return out + "#";
      if (pick <= 2)
        out += '+';
      else
        out += words[random() % words.size()];
    }
    if (may_glob && random() % 4 == 0 && !out.ends_with('+')) out += '*';
    return out;
  };
  int covered = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = some_filter(true);
    const std::string filter = some_filter(false);
    const auto pattern = TopicPattern::parse(text);
    if (!pattern || !wire::mqtt::is_valid_topic_filter(filter)) continue;
    if (!pattern->covers(filter)) continue;
    ++covered;
    for (const std::string& name : names)
      ASSERT_TRUE(name.empty() || !wire::mqtt::topic_matches(filter, name) || pattern->covers(name))
          << text << " of " << filter << ": " << name;
  }
  EXPECT_GT(covered, 500);
}

}  // namespace
}  // namespace wireway::broker
