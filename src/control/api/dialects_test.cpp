// Goal: whatever version and spelling a client writes, the API server stores one form, says what
// was older, and answers in the version that was asked for.
// Method: a kind with a table of its own, written and read through both versions.

#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

constexpr const char* definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
constexpr const char* ovens = "/apis/test.wireway.io/v1/namespaces/default/ovens";
constexpr const char* ovens_v1beta1 = "/apis/test.wireway.io/v1beta1/namespaces/default/ovens";

constexpr const char* rules = R"(
- {move: spec.profileUri, to: spec.profileRef, native: [v1beta1]}
- {move: spec.points, to: "spec.sets[name=default].points", native: [v1beta1]}
- {move: spec.encrypt, to: spec.advanced.encryption, values: {true: Enabled, false: Disabled}}
- {values: {websocket: WebSockets}, at: "spec.ports[].protocol"}
)";

class DialectsTest : public ApiTest {
 protected:
  DialectsTest() {
    post(definitions, definition(rules));
    EXPECT_EQ(code(), 201U) << head_.body;
  }

  static json::value definition(std::string_view table) {
    json::value crd = yaml(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ovens.test.wireway.io}
spec:
  group: test.wireway.io
  scope: Namespaced
  names: {kind: Oven, plural: ovens}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      additionalPrinterColumns: [{name: Profile, type: string, jsonPath: .spec.profileRef}]
      schema: &schema
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                profileRef: {type: string, description: Which profile.}
                profileUri: {type: string, description: Older name of `profileRef`.}
                points: {type: array, items: {type: string}}
                sets:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [name]
                  items:
                    type: object
                    required: [name]
                    properties: {name: {type: string}, points: {type: array, items: {type: string}}}
                encrypt: {x-kubernetes-preserve-unknown-fields: true}
                advanced:
                  type: object
                  properties:
                    encryption: {type: string, enum: [Enabled, Disabled], default: Enabled}
                ports:
                  type: array
                  items:
                    type: object
                    properties: {protocol: {type: string, enum: [Mqtt, WebSockets, websocket]}}
            status: {type: object, x-kubernetes-preserve-unknown-fields: true}
    - name: v1beta1
      served: true
      storage: false
      subresources: {status: {}}
      additionalPrinterColumns: [{name: Profile, type: string, jsonPath: .spec.profileUri}]
      schema: *schema
)");
    crd.as_object()["metadata"].as_object()["annotations"] =
        json::object{{"wireway.io/dialects", table}};
    return crd;
  }

  static json::value oven(std::string_view spec, const std::string& version = "v1",
                          const std::string& name = "a") {
    json::value out = yaml("{apiVersion: test.wireway.io/" + version +
                           ", kind: Oven, metadata: {name: " + name + "}}");
    out.as_object()["spec"] = yaml(spec);
    return out;
  }
  json::value spec_at(const std::string& collection, const std::string& name = "a") {
    const json::value object = get(collection + "/" + name);
    EXPECT_EQ(code(), 200U) << head_.body;
    const json::value* spec = find(object, "spec");
    return spec == nullptr ? json::value() : *spec;
  }
  std::vector<std::string> warnings() const {
    std::vector<std::string> out;
    for (const auto& [key, value] : head_.headers)
      if (key == "Warning") out.push_back(value);
    return out;
  }
};

using Warnings = std::vector<std::string>;

TEST_F(DialectsTest, stores_one_form_and_reads_each_version_in_its_own) {
  const json::value made = post(ovens_v1beta1, oven("{profileUri: plc, points: [t]}", "v1beta1"));
  EXPECT_EQ(code(), 201U) << head_.body;
  EXPECT_EQ(warnings(), Warnings{});
  EXPECT_EQ(made.at("spec"), yaml("{profileUri: plc, points: [t]}"));
  EXPECT_EQ(made.at("apiVersion"), "test.wireway.io/v1beta1");
  EXPECT_EQ(spec_at(ovens), yaml("{profileRef: plc, sets: [{name: default, points: [t]}]}"));
  EXPECT_EQ(spec_at(ovens_v1beta1), yaml("{profileUri: plc, points: [t]}"));
  const json::value list = get(ovens_v1beta1);
  EXPECT_EQ(list.at("items").at(0).at("spec").at("profileUri"), "plc");
  EXPECT_EQ(list.at("items").at(0).at("apiVersion"), "test.wireway.io/v1beta1");
  const json::value stored = get(std::string(ovens) + "/a");
  EXPECT_EQ(text_at(stored, {"metadata", "annotations", "wireway.io/written-version"}), "v1beta1");
}

