// Goal: the API holds what the folder says: added, changed, wrong, removed; nothing else is
//       touched.
// Method: files in a folder of the test, MemoryResources as the API, a real loop.

#include "control/reconcile/folder_source.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "net/os/test_loop.h"
#include "resource/memory_resources.h"

namespace wireway::control {
namespace {

std::string asset(std::string_view name, std::string_view fields = "") {
  return fmt::format(
      "apiVersion: deviceregistry.microsoft.com/v1\nkind: Asset\nmetadata: {{name: {}}}\n"
      "spec: {{assetEndpointProfileRef: plc{}}}\n",
      name, fields);
}

/// Refuses what a test says, as an API server may.
class RefusingResources final : public resource::MemoryResources {
 public:
  RefusingResources(net::Loop& its_loop) : MemoryResources(its_loop), loop(its_loop) {}
  void apply(const json::value& object, const resource::ApplyOptions& how, Done done) override {
    ++applies;
    if (refusal) return loop.post([done, error = *refusal] { done(std::unexpected(error)); });
    MemoryResources::apply(object, how, std::move(done));
  }
  net::Loop& loop;
  std::optional<Error> refusal;
  int applies = 0;
};

class FolderSourceTest : public ::testing::Test {
 protected:
  FolderSourceTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "wireway-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  ~FolderSourceTest() override { std::filesystem::remove_all(folder); }

  void write(const std::string& name, std::string_view text) {
    const auto beside = folder / ("." + name);
    std::ofstream(beside) << text;
    std::filesystem::last_write_time(beside, std::filesystem::file_time_type::clock::now() -
                                                 std::chrono::seconds{100 - ++writes});
    std::filesystem::rename(beside, folder / name);
  }
  void start() {
    source.reset();
    objects = std::make_unique<SourceObjects>(env, resources);
    source = std::make_unique<FolderSource>(env, resources, *objects, folder);
    source->start();
  }
  bool until(std::move_only_function<bool()> condition) {
    return net::turn_until(loop, std::move(condition));
  }
  const json::value* object(const std::string& name) const {
    return resources.object(resource::asset, {std::string(resource::default_namespace), name});
  }
  std::string display(const std::string& name) const {
    return object(name) == nullptr ? "" : text_at(*object(name), {"spec", "displayName"});
  }
  std::string event(const std::string& reason) const {
    for (const auto& record : resources.events())
      if (record.reason == reason) return record.about.name + ": " + record.message;
    return "";
  }

  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  RefusingResources resources{loop};
  std::filesystem::path folder;
  int writes = 0;
  std::unique_ptr<SourceObjects> objects;
  std::unique_ptr<FolderSource> source;
};

TEST_F(FolderSourceTest, applies_marks_changes_and_removes) {
  write("a.yaml", asset("one", ", displayName: first") + "---\n" + asset("two"));
  start();
  ASSERT_TRUE(until([&] { return object("one") != nullptr && object("two") != nullptr; }));
  EXPECT_EQ(text_at(*object("one"), {"metadata", "annotations", source_annotation}),
            "folder:a.yaml");
  write("a.yaml", asset("one", ", displayName: second"));
  ASSERT_TRUE(until([&] { return display("one") == "second" && object("two") == nullptr; }));
  std::filesystem::remove(folder / "a.yaml");
  ASSERT_TRUE(until([&] { return object("one") == nullptr; }));
}

TEST_F(FolderSourceTest, leaves_objects_of_others_alone) {
  json::value other = {{"apiVersion", "deviceregistry.microsoft.com/v1"},
                       {"kind", "Asset"},
                       {"metadata", {{"name", "other"}, {"namespace", "azure-iot-operations"}}},
                       {"spec", json::object{}}};
  resources.put(other);
  write("a.yaml", asset("one"));
  start();
  ASSERT_TRUE(until([&] { return object("one") != nullptr; }));
  std::filesystem::remove(folder / "a.yaml");
  ASSERT_TRUE(until([&] { return object("one") == nullptr; }));
  EXPECT_NE(object("other"), nullptr);
}

TEST_F(FolderSourceTest, removes_at_start_what_left_while_nobody_looked) {
  write("a.yaml", asset("one"));
  start();
  ASSERT_TRUE(until([&] { return object("one") != nullptr; }));
  source.reset();
  write("b.yaml", asset("two"));
  std::filesystem::remove(folder / "a.yaml");
  start();
  ASSERT_TRUE(until([&] { return object("two") != nullptr && object("one") == nullptr; }));
}

/// What a folder holds on a clock of the test's own.
class HeldTest : public FolderSourceTest {
 protected:
  std::size_t held(Duration later = std::chrono::seconds{1}) {
    now = now + later;
    looked_at.scan(now);
    return looked_at.manifests().size();
  }
  /// Writes the file as of now: somebody may still be at it.
  void write_now(const std::string& text) {
    std::ofstream(folder / "a.yaml") << text;
    const std::chrono::sys_time<Duration> moment{now.since_epoch};
    std::filesystem::last_write_time(folder / "a.yaml", std::chrono::file_clock::from_sys(moment));
  }

