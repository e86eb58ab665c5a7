#include "app/cli/kinds.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace wireway::app::cli {
namespace {

constexpr const char* aggregated =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

std::vector<std::string> texts(const json::value& from, std::string_view key) {
  std::vector<std::string> out;
  if (const json::value* list = find(from, key); list != nullptr && list->is_array())
    for (const json::value& each : list->get_array())
      if (each.is_string()) out.emplace_back(each.get_string());
  return out;
}

const json::array& items(const json::value& from, std::string_view key) {
  static const json::array none;
  const json::value* list = find(from, key);
  return list != nullptr && list->is_array() ? list->get_array() : none;
}

/// Versions come preferred first: of a kind in several the first one is what people mean.
void add_resource(const std::string& group, const std::string& version, const json::value& resource,
                  std::vector<KindInfo>& out) {
  const std::string plural = text_at(resource, {"resource"});
  const auto known = std::ranges::find_if(
      out, [&](const KindInfo& each) { return each.group == group && each.plural == plural; });
  if (known != out.end()) {
    known->versions.push_back(version);
    return;
  }
  KindInfo kind;
  kind.group = group;
  kind.version = version;
  kind.kind = text_at(resource, {"responseKind", "kind"});
  kind.plural = plural;
  kind.singular = text_at(resource, {"singularResource"});
  kind.short_names = texts(resource, "shortNames");
  kind.categories = texts(resource, "categories");
  kind.verbs = texts(resource, "verbs");
  kind.versions = {version};
  kind.namespaced = text_at(resource, {"scope"}) != "Cluster";
  out.push_back(std::move(kind));
}

bool is_named(const KindInfo& kind, std::string_view name) {
  return equals_ignoring_case(name, kind.plural) || equals_ignoring_case(name, kind.singular) ||
         equals_ignoring_case(name, kind.kind) ||
         std::ranges::find(kind.short_names, name) != kind.short_names.end();
}

ApiFailure unknown(std::string_view name, const std::vector<KindInfo>& all) {
  std::string similar;
  for (const KindInfo& kind : all)
    if (name.size() >= 3 && kind.plural.contains(name.substr(0, name.size() - name.ends_with('s'))))
      similar += (similar.empty() ? "" : ", ") + kind.plural;
  return {
      404,
      "NotFound",
      fmt::format("the server has no kind \"{}\"; {}", name,
                  similar.empty() ? "`wireway get kinds` lists all" : "similar ones: " + similar),
      {}};
}

}  // namespace

std::string KindInfo::title() const {
  const std::string& name = singular.empty() ? plural : singular;
  return group.empty() ? name : name + "." + group;
}

bool KindInfo::can(std::string_view verb) const {
  return std::ranges::find(verbs, verb) != verbs.end();
}

std::string KindInfo::path(const std::string& space, const std::string& name) const {
  std::string out = (group.empty() ? "/api/" : "/apis/") + api_version();
  if (namespaced && !space.empty()) out += "/namespaces/" + percent_encode(space);
  out += "/" + plural;
  if (!name.empty()) out += "/" + percent_encode(name);
  return out;
}

Answer<> Kinds::read(const std::string& path, std::vector<KindInfo>& out) {
  ApiRequest request;
  request.path = path;
  request.accept = aggregated;
  auto answer = api_.send(request);
  if (!answer) return std::unexpected(answer.error());
  if (text_at(*answer, {"kind"}) != "APIGroupDiscoveryList")
    return std::unexpected(
        ApiFailure{0,
                   "Unsupported",
                   "the server offers no aggregated discovery (Kubernetes 1.27 or later)",
                   {}});
  for (const json::value& group : items(*answer, "items"))
    for (const json::value& version : items(group, "versions"))
      for (const json::value& resource : items(version, "resources"))
        add_resource(text_at(group, {"metadata", "name"}), text_at(version, {"version"}), resource,
                     out);
  return {};
}

Answer<const std::vector<KindInfo>*> Kinds::all() {
  if (kinds_) return &*kinds_;
  std::vector<KindInfo> found;
  for (const char* path : {"/api", "/apis"})
    if (auto done = read(path, found); !done) return std::unexpected(done.error());
  kinds_ = std::move(found);
  return &*kinds_;
}

Answer<KindInfo> Kinds::find(std::string_view name) {
  auto known = all();
  if (!known) return std::unexpected(known.error());
  // Core kinds and those of our own groups go before namesakes elsewhere, as they come first.
  for (const KindInfo& kind : **known)
    if (is_named(kind, name)) return kind;
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return std::unexpected(unknown(name, **known));
  const std::string_view rest = name.substr(dot + 1);
  for (const KindInfo& kind : **known) {
    if (!is_named(kind, name.substr(0, dot))) continue;
    if (rest == kind.group) return kind;
    for (const std::string& version : kind.versions) {
      if (rest != version + "." + kind.group && rest != version + ".") continue;
      KindInfo chosen = kind;
      chosen.version = version;
      return chosen;
    }
  }
  return std::unexpected(unknown(name, **known));
}

Answer<KindInfo> Kinds::find(const std::string& api_version, const std::string& kind) {
  auto known = all();
  if (!known) return std::unexpected(known.error());
  const auto slash = api_version.find('/');
  const std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
  const std::string version =
      slash == std::string::npos ? api_version : api_version.substr(slash + 1);
  for (const KindInfo& each : **known) {
    if (each.group != group || each.kind != kind) continue;
    if (std::ranges::find(each.versions, version) == each.versions.end()) continue;
    KindInfo chosen = each;
    chosen.version = version;
    return chosen;
  }
  return std::unexpected(ApiFailure{
      404,
      "NotFound",
      fmt::format("the server has no kind {} in {}; check the spelling of both", kind, api_version),
      {}});
}

}  // namespace wireway::app::cli
