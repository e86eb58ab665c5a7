// Goal: what a snapshot holds comes back exactly, whatever happened since, and nothing that it does
// not hold gets lost.

#include "app/cli/snapshot.h"

#include "app/cli/cli_fixture.h"

namespace wireway::app::cli {
namespace {

class SnapshotTest : public CliTest {
 protected:
  std::string snapshot(SnapshotOptions options = {}) {
    EXPECT_EQ(run(&run_snapshot, options), 0) << told();
    return printed();
  }
  int restore(const std::string& text, RestoreOptions options = {.file = "-", .yes = true}) {
    console_.input = text;
    return run(&run_restore, options);
  }
  /// All wishes, for comparison.
  std::string state() {
    std::string text = snapshot({.include_secrets = true});
    return text.substr(text.find('\n'));
  }
};

TEST_F(SnapshotTest, brings_back_what_was_created_changed_and_deleted) {
  post(assets, asset("kept"));
  post(assets, asset("changed"));
  post(assets, asset("deleted"));
  const std::string before = snapshot();
  const std::string state_before = state();
  patch(std::string(assets) + "/changed", R"({"spec":{"description":"x"}})");
  patch(std::string(assets) + "/kept/status", R"({"status":{"runtimeState":"ok"}})");
  remove(std::string(assets) + "/deleted");
  post(assets, asset("new"));
  EXPECT_EQ(restore(before), 0) << told();
  EXPECT_NE(printed().find("1 created, 1 updated, 1 deleted"), std::string::npos) << printed();
  const json::value status = get(std::string(assets) + "/kept");
  EXPECT_EQ(text_at(status, {"status", "runtimeState"}), "ok") << "status is no wish";
  const json::value back = get(std::string(assets) + "/deleted");
  EXPECT_EQ(code(), 200u);
  EXPECT_EQ(text_at(back.at("metadata").at("managedFields").at(0), {"manager"}), "wireway");
  EXPECT_EQ(restore(before), 0);
  EXPECT_EQ(printed(), "Everything is as in the snapshot.\n");
}

TEST_F(SnapshotTest, a_dry_run_shows_the_plan_and_a_missing_yes_changes_nothing) {
  const std::string before = snapshot();
  post(assets, asset("new"));
  EXPECT_EQ(restore(before, {.file = "-", .dry_run = true}), 0);
  EXPECT_EQ(printed(), "delete asset.deviceregistry.microsoft.com/new in azure-iot-operations\n");
  EXPECT_EQ(restore(before, {.file = "-"}), to_int(Exit::usage));
  get(std::string(assets) + "/new");
  EXPECT_EQ(code(), 200u);
}

TEST_F(SnapshotTest, a_past_revision_is_a_snapshot_too) {
  const json::value made = post(assets, asset("oven"));
  const std::int64_t then = int_at(made, {"metadata", "resourceVersion"}, 0);
  patch(std::string(assets) + "/oven", R"({"spec":{"description":"x"}})");
  post(assets, asset("new"));
  const std::string past = snapshot({.revision = then});
  EXPECT_EQ(past.find("\"x\""), std::string::npos);
  EXPECT_EQ(past.find("\"new\""), std::string::npos);
  EXPECT_EQ(run(&run_restore, RestoreOptions{.revision = then, .yes = true}), 0) << told();
  EXPECT_EQ(get(std::string(assets) + "/oven").at("spec"), made.at("spec"));
  get(std::string(assets) + "/new");
  EXPECT_EQ(code(), 404u);
  EXPECT_EQ(run(&run_snapshot, SnapshotOptions{.revision = 1'000'000}), to_int(Exit::not_found));
}

TEST_F(SnapshotTest, secrets_only_if_asked_for_and_then_never_touched_otherwise) {
  const std::string secrets = "/api/v1/namespaces/default/secrets";
  post(secrets, yaml("{apiVersion: v1, kind: Secret, metadata: {name: pass},"
                     " stringData: {word: hidden-word}}"));
  const std::string hidden = base64_encode(as_bytes("hidden-word"));
  const std::string without = snapshot();
  EXPECT_EQ(without.find(hidden), std::string::npos);
  EXPECT_NE(snapshot({.include_secrets = true}).find(hidden), std::string::npos);
  EXPECT_EQ(restore(without), 0);
  get(secrets + "/pass");
  EXPECT_EQ(code(), 200u) << "a snapshot without Secrets deletes none";
}

TEST_F(SnapshotTest, owners_are_found_again_by_their_new_uid) {
  const json::value owner = post(assets, asset("owner"));
  json::value owned = asset("owned");
  owned.at("metadata").as_object()["ownerReferences"] =
      json::array{json::object{{"apiVersion", "deviceregistry.microsoft.com/v1"},
                               {"kind", "Asset"},
                               {"name", "owner"},
                               {"uid", text_at(owner, {"metadata", "uid"})}}};
  post(assets, owned);
  const std::string before = snapshot();
  remove(std::string(assets) + "/owned");
  remove(std::string(assets) + "/owner");
  EXPECT_EQ(restore(before), 0) << told();
  const json::value back = get(std::string(assets) + "/owned");
  ASSERT_EQ(code(), 200u);
  EXPECT_EQ(text_at(back.at("metadata").at("ownerReferences").at(0), {"uid"}),
            text_at(get(std::string(assets) + "/owner"), {"metadata", "uid"}));
}

TEST_F(SnapshotTest, definitions_come_back_with_their_objects) {
  const char* const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  post(crds, yaml("{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition,"
                  " metadata: {name: pumps.example.com}, spec: {group: example.com,"
                  " names: {plural: pumps, kind: Pump}, scope: Namespaced, versions: [{name: v1,"
                  " served: true, storage: true, schema: {openAPIV3Schema: {type: object,"
                  " x-kubernetes-preserve-unknown-fields: true}}}]}}"));
  const std::string pumps = "/apis/example.com/v1/namespaces/default/pumps";
  post(pumps, yaml("{apiVersion: example.com/v1, kind: Pump, metadata: {name: a}, spec: {b: 1}}"));
  ASSERT_EQ(code(), 201u);
  const std::string before = snapshot();
  remove(std::string(crds) + "/pumps.example.com");
  EXPECT_EQ(restore(before), 0) << told();
  get(pumps + "/a");
  EXPECT_EQ(code(), 200u) << printed() << told();
}

TEST_F(SnapshotTest, refuses_what_is_no_snapshot) {
  for (const char* text : {"", "x", "{\"kind\":\"Asset\"}", "a: b"})
    EXPECT_EQ(restore(text), to_int(Exit::failure)) << text;
  EXPECT_NE(told().find("-: line 1"), std::string::npos) << told();
  EXPECT_EQ(run(&run_restore, RestoreOptions{.file = "/nowhere/x"}), to_int(Exit::failure));
}

}  // namespace
}  // namespace wireway::app::cli
