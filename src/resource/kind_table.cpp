#include "resource/kind_table.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "resource/kind.h"

namespace wireway::resource {
namespace {

KindEntry entry_of_definition(const json::value& definition) {
  KindEntry entry;
  entry.group = text_at(definition, {"spec", "group"});
  entry.kind = text_at(definition, {"spec", "names", "kind"});
  entry.plural = text_at(definition, {"spec", "names", "plural"});
  entry.namespaced = text_at(definition, {"spec", "scope"}) == "Namespaced";
  for (const json::value& version : definition.at("spec").at("versions").as_array()) {
    entry.versions.push_back(text_at(version, {"name"}));
    if (!bool_at(version, {"storage"}, false)) continue;
    entry.storage_version = entry.versions.back();
    const json::value* schema = find(version, "schema", "openAPIV3Schema");
    if (schema == nullptr) continue;
    if (auto parsed = Schema::parse(*schema)) entry.schema = std::move(*parsed);
  }
  if (auto parsed = Dialects::of_definition(definition)) entry.dialects = std::move(*parsed);
  return entry;
}

KindEntry entry_of_core(const Kind& kind) {
  KindEntry entry;
  entry.group = kind.group;
  entry.kind = kind.kind;
  entry.plural = kind.plural;
  entry.storage_version = kind.version;
  entry.namespaced = kind.namespaced;
  entry.versions = {std::string(kind.version)};
  return entry;
}

std::vector<std::string> identity_problems(const json::value& manifest) {
  std::vector<std::string> out;
  if (!manifest.is_object()) return {"a manifest is an object with apiVersion, kind and metadata"};
  if (text_at(manifest, {"apiVersion"}).empty()) {
    out.push_back(fmt::format("apiVersion is missing{}; write for example \"apiVersion: {}/v1\"",
                              text_at(manifest, {"kind"}).empty()
                                  ? ""
                                  : fmt::format(" (kind is {})", text_at(manifest, {"kind"})),
                              registry_group));
  }
  if (text_at(manifest, {"kind"}).empty()) out.push_back("kind is missing");
  if (text_at(manifest, {"metadata", "name"}).empty()) out.push_back("metadata.name is missing");
  return out;
}

}  // namespace

std::pair<std::string, std::string> split_api_version(std::string_view api_version) {
  const std::size_t slash = api_version.find('/');
  if (slash == std::string_view::npos) return {"", std::string(api_version)};
  return {std::string(api_version.substr(0, slash)), std::string(api_version.substr(slash + 1))};
}

KindTable::KindTable() {
  for (const json::value& definition : embedded_crds()) {
    KindEntry entry = entry_of_definition(definition);
    entries_.emplace(std::pair(entry.group, entry.kind), std::move(entry));
  }
  for (const Kind& kind : {namespace_kind, secret, config_map, service_account, role, role_binding,
                           cluster_role, cluster_role_binding, custom_resource_definition})
    entries_.emplace(std::pair(std::string(kind.group), std::string(kind.kind)),
                     entry_of_core(kind));
}

const KindEntry* KindTable::find(const std::string& group, const std::string& kind) const {
  const auto found = entries_.find({group, kind});
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<std::string> KindTable::problems(const json::value& manifest) const {
  std::vector<std::string> out = identity_problems(manifest);
  if (!out.empty()) return out;
  const auto [group, version] = split_api_version(text_at(manifest, {"apiVersion"}));
  const KindEntry* entry = find(group, text_at(manifest, {"kind"}));
  if (entry == nullptr) return out;
  if (std::ranges::find(entry->versions, version) == entry->versions.end()) {
    return {fmt::format("version {} of {} is not served; write one of {}", version, entry->kind,
                        fmt::join(entry->versions, ", "))};
  }
  if (!entry->schema) return out;
  json::value copy = manifest;
  (void)entry->dialects.to_stored(copy, version);
  for (const std::string& path : entry->schema->prune(copy)) {
    out.push_back(fmt::format("unknown field \"{}\"; check its spelling, or remove it", path));
  }
  entry->schema->apply_defaults(copy);
  for (const SchemaCause& cause : entry->schema->validate(copy))
    out.push_back(fmt::format("{}: {}", cause.field, cause.message));
  return out;
}

json::value KindTable::normalise(json::value manifest, std::vector<std::string>* older) const {
  const auto [group, version] = split_api_version(text_at(manifest, {"apiVersion"}));
  const KindEntry* entry = find(group, text_at(manifest, {"kind"}));
  if (entry == nullptr) return manifest;
  json::object& object = manifest.as_object();
  json::object& metadata = object["metadata"].as_object();
  if (entry->namespaced && text_at(manifest, {"metadata", "namespace"}).empty())
    metadata["namespace"] = default_namespace;
  object.erase("status");
  std::vector<std::string> sentences = entry->dialects.to_stored(manifest, version);
  if (older != nullptr) *older = std::move(sentences);
  if (entry->schema) entry->schema->apply_defaults(manifest);
  if (version == entry->storage_version) return manifest;
  object["apiVersion"] = fmt::format("{}/{}", group, entry->storage_version);
  json::value& annotations = metadata["annotations"];
  if (!annotations.is_object()) annotations = json::object{};
  annotations.get_object()["wireway.io/written-version"] = version;
  return manifest;
}

}  // namespace wireway::resource
