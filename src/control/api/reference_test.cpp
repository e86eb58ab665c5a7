// Goal: the examples of examples/reference are what the API server takes without a complaint.
// Method: every document of the folder is posted with strict validation.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/api/api_fixture.h"
#include "resource/kind_table.h"

namespace wireway::control {
namespace {

std::vector<std::filesystem::path> example_files() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(WIREWAY_REFERENCE))
    if (entry.path().extension() == ".yaml") out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

std::vector<YamlDocument> documents_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  auto documents = parse_yaml(text.str());
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

}  // namespace
}  // namespace wireway::control
