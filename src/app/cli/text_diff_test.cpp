// Goal: the diff is right for every pair of texts: applied to the first it gives the second, and it
// reads as `diff -u` writes it.

#include "app/cli/text_diff.h"

#include <sstream>
#include <vector>

#include <gtest/gtest.h>

#include "app/cli/cli_fixture.h"

namespace wireway::app::cli {
namespace {

/// Applies a unified diff as `patch` would: context and removed lines must match.
std::string patched(const std::string& before, const std::string& diff) {
  std::vector<std::string> lines;
  std::istringstream in(before);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::string out;
  std::size_t at = 0;
  std::istringstream edits(diff);
  for (std::string line; std::getline(edits, line);) {
    if (line.starts_with("--- ") || line.starts_with("+++ ")) continue;
    if (line.starts_with("@@ -")) {
      const std::size_t number = std::stoul(line.substr(4));
      const std::size_t count = std::stoul(line.substr(line.find(',') + 1));
      const std::size_t start = number - (count > 0 ? 1 : 0);
      while (at < start) out += lines.at(at++) + "\n";
      continue;
    }
    if (line[0] == '+') {
      out += line.substr(1) + "\n";
      continue;
    }
    EXPECT_EQ(lines.at(at), line.substr(1));
    if (line[0] == ' ') out += lines.at(at) + "\n";
    ++at;
  }
  while (at < lines.size()) out += lines.at(at++) + "\n";
  return out;
}

TEST(TextDiff, equal_texts_have_no_difference) {
  EXPECT_EQ(unified_diff("a\nb\n", "a\nb\n", "x", "y"), "");
}

TEST(TextDiff, reads_as_diff_u_writes_it) {
  EXPECT_EQ(
      unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n", "a", "b"),
      "--- a\n+++ b\n@@ -2,8 +2,9 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n 9\n+10\n");
  EXPECT_EQ(unified_diff("", "a\n", "/dev/null", "b"),
            "--- /dev/null\n+++ b\n@@ -0,0 +1,1 @@\n+a\n");
}

TEST(TextDiff, changes_far_apart_are_hunks_of_their_own) {
  std::string before;
  for (int i = 0; i < 40; ++i) before += std::to_string(i) + "\n";
  std::string after = "x\n" + before + "y\n";
  const std::string diff = unified_diff(before, after, "a", "b");
  EXPECT_EQ(
      diff,
      "--- a\n+++ b\n@@ -1,3 +1,4 @@\n+x\n 0\n 1\n 2\n@@ -38,3 +39,4 @@\n 37\n 38\n 39\n+y\n");
}

TEST(TextDiff, applied_to_the_first_text_gives_the_second_for_all_small_texts) {
  std::vector<std::string> texts{""};
  for (std::size_t from = 0, round = 0; round < 4; ++round) {
    const std::size_t to = texts.size();
    for (; from < to; ++from)
      for (const char* line : {"a\n", "b\n"}) texts.push_back(texts[from] + line);
  }
  ASSERT_EQ(texts.size(), 31u);
  for (const std::string& before : texts)
    for (const std::string& after : texts)
      EXPECT_EQ(patched(before, unified_diff(before, after, "a", "b")), after);
}

TEST(TextDiff, very_different_texts_are_shown_as_replaced) {
  std::string before;
  std::string after;
  for (int i = 0; i < 3000; ++i) {
    before += fmt::format("a{}\n", i);
    after += fmt::format("b{}\n", i);
  }
  EXPECT_EQ(patched(before, unified_diff(before, after, "a", "b")), after);
}

TEST(TextDiff, compares_what_people_wrote) {
  const json::value object = parse_json(R"({"kind":"A","metadata":{"name":"x","uid":"1",
    "resourceVersion":"7","generation":2,"managedFields":[],"creationTimestamp":"t"},
    "spec":{"b":1},"status":{"c":2}})")
                                 .value();
  EXPECT_EQ(comparable_yaml(object), "kind: A\nmetadata:\n  name: x\nspec:\n  b: 1\n");
  EXPECT_EQ(comparable_yaml(object, true),
            "kind: A\nmetadata:\n  name: x\nspec:\n  b: 1\nstatus:\n  c: 2\n");
}

}  // namespace
}  // namespace wireway::app::cli
