#include "resource/manifest.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/yaml.h"

namespace wireway::resource {
namespace {

/// One document, or the items of a List, into `out`.
void take(const KindTable& kinds, Manifest manifest, std::string_view space, ManifestFile& out) {
  const json::value* items = find(manifest.object, "items");
  const bool is_list = text_at(manifest.object, {"kind"}).ends_with("List");
  if (is_list && items != nullptr && items->is_array()) {
    for (const json::value& item : items->get_array())
      take(kinds, {{}, item, manifest.file, manifest.line}, space, out);
    return;
  }
  const auto refuse = [&](const std::string& problem) {
    const bool named = !manifest.id.kind.empty() && !manifest.id.name.empty();
    out.problems.push_back({fmt::format("{}:{}", manifest.file, manifest.line),
                            named ? manifest.id.to_string() + ": " + problem : problem,
                            manifest.id});
  };
  if (manifest.object.is_object()) manifest.id = manifest_id_of(manifest.object);
  const std::vector<std::string> problems = kinds.problems(manifest.object);
  const KindEntry* entry = kinds.find(manifest.id.group, manifest.id.kind);
  if (entry != nullptr && entry->namespaced && manifest.id.space.empty()) {
    manifest.id.space = space;
    if (problems.empty()) manifest.object.as_object()["metadata"].as_object()["namespace"] = space;
  }
  for (const std::string& problem : problems) refuse(problem);
  if (!problems.empty()) return;
  if (out.manifests.contains(manifest.id)) return refuse("is there twice; remove one of them");
  out.manifests.emplace(manifest.id, std::move(manifest));
}

}  // namespace

std::string ManifestId::to_string() const { return fmt::format("{} \"{}\"", kind, name); }

ManifestId manifest_id_of(const json::value& object) {
  return {split_api_version(text_at(object, {"apiVersion"})).first, text_at(object, {"kind"}),
          text_at(object, {"metadata", "namespace"}), text_at(object, {"metadata", "name"})};
}

bool is_blank(std::string_view text) {
  constexpr std::string_view nothing("\0 \t\r\n", 5);
  return text.find_first_not_of(nothing) == std::string_view::npos;
}

ManifestFile read_manifests(const KindTable& kinds, const std::string& file, std::string_view text,
                            std::string_view space) {
  ManifestFile out;
  auto documents = parse_yaml(text);
  if (!documents) {
    out.problems = {{file, documents.error().message + "; mend the YAML"}};
    return out;
  }
  for (YamlDocument& document : *documents)
    take(kinds, {{}, std::move(document.value), file, document.line}, space, out);
  return out;
}

}  // namespace wireway::resource
