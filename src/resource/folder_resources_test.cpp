// Goal: a folder of manifests is a set of living resources: added, changed, wrong, removed.
// Method: files in a folder of the test, a real loop, a watcher that records.

#include "resource/folder_resources.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "net/os/test_loop.h"
#include "resource/manifest_folder.h"

namespace wireway::resource {
namespace {

constexpr std::string_view asset_one =
    "apiVersion: deviceregistry.microsoft.com/v1\n"
    "kind: Asset\n"
    "metadata: {name: one}\n"
    "spec: {assetEndpointProfileRef: plc, displayName: first}\n";

std::string asset_named(std::string_view name, std::string_view fields = "") {
  return fmt::format(
      "apiVersion: deviceregistry.microsoft.com/v1\nkind: Asset\nmetadata: {{name: {}}}\n"
      "spec: {{assetEndpointProfileRef: plc{}}}\n",
      name, fields);
}

/// What one kind looks like to a service.
class Seen : public WatchHandler {
 public:
  void on_put(const json::value& object) override { objects[key_of(object).name] = object; }
  void on_erase(const ObjectKey& key) override { objects.erase(key.name); }
  void on_synced() override { synced = true; }
  std::string display(const std::string& name) const {
    const auto found = objects.find(name);
    return found == objects.end() ? "" : text_at(found->second, {"spec", "displayName"});
  }
  std::map<std::string, json::value> objects;
  bool synced = false;
};

class FolderResourcesTest : public ::testing::Test {
 protected:
  FolderResourcesTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "wireway-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  ~FolderResourcesTest() override { std::filesystem::remove_all(folder); }

  /// As an editor does it: beside, then renamed, with a time in the past so that it counts as
  /// settled.
  void write(const std::string& name, std::string_view text) {
    const auto beside = folder / ("." + name);
    std::ofstream(beside) << text;
    ++writes;
    std::filesystem::last_write_time(
        beside, std::filesystem::file_time_type::clock::now() - std::chrono::seconds{100 - writes});
    std::filesystem::rename(beside, folder / name);
  }
  bool until(std::move_only_function<bool()> condition) {
    return net::turn_until(loop, std::move(condition));
  }

  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  std::filesystem::path folder;
  int writes = 0;
  Seen seen;
};

TEST_F(FolderResourcesTest, shows_validated_defaulted_objects_of_yaml_json_and_lists) {
  write("a.yaml", asset_one);
  write("b.json", R"({"apiVersion":"v1","kind":"List","items":[
    {"apiVersion":"deviceregistry.microsoft.com/v1","kind":"Asset","metadata":{"name":"two"},
     "spec":{"assetEndpointProfileRef":"plc"}}]})");
  const auto resources = make_folder_resources(env, folder, "test");
  const auto watch = resources->watch(asset, std::string(default_namespace), seen);
  ASSERT_TRUE(until([&] { return seen.synced; }));
  ASSERT_EQ(seen.objects.size(), 2U);
  EXPECT_EQ(text_at(seen.objects["two"], {"metadata", "namespace"}), default_namespace);
  EXPECT_TRUE(bool_at(seen.objects["one"], {"spec", "enabled"}, false)) << "default of the schema";
}

TEST_F(FolderResourcesTest, shows_older_spellings_in_the_current_one) {
  write("a.yaml", R"(
apiVersion: deviceregistry.microsoft.com/v1beta1
kind: Asset
metadata: {name: one}
spec: {assetEndpointProfileUri: plc, dataPoints: [{name: t, dataSource: ns=3;s=T}]}
)");
  const auto resources = make_folder_resources(env, folder, "test");
  const auto watch = resources->watch(asset, "", seen);
  ASSERT_TRUE(until([&] { return seen.synced; }));
  const json::value& shown = seen.objects["one"];
  EXPECT_EQ(text_at(shown, {"spec", "assetEndpointProfileRef"}), "plc");
  EXPECT_EQ(find(shown, "spec", "dataPoints"), nullptr);
  EXPECT_EQ(text_at(shown, {"metadata", "annotations", "wireway.io/written-version"}), "v1beta1");
  const json::value* datasets = find(shown, "spec", "datasets");
  ASSERT_NE(datasets, nullptr);
  EXPECT_EQ(text_at(datasets->at(0), {"name"}), "default");
  EXPECT_EQ(text_at(datasets->at(0).at("dataPoints").at(0), {"name"}), "t");
}

TEST_F(FolderResourcesTest, follows_changed_added_and_removed_files) {
  write("a.yaml", asset_one);
  const auto resources = make_folder_resources(env, folder, "test");
  const auto watch = resources->watch(asset, "", seen);
  ASSERT_TRUE(until([&] { return seen.display("one") == "first"; }));
  write("a.yaml", asset_named("one", ", displayName: second"));
  write("b.yaml", asset_named("two"));
  ASSERT_TRUE(until([&] { return seen.display("one") == "second" && seen.objects.size() == 2; }));
  EXPECT_EQ(generation_of(seen.objects["one"]), 2);
  std::filesystem::remove(folder / "b.yaml");
  ASSERT_TRUE(until([&] { return seen.objects.size() == 1; }));
}

