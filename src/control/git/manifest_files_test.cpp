// Goal: a path gives all of its manifests and nothing else; what cannot be followed is said.
// Method: a tree in memory.

#include "control/git/manifest_files.h"

#include <map>
#include <optional>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace wireway::control {
namespace {

class MemoryTree final : public GitTree {
 public:
  std::map<std::string, std::string> files;
  std::map<std::string, Kind> others;

  Kind kind(const std::string& path) const override {
    if (files.contains(path)) return Kind::file;
    if (const auto found = others.find(path); found != others.end()) return found->second;
    for (const auto& [name, text] : files)
      if (name.starts_with(path + "/")) return Kind::folder;
    return Kind::none;
  }
  Result<std::vector<Entry>> list(const std::string& folder) const override {
    const std::string prefix = folder.empty() ? "" : folder + "/";
    std::map<std::string, Kind> out;
    for (const auto& [name, text] : files)
      if (name.starts_with(prefix)) {
        const std::string rest = name.substr(prefix.size());
        out[rest.substr(0, rest.find('/'))] = rest.contains('/') ? Kind::folder : Kind::file;
      }
    for (const auto& [name, kind] : others)
      if (name.starts_with(prefix)) out[name.substr(prefix.size())] = kind;
    std::vector<Entry> entries;
    for (const auto& [name, kind] : out) entries.push_back({name, kind});
    return entries;
  }
  Result<std::string> read(const std::string& file) const override { return files.at(file); }
};

class ManifestFiles : public ::testing::Test {
 protected:
  /// "file@namespace ..."
  std::string files(const std::string& path = "") {
    const auto found = manifest_files(tree, path);
    if (!found) return found.error().message;
    std::string out;
    for (const GitFile& file : found->files)
      out += (out.empty() ? "" : " ") + file.path + (file.space.empty() ? "" : "@" + file.space);
    return out;
  }
  std::string problems(const std::string& path = "") {
    const auto found = manifest_files(tree, path);
    if (!found) return found.error().message;
    std::string out;
    for (const GitProblem& each : found->problems) out += each.place + ": " + each.sentence + "\n";
    return out;
  }
  MemoryTree tree;
};

TEST_F(ManifestFiles, are_all_yaml_and_json_below_the_path) {
  tree.files = {{"a.yaml", ""},         {"line/b.yml", ""},   {"line/deep/c.json", ""},
                {"README.md", ""},      {".hidden.yaml", ""}, {".github/ci.yaml", ""},
                {"other/notes.txt", ""}};
  tree.others["line/module"] = GitTree::Kind::submodule;
  EXPECT_EQ(files(), "a.yaml line/b.yml line/deep/c.json");
  EXPECT_EQ(files("line"), "line/b.yml line/deep/c.json");
  EXPECT_EQ(problems(), "");
}

TEST_F(ManifestFiles, a_path_that_is_not_there_is_no_empty_path) {
  tree.files = {{"a.yaml", ""}};
  EXPECT_EQ(files("line"), "there is no folder \"line\"; correct spec.path");
  EXPECT_EQ(files("a.yaml"), "\"a.yaml\" is no folder; correct spec.path");
}

TEST_F(ManifestFiles, refuses_links) {
  tree.files = {{"a.yaml", ""}};
  tree.others["b.yaml"] = GitTree::Kind::link;
  EXPECT_EQ(problems(), "b.yaml: is a symbolic link; put the file itself there\n");
}

TEST_F(ManifestFiles, follow_a_kustomization) {
  tree.files = {
      {"line/kustomization.yaml",
       "kind: Kustomization\nnamespace: line1\nresources: [one.yaml, ../base, ./one.yaml]"},
      {"line/one.yaml", ""},
      {"line/unlisted.yaml", ""},
      {"base/kustomization.yaml", "namespace: base\nresources: [two.yaml]"},
      {"base/two.yaml", ""}};
  EXPECT_EQ(files("line"), "line/one.yaml@line1 base/two.yaml@line1");
  EXPECT_EQ(files("base"), "base/two.yaml@base");
  EXPECT_EQ(problems("line"), "");
}

TEST_F(ManifestFiles, say_what_of_a_kustomization_is_not_supported) {
  tree.files = {{"kustomization.yaml",
                 "resources: [one.yaml]\nimages: [{name: x}]\npatches: []\nnamePrefix: p-"},
                {"one.yaml", ""}};
  EXPECT_EQ(problems(),
            "kustomization.yaml: \"images\" is not supported, only resources and namespace; write "
            "its outcome into the manifests\n"
            "kustomization.yaml: \"namePrefix\" is not supported, only resources and namespace; "
            "write its outcome into the manifests\n");
}

TEST_F(ManifestFiles, never_leave_the_repository) {
  tree.files = {{"line/kustomization.yaml",
                 "resources: [../../etc/passwd, /etc/hosts, https://example.com/x.yaml, no.yaml]"}};
  EXPECT_EQ(problems("line"),
            "line/kustomization.yaml: resources: \"../../etc/passwd\" leads out of the repository\n"
            "line/kustomization.yaml: resources: /etc/hosts must be relative to this file\n"
            "line/kustomization.yaml: resources: https://example.com/x.yaml is not in this "
            "repository; copy it into it\n"
            "line/kustomization.yaml: resources: no.yaml is not there; correct the name\n");
  EXPECT_EQ(normal_git_path("./line/../line2/").value_or("?"), "line2");
  EXPECT_EQ(normal_git_path(".").value_or("?"), "");
  EXPECT_FALSE(normal_git_path("../x").has_value());
  EXPECT_FALSE(normal_git_path("/etc").has_value());
}

TEST_F(ManifestFiles, a_circle_of_kustomizations_ends) {
  tree.files = {{"a/kustomization.yaml", "resources: [../b]"},
                {"b/kustomization.yaml", "resources: [../a, one.yaml]"},
                {"b/one.yaml", ""}};
  EXPECT_EQ(files("a"), "b/one.yaml");
}

TEST_F(ManifestFiles, a_broken_kustomization_is_a_problem) {
  for (const char* text : {"resources: [", "", "- a", "resources: one.yaml", "resources: [{}]"}) {
    tree.files = {{"kustomization.yaml", text}, {"one.yaml", ""}};
    EXPECT_NE(problems(), "") << text;
  }
}

TEST_F(ManifestFiles, are_limited_in_number_and_size) {
  for (std::size_t i = 0; i <= git_files_max + 1; ++i)
    tree.files[fmt::format("{:05}.yaml", i)] = "";
  EXPECT_NE(problems().find("is file 5001 of this path"), std::string::npos);
  tree.files.clear();
  for (int i = 0; i < 20; ++i)
    tree.files[fmt::format("{:05}.yaml", i)] = std::string(git_file_bytes_max, '#');
  EXPECT_NE(problems().find("00016.yaml: with it the files of this path have more than"),
            std::string::npos);
}

}  // namespace
}  // namespace wireway::control
