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

TEST_F(ApplyTest, the_same_again_changes_nothing_also_after_somebody_else_wrote) {
  apply("one", "spec: {assetEndpointProfileRef: plc}");
  apply("two", "spec: {displayName: x}");
  const json::value made = patch(std::string(assets) + "/oven/status?fieldManager=service",
                                 R"({"status": {"version": 1}})");
  ASSERT_EQ(code(), 200u) << head_.body;
  now_ = now_ + std::chrono::seconds{10};
  EXPECT_EQ(apply("one", "spec: {assetEndpointProfileRef: plc}"), made);
  EXPECT_EQ(apply("two", "spec: {displayName: x}"), made);
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

class HandOverTest : public ApplyTest {
 protected:
  static constexpr const char* applied =
      R"({"apiVersion":"deviceregistry.microsoft.com/v1","kind":"Asset","metadata":{"name":"oven"},)"
      R"("spec":{"assetEndpointProfileRef":"plc","displayName":"x","description":"d"}})";

  std::string oven(const std::string& query = "") const {
    return std::string(assets) + "/oven" + query;
  }
  /// What `kubectl apply` sends for a new object.
  json::value apply_at_the_client() {
    json::value object = json::parse(applied);
    object.at("metadata").as_object()["annotations"] = json::object{
        {"kubectl.kubernetes.io/last-applied-configuration", std::string(applied) + "\n"}};
    return post(std::string(assets) + "?fieldManager=kubectl-client-side-apply", object);
  }
  static std::string last_applied(const json::value& object) {
    return text_at(object,
                   {"metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"});
  }
};

TEST_F(HandOverTest, kubectl_takes_over_what_it_applied_at_the_client) {
  apply_at_the_client();
  apply("someone", "spec: {displayName: z}");
  EXPECT_EQ(code(), 409u);
  const json::value after =
      apply("kubectl", "spec: {assetEndpointProfileRef: plc, displayName: y, description: d}");
  EXPECT_EQ(code(), 200u) << head_.body;
  EXPECT_EQ(text_at(after, {"spec", "displayName"}), "y");
  const json::value told = json::parse(last_applied(after));
  EXPECT_EQ(told.at("spec").at("displayName"), "y") << "the annotation stays true";
  EXPECT_EQ(find(told, "metadata", "annotations"), nullptr);
}

TEST_F(HandOverTest, what_somebody_changed_meanwhile_is_still_a_conflict) {
  apply_at_the_client();
  patch(oven("?fieldManager=kubectl-edit"), R"({"spec":{"displayName":"edited"}})");
  const json::value status =
      apply("kubectl", "spec: {assetEndpointProfileRef: plc, displayName: y, description: e}");
  EXPECT_EQ(code(), 409u);
  EXPECT_EQ(text_at(status, {"message"}),
            "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using "
            "deviceregistry.microsoft.com/v1: .spec.displayName");
}

TEST_F(HandOverTest, an_annotation_that_is_no_manifest_hands_nothing_over) {
  for (const char* text : {"{", "[]", "7", R"({"apiVersion":"x/v9"})", R"({"metadata":7})"}) {
    json::value object = asset("oven");
    object.at("metadata").as_object()["annotations"] =
        json::object{{"kubectl.kubernetes.io/last-applied-configuration", text}};
    post(std::string(assets) + "?fieldManager=kubectl-client-side-apply", object);
    apply("kubectl", "spec: {assetEndpointProfileRef: other}");
    EXPECT_EQ(code(), 409u) << text;
    remove(oven());
  }
}

TEST_F(HandOverTest, a_patch_of_managed_fields_moves_ownership) {
  const json::value made = apply_at_the_client();
  json::value entry = made.at("metadata").at("managedFields").at(0);
  entry.as_object()["manager"] = "kubectl";
  entry.as_object()["operation"] = "Apply";
  const json::array operations{json::object{
      {"op", "replace"}, {"path", "/metadata/managedFields"}, {"value", json::array{entry}}}};
  const json::value moved =
      patch(oven("?fieldManager=kubectl"), json::serialize(operations), "json-patch+json");
  EXPECT_EQ(managers(moved), "kubectl:Apply ");
  EXPECT_NE(moved.at("metadata").at("resourceVersion"), made.at("metadata").at("resourceVersion"));
  EXPECT_EQ(moved.at("metadata").at("generation"), 1);
  const json::value after = apply("kubectl", "spec: {assetEndpointProfileRef: plc}");
  EXPECT_EQ(find(after, "spec", "displayName"), nullptr) << "what was handed over can be let go";
}

TEST_F(HandOverTest, managed_fields_that_are_missing_or_malformed_stay_as_they_were) {
  apply_at_the_client();
  std::string deep = "{}";
  for (int i = 0; i < 50; ++i) deep = R"({"f:a":)" + deep + "}";
  for (const std::string& fields :
       {std::string("[]"), std::string("null"), std::string(R"([{"manager":"x"}])"),
        std::string(R"([{"manager":"x","operation":"Steal","apiVersion":"v1",)"
                    R"("fieldsType":"FieldsV1","fieldsV1":{}}])"),
        R"([{"manager":"x","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1",)"
        R"("fieldsV1":)" +
            deep + "}]"}) {
    const json::value kept = patch(oven(), R"({"metadata":{"managedFields":)" + fields + "}}");
    EXPECT_EQ(code(), 200u) << fields << head_.body;
    EXPECT_EQ(managers(kept), "kubectl-client-side-apply:Update ") << fields;
  }
  EXPECT_EQ(managers(patch(oven(), R"({"metadata":{"managedFields":[{}]}})")), "");
}

}  // namespace
}  // namespace wireway::control