TEST_F(DialectsTest, warns_of_each_alias_once_and_of_other_spellings) {
  post(ovens, oven("{profileUri: plc, encrypt: false, ports: [{protocol: websocket}, "
                   "{protocol: websocket}, {protocol: mqtt}, {protocol: MQTT}]}"));
  EXPECT_EQ(code(), 201U) << head_.body;
  EXPECT_EQ(warnings(),
            (Warnings{"299 - \"spec.profileUri is an older name of spec.profileRef\"",
                      "299 - \"spec.encrypt is an older name of spec.advanced.encryption\"",
                      "299 - \"spec.ports[0].protocol: \\\"websocket\\\" is an older spelling of "
                      "\\\"WebSockets\\\" (and 1 more like it)\"",
                      "299 - \"spec.ports[2].protocol: \\\"mqtt\\\" is spelled \\\"Mqtt\\\"\"",
                      "299 - \"spec.ports[3].protocol: \\\"MQTT\\\" is spelled \\\"Mqtt\\\"\""}));
  EXPECT_EQ(spec_at(ovens), yaml("{profileRef: plc, advanced: {encryption: Disabled}, ports: "
                                 "[{protocol: WebSockets}, {protocol: WebSockets}, "
                                 "{protocol: Mqtt}, {protocol: Mqtt}]}"));
  EXPECT_EQ(warnings(), Warnings{});
}

TEST_F(DialectsTest, strict_validation_knows_aliases_and_nothing_else) {
  post(std::string(ovens) + "?fieldValidation=Strict", oven("{profileUri: plc}"));
  EXPECT_EQ(code(), 201U) << head_.body;
  post(std::string(ovens) + "?fieldValidation=Strict", oven("{profileUrl: plc}", "v1", "b"));
  EXPECT_EQ(code(), 400U);
  EXPECT_TRUE(head_.body.contains("unknown field")) << head_.body;
}

TEST_F(DialectsTest, replaces_through_either_version_without_a_change_in_meaning) {
  json::value made = post(ovens_v1beta1, oven("{profileUri: plc}", "v1beta1"));
  const json::value same = put(std::string(ovens_v1beta1) + "/a", made);
  EXPECT_EQ(code(), 200U) << head_.body;
  EXPECT_EQ(same.at("metadata").at("resourceVersion"), made.at("metadata").at("resourceVersion"));
  made.as_object()["spec"] = yaml("{profileUri: other}");
  const json::value changed = put(std::string(ovens_v1beta1) + "/a", made);
  EXPECT_EQ(changed.at("metadata").at("generation"), 2);
  EXPECT_EQ(spec_at(ovens), yaml("{profileRef: other}"));
}

TEST_F(DialectsTest, patches_the_object_as_the_version_shows_it) {
  post(ovens, oven("{profileRef: plc, sets: [{name: default, points: [t]}]}"));
  const std::string old_a = std::string(ovens_v1beta1) + "/a";
  patch(old_a, R"({"spec":{"profileUri":"second"}})");
  EXPECT_EQ(code(), 200U) << head_.body;
  EXPECT_EQ(warnings(), Warnings{});
  patch(old_a, R"([{"op":"add","path":"/spec/points/-","value":"u"}])", "json-patch+json");
  EXPECT_EQ(code(), 200U) << head_.body;
  EXPECT_EQ(spec_at(ovens), yaml("{profileRef: second, sets: [{name: default, points: [t, u]}]}"));
  patch(old_a, R"({"spec":{"profileUri":null}})");
  EXPECT_EQ(spec_at(ovens), yaml("{sets: [{name: default, points: [t, u]}]}"));
}

TEST_F(DialectsTest, an_alias_in_a_patch_means_the_field_that_is_there) {
  post(ovens, oven("{profileRef: plc, advanced: {}}"));
  EXPECT_EQ(spec_at(ovens), yaml("{profileRef: plc, advanced: {encryption: Enabled}}"));
  const std::string a = std::string(ovens) + "/a";
  patch(a, R"({"spec":{"encrypt":false,"profileUri":"second"}})");
  EXPECT_EQ(warnings().size(), 2U);
  EXPECT_EQ(spec_at(ovens), yaml("{profileRef: second, advanced: {encryption: Disabled}}"));
  patch(a, R"([{"op":"add","path":"/spec/profileUri","value":"third"}])", "json-patch+json");
  EXPECT_EQ(spec_at(ovens).at("profileRef"), "third");
  patch(a, R"({"spec":{"profileUri":null}})");
  EXPECT_EQ(spec_at(ovens), yaml("{advanced: {encryption: Disabled}}"));
}

