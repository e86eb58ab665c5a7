#include "base/yaml.h"

#include <gtest/gtest.h>

namespace wireway {
namespace {

TEST(ParseYaml, reads_several_documents_with_their_lines) {
  const auto documents = parse_yaml("a: 1\n---\n---\nb: [x, 2.5, true, ~]\n");
  ASSERT_TRUE(documents) << documents.error().message;
  ASSERT_EQ(documents->size(), 2U);
  EXPECT_EQ((*documents)[0].value.at("a").as_int64(), 1);
  EXPECT_EQ((*documents)[1].line, 4U);
  EXPECT_EQ(json::serialize((*documents)[1].value), R"({"b":["x",2.5E0,true,null]})");
}

TEST(ParseYaml, takes_yaml_1_1_booleans_and_quoted_numbers_as_text) {
  const auto documents = parse_yaml("a: on\nb: \"12\"\nc: yes\nd: '1.5'\ne: 1e3x\n");
  ASSERT_TRUE(documents);
  for (const auto& [key, value] : (*documents)[0].value.get_object())
    EXPECT_TRUE(value.is_string()) << key;
}

TEST(ParseYaml, names_line_and_column_of_a_duplicate_key) {
  const auto documents = parse_yaml("a: 1\nb:\n  c: 1\n  c: 2\n");
  ASSERT_FALSE(documents);
  EXPECT_EQ(documents.error().message, "line 4, column 3: duplicate key \"c\"");
}

TEST(ParseYaml, names_line_of_a_syntax_error) {
  const auto documents = parse_yaml("a: [1, 2\nb: 3\n");
  ASSERT_FALSE(documents);
  EXPECT_TRUE(documents.error().message.starts_with("line ")) << documents.error().message;
}

TEST(ParseYaml, refuses_nesting_and_alias_bombs) {
  EXPECT_FALSE(parse_yaml(std::string(200, '[') + std::string(200, ']')));
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int k = 0; k < 10; ++k) bomb += fmt::format("*a{}{}", i - 1, k < 9 ? "," : "]\n");
  }
  EXPECT_FALSE(parse_yaml(bomb));
}

TEST(ToYaml, writes_what_parse_reads_back) {
  const json::value value = {{"name", "on"},
                             {"list", {1, "two: 2", {{"x", json::array{}}, {"y", nullptr}}}},
                             {"text", "line\nline"},
                             {"deep", {{"empty", json::object{}}, {"number", "12"}}}};
  const auto back = parse_yaml(to_yaml(value));
  ASSERT_TRUE(back) << back.error().message << "\n" << to_yaml(value);
  EXPECT_EQ(json::serialize((*back)[0].value), json::serialize(value)) << to_yaml(value);
}

TEST(Yaml, refuses_a_stray_comma_between_documents) {
  for (const char* text : {",", "{a: b},", "a: b\n---\n, c"})
    EXPECT_FALSE(parse_yaml(text).has_value()) << text;
}

}  // namespace
}  // namespace wireway
