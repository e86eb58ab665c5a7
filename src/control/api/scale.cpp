#include "control/api/scale.h"

namespace wireway::control {
namespace {

/// ".spec.instanceCount": names alone, as CustomResourceDefinitions allow it here.
std::vector<std::string> names_of(std::string_view path) {
  std::vector<std::string> out;
  while (path.starts_with('.')) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('.'), path.size());
    if (end == 0) return {};
    out.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  if (!path.empty()) out.clear();
  return out;
}

const json::value* at(const json::value& object, const std::vector<std::string>& names) {
  const json::value* value = &object;
  for (const std::string& name : names) {
    value = find(*value, name);
    if (value == nullptr) return nullptr;
  }
  return names.empty() ? nullptr : value;
}

std::int64_t number_at(const json::value& object, const std::vector<std::string>& names) {
  const json::value* value = at(object, names);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

}  // namespace

bool ScalePaths::read(const json::value& scale) {
  wanted = names_of(text_at(scale, {"specReplicasPath"}));
  running = names_of(text_at(scale, {"statusReplicasPath"}));
  selector = names_of(text_at(scale, {"labelSelectorPath"}));
  return wanted.size() > 1 && wanted.front() == "spec";
}

json::object scale_of(const json::value& object, const ScalePaths& paths) {
  json::object metadata;
  for (const char* key : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"})
    if (const json::value* value = find(object, "metadata", key)) metadata[key] = *value;
  json::object status{{"replicas", number_at(object, paths.running)}};
  if (const json::value* selector = at(object, paths.selector)) status["selector"] = *selector;
  return {{"kind", "Scale"},
          {"apiVersion", "autoscaling/v1"},
          {"metadata", std::move(metadata)},
          {"spec", {{"replicas", number_at(object, paths.wanted)}}},
          {"status", std::move(status)}};
}

ApiResult<std::int64_t> wanted_replicas(const json::value& scale, std::string_view name) {
  const json::value* count = find(scale, "spec", "replicas");
  if (count != nullptr && count->is_int64() && count->get_int64() >= 0) return count->get_int64();
  return std::unexpected(invalid({"autoscaling", "scales", "Scale"}, name,
                                 {{"FieldValueInvalid", "spec.replicas",
                                   "Invalid value: must be a whole number of 0 or more"}}));
}

json::value scale_patch(const ScalePaths& paths, std::int64_t replicas) {
  json::value out = replicas;
  for (auto name = paths.wanted.rbegin(); name != paths.wanted.rend(); ++name)
    out = json::object{{*name, std::move(out)}};
  return out;
}

}  // namespace wireway::control
