// Goal: what people type is understood, what they see is what is there, and every failure has its
// sentence and its exit code.

#include "app/cli/commands.h"

#include <filesystem>
#include <fstream>

#include "app/cli/apply.h"
#include "app/cli/cli_fixture.h"
#include "app/cli/delete.h"
#include "app/cli/diff.h"
#include "app/cli/get.h"
#include "app/cli/history.h"
#include "app/cli/manifests.h"

namespace wireway::app::cli {
namespace {

constexpr const char* oven = R"(
apiVersion: deviceregistry.microsoft.com/v1
kind: Asset
metadata: {name: oven}
spec: {assetEndpointProfileRef: plc, description: hot}
)";

class CommandsTest : public CliTest {
 protected:
  int apply(std::string text, ApplyOptions options = {}) {
    console_.input = std::move(text);
    options.files = {"-"};
    return run(&run_apply, options);
  }
  json::value living(const std::string& name = "oven") {
    return get(std::string(assets) + "/" + name);
  }
  std::int64_t revision() { return int_at(living(), {"metadata", "resourceVersion"}, 0); }
};

TEST_F(CommandsTest, get_shows_the_columns_of_the_server) {
  post(assets, asset("oven"));
  post(assets, asset("mill"));
  EXPECT_EQ(run(&run_get, GetOptions{.words = {"assets"}}), 0);
  EXPECT_TRUE(printed().starts_with("NAME ")) << printed();
  EXPECT_LT(printed().find("\nmill "), printed().find("\noven ")) << printed();
  EXPECT_EQ(told(), "");
}

TEST_F(CommandsTest, get_understands_every_name_of_a_kind_and_every_form_of_naming) {
  post(assets, asset("oven"));
  post(assets, asset("mill"));
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"asset/oven"},
           {"Asset", "oven"},
           {"assets.deviceregistry.microsoft.com/oven"},
           {"assets.v1beta1.deviceregistry.microsoft.com", "oven"}}) {
    EXPECT_EQ(run(&run_get, GetOptions{.words = words, .output = "name"}), 0) << words.front();
    EXPECT_EQ(printed(), "asset.deviceregistry.microsoft.com/oven\n") << words.front();
  }
  run(&run_get, GetOptions{.words = {"asset", "oven", "mill"}, .output = "name"});
  EXPECT_EQ(printed(),
            "asset.deviceregistry.microsoft.com/oven\nasset.deviceregistry.microsoft.com/mill\n");
}

TEST_F(CommandsTest, get_gives_yaml_and_json_without_the_bookkeeping_of_fields) {
  post(assets, asset("oven"));
  run(&run_get, GetOptions{.words = {"asset/oven"}, .output = "json"});
  const auto object = parse_json(printed());
  ASSERT_TRUE(object) << printed();
  EXPECT_EQ(text_at(*object, {"metadata", "name"}), "oven");
  EXPECT_EQ(find(*object, "metadata", "managedFields"), nullptr);
  run(&run_get, GetOptions{.words = {"assets"}, .output = "yaml"});
  const json::value list = yaml(printed());
  EXPECT_EQ(text_at(list, {"kind"}), "List");
  EXPECT_EQ(list.at("items").as_array().size(), 1u);
  EXPECT_EQ(text_at(list.at("items").as_array()[0], {"kind"}), "Asset");
}

TEST_F(CommandsTest, get_of_several_kinds_names_them) {
  post(assets, asset("oven"));
  EXPECT_EQ(run(&run_get, GetOptions{.words = {"assets,namespaces"}}), 0);
  EXPECT_NE(printed().find("asset.deviceregistry.microsoft.com/oven"), std::string::npos);
  EXPECT_NE(printed().find("namespace/default"), std::string::npos);
}