  static constexpr Duration quiet = resource::ManifestFolder::quiet_time;
  const std::string whole = asset("one") + "---\n" + asset("two");
  resource::KindTable kinds;
  resource::ManifestFolder looked_at{*files, kinds, folder};
  WallTime now = loop.wall_now();
};

TEST_F(HeldTest, a_file_that_is_rewritten_in_pieces_never_loses_its_objects) {
  write_now(whole);
  ASSERT_EQ(held(), 2U);
  const std::string half = whole.substr(0, whole.find("---"));
  const std::string broken = whole.substr(0, whole.find("{assetEndpointProfileRef") + 9);
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string(3, '\0'), std::string("# plant\n"), broken,
        half, half + "---\n", half + "---\n# two\n"}) {
    write_now(text);
    EXPECT_EQ(held(), 2U) << text;
    EXPECT_TRUE(looked_at.uncertain("a.yaml")) << text;
  }
  write_now(whole);
  EXPECT_EQ(held(), 2U);
  EXPECT_EQ(held(quiet), 2U);
  EXPECT_FALSE(looked_at.uncertain("a.yaml"));
}

TEST_F(HeldTest, what_a_file_no_longer_names_goes_when_the_file_stands) {
  write_now(whole);
  ASSERT_EQ(held(), 2U);
  write_now(asset("one"));
  EXPECT_EQ(held(), 2U);
  ASSERT_EQ(looked_at.newly_held().size(), 1U);
  EXPECT_EQ(looked_at.newly_held().front().to_string(),
            "a.yaml: no longer names Asset \"two\"; it goes when the file has stood unchanged "
            "for 5 s");
  EXPECT_EQ(held(quiet / 2), 2U);
  EXPECT_TRUE(looked_at.newly_held().empty()) << "said once";
  EXPECT_EQ(held(quiet), 1U);
  EXPECT_FALSE(looked_at.uncertain("a.yaml"));
}

TEST_F(HeldTest, a_file_of_comments_lets_go_in_time_and_an_empty_one_never) {
  write_now(whole);
  ASSERT_EQ(held(), 2U);
  write_now("# both are switched off\n");
  EXPECT_EQ(held(), 2U);
  EXPECT_EQ(held(quiet), 0U);
  write_now(whole);
  ASSERT_EQ(held(), 2U);
  write_now("");
  EXPECT_EQ(held(), 2U);
  ASSERT_EQ(looked_at.new_problems().size(), 1U);
  EXPECT_EQ(looked_at.new_problems().front().to_string(),
            "a.yaml: is empty; what it named stays: write it, or remove the file");
  EXPECT_EQ(held(quiet * 100), 2U);
  EXPECT_TRUE(looked_at.uncertain("a.yaml"));
  std::filesystem::remove(folder / "a.yaml");
  EXPECT_EQ(held(), 0U) << "a removed file is meant so at once";
}

TEST_F(HeldTest, an_object_that_moves_to_another_file_is_never_away) {
  write_now(whole);
  ASSERT_EQ(held(), 2U);
  std::ofstream(folder / "b.yaml") << asset("two", ", displayName: moved");
  write_now(asset("one"));
  now = now + std::chrono::seconds{1};
  EXPECT_EQ(held(), 2U);
  EXPECT_TRUE(looked_at.new_problems().empty());
  const resource::ManifestId two{"deviceregistry.microsoft.com", "Asset",
                                 std::string(resource::default_namespace), "two"};
  EXPECT_EQ(looked_at.manifests().at(two).file, "b.yaml");
}

TEST_F(FolderSourceTest, an_empty_file_takes_nothing_away_and_says_so) {
  write("a.yaml", asset("one"));
  start();
  ASSERT_TRUE(until([&] { return object("one") != nullptr; }));
  write("a.yaml", "");
  ASSERT_TRUE(until([&] { return !event("ManifestRefused").empty(); }));
  EXPECT_EQ(event("ManifestRefused"),
            "azure-iot-operations: a.yaml: is empty; what it named stays: write it, or remove the "
            "file");
  source.reset();
  start();  // nor does a start that finds it so
  write("b.yaml", asset("two"));
  ASSERT_TRUE(until([&] { return object("two") != nullptr; }));
  EXPECT_NE(object("one"), nullptr);
}