TEST_F(FolderResourcesTest, keeps_the_last_good_object_while_its_manifest_is_wrong) {
  write("a.yaml", asset_one);
  const auto resources = make_folder_resources(env, folder, "test");
  const auto watch = resources->watch(asset, "", seen);
  ASSERT_TRUE(until([&] { return seen.display("one") == "first"; }));
  write("a.yaml", asset_named("one", ", enabled: perhaps") + "---\n" + asset_named("new"));
  ASSERT_TRUE(until([&] { return seen.objects.contains("new"); })) << "the right document counts";
  EXPECT_EQ(seen.display("one"), "first");
  write("a.yaml", "kind: Asset\n  spec: [\n");
  write("c.yaml", asset_named("other"));
  ASSERT_TRUE(until([&] { return seen.objects.contains("other"); }));
  EXPECT_EQ(seen.objects.size(), 3U) << "a broken file takes nothing away";
}

TEST_F(FolderResourcesTest, merges_status_into_what_watchers_see) {
  write("a.yaml", asset_one);
  const auto resources = make_folder_resources(env, folder, "test");
  const auto watch = resources->watch(asset, "", seen);
  ASSERT_TRUE(until([&] { return seen.synced; }));
  const ObjectKey key{std::string(default_namespace), "one"};
  resources->patch_status(asset, key,
                          status_with({.status = true, .reason = "Running", .message = "runs"},
                                      nullptr, loop.wall_now()));
  ASSERT_TRUE(until([&] { return find(seen.objects["one"], "status") != nullptr; }));
  write("a.yaml", asset_named("one", ", displayName: second"));
  ASSERT_TRUE(until([&] { return seen.display("one") == "second"; }));
  EXPECT_NE(find(seen.objects["one"], "status", "conditions"), nullptr) << "survives a change";
}

class ManifestFolderTest : public FolderResourcesTest {
 protected:
  std::vector<std::string> problems_of(std::string_view text) {
    write("a.yaml", text);
    ManifestFolder manifests(*files, kinds, folder);
    manifests.scan(system_wall_now());
    std::vector<std::string> out;
    for (const ManifestProblem& problem : manifests.new_problems())
      out.push_back(problem.to_string());
    return out;
  }
  KindTable kinds;
};

TEST_F(ManifestFolderTest, names_file_line_object_and_field_of_an_unknown_field) {
  const auto problems =
      problems_of(std::string(asset_one) + "---\n" + asset_named("two", ", colour: green"));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(
      problems[0],
      "a.yaml:6: Asset \"two\": unknown field \"spec.colour\"; check its spelling, or remove it");
}

TEST_F(ManifestFolderTest, names_the_line_of_a_syntax_error) {
  const auto problems = problems_of("kind: Asset\n  spec: [\n");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_TRUE(problems[0].starts_with("a.yaml: line 2")) << problems[0];
}

TEST_F(ManifestFolderTest, says_what_a_manifest_lacks) {
  EXPECT_NE(problems_of("kind: Nonsense\n").at(0).find("apiVersion is missing"), std::string::npos);
  EXPECT_NE(problems_of("just text\n").at(0).find("a manifest is an object"), std::string::npos);
  EXPECT_NE(problems_of("apiVersion: deviceregistry.microsoft.com/v7\nkind: Asset\n"
                        "metadata: {name: x}\n")
                .at(0)
                .find("version v7 of Asset is not served"),
            std::string::npos);
}

TEST_F(ManifestFolderTest, reports_an_object_that_two_files_define) {
  write("z.yaml", asset_one);
  const auto problems = problems_of(asset_one);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0],
            "z.yaml:1: Asset \"one\" is already defined at a.yaml:1; remove one of them");
}

TEST_F(ManifestFolderTest, reports_a_problem_once_and_again_when_it_comes_back) {
  write("a.yaml", "kind: Nonsense\n");
  ManifestFolder manifests(*files, kinds, folder);
  EXPECT_TRUE(manifests.scan(system_wall_now()));
  EXPECT_FALSE(manifests.new_problems().empty());
  EXPECT_FALSE(manifests.scan(system_wall_now()));
  EXPECT_TRUE(manifests.new_problems().empty());
  write("a.yaml", asset_one);
  EXPECT_TRUE(manifests.scan(system_wall_now()));
  write("a.yaml", "kind: Nonsense\n");
  EXPECT_TRUE(manifests.scan(system_wall_now()));
  EXPECT_FALSE(manifests.new_problems().empty());
}

TEST_F(ManifestFolderTest, a_missing_folder_is_one_problem_and_may_appear_later) {
  ManifestFolder manifests(*files, kinds, folder / "later");
  EXPECT_TRUE(manifests.scan(system_wall_now()));
  EXPECT_FALSE(manifests.new_problems().empty());
  EXPECT_FALSE(manifests.scan(system_wall_now()));
  EXPECT_FALSE(manifests.readable());
  std::filesystem::create_directory(folder / "later");
  manifests.scan(system_wall_now());
  EXPECT_TRUE(manifests.readable());
}

TEST(KindTable, remembers_the_version_in_which_a_manifest_was_written) {
  const KindTable kinds;
  const json::value written = {{"apiVersion", "connectivity.iotoperations.azure.com/v1beta1"},
                               {"kind", "DataflowProfile"},
                               {"metadata", {{"name", "p"}}},
                               {"spec", json::object{}}};
  ASSERT_TRUE(kinds.problems(written).empty());
  const json::value read = kinds.normalise(written);
  EXPECT_EQ(text_at(read, {"apiVersion"}), "connectivity.iotoperations.azure.com/v1");
  EXPECT_EQ(text_at(read, {"metadata", "annotations", "wireway.io/written-version"}), "v1beta1");
  EXPECT_EQ(int_at(read, {"spec", "instanceCount"}, 0), 1);
}

}  // namespace
}  // namespace wireway::resource