TEST_F(CommandsTest, get_says_what_is_not_there) {
  EXPECT_EQ(run(&run_get, GetOptions{.words = {"asset/none"}}), to_int(Exit::not_found));
  EXPECT_NE(told().find("assets.deviceregistry.microsoft.com \"none\" not found"),
            std::string::npos);
  EXPECT_EQ(run(&run_get, GetOptions{.words = {"assetz"}}), to_int(Exit::not_found));
  EXPECT_NE(told().find("no kind \"assetz\""), std::string::npos) << told();
  EXPECT_EQ(run(&run_get, GetOptions{.words = {"assets"}}), 0);
  EXPECT_EQ(told(), "No resources found in namespace azure-iot-operations\n");
  transport_.refuse_all = true;
  EXPECT_EQ(run(&run_get, GetOptions{.words = {"assets"}}), to_int(Exit::failure));
  EXPECT_NE(told().find("nobody there"), std::string::npos);
}

TEST_F(CommandsTest, get_of_all_namespaces_shows_them_and_reads_every_page) {
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  for (int i = 0; i < 520; ++i) post(maps, config_map(fmt::format("m{:03}", i)));
  EXPECT_EQ(run(&run_get, GetOptions{.words = {"configmaps"}, .all_namespaces = true}), 0);
  EXPECT_TRUE(printed().starts_with("NAMESPACE   NAME")) << printed().substr(0, 60);
  EXPECT_NE(printed().find("default     m519"), std::string::npos);
}

TEST_F(CommandsTest, apply_creates_changes_and_leaves_alone) {
  EXPECT_EQ(apply(oven), 0) << told();
  EXPECT_EQ(printed(), "asset.deviceregistry.microsoft.com/oven created\n");
  EXPECT_EQ(apply(oven), 0);
  EXPECT_EQ(printed(), "asset.deviceregistry.microsoft.com/oven unchanged\n");
  std::string colder = oven;
  colder.replace(colder.find("hot"), 3, "cold");
  EXPECT_EQ(apply(colder), 0);
  EXPECT_EQ(printed(), "asset.deviceregistry.microsoft.com/oven configured\n");
  EXPECT_EQ(text_at(living(), {"spec", "description"}), "cold");
  EXPECT_EQ(text_at(living().at("metadata").at("managedFields").at(0), {"manager"}), "wireway");
}

TEST_F(CommandsTest, apply_tells_conflicts_in_words_and_takes_fields_only_if_told_to) {
  post(assets, asset("oven"));
  patch(std::string(assets) + "/oven", R"({"spec":{"description":"by hand"}})");
  EXPECT_EQ(apply(oven), to_int(Exit::conflict));
  EXPECT_NE(told().find("spec.description  belongs to test"), std::string::npos) << told();
  EXPECT_NE(told().find("--force-conflicts"), std::string::npos);
  EXPECT_EQ(text_at(living(), {"spec", "description"}), "by hand");
  ApplyOptions force;
  force.force_conflicts = true;
  EXPECT_EQ(apply(oven, force), 0);
  EXPECT_EQ(text_at(living(), {"spec", "description"}), "hot");
}

TEST_F(CommandsTest, apply_goes_on_behind_a_mistake_and_names_its_place) {
  const std::string two =
      "apiVersion: deviceregistry.microsoft.com/v1\nkind: Asset\nmetadata: {name: bad}\n"
      "spec: {assetEndpointProfileRef: 7}\n---" +
      std::string(oven);
  EXPECT_EQ(apply(two), to_int(Exit::failure));
  EXPECT_NE(told().find("stdin:1"), std::string::npos) << told();
  EXPECT_NE(told().find("spec.assetEndpointProfileRef"), std::string::npos) << told();
  EXPECT_EQ(printed(), "asset.deviceregistry.microsoft.com/oven created\n");
  EXPECT_EQ(apply("kind: Asset\n"), to_int(Exit::failure));
  EXPECT_NE(told().find("apiVersion and kind are needed"), std::string::npos);
}

