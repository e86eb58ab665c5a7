#include "destination/lake/schema.h"

#include <gtest/gtest.h>

#include "base/json_text.h"

namespace wireway::destination::lake {
namespace {

Type inferred(std::initializer_list<std::string_view> records) {
  Type type;
  type.kind = TypeKind::structure;
  for (const auto record : records) {
    const auto value = parse_json_exact(record);
    EXPECT_TRUE(extend(type, value->get_object()));
  }
  return type;
}

TEST(Schema, infers_columns_from_records) {
  EXPECT_EQ(
      to_sql_columns(inferred({R"({"a":1,"b":"x","c":true,"d":{"e":2.5},"f":[1],"g":null})"})),
      R"_("a" DOUBLE, "b" VARCHAR, "c" BOOLEAN, "d" STRUCT("e" DOUBLE), "f" DOUBLE[])_");
  EXPECT_EQ(to_sql_columns(inferred({R"({"big":9007199254740993,"huge":18446744073709551615})"})),
            R"_("big" BIGINT, "huge" DECIMAL(20,0))_");
}

TEST(Schema, grows_by_new_fields_at_every_level) {
  EXPECT_EQ(to_sql_columns(inferred(
                {R"({"a":{"b":1}})", R"({"a":{"c":"x"},"n":[{"p":1}]})", R"({"n":[{"q":true}]})"})),
            R"_("a" STRUCT("b" DOUBLE, "c" VARCHAR), "n" STRUCT("p" DOUBLE, "q" BOOLEAN)[])_");
}

TEST(Schema, has_one_column_per_name_without_regard_to_case) {
  EXPECT_EQ(to_sql_columns(inferred({R"({"Tag 10":1,"x;y":2})", R"({"tag_10":1,"X;Y":3})"})),
            R"("Tag_10" DOUBLE, "x_y" DOUBLE)");
}

TEST(Schema, reads_what_it_writes_and_the_documented_forms) {
  const Type type = inferred({R"({"a":{"b":1},"l":["x"],"u":18446744073709551615})"});
  const auto back = parse_schema(to_delta(type));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_sql(*back), to_sql(type));
  const auto declared = parse_schema(*parse_json(R"_({"$schema":"Delta/1.0","type":"object",
    "properties":{"type":"struct","fields":[
      {"name":"id","type":"string","nullable":false,"metadata":{}},
      {"name":"temp","type":{"type":"struct","fields":[
        {"name":"Value","type":"integer","nullable":true,"metadata":{}}]},"nullable":true},
      {"name":"tags","type":{"type":"array","elementType":"string","containsNull":false}},
      {"name":"price","type":{"type":"decimal","precision":10,"scale":2}},
      {"name":"price2","type":"decimal(10,2)"},{"name":"at","type":"timestamp"}]}})_"));
  ASSERT_TRUE(declared) << declared.error().message;
  EXPECT_EQ(
      to_sql_columns(*declared),
      R"_("id" VARCHAR, "temp" STRUCT("Value" INTEGER), "tags" VARCHAR[], "price" DECIMAL(10,2), )_"
      R"_("price2" DECIMAL(10,2), "at" TIMESTAMP WITH TIME ZONE)_");
  EXPECT_FALSE(declared->find("ID")->nullable);
  const auto json_schema = parse_schema(*parse_json(R"({"type":"object","properties":{
      "n":{"type":["integer","null"]},"t":{"type":"string","format":"date-time"},
      "o":{"type":"object","properties":{"x":{"type":"number"}}}}})"));
  ASSERT_TRUE(json_schema) << json_schema.error().message;
  EXPECT_EQ(to_sql_columns(*json_schema),
            R"_("n" BIGINT, "t" TIMESTAMP WITH TIME ZONE, "o" STRUCT("x" DOUBLE))_");
}

TEST(Schema, refuses_what_it_cannot_write) {
  EXPECT_FALSE(parse_schema(*parse_json(R"({"type":"struct","fields":[{"name":"m","type":
    {"type":"map","keyType":"string","valueType":"string"}}]})")));
  EXPECT_FALSE(
      parse_schema(*parse_json(R"({"type":"struct","fields":[{"name":"a","type":"void"}]})")));
  EXPECT_FALSE(parse_schema(*parse_json(R"({"a":1})")));
  Type type;
  type.kind = TypeKind::structure;
  std::string deep = "1";
  for (int i = 0; i < 30; ++i) deep = "{\"a\":" + deep + "}";
  EXPECT_FALSE(extend(type, parse_json(deep)->get_object()));
}

}  // namespace
}  // namespace wireway::destination::lake
