#include "control/api/discovery.h"

#include <algorithm>

namespace wireway::control {
namespace {

/// The Kubernetes release whose API conventions this server follows.
constexpr std::string_view kubernetes_minor = "32";
constexpr std::string_view git_version = "v1.32.0+wireway";

std::string group_version(const std::string& group, const std::string& version) {
  return group.empty() ? version : group + "/" + version;
}

json::array texts(const std::vector<std::string>& values) {
  return json::array(values.begin(), values.end());
}

json::object response_kind(const ResourceType& type, const std::string& version) {
  return {{"group", type.name.group}, {"version", version}, {"kind", type.name.kind}};
}

json::object group_entry(const std::string& group, const std::vector<std::string>& versions) {
  json::array listed;
  for (const std::string& version : versions)
    listed.push_back(
        json::object{{"groupVersion", group_version(group, version)}, {"version", version}});
  json::value preferred = listed.front();
  return {
      {"name", group}, {"versions", std::move(listed)}, {"preferredVersion", std::move(preferred)}};
}

json::object aggregated_resource(const ResourceType& type, const ServedVersion& version) {
  json::object out{{"resource", type.name.plural},
                   {"responseKind", response_kind(type, version.name)},
                   {"scope", type.namespaced ? "Namespaced" : "Cluster"},
                   {"singularResource", type.singular},
                   {"verbs", texts(type.verbs())}};
  if (!type.short_names.empty()) out["shortNames"] = texts(type.short_names);
  if (!type.categories.empty()) out["categories"] = texts(type.categories);
  if (version.has_status)
    out["subresources"] =
        json::array{json::object{{"subresource", "status"},
                                 {"responseKind", response_kind(type, version.name)},
                                 {"verbs", json::array{"get", "patch", "update"}}}};
  return out;
}

json::object plain_resource(const ResourceType& type) {
  json::object out{{"name", type.name.plural},
                   {"singularName", type.singular},
                   {"namespaced", type.namespaced},
                   {"kind", type.name.kind},
                   {"verbs", texts(type.verbs())}};
  if (!type.short_names.empty()) out["shortNames"] = texts(type.short_names);
  if (!type.categories.empty()) out["categories"] = texts(type.categories);
  return out;
}

}  // namespace

json::object core_versions() {
  return {{"kind", "APIVersions"},
          {"versions", json::array{"v1"}},
          {"serverAddressByClientCIDRs", json::array()}};
}

json::object group_list(const Catalog& catalog) {
  json::array groups;
  for (const auto& [group, versions] : catalog.groups())
    if (!group.empty() && !versions.empty()) groups.push_back(group_entry(group, versions));
  return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}};
}

ApiResult<json::object> one_group(const Catalog& catalog, const std::string& group) {
  for (const auto& [name, versions] : catalog.groups()) {
    if (name != group || name.empty() || versions.empty()) continue;
    json::object out = group_entry(name, versions);
    out["kind"] = "APIGroup";
    out["apiVersion"] = "v1";
    return out;
  }
  return std::unexpected(unknown_path());
}

ApiResult<json::object> resource_list(const Catalog& catalog, const std::string& group,
                                      const std::string& version) {
  json::array resources;
  for (const auto& [key, type] : catalog.types()) {
    if (type->name.group != group) continue;
    const ServedVersion* served = type->version(version);
    if (served == nullptr) continue;
    resources.push_back(plain_resource(*type));
    if (served->scale)
      resources.push_back(json::object{{"name", type->name.plural + "/scale"},
                                       {"singularName", ""},
                                       {"namespaced", type->namespaced},
                                       {"group", "autoscaling"},
                                       {"version", "v1"},
                                       {"kind", "Scale"},
                                       {"verbs", json::array{"get", "patch", "update"}}});
    if (!served->has_status) continue;
    resources.push_back(json::object{{"name", type->name.plural + "/status"},
                                     {"singularName", ""},
                                     {"namespaced", type->namespaced},
                                     {"kind", type->name.kind},
                                     {"verbs", json::array{"get", "patch", "update"}}});
  }
  if (resources.empty()) return std::unexpected(unknown_path());
  return json::object{{"kind", "APIResourceList"},
                      {"apiVersion", "v1"},
                      {"groupVersion", group_version(group, version)},
                      {"resources", std::move(resources)}};
}

json::object aggregated(const Catalog& catalog, bool core, const std::string& discovery_version) {
  json::array items;
  for (const auto& [group, versions] : catalog.groups()) {
    if (group.empty() != core) continue;
    json::array listed;
    for (const std::string& version : versions) {
      json::array resources;
      for (const auto& [key, type] : catalog.types())
        if (type->name.group == group)
          if (const ServedVersion* served = type->version(version))
            resources.push_back(aggregated_resource(*type, *served));
      listed.push_back(json::object{
          {"version", version}, {"resources", std::move(resources)}, {"freshness", "Current"}});
    }
    items.push_back(json::object{{"metadata", {{"name", group}, {"creationTimestamp", nullptr}}},
                                 {"versions", std::move(listed)}});
  }
  return {{"kind", "APIGroupDiscoveryList"},
          {"apiVersion", "apidiscovery.k8s.io/" + discovery_version},
          {"metadata", json::object()},
          {"items", std::move(items)}};
}

json::object version_info() {
  return {{"major", "1"},        {"minor", kubernetes_minor}, {"gitVersion", git_version},
          {"gitCommit", ""},     {"gitTreeState", "clean"},   {"buildDate", "1970-01-01T00:00:00Z"},
          {"goVersion", "none"}, {"compiler", "none"},        {"platform", "linux"}};
}

}  // namespace wireway::control