TEST_F(CommandsTest, apply_makes_definitions_and_namespaces_before_what_needs_them) {
  const std::string text = R"(
apiVersion: example.com/v1
kind: Pump
metadata: {name: p, namespace: plant}
spec: {speed: 1}
---
apiVersion: v1
kind: Namespace
metadata: {name: plant}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: pumps.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: pumps, kind: Pump}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object,
       x-kubernetes-preserve-unknown-fields: true}}}
)";
  EXPECT_EQ(apply(text), 0) << told();
  EXPECT_TRUE(printed().ends_with("pump.example.com/p created\n")) << printed();
}

TEST_F(CommandsTest, apply_as_a_dry_run_changes_nothing) {
  ApplyOptions dry;
  dry.dry_run = true;
  EXPECT_EQ(apply(oven, dry), 0);
  EXPECT_EQ(printed(), "asset.deviceregistry.microsoft.com/oven created (dry run)\n");
  living();
  EXPECT_EQ(code(), 404u);
}

TEST_F(CommandsTest, diff_of_files_shows_what_apply_would_change) {
  apply(oven);
  std::string colder = oven;
  colder.replace(colder.find("hot"), 3, "cold");
  console_.input = colder;
  EXPECT_EQ(run(&run_diff, DiffOptions{.files = {"-"}}), 1);
  EXPECT_NE(printed().find("\n-  description: hot\n+  description: cold\n"), std::string::npos)
      << printed();
  EXPECT_EQ(printed().find("managedFields"), std::string::npos);
  console_.input = oven;
  EXPECT_EQ(run(&run_diff, DiffOptions{.files = {"-"}}), 0);
  EXPECT_EQ(printed(), "");
  console_.input = "{";
  EXPECT_EQ(run(&run_diff, DiffOptions{.files = {"-"}}), to_int(Exit::diff_failed));
  EXPECT_EQ(run(&run_diff, DiffOptions{}), to_int(Exit::usage));
}

TEST_F(CommandsTest, diff_compares_revisions_and_history_lists_them) {
  apply(oven);
  const std::int64_t first = revision();
  patch(std::string(assets) + "/oven", R"({"spec":{"description":"cold"}})");
  EXPECT_EQ(run(&run_diff, DiffOptions{.words = {"asset/oven"}, .to = first}), 1);
  EXPECT_NE(printed().find("-  description: cold\n+  description: hot\n"), std::string::npos)
      << printed();
  EXPECT_EQ(run(&run_diff, DiffOptions{.words = {"asset/oven"}, .from = first, .to = revision()}),
            1);
  EXPECT_NE(printed().find("-  description: hot\n+  description: cold\n"), std::string::npos);
  EXPECT_EQ(run(&run_diff, DiffOptions{.words = {"asset/oven"}, .to = 1}), to_int(Exit::not_found));
  EXPECT_EQ(run(&run_history, HistoryOptions{.words = {"asset", "oven"}}), 0);
  EXPECT_NE(printed().find(fmt::format("{:<8}   2027-01-15T08:00:00Z   local   wireway", first)),
            std::string::npos)
      << printed();
  EXPECT_NE(printed().find("spec.description"), std::string::npos);
  EXPECT_EQ(run(&run_history, HistoryOptions{.words = {"asset/none"}}), to_int(Exit::not_found));
}

TEST_F(CommandsTest, rollback_shows_the_change_asks_and_does_it) {
  apply(oven);
  const std::int64_t first = revision();
  patch(std::string(assets) + "/oven", R"({"spec":{"description":"cold"}})");
  const RollbackOptions back{.words = {"asset/oven"}, .to = first};
  EXPECT_EQ(run(&run_rollback, back), to_int(Exit::usage)) << "nobody to ask";
  EXPECT_NE(told().find("--yes"), std::string::npos);
  console_.terminal = true;
  console_.answer = "n";
  EXPECT_EQ(run(&run_rollback, back), to_int(Exit::failure));
  EXPECT_EQ(text_at(living(), {"spec", "description"}), "cold");
  console_.answer = "y";
  EXPECT_EQ(run(&run_rollback, back), 0) << told();
  EXPECT_NE(printed().find("-  description: cold\n+  description: hot\n"), std::string::npos);
  EXPECT_EQ(text_at(living(), {"spec", "description"}), "hot");
  EXPECT_EQ(run(&run_rollback, back), 0);
  EXPECT_NE(printed().find("is already as it was"), std::string::npos);
}

