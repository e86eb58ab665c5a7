// Goal: what a body says twice is told by its path, whatever the body's form, and never slips in
// unseen.

#include "control/api/repeated_keys.h"

#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

using Texts = std::vector<std::string>;

Texts repeated(std::string_view text) {
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return repeated_keys(text, *parsed);
}

TEST(RepeatedKeys, paths_are_those_of_the_text) {
  EXPECT_EQ(repeated(R"({"a":{"b":1,"c":2},"d":[1,{"b":1}]})"), Texts{});
  EXPECT_EQ(repeated(R"({"a":1,"a":2,"a":3})"), Texts{"a"});
  EXPECT_EQ(repeated(R"({"spec":{"ports":[{"port":1},{"port":2,"port":3}]},"spec":{}})"),
            (Texts{"spec.ports[1].port", "spec"}));
  EXPECT_EQ(repeated(R"([0,"x",[true,null,1.5,{"a":{},"a":[]}]])"), Texts{"[2][3].a"});
}

TEST(RepeatedKeys, texts_and_escapes_are_read_as_json_means_them) {
  EXPECT_EQ(repeated(R"({"a":"\":{\"b\":1","b":"\\"})"), Texts{});
  EXPECT_EQ(repeated(R"({"a\"b":1,"\u0061\"b":2})"), Texts{"a\"b"});
  EXPECT_EQ(repeated(R"({"":1,"":2})"), Texts{""});
}

TEST(RepeatedKeys, as_many_are_told_as_anybody_reads) {
  std::string text = "{";
  for (int i = 0; i < 500; ++i) text += fmt::format(R"("k{}":1,"k{}":2,)", i, i);
  text.back() = '}';
  EXPECT_EQ(repeated(text).size(), repeated_keys_max);
}

class RepeatedKeysTest : public ApiTest {
 protected:
  static constexpr const char* body = R"({"apiVersion": "deviceregistry.microsoft.com/v1",
      "kind": "Asset", "metadata": {"name": "oven", "labels": {"a": "1", "a": "2"}},
      "spec": {"assetEndpointProfileRef": "plc", "displayName": "x", "displayName": "y"}})";

  json::value create(const std::string& query, const std::string& text,
                     const std::string& type = "application/json") {
    return send(request("POST", assets + query, text, type));
  }
  Texts warnings() const {
    Texts out;
    for (const auto& [key, value] : head_.headers)
      if (key == "Warning") out.push_back(value);
    return out;
  }
};

TEST_F(RepeatedKeysTest, strict_refuses_warn_warns_and_ignore_takes_the_last) {
  EXPECT_EQ(text_at(create("?fieldValidation=Strict", body), {"message"}),
            "Asset in version \"v1\" cannot be handled as a Asset: strict decoding error: "
            "duplicate field \"metadata.labels.a\", duplicate field \"spec.displayName\"");
  EXPECT_EQ(code(), 400u);
  create("?dryRun=All", body);
  EXPECT_EQ(code(), 201u);
  EXPECT_EQ(warnings(), (Texts{"299 - \"duplicate field \\\"metadata.labels.a\\\"\"",
                               "299 - \"duplicate field \\\"spec.displayName\\\"\""}));
  const json::value made = create("?fieldValidation=Ignore", body);
  EXPECT_EQ(code(), 201u);
  EXPECT_EQ(warnings(), Texts{});
  EXPECT_EQ(text_at(made, {"spec", "displayName"}), "y");
  EXPECT_EQ(text_at(made, {"metadata", "labels", "a"}), "2");
}

TEST_F(RepeatedKeysTest, yaml_bodies_name_the_line) {
  const std::string text =
      "apiVersion: deviceregistry.microsoft.com/v1\nkind: Asset\nmetadata: {name: oven}\n"
      "spec:\n  assetEndpointProfileRef: plc\n  displayName: x\n  displayName: y\n";
  const json::value status = create("?fieldValidation=Strict", text, "application/yaml");
  EXPECT_EQ(code(), 400u);
  EXPECT_TRUE(text_at(status, {"message"})
                  .ends_with("line 7: key \"displayName\" already set in "
                             "map"))
      << text_at(status, {"message"});
  EXPECT_EQ(text_at(create("", text, "application/yaml"), {"spec", "displayName"}), "y");
  EXPECT_EQ(warnings(),
            Texts{"299 - \"yaml: line 7: key \\\"displayName\\\" already set in map\""});
}

TEST_F(RepeatedKeysTest, patches_are_read_as_strictly) {
  post(assets, asset("oven"));
  const std::string oven = std::string(assets) + "/oven";
  const std::string merge = R"({"spec":{"displayName":"x","displayName":"y"}})";
  EXPECT_TRUE(text_at(patch(oven + "?fieldValidation=Strict", merge), {"message"})
                  .ends_with("strict decoding error: duplicate field \"spec.displayName\""))
      << head_.body;
  EXPECT_EQ(code(), 422u);
  EXPECT_EQ(text_at(patch(oven, merge), {"spec", "displayName"}), "y");
  EXPECT_EQ(warnings(), Texts{"299 - \"duplicate field \\\"spec.displayName\\\"\""});
  patch(oven, R"([{"op":"test","op":"add","path":"/spec/displayName","value":"z"}])",
        "json-patch+json");
  EXPECT_EQ(code(), 200u);
  EXPECT_EQ(warnings(), Texts{"299 - \"json patch duplicate field \\\"[0].op\\\"\""});
  const std::string applied =
      "apiVersion: deviceregistry.microsoft.com/v1\nkind: Asset\nmetadata: {name: oven}\n"
      "spec: {assetEndpointProfileRef: plc, assetEndpointProfileRef: plc}\n";
  EXPECT_TRUE(
      text_at(patch(oven + "?fieldManager=me&fieldValidation=Strict", applied, "apply-patch+yaml"),
              {"message"})
          .starts_with("error strict decoding YAML: "));
  EXPECT_EQ(code(), 400u);
  patch(oven + "?fieldManager=me&force=true", applied, "apply-patch+yaml");
  EXPECT_EQ(code(), 200u);
  EXPECT_EQ(warnings().size(), 1u);
}

}  // namespace
}  // namespace wireway::control
