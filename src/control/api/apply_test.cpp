// Goal: server-side apply: fields have owners, owners are asked before their fields change, and
// what an applier no longer names goes away if nobody else wants it.

#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

class ApplyTest : public ApiTest {
 protected:
  json::value apply(const std::string& manager, const std::string& body, bool force = false) {
    return patch(
        std::string(assets) + "/oven?fieldManager=" + manager + (force ? "&force=true" : ""),
        "{apiVersion: deviceregistry.microsoft.com/v1, kind: Asset, "
        "metadata: {name: oven}, " +
            body + "}",
        "apply-patch+yaml");
  }
  static std::string managers(const json::value& object) {
    std::string out;
    const json::value* entries = find(object, "metadata", "managedFields");
    if (entries == nullptr) return out;
    for (const json::value& entry : entries->as_array())
      out += text_at(entry, {"manager"}) + ":" + text_at(entry, {"operation"}) + " ";
    return out;
  }
};

TEST_F(ApplyTest, creates_what_is_not_there_and_owns_what_it_names) {
  const json::value made = apply("one", "spec: {assetEndpointProfileRef: plc, displayName: x}");
  EXPECT_EQ(code(), 201u);
  ASSERT_EQ(managers(made), "one:Apply ");
  EXPECT_EQ(made.at("metadata").at("managedFields").at(0).at("fieldsV1"),
            json::parse(R"({"f:spec":{"f:assetEndpointProfileRef":{},"f:displayName":{}}})"));
}

TEST_F(ApplyTest, the_same_again_changes_nothing) {
  const json::value made = apply("one", "spec: {assetEndpointProfileRef: plc}");
  EXPECT_EQ(apply("one", "spec: {assetEndpointProfileRef: plc}"), made);
}

TEST_F(ApplyTest, a_field_that_is_no_longer_named_goes_away) {
  apply("one", "spec: {assetEndpointProfileRef: plc, displayName: x, attributes: {a: 1, b: 2}}");
  const json::value after =
      apply("one", "spec: {assetEndpointProfileRef: plc, attributes: {a: 1}}");
  EXPECT_EQ(find(after, "spec", "displayName"), nullptr);
  EXPECT_EQ(after.at("spec").at("attributes"), (json::object{{"a", 1}}));
}

TEST_F(ApplyTest, a_field_of_another_is_a_conflict_unless_forced) {
  apply("one", "spec: {assetEndpointProfileRef: plc, displayName: x}");
  const json::value status = apply("two", "spec: {displayName: y}");
  EXPECT_EQ(code(), 409u);
  EXPECT_EQ(text_at(status, {"message"}),
            "Apply failed with 1 conflict: conflict with \"one\" using "
            "deviceregistry.microsoft.com/v1: .spec.displayName");
  EXPECT_EQ(status.at("details").at("causes").at(0).at("reason"), "FieldManagerConflict");
  const json::value forced = apply("two", "spec: {displayName: y}", true);
  EXPECT_EQ(text_at(forced, {"spec", "displayName"}), "y");
  EXPECT_EQ(apply("one", "spec: {assetEndpointProfileRef: plc}").at("spec").at("displayName"), "y")
      << "it is no longer one's to take away";
}

TEST_F(ApplyTest, the_same_value_is_owned_together) {
  apply("one", "spec: {assetEndpointProfileRef: plc, displayName: x}");
  const json::value both = apply("two", "spec: {displayName: x}");
  EXPECT_EQ(code(), 200u);
  EXPECT_EQ(managers(both), "one:Apply two:Apply ");
  EXPECT_EQ(text_at(apply("one", "spec: {assetEndpointProfileRef: plc}"), {"spec", "displayName"}),
            "x");
}

TEST_F(ApplyTest, an_edit_takes_the_field_and_conflicts_later) {
  apply("one", "spec: {assetEndpointProfileRef: plc, displayName: x}");
  const json::value edited = patch(std::string(assets) + "/oven?fieldManager=kubectl-edit",
                                   R"({"spec":{"displayName":"z"}})");
  EXPECT_EQ(managers(edited), "one:Apply kubectl-edit:Update ");
  apply("one", "spec: {assetEndpointProfileRef: plc, displayName: x}");
  EXPECT_EQ(code(), 409u);
}

TEST_F(ApplyTest, items_of_keyed_lists_have_their_own_owners) {
  apply("one", "spec: {assetEndpointProfileRef: plc}");
  const auto status = [&](const std::string& manager, const std::string& type) {
    return patch(std::string(assets) + "/oven/status?fieldManager=" + manager,
                 "{apiVersion: deviceregistry.microsoft.com/v1, kind: Asset, "
                 "metadata: {name: oven}, status: {conditions: [{type: " +
                     type + ", status: 'True'}]}}",
                 "apply-patch+yaml");
  };
  status("a", "Ready");
  const json::value two = status("b", "Other");
  EXPECT_EQ(code(), 200u);
  EXPECT_EQ(two.at("status").at("conditions").as_array().size(), 2u);
  const json::value less = status("a", "Third");
  std::string types;
  for (const json::value& condition : less.at("status").at("conditions").as_array())
    types += text_at(condition, {"type"}) + " ";
  EXPECT_EQ(types, "Other Third ");
}

TEST_F(ApplyTest, refuses_unknown_fields_and_a_missing_manager) {
  EXPECT_NE(text_at(apply("one", "spec: {assetEndpointProfileRef: plc, foo: 1}"), {"message"})
                .find(".spec.foo: field not declared in schema"),
            std::string::npos);
  apply("", "spec: {assetEndpointProfileRef: plc}");
  EXPECT_EQ(code(), 400u);
}

TEST_F(ApplyTest, updates_are_recorded_by_manager_and_subresource) {
  post(std::string(assets) + "?fieldManager=maker", asset("oven"));
  const json::value told =
      patch(std::string(assets) + "/oven/status?fieldManager=opcua", R"({"status":{"version":1}})");
  EXPECT_EQ(managers(told), "maker:Update opcua:Update ");
  EXPECT_EQ(text_at(told.at("metadata").at("managedFields").at(1), {"subresource"}), "status");
}

}  // namespace
}  // namespace wireway::control
