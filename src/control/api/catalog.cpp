#include "control/api/catalog.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <tuple>

#include <fmt/format.h>

namespace wireway::control {
namespace {

const ResourceName crd_name{"apiextensions.k8s.io", "customresourcedefinitions",
                            "CustomResourceDefinition"};

using Causes = std::vector<resource::SchemaCause>;

void texts_at(const json::value& root, std::initializer_list<std::string_view> path,
              std::vector<std::string>& out) {
  const json::value* list = find(root, path);
  if (list == nullptr || !list->is_array()) return;
  for (const json::value& item : list->get_array())
    if (item.is_string()) out.emplace_back(item.get_string());
}

/// `selectableFields` holds JSON paths: ".spec.color".
void read_selectable_fields(const json::value& crd, std::vector<std::string>& out) {
  texts_at(crd, {"spec", "selectableFields"}, out);
  const json::value* versions = find(crd, "spec", "versions");
  if (versions == nullptr || !versions->is_array()) return;
  for (const json::value& version : versions->get_array()) {
    const json::value* fields = find(version, "selectableFields");
    if (fields == nullptr || !fields->is_array()) continue;
    for (const json::value& field : fields->get_array())
      if (const std::string path = text_at(field, {"jsonPath"}); path.starts_with('.'))
        out.push_back(path.substr(1));
  }
}

void read_columns(const json::value& source, const std::string& place, ServedVersion& version,
                  Causes& causes) {
  const json::value* columns = find(source, "additionalPrinterColumns");
  if (columns == nullptr || !columns->is_array()) return;
  for (const json::value& item : columns->get_array()) {
    auto path = JsonPath::parse(text_at(item, {"jsonPath"}));
    if (!path) {
      causes.push_back({"FieldValueInvalid", place + ".additionalPrinterColumns",
                        "Invalid value: " + path.error().message});
      continue;
    }
    version.columns.push_back({text_at(item, {"name"}), text_at(item, {"type"}, "string"),
                               text_at(item, {"format"}), text_at(item, {"description"}),
                               int_at(item, {"priority"}, 0), std::move(*path)});
  }
}

ServedVersion read_version(const json::value& source, const std::string& place,
                           std::span<const ServedVersion> before, Causes& causes) {
  ServedVersion version;
  version.name = text_at(source, {"name"});
  version.served = bool_at(source, {"served"}, false);
  version.storage = bool_at(source, {"storage"}, false);
  version.has_status = find(source, "subresources", "status") != nullptr;
  if (const json::value* scale = find(source, "subresources", "scale"))
    if (ScalePaths paths; paths.read(*scale)) version.scale = std::move(paths);
  if (bool_at(source, {"deprecated"}, false))
    version.deprecation_warning =
        text_at(source, {"deprecationWarning"}, version.name + " is deprecated");
  if (version.name.empty())
    causes.push_back({"FieldValueRequired", place + ".name", "Required value"});
  read_columns(source, place, version, causes);
  const json::value* open_api = find(source, "schema", "openAPIV3Schema");
  if (open_api == nullptr) {
    causes.push_back({"FieldValueRequired", place + ".schema.openAPIV3Schema",
                      "Required value: schemas are required"});
    return version;
  }
  for (const ServedVersion& other : before) {
    if (!other.schema || *other.open_api != *open_api) continue;
    version.open_api = other.open_api;
    version.schema = other.schema;
    return version;
  }
  version.open_api = std::make_shared<json::value>(*open_api);
  auto schema = resource::Schema::parse(*open_api);
  if (schema)
    version.schema = std::move(*schema);
  else
    causes.push_back({"FieldValueInvalid", place + ".schema.openAPIV3Schema",
                      "Invalid value: " + schema.error().message});
  return version;
}

void read_dialects(const json::value& crd, ResourceType& type, Causes& causes) {
  auto dialects = resource::Dialects::of_definition(crd);
  if (dialects)
    type.dialects = std::move(*dialects);
  else
    causes.push_back({"FieldValueInvalid",
                      fmt::format("metadata.annotations[{}]", resource::dialects_annotation),
                      "Invalid value: " + dialects.error().message});
}

void check_names(const ResourceType& type, const std::string& name, Causes& causes) {
  const auto require = [&](const std::string& value, const char* field) {
    if (value.empty()) causes.push_back({"FieldValueRequired", field, "Required value"});
  };
  require(type.name.group, "spec.group");
  require(type.name.kind, "spec.names.kind");
  require(type.name.plural, "spec.names.plural");
  if (causes.empty() && name != type.name.qualified())
    causes.push_back({"FieldValueInvalid", "metadata.name",
                      fmt::format("Invalid value: \"{}\": must be "
                                  "spec.names.plural+\".\"+spec.group",
                                  name)});
}

std::shared_ptr<ResourceType> read_type(const json::value& crd, Causes& causes) {
  auto type = std::make_shared<ResourceType>();
  type->name = {text_at(crd, {"spec", "group"}), text_at(crd, {"spec", "names", "plural"}),
                text_at(crd, {"spec", "names", "kind"})};
  type->list_kind = text_at(crd, {"spec", "names", "listKind"}, type->name.kind + "List");
  std::string lower = type->name.kind;
  std::ranges::transform(lower, lower.begin(), [](char c) { return std::tolower(c); });
  type->singular = text_at(crd, {"spec", "names", "singular"}, lower);
  texts_at(crd, {"spec", "names", "shortNames"}, type->short_names);
  texts_at(crd, {"spec", "names", "categories"}, type->categories);
  type->namespaced = text_at(crd, {"spec", "scope"}, "Namespaced") == "Namespaced";
  type->stored_as = type->name.qualified();
  type->selectable_fields = {"metadata.name", "metadata.namespace"};
  read_selectable_fields(crd, type->selectable_fields);
  read_dialects(crd, *type, causes);
  const json::value* versions = find(crd, "spec", "versions");
  std::size_t storage = 0;
  if (versions != nullptr && versions->is_array())
    for (std::size_t i = 0; i < versions->get_array().size(); ++i) {
      type->versions.push_back(read_version(
          versions->get_array()[i], fmt::format("spec.versions[{}]", i), type->versions, causes));
      storage += type->versions.back().storage ? 1 : 0;
    }
  if (storage != 1)
    causes.push_back({"FieldValueInvalid", "spec.versions",
                      "Invalid value: must have exactly one version marked as storage version"});
  std::ranges::stable_sort(type->versions, [](const ServedVersion& a, const ServedVersion& b) {
    return version_before(a.name, b.name);
  });
  return type;
}

/// (is not kube-like, stability, -major, -minor): smaller is preferred.
std::tuple<int, int, std::int64_t, std::int64_t> rank(std::string_view name) {
  const std::tuple<int, int, std::int64_t, std::int64_t> other{1, 0, 0, 0};
  if (!name.starts_with('v')) return other;
  name.remove_prefix(1);
  std::int64_t major = 0;
  std::int64_t minor = 0;
  auto read = std::from_chars(name.data(), name.data() + name.size(), major);
  if (read.ec != std::errc{}) return other;
  name.remove_prefix(static_cast<std::size_t>(read.ptr - name.data()));
  if (name.empty()) return {0, 0, -major, 0};
  const bool beta = name.starts_with("beta");
  if (!beta && !name.starts_with("alpha")) return other;
  name.remove_prefix(beta ? 4 : 5);
  read = std::from_chars(name.data(), name.data() + name.size(), minor);
  if (read.ec != std::errc{} || read.ptr != name.data() + name.size()) return other;
  return {0, beta ? 1 : 2, -major, -minor};
}

}  // namespace

bool version_before(std::string_view a, std::string_view b) {
  const auto left = rank(a);
  const auto right = rank(b);
  if (left != right) return left < right;
  return a < b;
}

const ServedVersion* ResourceType::version(std::string_view wanted) const {
  for (const ServedVersion& each : versions)
    if (each.served && each.name == wanted) return &each;
  return nullptr;
}

const ServedVersion& ResourceType::storage_version() const {
  return *std::ranges::find_if(versions, &ServedVersion::storage);
}

const ServedVersion& ResourceType::checked_as(const ServedVersion& asked) const {
  return dialects.empty() ? asked : storage_version();
}

std::string ResourceType::api_version(const ServedVersion& version) const {
  return name.group.empty() ? version.name : name.group + "/" + version.name;
}

std::vector<std::string> ResourceType::verbs() const {
  if (behaviour == Behaviour::read_only_view) return {"get", "list", "watch"};
  return {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
}

Catalog::Catalog() {
  for (const json::value& definition : core_definitions()) {
    Causes causes;
    auto type = read_type(definition, causes);
    type->behaviour = Behaviour::core;
    if (const std::string viewed = text_at(definition, {"spec", "viewOf"}); !viewed.empty()) {
      type->behaviour = Behaviour::read_only_view;
      type->stored_as = viewed;
    }
    types_[type->name.qualified()] = std::move(type);
  }
}

ResourceTypeRef Catalog::find(std::string_view group, std::string_view version,
                              std::string_view plural) const {
  std::string key(plural);
  if (!group.empty()) key.append(".").append(group);
  const auto it = types_.find(key);
  if (it == types_.end() || it->second->name.group != group) return nullptr;
  return it->second->version(version) == nullptr ? nullptr : it->second;
}

ResourceTypeRef Catalog::find_stored(const std::string& qualified) const {
  const auto it = types_.find(qualified);
  return it == types_.end() ? nullptr : it->second;
}

std::vector<std::pair<std::string, std::vector<std::string>>> Catalog::groups() const {
  std::map<std::string, std::vector<std::string>> found;
  for (const auto& [key, type] : types_)
    for (const ServedVersion& version : type->versions) {
      auto& names = found[type->name.group];
      if (version.served && std::ranges::find(names, version.name) == names.end())
        names.push_back(version.name);
    }
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  for (auto& [group, names] : found) {
    std::ranges::sort(names, version_before);
    out.emplace_back(group, std::move(names));
  }
  // Clients take the first group that has a kind of the name: a current one before a preview.
  std::ranges::stable_partition(out, [](const auto& group) {
    return group.second.empty() ||
           group.second.front().find_first_not_of("v0123456789") == std::string::npos;
  });
  return out;
}

ApiResult<> Catalog::define(const json::value& crd) {
  Causes causes;
  const std::string name = text_at(crd, {"metadata", "name"});
  auto type = read_type(crd, causes);
  check_names(*type, name, causes);
  if (!causes.empty()) return std::unexpected(invalid(crd_name, name, causes));
  auto& place = types_[type->name.qualified()];
  if (place && place->behaviour != Behaviour::custom)
    return std::unexpected(forbidden(crd_name, name, "this server has the kind built in"));
  place = std::move(type);
  ++generation_;
  return {};
}

void Catalog::erase(const std::string& qualified) {
  const auto it = types_.find(qualified);
  if (it == types_.end() || it->second->behaviour != Behaviour::custom) return;
  types_.erase(it);
  ++generation_;
}

}  // namespace wireway::control
