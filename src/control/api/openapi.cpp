#include "control/api/openapi.h"

#include <algorithm>

#include <fmt/format.h>

namespace wireway::control {
namespace {

constexpr std::string_view meta_schema = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

json::array group_version_kinds(const ResourceType& type, const ServedVersion& version) {
  return {json::object{
      {"group", type.name.group}, {"kind", type.name.kind}, {"version", version.name}}};
}

/// "com.microsoft.deviceregistry.v1.Asset"
std::string schema_name(const ResourceType& type, const ServedVersion& version) {
  std::string out = type.name.group.empty() ? "io.k8s.api.core." : "";
  std::string_view left = type.name.group;
  while (!left.empty()) {
    const auto dot = left.rfind('.');
    const std::string_view part = dot == std::string_view::npos ? left : left.substr(dot + 1);
    out += std::string(part) + ".";
    left = dot == std::string_view::npos ? "" : left.substr(0, dot);
  }
  return out + version.name + "." + type.name.kind;
}

json::object described(std::string_view type, std::string_view description) {
  return {{"type", type}, {"description", description}};
}

json::object object_meta() {
  const json::object texts{{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
  json::object labels = texts;
  labels["description"] = "Marks to find objects by.";
  json::object annotations = texts;
  annotations["description"] = "Notes for people and programs.";
  json::object time = described("string", "When it was created.");
  time["format"] = "date-time";
  json::object properties{
      {"name", described("string", "Unique among the objects of a kind in a namespace.")},
      {"generateName", described("string", "Prefix of a name that the server makes up.")},
      {"namespace", described("string", "Space in which the name is unique.")},
      {"labels", std::move(labels)},
      {"annotations", std::move(annotations)},
      {"uid", described("string", "Unique in time and space.")},
      {"resourceVersion", described("string", "The revision, for concurrency and watches.")},
      {"generation", described("integer", "Rises with each change of what is wanted.")},
      {"creationTimestamp", std::move(time)},
      {"finalizers", {{"type", "array"}, {"items", {{"type", "string"}}}}},
      {"ownerReferences", {{"type", "array"}, {"items", {{"type", "object"}}}}},
      {"managedFields", {{"type", "array"}, {"items", {{"type", "object"}}}}}};
  return {{"type", "object"},
          {"description", "What every object has beside its own fields."},
          {"properties", std::move(properties)}};
}

json::object kind_schema(const ResourceType& type, const ServedVersion& version,
                         std::string_view reference_root) {
  json::object schema =
      version.open_api->is_object() ? version.open_api->get_object() : json::object();
  schema["type"] = "object";
  json::value& properties = schema["properties"];
  if (!properties.is_object()) properties = json::object();
  json::object& members = properties.get_object();
  members["apiVersion"] = described("string", "Group and version of the kind.");
  members["kind"] = described("string", "The kind.");
  members["metadata"] = json::object{
      {"description", "Name, namespace, labels and the like."},
      {"allOf",
       json::array{json::object{{"$ref", fmt::format("{}{}", reference_root, meta_schema)}}}}};
  schema["x-kubernetes-group-version-kind"] = group_version_kinds(type, version);
  return schema;
}

json::object parameter(std::string_view name, std::string_view in, std::string_view description) {
  return {{"name", name},
          {"in", in},
          {"description", description},
          {"required", in == "path"},
          {"schema", {{"type", "string"}, {"uniqueItems", true}}}};
}

json::object operation(const ResourceType& type, const ServedVersion& version,
                       std::string_view action, bool writes) {
  json::array parameters;
  if (writes) {
    parameters.push_back(parameter("dryRun", "query", "All: check, and store nothing."));
    parameters.push_back(parameter("fieldManager", "query", "Who owns the fields written."));
    parameters.push_back(
        parameter("fieldValidation", "query", "Unknown fields: Ignore, Warn or Strict."));
  }
  std::string id = fmt::format("{}{}{}{}", action, type.name.group, version.name, type.name.kind);
  std::erase_if(id, [](char c) { return c == '.' || c == '-'; });
  const json::object reference{
      {"$ref", fmt::format("#/components/schemas/{}", schema_name(type, version))}};
  const json::object content{{"application/json", {{"schema", reference}}}};
  json::object out{{"operationId", std::move(id)},
                   {"parameters", std::move(parameters)},
                   {"responses", {{"200", {{"description", "OK"}, {"content", content}}}}},
                   {"x-kubernetes-action", action},
                   {"x-kubernetes-group-version-kind", group_version_kinds(type, version).front()}};
  if (writes && action != "patch") out["requestBody"] = json::object{{"content", content}};
  return out;
}

json::array path_parameters(const ResourceType& type, bool named) {
  json::array out;
  if (named) out.push_back(parameter("name", "path", "Name of the object."));
  if (type.namespaced) out.push_back(parameter("namespace", "path", "Namespace of the object."));
  return out;
}

void add_paths(const ResourceType& type, const ServedVersion& version, json::object& paths) {
  const bool writable = type.behaviour != Behaviour::read_only_view;
  const std::string root = type.name.group.empty()
                               ? "/api/" + version.name
                               : "/apis/" + type.name.group + "/" + version.name;
  const std::string list =
      root + (type.namespaced ? "/namespaces/{namespace}/" : "/") + type.name.plural;
  json::object collection{{"parameters", path_parameters(type, false)},
                          {"get", operation(type, version, "list", false)}};
  json::object single{{"parameters", path_parameters(type, true)},
                      {"get", operation(type, version, "get", false)}};
  if (writable) {
    collection["post"] = operation(type, version, "post", true);
    single["put"] = operation(type, version, "put", true);
    single["patch"] = operation(type, version, "patch", true);
    single["delete"] = operation(type, version, "delete", false);
  }
  if (version.has_status) paths[list + "/{name}/status"] = single;
  paths[list] = std::move(collection);
  paths[list + "/{name}"] = std::move(single);
}

json::object info() { return {{"title", "Wireway"}, {"version", "v1"}}; }

std::string index_path(const std::string& group, const std::string& version) {
  return group.empty() ? "api/" + version : "apis/" + group + "/" + version;
}

/// One length-delimited field of protobuf; lengths here stay below 128.
std::string protobuf_field(int number, std::string_view content) {
  std::string out;
  out += static_cast<char>((number << 3) | 2);
  out += static_cast<char>(content.size());
  out += content;
  return out;
}

}  // namespace

json::object openapi_v3_index(const Catalog& catalog, const std::string& server_id) {
  json::object paths;
  for (const auto& [group, versions] : catalog.groups())
    for (const std::string& version : versions) {
      const std::string path = index_path(group, version);
      paths[path] =
          json::object{{"serverRelativeURL", fmt::format("/openapi/v3/{}?hash={}-{}", path,
                                                         server_id, catalog.generation())}};
    }
  return {{"paths", std::move(paths)}};
}

ApiResult<json::object> openapi_v3(const Catalog& catalog, const std::string& path) {
  json::object paths;
  json::object schemas;
  for (const auto& [key, type] : catalog.types())
    for (const ServedVersion& version : type->versions) {
      if (!version.served || index_path(type->name.group, version.name) != path) continue;
      add_paths(*type, version, paths);
      schemas[schema_name(*type, version)] = kind_schema(*type, version, "#/components/schemas/");
    }
  if (paths.empty()) return std::unexpected(unknown_path());
  schemas[meta_schema] = object_meta();
  return json::object{{"openapi", "3.0.0"},
                      {"info", info()},
                      {"paths", std::move(paths)},
                      {"components", {{"schemas", std::move(schemas)}}}};
}

json::object openapi_v2(const Catalog& catalog) {
  json::object definitions;
  for (const auto& [key, type] : catalog.types())
    for (const ServedVersion& version : type->versions)
      if (version.served)
        definitions[schema_name(*type, version)] = kind_schema(*type, version, "#/definitions/");
  definitions[meta_schema] = object_meta();
  return {{"swagger", "2.0"},
          {"info", info()},
          {"paths", json::object()},
          {"definitions", std::move(definitions)}};
}

std::string openapi_v2_protobuf() {
  const std::string title = protobuf_field(1, "Wireway") + protobuf_field(2, "v1");
  return protobuf_field(1, "2.0") + protobuf_field(2, title) + protobuf_field(8, "");
}

}  // namespace wireway::control
