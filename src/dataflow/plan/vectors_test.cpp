// Goal: the language does what its documentation shows. Method: run testdata/vectors.yaml, in the
// user's own words, through the same path as a manifest: dialect, compile, transform.

#include <cmath>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/json_text.h"
#include "base/yaml.h"
#include "dataflow/plan/dialect.h"
#include "dataflow/plan/rules.h"

namespace wireway::dataflow {
namespace {

std::vector<YamlDocument> read_vectors() {
  std::ifstream file(VECTORS_FOLDER "/vectors.yaml");
  std::stringstream text;
  text << file.rdbuf();
  auto documents = parse_yaml(text.str());
  EXPECT_TRUE(documents) << documents.error().message;
  return documents ? std::move(*documents) : std::vector<YamlDocument>{};
}

double number(const json::value& value) {
  return value.is_double() ? value.get_double() : value.to_number<double>();
}

/// Equal up to key order and 1e-9 of numbers.
bool alike(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return std::abs(number(a) - number(b)) <= 1e-9;
  if (a.is_array() && b.is_array()) return std::ranges::equal(a.get_array(), b.get_array(), alike);
  if (!a.is_object() || !b.is_object()) return a == b;
  return a.get_object().size() == b.get_object().size() &&
         std::ranges::all_of(a.get_object(), [&](const auto& member) {
           const json::value* other = b.get_object().if_contains(member.key());
           return other != nullptr && alike(member.value(), *other);
         });
}

flow::Message message_of(const json::value& vector) {
  flow::Message message;
  message.topic = text_at(vector, {"topic"}, "t");
  const std::string payload = text_at(vector, {"in"});
  message.payload.assign(payload.begin(), payload.end());
  if (const json::value* properties = find(vector, "user_properties"))
    for (const auto& member : properties->get_object())
      message.user_properties.emplace_back(member.key(), std::string(member.value().get_string()));
  return message;
}

void check_output(const json::value& vector, const flow::Message& message) {
  const std::string expected = text_at(vector, {"out"});
  const std::string got = wireway::to_text(message.payload);
  if (bool_at(vector, {"exact"}, false)) {
    EXPECT_EQ(got, expected);
  } else {
    EXPECT_TRUE(alike(*parse_json_exact(got), *parse_json_exact(expected))) << got;
  }
  EXPECT_EQ(message.topic, text_at(vector, {"out_topic"}, message.topic));
  EXPECT_EQ(message.content_type, text_at(vector, {"out_content_type"}));
  if (const json::value* properties = find(vector, "out_user_properties")) {
    json::object got_properties;
    for (const auto& [key, value] : message.user_properties) got_properties[key] = value;
    EXPECT_EQ(json::value(got_properties), *properties);
  }
}

void check_message(Transform& transform, const json::value& vector) {
  SCOPED_TRACE(text_at(vector, {"in"}));
  flow::Message message = message_of(vector);
  const Judgement judgement = transform.apply(message);
  const std::string verdict = text_at(vector, {"verdict"}, "pass");
  const std::string got = judgement.verdict == Verdict::pass       ? "pass"
                          : judgement.verdict == Verdict::filtered ? "filtered"
                                                                   : "poisoned";
  ASSERT_EQ(got, verdict) << judgement.why;
  EXPECT_EQ(judgement.why.empty(), verdict != "poisoned");
  if (verdict == "pass") check_output(vector, message);
}

TEST(Vectors, behave_as_documented) {
  const auto documents = read_vectors();
  EXPECT_GE(documents.size(), 35u);
  for (const YamlDocument& document : documents) {
    SCOPED_TRACE(text_at(document.value, {"name"}));
    json::object operation{{"operationType", "BuiltInTransformation"},
                           {"builtInTransformationSettings", *find(document.value, "rules")}};
    const json::value dataflow{{"spec", {{"operations", json::array{operation}}}}};
    Problems problems;
    const auto operations = read_operations(dataflow);
    ASSERT_EQ(operations.size(), 1u);
    auto rules = compile_rules(operations[0].settings, operations[0].field, problems);
    ASSERT_TRUE(problems.empty()) << describe(problems);
    if (text_at(document.value, {"polarity"}) == "pass") rules.polarity = Polarity::true_passes;
    Transform transform(std::move(rules));
    if (const json::value* datasets = find(document.value, "datasets")) {
      for (const auto& member : datasets->get_object()) {
        ASSERT_TRUE(transform.set_dataset(member.key(), member.value().get_string()));
      }
    }
    for (const auto& vector : find(document.value, "messages")->get_array())
      check_message(transform, vector);
  }
}

TEST(Rules, report_every_problem_with_its_field) {
  const auto settings = parse_json(R"({
    "filter": [{"inputs": ["a.*"], "expression": "$1 > 1"}, {"inputs": ["a"]}],
    "map": [{"inputs": ["a", "b"], "output": "c"}, {"inputs": ["a"], "output": "x.*"},
            {"inputs": ["a"], "output": "b", "expression": "$1 + $2"}, {"output": "y"},
            {"inputs": ["$context(nope).a"], "output": "z"}, {"inputs": ["a"]}]})");
  Problems problems;
  compile_rules(settings->get_object(), "spec.t", problems);
  std::map<std::string, std::string> by_field;
  for (const Problem& problem : problems) by_field[problem.field] = problem.message;
  EXPECT_EQ(by_field["spec.t.filter[0].inputs[0]"], "`*` works in map rules only; name each field");
  EXPECT_TRUE(by_field.contains("spec.t.filter[1].expression"));
  EXPECT_EQ(by_field["spec.t.map[0].expression"], "is required: the rule has 2 inputs");
  EXPECT_EQ(by_field["spec.t.map[1].output"], "has a `*`, but no input has one");
  EXPECT_EQ(by_field["spec.t.map[2].expression"],
            "column 6: $2 has no input: `inputs` lists 1 in `$1 + $2`");
  EXPECT_TRUE(by_field.contains("spec.t.map[3].inputs"));
  EXPECT_TRUE(by_field.contains("spec.t.map[4]"));
  EXPECT_TRUE(by_field.contains("spec.t.map[5].output"));
  EXPECT_EQ(reason_of(problems), "ConfigurationInvalid");
}

}  // namespace
}  // namespace wireway::dataflow
