// Goal: objects live by the rules of the Kubernetes API conventions, and refusals use its words.

#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

using ObjectsTest = ApiTest;

TEST_F(ObjectsTest, a_number_beyond_all_bounds_is_refused_and_poisons_nothing) {
  for (const char* number : {"1e9999", "-1e9999", "8E844"}) {
    send(request("POST", assets,
                 fmt::format(R"({{"apiVersion":"deviceregistry.microsoft.com/v1","kind":"Asset",)"
                             R"("metadata":{{"name":"x"}},"spec":{{"assetEndpointProfileRef":"p",)"
                             R"("attributes":{{"a":{}}}}}}})",
                             number)));
    EXPECT_EQ(code(), 400u);
    EXPECT_NE(head_.body.find("out of range"), std::string::npos) << head_.body;
  }
  post(assets, asset("oven"));
  patch(std::string(assets) + "/oven", R"({"spec":{"attributes":{"a":1e9999}}})");
  EXPECT_EQ(code(), 400u) << head_.body;
  get(assets);
  EXPECT_EQ(code(), 200u);
}

TEST_F(ObjectsTest, create_fills_what_belongs_to_the_server) {
  const json::value made = post(assets, asset("oven"));
  EXPECT_EQ(code(), 201u);
  EXPECT_EQ(text_at(made, {"metadata", "namespace"}), "azure-iot-operations");
  EXPECT_EQ(text_at(made, {"metadata", "creationTimestamp"}), "2027-01-15T08:00:00Z");
  EXPECT_EQ(int_at(made, {"metadata", "generation"}, 0), 1);
  EXPECT_FALSE(text_at(made, {"metadata", "uid"}).empty());
  EXPECT_FALSE(text_at(made, {"metadata", "resourceVersion"}).empty());
  EXPECT_EQ(*find(made, "spec", "enabled"), true) << "the default of the schema";
  EXPECT_EQ(get(std::string(assets) + "/oven"), made);
}

TEST_F(ObjectsTest, create_refuses_a_name_that_is_taken) {
  post(assets, asset("oven"));
  const json::value status = post(assets, asset("oven"));
  EXPECT_EQ(code(), 409u);
  EXPECT_EQ(text_at(status, {"reason"}), "AlreadyExists");
  EXPECT_EQ(text_at(status, {"message"}),
            "assets.deviceregistry.microsoft.com \"oven\" already exists");
}

TEST_F(ObjectsTest, create_refuses_a_missing_namespace) {
  const json::value status =
      post("/apis/deviceregistry.microsoft.com/v1/namespaces/nowhere/assets", asset("oven"));
  EXPECT_EQ(code(), 404u);
  EXPECT_EQ(text_at(status, {"message"}), "namespaces \"nowhere\" not found");
}

TEST_F(ObjectsTest, create_refuses_names_and_labels_that_break_the_rules) {
  json::value bad = asset("Oven");
  bad.at("metadata").as_object()["labels"] = json::object{{"a b", "c"}, {"d", "e f"}};
  const json::value status = post(assets, bad);
  EXPECT_EQ(code(), 422u);
  EXPECT_EQ(status.at("details").at("causes").as_array().size(), 3u);
  EXPECT_EQ(text_at(post(assets, yaml("{apiVersion: deviceregistry.microsoft.com/v1, kind: Asset, "
                                      "spec: {assetEndpointProfileRef: a}}")),
                    {"message"}),
            "Asset.deviceregistry.microsoft.com \"\" is invalid: metadata.name: Required value: "
            "name or generateName is required");
}

TEST_F(ObjectsTest, create_makes_a_name_from_generate_name) {
  json::value object = asset("x");
  object.at("metadata") = json::object{{"generateName", "oven-"}};
  const json::value made = post(assets, object);
  EXPECT_TRUE(text_at(made, {"metadata", "name"}).starts_with("oven-"));
  EXPECT_GT(text_at(made, {"metadata", "name"}).size(), 5u);
}

TEST_F(ObjectsTest, create_refuses_a_body_of_another_version_kind_or_namespace) {
  post(assets, asset("a", "v1beta1"));
  EXPECT_EQ(code(), 400u);
  json::value other = asset("a");
  other.as_object()["kind"] = "Dataflow";
  EXPECT_EQ(text_at(post(assets, other), {"message"}),
            "the kind in the data (Dataflow) does not match the expected kind (Asset)");
  other = asset("a");
  other.at("metadata").as_object()["namespace"] = "default";
  EXPECT_EQ(text_at(post(assets, other), {"message"}),
            "the namespace of the provided object does not match the namespace sent on the "
            "request");
}