TEST_F(CommandsTest, rollback_brings_back_what_was_deleted) {
  apply(oven);
  const std::int64_t first = revision();
  EXPECT_EQ(run(&run_delete, DeleteOptions{.words = {"asset/oven"}}), 0);
  EXPECT_EQ(printed(), "asset.deviceregistry.microsoft.com/oven deleted\n");
  EXPECT_EQ(run(&run_rollback, RollbackOptions{.words = {"asset/oven"}, .to = first, .yes = true}),
            0)
      << told();
  EXPECT_EQ(text_at(living(), {"spec", "description"}), "hot");
}

TEST_F(CommandsTest, delete_by_label_by_file_and_of_what_is_gone) {
  json::value labelled = asset("mill");
  labelled.at("metadata").as_object()["labels"] = json::object{{"line", "1"}};
  post(assets, labelled);
  apply(oven);
  EXPECT_EQ(run(&run_delete, DeleteOptions{.words = {"assets"}}), to_int(Exit::usage));
  EXPECT_EQ(run(&run_delete, DeleteOptions{.words = {"assets"}, .selector = "line=1"}), 0);
  EXPECT_EQ(printed(), "asset.deviceregistry.microsoft.com/mill deleted\n");
  console_.input = oven;
  EXPECT_EQ(run(&run_delete, DeleteOptions{.files = {"-"}}), 0);
  EXPECT_EQ(run(&run_delete, DeleteOptions{.files = {"-"}}), to_int(Exit::not_found));
  DeleteOptions gone{.files = {"-"}};
  gone.ignore_not_found = true;
  EXPECT_EQ(run(&run_delete, gone), 0);
}

TEST_F(CommandsTest, manifests_come_from_folders_in_order_and_from_lists) {
  std::string folder = testing::TempDir() + "wireway-cli-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::filesystem::create_directory(folder + "/below");
  std::ofstream(folder + "/b.yaml") << oven;
  std::ofstream(folder + "/a.json")
      << R"({"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"ConfigMap"}]})";
  std::ofstream(folder + "/notes.txt") << "no manifest";
  std::ofstream(folder + "/below/c.yml") << "apiVersion: v1\nkind: Namespace\n";
  auto flat = read_manifests({{folder}, false}, *files_, console_);
  auto deep = read_manifests({{folder}, true}, *files_, console_);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(flat) << flat.error().message;
  ASSERT_EQ(flat->size(), 2u);
  EXPECT_EQ(text_at((*flat)[0].object, {"kind"}), "ConfigMap");
  ASSERT_TRUE(deep);
  EXPECT_EQ(deep->size(), 3u);
  sort_for_apply(*deep);
  EXPECT_EQ(text_at(deep->front().object, {"kind"}), "Namespace");
  EXPECT_FALSE(read_manifests({{folder}, false}, *files_, console_)) << "it is gone";
}

TEST_F(CommandsTest, colour_only_where_it_can_be_seen) {
  post(assets, asset("oven"));
  run(&run_get, GetOptions{.words = {"assets"}});
  EXPECT_EQ(printed().find('\x1b'), std::string::npos);
  console_.coloured = true;
  run(&run_get, GetOptions{.words = {"assets"}});
  EXPECT_NE(printed().find("\x1b[1mNAME\x1b[0m"), std::string::npos) << printed();
}

}  // namespace
}  // namespace wireway::app::cli
