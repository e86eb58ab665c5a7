// Goal: what a definition asks for in vain is never hidden: a warning and a condition, as long as
// it is asked for.

#include "control/api/unserved.h"

#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

class UnservedTest : public ApiTest {
 protected:
  static constexpr const char* crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

  static json::value definition(std::string_view schema, std::string_view more = "") {
    return yaml(fmt::format(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: "
        "gears.example.com}}, spec: {{group: example.com, scope: Namespaced, names: {{plural: "
        "gears, kind: Gear}}, {} versions: [{{name: v1, served: true, storage: true, schema: "
        "{{openAPIV3Schema: {}}}}}]}}}}",
        more, schema));
  }
  static const json::value* condition(const json::value& crd) {
    for (const json::value& each : crd.at("status").at("conditions").as_array())
      if (text_at(each, {"type"}) == unserved_condition) return &each;
    return nullptr;
  }
};

constexpr const char* with_rules =
    "{type: object, x-kubernetes-validations: [{rule: 'self.spec.a > 1'}, {rule: 'true'}], "
    "properties: {spec: {type: object, properties: {a: {type: integer}, list: {type: array, items: "
    "{type: string, x-kubernetes-validations: [{rule: 'self != \"\"'}]}}}}}}";
constexpr const char* without_rules =
    "{type: object, properties: {x-kubernetes-validations: {type: array, items: {type: string}}}}";

TEST_F(UnservedTest, rules_in_cel_are_warned_of_and_stand_in_a_condition) {
  const json::value made = post(crds, definition(with_rules));
  ASSERT_EQ(code(), 201u) << head_.body;
  EXPECT_EQ(header("Warning"),
            "299 - \"version v1: x-kubernetes-validations are kept but not evaluated, objects that "
            "break them are accepted: 3 rules (of the object, spec.list[])\"");
  ASSERT_NE(condition(made), nullptr);
  EXPECT_EQ(text_at(*condition(made), {"status"}), "True");
  EXPECT_EQ(text_at(*condition(made), {"reason"}), "NotSupported");
  EXPECT_TRUE(text_at(*condition(made), {"message"}).contains("3 rules"));
  EXPECT_EQ(made.at("status").at("conditions").as_array().size(), 3u) << "beside the usual two";
}

TEST_F(UnservedTest, the_condition_goes_with_the_rules_and_keeps_its_time) {
  const json::value made = post(crds, definition(with_rules));
  const std::string target = std::string(crds) + "/gears.example.com";
  now_ = now_ + std::chrono::minutes{1};
  const json::value labelled = patch(target, R"({"metadata":{"labels":{"a":"b"}}})");
  EXPECT_NE(header("Warning"), "");
  ASSERT_NE(condition(labelled), nullptr);
  EXPECT_EQ(condition(labelled)->at("lastTransitionTime"),
            condition(made)->at("lastTransitionTime"));
  json::value next = definition(without_rules);
  next.at("metadata").as_object()["resourceVersion"] =
      labelled.at("metadata").at("resourceVersion");
  const json::value replaced = put(target, next);
  EXPECT_EQ(code(), 200u) << head_.body;
  EXPECT_EQ(header("Warning"), "");
  EXPECT_EQ(condition(replaced), nullptr);
}

TEST_F(UnservedTest, webhooks_that_convert_are_told_too) {
  post(crds, definition(without_rules,
                        "conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], "
                        "clientConfig: {url: 'https://x'}}},"));
  EXPECT_EQ(header("Warning"),
            "299 - \"spec.conversion: webhooks are not called, versions differ in apiVersion "
            "alone\"");
}

TEST(Unserved, none_of_the_kinds_that_are_shipped_needs_it) {
  for (const json::value& crd : resource::embedded_crds())
    EXPECT_EQ(unserved_parts(crd), std::vector<std::string>{});
}

}  // namespace
}  // namespace wireway::control