TEST_F(ObjectsTest, schema_errors_have_a_cause_each) {
  json::value bad = asset("oven");
  bad.at("spec").as_object()["enabled"] = "yes";
  bad.at("spec").as_object().erase("assetEndpointProfileRef");
  const json::value status = post(assets, bad);
  EXPECT_EQ(code(), 422u);
  EXPECT_EQ(text_at(status, {"reason"}), "Invalid");
  EXPECT_EQ(text_at(status, {"details", "name"}), "oven");
  EXPECT_EQ(status.at("details").at("causes").at(0).at("field"), "spec.enabled");
  EXPECT_EQ(status.at("details").at("causes").at(0).at("message"),
            "Invalid value: \"string\": spec.enabled in body must be of type boolean: \"string\"");
}

TEST_F(ObjectsTest, unknown_fields_are_refused_warned_of_or_ignored) {
  json::value object = asset("oven");
  object.at("spec").as_object()["foo"] = 1;
  const std::string target = assets;
  const json::value status = post(target + "?fieldValidation=Strict", object);
  EXPECT_EQ(code(), 400u);
  EXPECT_EQ(text_at(status, {"message"}),
            "Asset in version \"v1\" cannot be handled as a Asset: strict decoding error: unknown "
            "field \"spec.foo\"");
  const json::value made = post(target, object);
  EXPECT_EQ(code(), 201u);
  EXPECT_EQ(header("Warning"), "299 - \"unknown field \\\"spec.foo\\\"\"");
  EXPECT_EQ(find(made, "spec", "foo"), nullptr);
  object.at("metadata").as_object()["name"] = "other";
  post(target + "?fieldValidation=Ignore", object);
  EXPECT_EQ(code(), 201u);
  EXPECT_EQ(header("Warning"), "");
  post(target + "?fieldValidation=Loose", object);
  EXPECT_EQ(code(), 400u);
}

TEST_F(ObjectsTest, enum_values_are_stored_in_the_schemas_spelling) {
  json::value object = asset("oven");
  object.at("spec").as_object()["defaultTopic"] = json::object{{"path", "a"}, {"retain", "keep"}};
  EXPECT_EQ(text_at(post(assets, object), {"spec", "defaultTopic", "retain"}), "Keep");
}

TEST_F(ObjectsTest, replace_needs_the_revision_that_was_read) {
  json::value made = post(assets, asset("oven"));
  const std::string target = std::string(assets) + "/oven";
  made.at("spec").as_object()["enabled"] = false;
  const json::value second = put(target, made);
  EXPECT_EQ(code(), 200u);
  EXPECT_EQ(int_at(second, {"metadata", "generation"}, 0), 2);
  const json::value status = put(target, made);
  EXPECT_EQ(code(), 409u);
  EXPECT_EQ(text_at(status, {"message"}),
            "Operation cannot be fulfilled on assets.deviceregistry.microsoft.com \"oven\": the "
            "object has been modified; please apply your changes to the latest version and try "
            "again");
  made.at("metadata").as_object().erase("resourceVersion");
  EXPECT_EQ(text_at(put(target, made), {"message"}),
            "Asset.deviceregistry.microsoft.com \"oven\" is invalid: metadata.resourceVersion: "
            "Invalid value: 0x0: must be specified for an update");
}

TEST_F(ObjectsTest, a_write_that_changes_nothing_makes_no_revision) {
  const json::value made = post(assets, asset("oven"));
  EXPECT_EQ(put(std::string(assets) + "/oven", made), made);
  EXPECT_EQ(patch(std::string(assets) + "/oven", "{}"), made);
}

TEST_F(ObjectsTest, metadata_changes_leave_the_generation_alone) {
  post(assets, asset("oven"));
  const json::value labelled =
      patch(std::string(assets) + "/oven", R"({"metadata":{"labels":{"line":"a"}}})");
  EXPECT_EQ(int_at(labelled, {"metadata", "generation"}, 0), 1);
  EXPECT_EQ(text_at(labelled, {"metadata", "labels", "line"}), "a");
}