TEST_F(FolderSourceTest, says_that_a_removal_is_held) {
  write("a.yaml", asset("one") + "---\n" + asset("two"));
  start();
  ASSERT_TRUE(until([&] { return object("two") != nullptr; }));
  std::ofstream(folder / "a.yaml") << asset("one");  // its time is now
  ASSERT_TRUE(until([&] { return !event("RemovalHeld").empty(); }));
  EXPECT_NE(object("two"), nullptr);
  ASSERT_TRUE(until([&] { return object("two") == nullptr; }));
}

TEST_F(FolderSourceTest, a_file_that_is_broken_at_start_takes_nothing_away) {
  write("a.yaml", asset("one"));
  start();
  ASSERT_TRUE(until([&] { return object("one") != nullptr; }));
  source.reset();
  write("a.yaml", "kind: Asset\n  spec: [\n");
  write("b.yaml", asset("two"));
  start();
  ASSERT_TRUE(until([&] { return object("two") != nullptr; }));
  EXPECT_NE(object("one"), nullptr);
  EXPECT_TRUE(event("ManifestRefused").starts_with("azure-iot-operations: a.yaml: line 2"))
      << event("ManifestRefused");
}

TEST_F(FolderSourceTest, a_wrong_manifest_is_an_event_about_its_object) {
  write("a.yaml", asset("one", ", displayName: first"));
  start();
  ASSERT_TRUE(until([&] { return display("one") == "first"; }));
  write("a.yaml", asset("one", ", colour: green"));
  ASSERT_TRUE(until([&] { return !event("ManifestRefused").empty(); }));
  EXPECT_TRUE(event("ManifestRefused").starts_with("one: a.yaml:1: Asset \"one\": unknown field"));
  EXPECT_EQ(display("one"), "first");
}

TEST_F(FolderSourceTest, tells_a_refusal_of_the_api_once_and_goes_on_when_the_file_changes) {
  resources.refusal = Error{Errc::invalid, "spec.x is wrong"};
  write("a.yaml", asset("one"));
  start();
  ASSERT_TRUE(until([&] { return !event("ManifestRefused").empty(); }));
  EXPECT_EQ(event("ManifestRefused"), "one: a.yaml:1: Asset \"one\": spec.x is wrong");
  EXPECT_EQ(resources.applies, 1);
  resources.refusal.reset();
  write("a.yaml", asset("one", ", displayName: mended"));
  ASSERT_TRUE(until([&] { return display("one") == "mended"; }));
}

TEST_F(FolderSourceTest, tries_again_what_could_not_be_reached) {
  resources.refusal = Error{Errc::unavailable, "nobody there"};
  write("a.yaml", asset("one"));
  start();
  ASSERT_TRUE(until([&] { return resources.applies == 1; }));
  resources.refusal.reset();
  ASSERT_TRUE(until([&] { return object("one") != nullptr; }));
}

TEST_F(FolderSourceTest, puts_back_what_somebody_changed) {
  write("a.yaml", asset("one", ", displayName: first"));
  start();
  ASSERT_TRUE(until([&] { return display("one") == "first"; }));
  json::value edited = *object("one");
  edited.as_object()["spec"].as_object()["displayName"] = "by hand";
  resources.put(edited);
  ASSERT_TRUE(until([&] { return display("one") == "first"; }));
  ASSERT_TRUE(until([&] { return !event("DriftCorrected").empty(); }));
  EXPECT_EQ(event("DriftCorrected"),
            "one: changed by hand and put back as folder says: spec.displayName");
  const int applies = resources.applies;
  resources.patch_status(resource::asset, {std::string(resource::default_namespace), "one"},
                         {{"version", 1}});
  ASSERT_TRUE(until([&, turns = 0]() mutable { return ++turns > 20; }));
  EXPECT_EQ(resources.applies, applies) << "status is not its business";
}

TEST_F(FolderSourceTest, puts_back_what_somebody_removed) {
  write("a.yaml", asset("one"));
  start();
  ASSERT_TRUE(until([&] { return object("one") != nullptr; }));
  // The source must have seen it first.
  ASSERT_TRUE(until([&, turns = 0]() mutable { return ++turns > 20; }));
  resources.erase(resource::asset, {std::string(resource::default_namespace), "one"});
  ASSERT_TRUE(until([&] { return object("one") != nullptr; }));
}

}  // namespace
}  // namespace wireway::control
