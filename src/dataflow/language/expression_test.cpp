#include "dataflow/language/expression.h"

#include <gtest/gtest.h>

#include "base/json_text.h"
#include "dataflow/language/functions.h"
#include "dataflow/language/path.h"

namespace wireway::dataflow {
namespace {

/// The result as JSON text, or the error's message. `inputs` is a JSON array; null = missing.
std::string run(std::string_view text, std::string_view inputs = "[]") {
  const auto values = parse_json_exact(inputs);
  std::vector<const json::value*> pointers;
  for (const auto& value : values->as_array())
    pointers.push_back(value.is_null() ? nullptr : &value);
  const auto compiled = Expression::compile(text, pointers.size());
  if (!compiled) return "compile: " + compiled.error().message;
  Scratch scratch;
  const auto result = compiled->evaluate(pointers, scratch);
  if (!result) return "error: " + result.error().message;
  const auto converted = to_json_value(*result);
  return converted ? to_json(*converted) : "error: " + converted.error().message;
}

TEST(Expression, keeps_the_documented_precedence) {
  EXPECT_EQ(run("$1 * 2 ^ 3", "[3]"), "24.0");
  EXPECT_EQ(run("($1 * 2) ^ 3", "[3]"), "216.0");
  EXPECT_EQ(run("-$1 * 2", "[3]"), "-6");
  EXPECT_EQ(run("-2 ^ 2"), "-4.0");
  EXPECT_EQ(run("2 ^ -1"), "0.5");
  EXPECT_EQ(run("1 + 2 * 3 - 4 / 2"), "5");
  EXPECT_EQ(run("10 - 4 - 3"), "3");
  EXPECT_EQ(run("1 < 2 == true"), "true");
  EXPECT_EQ(run("true || false && false"), "true");
  EXPECT_EQ(run("!false && true"), "true");
}

TEST(Expression, divides_integers_as_integers) {
  EXPECT_EQ(run("7 / 2"), "3");
  EXPECT_EQ(run("-7 / 2"), "-3");
  EXPECT_EQ(run("7 % 2"), "1");
  EXPECT_EQ(run("7 / 2.0"), "3.5");
  EXPECT_EQ(run("$1 * 9/5 + 32", "[230]"), "446");
  EXPECT_EQ(run("$1 * 9/5 + 32", "[231]"), "447");
}

TEST(Expression, refuses_numbers_that_json_cannot_carry) {
  EXPECT_EQ(run("1 / 0"), "error: column 3: `/` by zero");
  EXPECT_EQ(run("1 % 0"), "error: column 3: `%` by zero");
  EXPECT_EQ(run("1 / 0.0"), "error: column 3: the result of `/` is not a finite number");
  EXPECT_EQ(run("math::sqrt(-1)"),
            "error: column 1: math::sqrt(): the result is not a finite number");
  EXPECT_EQ(run("$1 + 1", "[18446744073709551615]"),
            "error: column 4: the result of `+` needs more than 64 bits");
  EXPECT_EQ(run("$1 - 1", "[-9223372036854775808]"),
            "error: column 4: the result of `-` needs more than 64 bits");
  EXPECT_EQ(run("$1 * $1", "[18446744073709551615]"),
            "error: column 4: the result of `*` needs more than 64 bits");
  EXPECT_EQ(run("$1 + 1", "[9223372036854775807]"), "9223372036854775808");
  EXPECT_EQ(run("-$1", "[9223372036854775808]"), "-9223372036854775808");
}

TEST(Expression, compares_numbers_by_value_and_text_by_letters) {
  EXPECT_EQ(run("1 == 1.0"), "true");
  EXPECT_EQ(run("9007199254740993 == 9007199254740992.0"), "false");
  EXPECT_EQ(run("\"1\" == 1"), "false");
  EXPECT_EQ(run("\"b\" > \"abc\""), "true");
  EXPECT_EQ(run("\"b\" > 1"), "error: column 5: `>` cannot take a string and an integer");
  EXPECT_EQ(run("$1 == ()", "[null]"), "true");
  EXPECT_EQ(run("(1, 2.0) == (1.0, 2)"), "true");
}

TEST(Expression, evaluates_only_what_decides) {
  EXPECT_EQ(run("if($2 == (), $1, $1 * $2)", "[4, null]"), "4");
  EXPECT_EQ(run("if($2 == (), $1, $1 * $2)", "[4, 3]"), "12");
  EXPECT_EQ(run("false && 1/0 == 1"), "false");
  EXPECT_EQ(run("true || 1/0 == 1"), "true");
  EXPECT_EQ(run("true && 1"), "error: column 6: && needs true or false, not an integer");
  EXPECT_EQ(run("if(1, 2, 3)"), "error: column 1: if() needs true or false, not an integer");
}

TEST(Expression, joins_text) {
  EXPECT_EQ(run(R"($1 + ", " + $2)", R"(["Analyst","Kent, WA"])"), R"("Analyst, Kent, WA")");
  EXPECT_EQ(run(R"("n=" + 77.0)"), R"("n=77")");
  EXPECT_EQ(run(R"(1 + "a")"), R"("1a")");
  EXPECT_EQ(run(R"('it''s')"),
            "compile: column 5: an operator is expected here, or a value before it");
  EXPECT_EQ(run(R"("a\"b\\")"), R"("a\"b\\")");
  EXPECT_EQ(run(R"("a" + $1)", "[null]"),
            "error: column 5: `+` cannot take a string and a missing value");
}

TEST(Expression, names_the_column_of_a_mistake) {
  EXPECT_EQ(run("$1 + $3", "[1,2]"), "compile: column 6: $3 has no input: `inputs` lists 2");
  EXPECT_EQ(run("1 +"), "compile: column 4: the expression ends where a value is expected");
  EXPECT_EQ(run("(1 + 2"), "compile: column 1: this ( has no matching )");
  EXPECT_EQ(run(""), "compile: column 1: the expression is empty");
  EXPECT_EQ(run("ctof(1)"), "compile: column 1: `ctof` is not known; did you mean cToF()?");
  EXPECT_EQ(run("true and false"), "compile: column 6: write &&, || or ! instead of words");
  EXPECT_EQ(run("1 = 1"), "compile: column 3: a comparison is written ==");
  EXPECT_EQ(run("cToF(1, 2)"), "compile: column 1: cToF() takes 1 argument, not 2");
  EXPECT_EQ(run("\"abc"), "compile: column 1: this string has no closing \"");
  EXPECT_EQ(run("99999999999999999999"),
            "compile: column 1: this integer has more than 64 bits; write it as a float");
  EXPECT_NE(run(std::string(200, '(') + "1").find("nested deeper than"), std::string::npos);
  EXPECT_NE(run(std::string(200, '-') + "1").find("nested deeper than"), std::string::npos);
}

TEST(Expression, calls_every_documented_function) {
  const std::pair<const char*, const char*> cases[] = {
      {"cToF(25)", "77.0"},
      {"fToC(212)", "100.0"},
      {"scale(2048,0,4095,0,100)", "50.01221001221001"},
      {"round_n(50.012, 2)", "50.01"},
      {"floor(2.7)", "2"},
      {"ceil(2.1)", "3"},
      {"round(-2.5)", "-3"},
      {"math::abs(-3)", "3"},
      {"abs(-0.5)", "0.5"},
      {"math::pow(2, 10)", "1024.0"},
      {"math::hypot(3, 4)", "5.0"},
      {"min(3, 1.5, 2)", "1.5"},
      {"max(3, 1)", "3"},
      {"min((2.34,12.3,32.4))", "2.34"},
      {"len((1,2,3))", "3"},
      {"len(1,2,3)", "3"},
      {"len(\"äöü\")", "3"},
      {"contains((1,2),2.0)", "true"},
      {"contains_any((1,2),(5,6))", "false"},
      {"typeof(1.0)", "\"float\""},
      {"typeof(())", "\"empty\""},
      {"typeof(true)", "\"boolean\""},
      {"str::to_uppercase(str::trim(\"  Abc \"))", "\"ABC\""},
      {"str::substring(\"  Abc \",2,5)", "\"Abc\""},
      {"str::from(1)", "\"1\""}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(run(text), expected) << text;
  for (const Function& function : functions())
    EXPECT_TRUE(find_function(function.name)) << function.name;
  EXPECT_EQ(run("str::substring(\"ab\", 1, 3)"),
            "error: column 1: str::substring(): 1 to 3 is outside the 2 characters of the string");
}

/// Property: a unit function and its opposite give the number back.
TEST(Expression, converts_units_there_and_back) {
  for (const char* pair : {"psiToBar(barToPsi($1))", "inToCm(cmToIn($1))", "ftToM(mToFt($1))",
                           "lbToKg(kgToLb($1))", "galToL(lToGal($1))", "cToF(fToC($1))"})
    for (const char* number : {"-40.0", "0.0", "1.0", "1234.5"}) {
      const auto read = parse_json_exact(run(pair, fmt::format("[{}]", number)));
      ASSERT_TRUE(read && read->is_double()) << pair;
      EXPECT_NEAR(read->get_double(), std::stod(number), 1e-9) << pair;
    }
}

TEST(Path, splits_segments_as_documented) {
  const auto segments = [](std::string_view text) { return parse_input(text)->path.segments; };
  using Segments = std::vector<std::string>;
  EXPECT_EQ(segments("Payload.\"Tag.10\".Value"), (Segments{"Payload", "Tag.10", "Value"}));
  EXPECT_EQ(segments("Payload.Tag 10.Value"), (Segments{"Payload", "Tag 10", "Value"}));
  EXPECT_EQ(segments("Payload.He said: \"No. It is done\""),
            (Segments{"Payload", "He said: \"No", " It is done\""}));
  EXPECT_EQ(segments("$source.a.b"), (Segments{"a", "b"}));
  EXPECT_EQ(segments("'a.b'"), (Segments{"a.b"}));
}

TEST(Path, reads_roots_and_suffixes) {
  EXPECT_EQ(parse_input("$metadata.topic")->path.root, Root::topic);
  EXPECT_EQ(parse_input("$metadata.user_properties.\"weird key\"")->path.segments[0], "weird key");
  EXPECT_EQ(parse_input("$context(pos).v")->path.alias, "pos");
  const auto input = parse_input("Temperature  ?$LAST ?? 0.5");
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_TRUE(input->last_known);
  EXPECT_EQ(input->fallback->as_double(), 0.5);
  EXPECT_EQ(input->path.segments, (std::vector<std::string>{"Temperature"}));
}

TEST(Path, refuses_what_has_no_meaning) {
  EXPECT_EQ(parse_input("*.a.*").error().message, "column 5: a path may hold only one `*`");
  EXPECT_EQ(parse_input("a..b").error().message, "column 3: a segment of the path is empty");
  EXPECT_FALSE(parse_input("$foo.bar"));
  EXPECT_FALSE(parse_input("a.\"b"));
  EXPECT_FALSE(parse_input("* ? $last"));
  EXPECT_FALSE(parse_output("$context(a).b"));
}

}  // namespace
}  // namespace wireway::dataflow