TEST_F(ObjectsTest, status_and_spec_are_written_apart) {
  json::value object = asset("oven");
  object.as_object()["status"] = json::object{{"version", 9}};
  const std::string target = std::string(assets) + "/oven";
  EXPECT_EQ(find(post(assets, object), "status"), nullptr) << "status is not the creator's";
  const json::value told = patch(
      target + "/status",
      R"({"spec":{"enabled":false},"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
  EXPECT_EQ(code(), 200u);
  EXPECT_EQ(*find(told, "spec", "enabled"), true);
  EXPECT_EQ(told.at("status").at("conditions").at(0).at("type"), "Ready");
  EXPECT_EQ(int_at(told, {"metadata", "generation"}, 0), 1);
  const json::value after = patch(target, R"({"spec":{"enabled":false},"status":null})");
  EXPECT_EQ(after.at("status").at("conditions").as_array().size(), 1u);
  EXPECT_EQ(int_at(after, {"metadata", "generation"}, 0), 2);
  patch(target + "/status", R"({"status":{"conditions":[{"type":"Ready","status":"Maybe"}]}})");
  EXPECT_EQ(code(), 422u);
  get(target + "/scale");
  EXPECT_EQ(code(), 404u);
}

TEST_F(ObjectsTest, patches_of_three_kinds) {
  post(assets, asset("oven"));
  const std::string target = std::string(assets) + "/oven";
  EXPECT_EQ(text_at(patch(target, R"([{"op":"add","path":"/spec/displayName","value":"x"}])",
                          "json-patch+json"),
                    {"spec", "displayName"}),
            "x");
  EXPECT_EQ(find(patch(target, R"({"spec":{"displayName":null}})"), "spec", "displayName"),
            nullptr);
  patch(target, R"([{"op":"test","path":"/spec/enabled","value":false}])", "json-patch+json");
  EXPECT_EQ(code(), 422u);
  patch(target, "{}", "strategic-merge-patch+json");
  EXPECT_EQ(code(), 415u);
  post("/api/v1/namespaces/default/configmaps", config_map("c"));
  const json::value map = patch("/api/v1/namespaces/default/configmaps/c",
                                R"({"data":{"b":"2","a":null}})", "strategic-merge-patch+json");
  EXPECT_EQ(map.at("data"), (json::object{{"b", "2"}}));
}

TEST_F(ObjectsTest, delete_answers_with_a_status_and_honours_preconditions) {
  const json::value made = post(assets, asset("oven"));
  const std::string target = std::string(assets) + "/oven";
  send(request("DELETE", target, R"({"preconditions":{"uid":"other"}})"));
  EXPECT_EQ(code(), 409u);
  const json::value status = remove(target);
  EXPECT_EQ(text_at(status, {"status"}), "Success");
  EXPECT_EQ(text_at(status, {"details", "uid"}), text_at(made, {"metadata", "uid"}));
  EXPECT_EQ(text_at(get(target), {"message"}),
            "assets.deviceregistry.microsoft.com \"oven\" not found");
  EXPECT_EQ(code(), 404u);
}

TEST_F(ObjectsTest, finalizers_hold_an_object_until_the_last_is_gone) {
  json::value object = asset("oven");
  object.at("metadata").as_object()["finalizers"] = json::array{"example.com/hold"};
  post(assets, object);
  const std::string target = std::string(assets) + "/oven";
  const json::value held = remove(target);
  EXPECT_EQ(code(), 200u);
  EXPECT_FALSE(text_at(held, {"metadata", "deletionTimestamp"}).empty());
  EXPECT_EQ(text_at(get(target), {"metadata", "name"}), "oven");
  patch(target, R"({"metadata":{"finalizers":null}})");
  EXPECT_EQ(code(), 200u);
  get(target);
  EXPECT_EQ(code(), 404u);
}

TEST_F(ObjectsTest, deleting_a_namespace_deletes_what_is_in_it) {
  post("/api/v1/namespaces", yaml("{apiVersion: v1, kind: Namespace, metadata: {name: line}}"));
  const std::string line = "/apis/deviceregistry.microsoft.com/v1/namespaces/line/assets";
  post(line, asset("a"));
  json::value held = asset("b");
  held.at("metadata").as_object()["finalizers"] = json::array{"example.com/hold"};
  post(line, held);
  remove("/api/v1/namespaces/line");
  EXPECT_EQ(text_at(get("/api/v1/namespaces/line"), {"status", "phase"}), "Terminating");
  get(line + "/a");
  EXPECT_EQ(code(), 404u);
  EXPECT_EQ(text_at(post(line, asset("c")), {"message"}),
            "assets.deviceregistry.microsoft.com \"c\" is forbidden: unable to create new content "
            "in namespace line because it is being terminated");
  patch(line + "/b", R"({"metadata":{"finalizers":[]}})");
  get("/api/v1/namespaces/line");
  EXPECT_EQ(code(), 404u) << "the last object takes the namespace along";
  EXPECT_EQ(text_at(remove("/api/v1/namespaces/default"), {"reason"}), "Forbidden");
}

TEST_F(ObjectsTest, delete_collection_takes_what_the_selector_selects) {
  for (const char* name : {"a", "b", "c"}) {
    json::value object = asset(name);
    object.at("metadata").as_object()["labels"] =
        json::object{{"line", std::string(name) == "b" ? "two" : "one"}};
    post(assets, object);
  }
  remove(std::string(assets) + "?labelSelector=line=one");
  EXPECT_EQ(code(), 200u);
  const json::value left = get(assets);
  ASSERT_EQ(left.at("items").as_array().size(), 1u);
  EXPECT_EQ(left.at("items").at(0).at("metadata").at("name"), "b");
}

TEST_F(ObjectsTest, dry_run_checks_and_stores_nothing) {
  const json::value made = post(std::string(assets) + "?dryRun=All", asset("oven"));
  EXPECT_EQ(code(), 201u);
  EXPECT_EQ(text_at(made, {"metadata", "name"}), "oven");
  get(std::string(assets) + "/oven");
  EXPECT_EQ(code(), 404u);
  post(assets, asset("oven"));
  remove(std::string(assets) + "/oven?dryRun=All");
  EXPECT_EQ(code(), 200u);
  get(std::string(assets) + "/oven");
  EXPECT_EQ(code(), 200u);
}

TEST_F(ObjectsTest, every_version_reads_every_object_and_the_dialect_is_remembered) {
  const json::value made = post(assets_v1beta1, asset("oven", "v1beta1"));
  EXPECT_EQ(text_at(made, {"apiVersion"}), "deviceregistry.microsoft.com/v1beta1");
  const json::value as_v1 = get(std::string(assets) + "/oven");
  EXPECT_EQ(text_at(as_v1, {"apiVersion"}), "deviceregistry.microsoft.com/v1");
  EXPECT_EQ(text_at(as_v1, {"metadata", "annotations", "wireway.io/written-version"}), "v1beta1");
  const json::value labelled =
      patch(std::string(assets) + "/oven", R"({"metadata":{"labels":{"a":"b"}}})");
  EXPECT_EQ(text_at(labelled, {"metadata", "annotations", "wireway.io/written-version"}), "v1beta1")
      << "a patch amends the manifest in its dialect";
  const json::value list = get(assets_v1beta1);
  EXPECT_EQ(list.at("items").at(0).at("apiVersion"), "deviceregistry.microsoft.com/v1beta1");
  json::value v1 = asset("oven");
  v1.at("metadata").as_object()["resourceVersion"] =
      text_at(labelled, {"metadata", "resourceVersion"});
  const json::value replaced = put(std::string(assets) + "/oven", v1);
  EXPECT_EQ(find(replaced, "metadata", "annotations"), nullptr) << "now a v1 manifest";
}

TEST_F(ObjectsTest, secrets_take_text_and_keep_base64) {
  const std::string secrets = "/api/v1/namespaces/default/secrets";
  const json::value made = post(secrets, yaml("{apiVersion: v1, kind: Secret, metadata: {name: s},"
                                              " data: {a: YQ==}, stringData: {b: text}}"));
  EXPECT_EQ(code(), 201u);
  EXPECT_EQ(made.at("data"), (json::object{{"a", "YQ=="}, {"b", "dGV4dA=="}}));
  EXPECT_EQ(text_at(made, {"type"}), "Opaque");
  EXPECT_EQ(find(made, "stringData"), nullptr);
  post(secrets, yaml("{apiVersion: v1, kind: Secret, metadata: {name: t}, data: {a: '***'}}"));
  EXPECT_EQ(code(), 422u);
  patch(secrets + "/s", R"({"type":"other"})");
  EXPECT_EQ(code(), 422u) << "the type of a Secret is fixed";
}

TEST_F(ObjectsTest, yaml_bodies_and_answers) {
  const json::value made = send(request("POST", assets,
                                        "apiVersion: deviceregistry.microsoft.com/v1\nkind: Asset\n"
                                        "metadata: {name: oven}\n"
                                        "spec: {assetEndpointProfileRef: plc}\n",
                                        "application/yaml"));
  EXPECT_EQ(code(), 201u) << made;
  auto sent = request("GET", std::string(assets) + "/oven");
  sent.headers.emplace_back("accept", "application/yaml");
  send(sent);
  EXPECT_EQ(header("Content-Type"), "application/yaml");
  EXPECT_EQ(yaml(head_.body).at("kind"), "Asset");
}

TEST_F(ObjectsTest, everything_is_there_after_a_restart) {
  const json::value made = post(assets, asset("oven"));
  start();
  EXPECT_EQ(get(std::string(assets) + "/oven"), made);
}

TEST_F(ObjectsTest, history_names_who_wrote_what) {
  post(assets, asset("oven"));
  patch(std::string(assets) + "/oven?fieldManager=editor", R"({"spec":{"enabled":false}})");
  auto history =
      store_->history({"assets.deviceregistry.microsoft.com", "azure-iot-operations", "oven"}, 10);
  ASSERT_EQ(history->size(), 2u);
  EXPECT_EQ((*history)[0].manager, "editor");
  EXPECT_EQ((*history)[1].manager, "test");
}

}  // namespace
}  // namespace wireway::control
