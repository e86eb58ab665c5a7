// Goal: the small languages of clients: JSONPath, selectors, patches.

#include <gtest/gtest.h>

#include "base/yaml.h"
#include "control/api/json_path.h"
#include "control/api/patch.h"
#include "control/api/selector.h"

namespace wireway::control {
namespace {

json::value yaml(std::string_view text) { return parse_yaml(text)->front().value; }

std::string found(std::string_view path, std::string_view object) {
  auto parsed = JsonPath::parse(path);
  if (!parsed) return parsed.error().message;
  const json::value value = yaml(object);
  std::string out;
  for (const json::value* each : parsed->find(value))
    out += (out.empty() ? "" : " ") + json::serialize(*each);
  return out;
}

TEST(JsonPath, walks_members_items_and_filters) {
  const char* const object =
      "{a: {b: 1, c.d: 2}, list: [{n: x, v: 1}, {n: y, v: 2}, {n: y, v: 3}], t: {u: 7, w: 8}}";
  EXPECT_EQ(found(".a.b", object), "1");
  EXPECT_EQ(found(".a.c\\.d", object), "2");
  EXPECT_EQ(found(".a['c.d']", object), "2");
  EXPECT_EQ(found(".list[0].n", object), "\"x\"");
  EXPECT_EQ(found(".list[-1].v", object), "3");
  EXPECT_EQ(found(".list[*].v", object), "1 2 3");
  EXPECT_EQ(found(".list[?(@.n==\"y\")].v", object), "2 3");
  EXPECT_EQ(found(".list[?(@.n=='x')].v", object), "1");
  EXPECT_EQ(found(".list[?(@.v>=2)].v", object), "2 3");
  EXPECT_EQ(found(".list[?(@.n)].v", object), "1 2 3");
  EXPECT_EQ(found(".t['u','missing','w']", object), "7 8");
  EXPECT_EQ(found(".t.*", object), "7 8");
  EXPECT_EQ(found(".missing.b", object), "");
}

TEST(JsonPath, refuses_what_it_does_not_understand) {
  for (const char* text : {"..a", "a", ".a[", ".a[x]", ".a[?(b==1)]", ".a['x]", ".a[?(@.b==)]"})
    EXPECT_FALSE(JsonPath::parse(text).has_value()) << text;
}

TEST(Selector, follows_the_grammar_of_labels) {
  const json::value object =
      yaml("{metadata: {name: x, labels: {app: web, tier: '2', example.com/a: b}}}");
  const auto matches = [&](std::string_view labels) {
    auto selector = Selector::parse(labels, "", {});
    EXPECT_TRUE(selector.has_value()) << labels;
    return selector && selector->matches(object);
  };
  for (const char* text :
       {"", "app=web", "app==web", "app", "app in (web, db)", "other!=x", "!other", "tier>1",
        "tier<3", "example.com/a=b", "other notin (a)", "app=web,tier=2"})
    EXPECT_TRUE(matches(text)) << text;
  for (const char* text : {"app=db", "other", "app notin (web)", "!app", "tier>2", "app in (db)",
                           "app=web,tier=3", "app!=web"})
    EXPECT_FALSE(matches(text)) << text;
  for (const char* text : {"app in web", "a b", "app in (web", "=x", "app ! x"})
    EXPECT_FALSE(Selector::parse(text, "", {}).has_value()) << text;
}

std::string patched(std::string_view target, std::string_view operations) {
  json::value value = yaml(target);
  auto done = json_patch(value, yaml(operations));
  return done ? json::serialize(value) : done.error().message;
}

TEST(JsonPatch, does_what_rfc_6902_says) {
  EXPECT_EQ(patched("{a: 1}", "[{op: add, path: /b, value: 2}]"), R"({"a":1,"b":2})");
  EXPECT_EQ(patched("{a: [1, 3]}", "[{op: add, path: /a/1, value: 2}]"), R"({"a":[1,2,3]})");
  EXPECT_EQ(patched("{a: [1]}", "[{op: add, path: /a/-, value: 2}]"), R"({"a":[1,2]})");
  EXPECT_EQ(patched("{a: [1, 2]}", "[{op: remove, path: /a/0}]"), R"({"a":[2]})");
  EXPECT_EQ(patched("{a: 1}", "[{op: replace, path: /a, value: 2}]"), R"({"a":2})");
  EXPECT_EQ(patched("{a: 1}", "[{op: move, from: /a, path: /b}]"), R"({"b":1})");
  EXPECT_EQ(patched("{a: 1}", "[{op: copy, from: /a, path: /b}]"), R"({"a":1,"b":1})");
  EXPECT_EQ(patched("{x/y: 1, m~n: 2}", "[{op: remove, path: /x~1y}, {op: remove, path: /m~0n}]"),
            "{}");
  EXPECT_EQ(patched("{a: 1}", "[{op: test, path: /a, value: 2}]"), "testing value /a failed");
  EXPECT_EQ(patched("{a: 1}", "[{op: remove, path: /b}]"),
            "remove operation does not apply: doc is missing key: /b: missing value");
  for (const char* bad : {"{}", "[{}]", "[{op: add, path: x, value: 1}]", "[{op: add, path: /a}]",
                          "[{op: add, path: /b/c, value: 1}]", "[{op: move, from: /a, path: /a/b}]",
                          "[1]", "[{op: jump, path: /a}]"}) {
    json::value value = yaml("{a: {}}");
    EXPECT_FALSE(json_patch(value, yaml(bad)).has_value()) << bad;
  }
}

TEST(JsonPatch, copies_cannot_fill_the_memory) {
  std::string operations = "[";
  for (int i = 0; i < 64; ++i)
    operations += "{op: copy, from: /a, path: /a/b" + std::to_string(i) + "},";
  json::value value = yaml("{a: {text: " + std::string(1000, 'x') + "}}");
  EXPECT_FALSE(json_patch(value, yaml(operations + "]")).has_value());
}

TEST(MergePatch, does_what_rfc_7386_says) {
  json::value value = yaml("{a: {b: 1, c: 2}, d: [1]}");
  merge_patch(value, yaml("{a: {b: null, e: 3}, d: [2, 3]}"));
  EXPECT_EQ(value, yaml("{a: {c: 2, e: 3}, d: [2, 3]}"));
}

TEST(StrategicMergePatch, obeys_the_directives_of_kubectl) {
  json::value value = yaml("{metadata: {finalizers: [a, b]}, data: {x: '1', y: '2'}}");
  ASSERT_TRUE(strategic_merge_patch(
      value, yaml("{metadata: {$setElementOrder/finalizers: [c], finalizers: [c], "
                  "$deleteFromPrimitiveList/finalizers: [a]}, data: {x: null}}")));
  EXPECT_EQ(value, yaml("{metadata: {finalizers: [b, c]}, data: {y: '2'}}"));
  ASSERT_TRUE(strategic_merge_patch(value, yaml("{data: {$patch: replace, z: '3'}}")));
  EXPECT_EQ(value.at("data"), yaml("{z: '3'}"));
  EXPECT_FALSE(strategic_merge_patch(value, yaml("{data: {$patch: jump}}")).has_value());
}

}  // namespace
}  // namespace wireway::control