TEST_F(DialectsTest, applies_in_stored_names_whatever_the_version) {
  const std::string apply = "/a?fieldManager=";
  patch(ovens_v1beta1 + apply + "one",
        json::serialize(oven("{profileUri: plc, points: [t]}", "v1beta1")), "apply-patch+yaml");
  EXPECT_EQ(code(), 201U) << head_.body;
  const json::value made = get(std::string(ovens) + "/a");
  const json::value& entry = made.at("metadata").at("managedFields").at(0);
  EXPECT_EQ(entry.at("apiVersion"), "test.wireway.io/v1");
  EXPECT_TRUE(find(entry, "fieldsV1", "f:spec", "f:profileRef") != nullptr);
  EXPECT_TRUE(find(entry, "fieldsV1", "f:spec", "f:profileUri") == nullptr);
  // Another manager meets the conflict under either name.
  patch(ovens + apply + "two", json::serialize(oven("{profileRef: other}")), "apply-patch+yaml");
  EXPECT_EQ(code(), 409U);
  EXPECT_TRUE(head_.body.contains(".spec.profileRef")) << head_.body;
  // What the first leaves out of its next configuration goes, though it changes the version.
  patch(ovens + apply + "one", json::serialize(oven("{sets: [{name: default, points: [t]}]}")),
        "apply-patch+yaml");
  EXPECT_EQ(code(), 200U) << head_.body;
  EXPECT_EQ(spec_at(ovens_v1beta1), yaml("{points: [t]}"));
  EXPECT_EQ(get(std::string(ovens) + "/a").at("metadata").at("managedFields").as_array().size(),
            1U);
}

TEST_F(DialectsTest, watches_and_tables_speak_the_version_too) {
  WatchLog* const log = watch(std::string(ovens_v1beta1) + "?watch=1");
  post(ovens, oven("{profileRef: plc}"));
  ASSERT_EQ(log->events.size(), 1U);
  EXPECT_EQ(log->events[0].at("object").at("spec"), yaml("{profileUri: plc}"));
  auto asked = request("GET", ovens_v1beta1);
  asked.headers.emplace_back("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
  EXPECT_EQ(send(asked).at("rows").at(0).at("cells").at(1), "plc");
}

TEST_F(DialectsTest, refuses_a_definition_whose_table_is_wrong_and_keeps_the_old_one) {
  json::value crd = get(std::string(definitions) + "/ovens.test.wireway.io");
  const auto set = [&crd](const char* table) {
    crd.as_object()["metadata"].as_object()["annotations"].as_object()["wireway.io/dialects"] =
        table;
  };
  const std::pair<const char*, const char*> wrong[] = {
      {"[{move: spec.a}]", "rule 1"},
      {"[{drop: spec.x}, {move: spec.a, to: spec.b, native: [v7]}]", "rule 2 (spec.a)"},
      {"[", "line 1"}};
  for (const auto& [table, reason] : wrong) {
    set(table);
    const json::value refused = put(std::string(definitions) + "/ovens.test.wireway.io", crd);
    EXPECT_EQ(code(), 422U) << head_.body;
    const json::value& cause = refused.at("details").at("causes").at(0);
    EXPECT_EQ(cause.at("field"), "metadata.annotations[wireway.io/dialects]");
    EXPECT_TRUE(text_at(cause, {"message"}).contains(reason)) << json::serialize(cause);
  }
  post(ovens_v1beta1, oven("{profileUri: plc}", "v1beta1"));
  EXPECT_EQ(spec_at(ovens), yaml("{profileRef: plc}"));
}

TEST_F(DialectsTest, openapi_shows_descriptions_and_no_table) {
  const json::value page = get("/openapi/v3/apis/test.wireway.io/v1");
  EXPECT_EQ(code(), 200U);
  EXPECT_TRUE(head_.body.contains("Older name of `profileRef`."));
  EXPECT_FALSE(head_.body.contains("dialects"));
}

TEST_F(DialectsTest, survives_a_restart) {
  post(ovens_v1beta1, oven("{profileUri: plc}", "v1beta1"));
  start();
  EXPECT_EQ(spec_at(ovens_v1beta1), yaml("{profileUri: plc}"));
}

}  // namespace
}  // namespace wireway::control
