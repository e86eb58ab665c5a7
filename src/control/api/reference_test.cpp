// Goal: the examples of examples/reference are what the API server takes without a complaint, and
// the table of kinds in docs/reference tells the truth.
// Method: every document of the folder is posted with strict validation; every row of the table is
// looked up in the shipped definitions.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "control/api/api_fixture.h"
#include "resource/kind_table.h"

namespace wireway::control {
namespace {

const std::filesystem::path root = WIREWAY_ROOT;

std::vector<std::filesystem::path> example_files() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(root / "examples/reference"))
    if (entry.path().extension() == ".yaml") out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<YamlDocument> documents_of(const std::filesystem::path& file) {
  auto documents = parse_yaml(text_of(file));
  EXPECT_TRUE(documents.has_value()) << file << (documents ? "" : documents.error().message);
  return documents ? std::move(*documents) : std::vector<YamlDocument>{};
}

/// Where a manifest is posted; empty for a kind that nobody knows.
std::string collection_of(const resource::KindTable& kinds, const json::value& manifest) {
  const std::string api_version = text_at(manifest, {"apiVersion"});
  const std::string group = resource::split_api_version(api_version).first;
  const resource::KindEntry* entry = kinds.find(group, text_at(manifest, {"kind"}));
  if (entry == nullptr) return "";
  std::string path = (group.empty() ? "/api/" : "/apis/") + api_version;
  if (entry->namespaced)
    path += "/namespaces/" + text_at(manifest, {"metadata", "namespace"}, "azure-iot-operations");
  return path + "/" + entry->plural;
}

class ReferenceExamples : public ApiTest {
 protected:
  resource::KindTable kinds_;
};

TEST_F(ReferenceExamples, apply_with_strict_validation) {
  std::size_t applied = 0;
  for (const std::filesystem::path& file : example_files())
    for (const YamlDocument& document : documents_of(file)) {
      const std::string place = fmt::format("{}:{}", file.filename().string(), document.line);
      const std::string collection = collection_of(kinds_, document.value);
      ASSERT_NE(collection, "") << place << " is of an unknown kind";
      post(collection + "?fieldValidation=Strict", document.value);
      EXPECT_EQ(code(), 201U) << place << ": " << head_.body;
      ++applied;
    }
  EXPECT_GT(applied, 0U);
}

TEST_F(ReferenceExamples, show_every_kind) {
  std::set<std::string> shown;
  for (const std::filesystem::path& file : example_files())
    for (const YamlDocument& document : documents_of(file))
      shown.insert(
          fmt::format("{}.{}", text_at(document.value, {"kind"}),
                      resource::split_api_version(text_at(document.value, {"apiVersion"})).first));
  for (const json::value& crd : resource::embedded_crds())
    EXPECT_TRUE(shown.contains(fmt::format("{}.{}", text_at(crd, {"spec", "names", "kind"}),
                                           text_at(crd, {"spec", "group"}))))
        << text_at(crd, {"metadata", "name"});
}

std::string words(const json::value* list) {
  std::string out;
  if (list == nullptr) return out;
  for (const json::value& each : list->as_array())
    out += fmt::format("{}{}", out.empty() ? "" : " ",
                       each.is_string() ? std::string(each.as_string()) : text_at(each, {"name"}));
  return out;
}

/// "Asset.deviceregistry.microsoft.com v1 v1beta2 v1beta1 ()" of each shipped definition.
std::set<std::string> defined_rows() {
  std::set<std::string> out;
  for (const json::value& crd : resource::embedded_crds())
    out.insert(fmt::format("{}.{} {} ({})", text_at(crd, {"spec", "names", "kind"}),
                           text_at(crd, {"spec", "group"}), words(find(crd, "spec", "versions")),
                           words(find(crd, "spec", "names", "shortNames"))));
  return out;
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(' ') - first + 1));
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> out;
  std::stringstream stream(line.substr(1));
  for (std::string cell; std::getline(stream, cell, '|');) out.push_back(trimmed(cell));
  return out;
}

/// The same of the rows of docs/reference/kinds.md; the group stands in the row or in the heading.
std::set<std::string> documented_rows() {
  std::set<std::string> out;
  std::stringstream stream(text_of(root / "docs/reference/kinds.md"));
  std::string group;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("## ")) {
      const auto colon = line.find(": ");
      group = colon == std::string::npos ? "" : line.substr(colon + 2);
    }
    if (!line.starts_with("| ") || line.starts_with("| kind") || line.starts_with("| ---"))
      continue;
    std::vector<std::string> cells = cells_of(line);
    if (cells.size() == 4) cells.insert(cells.begin() + 1, group);
    EXPECT_EQ(cells.size(), 5U) << line;
    if (cells.size() == 5)
      out.insert(fmt::format("{}.{} {} ({})", cells[0], cells[1], cells[2], cells[3]));
  }
  return out;
}

TEST(ReferenceTable, names_every_kind_as_it_is_defined) {
  const std::set<std::string> defined = defined_rows();
  const std::set<std::string> documented = documented_rows();
  for (const std::string& row : documented) EXPECT_TRUE(defined.contains(row)) << row;
  for (const std::string& row : defined) EXPECT_TRUE(documented.contains(row)) << row;
}

}  // namespace
}  // namespace wireway::control
