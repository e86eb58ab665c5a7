#include "control/api/core_rules.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "control/api/unserved.h"

namespace wireway::control {
namespace {

/// stringData is written into data, in base64, and not kept.
void fill_secret(json::object& object) {
  json::value& type = object["type"];
  if (!type.is_string() || type.get_string().empty()) type = "Opaque";
  if (json::value* data = object.if_contains("data"); data && data->is_null()) object.erase("data");
  const json::value* given = object.if_contains("stringData");
  if (given == nullptr) return;
  const json::value texts = *given;
  object.erase("stringData");
  if (!texts.is_object()) return;
  json::value& data = object["data"];
  if (!data.is_object()) data = json::object();
  for (const auto& [key, value] : texts.get_object())
    if (value.is_string())
      data.get_object()[key] = base64_encode(as_bytes(std::string_view(value.get_string())));
}

void fill_namespace(json::object& object) {
  // Members first: a new one moves the others.
  for (const char* key : {"spec", "status"})
    if (json::value& member = object[key]; !member.is_object()) member = json::object();
  json::object& metadata = object["metadata"].as_object();
  json::value& labels = metadata["labels"];
  if (!labels.is_object()) labels = json::object();
  if (const json::value* name = metadata.if_contains("name"))
    labels.get_object()["kubernetes.io/metadata.name"] = *name;
  json::object& spec = object["spec"].as_object();
  if (!spec.contains("finalizers")) spec["finalizers"] = json::array{"kubernetes"};
  object["status"].as_object()["phase"] =
      metadata.contains("deletionTimestamp") ? "Terminating" : "Active";
}

json::object condition(std::string_view type, std::string_view reason, std::string_view message,
                       std::string since) {
  return {{"type", type},
          {"status", "True"},
          {"reason", reason},
          {"message", message},
          {"lastTransitionTime", std::move(since)}};
}

/// Defaults of names, and the status that clients wait for after `kubectl apply -f crd.yaml`.
void fill_definition(json::object& object, WallTime now) {
  // Members first: a new one moves the others.
  for (const char* key : {"spec", "status"})
    if (json::value& member = object[key]; member.is_null()) member = json::object();
  json::value& spec = object["spec"];
  if (!spec.is_object() || !object["status"].is_object()) return;
  if (!spec.get_object().contains("conversion"))
    spec.get_object()["conversion"] = json::object{{"strategy", "None"}};
  json::value& names = spec.get_object()["names"];
  if (!names.is_object()) return;
  const std::string kind = text_at(names, {"kind"});
  std::string lower = kind;
  std::ranges::transform(lower, lower.begin(), [](char c) { return std::tolower(c); });
  if (text_at(names, {"singular"}).empty()) names.get_object()["singular"] = lower;
  if (text_at(names, {"listKind"}).empty()) names.get_object()["listKind"] = kind + "List";
  json::object& out = object["status"].as_object();
  out["acceptedNames"] = names;
  json::array stored;
  if (const json::value* versions = find(spec, "versions"); versions && versions->is_array())
    for (const json::value& version : versions->get_array())
      if (bool_at(version, {"storage"}, false)) stored.emplace_back(text_at(version, {"name"}));
  out["storedVersions"] = std::move(stored);
  if (json::value& conditions = out["conditions"]; !conditions.is_array())
    conditions = json::array{
        condition("NamesAccepted", "NoConflicts", "no conflicts found", to_rfc3339(now)),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted",
                  to_rfc3339(now))};
  json::array conditions = std::move(out["conditions"].get_array());
  tell_unserved(object, conditions, now);
  object["status"].as_object()["conditions"] = std::move(conditions);
}

void check_immutable(const json::object& object, const json::object& before,
                     std::vector<resource::SchemaCause>& causes) {
  const json::value* was = before.if_contains("immutable");
  if (was == nullptr || *was != true) return;
  for (const char* key : {"data", "binaryData", "immutable", "type"}) {
    const json::value* old_value = before.if_contains(key);
    const json::value* new_value = object.if_contains(key);
    const bool same = (old_value == nullptr) == (new_value == nullptr) &&
                      (old_value == nullptr || *old_value == *new_value);
    if (!same)
      causes.push_back(
          {"FieldValueForbidden", key, "Forbidden: field is immutable when `immutable` is set"});
  }
}

}  // namespace

ApiResult<> fill_core(const ResourceType& type, json::object& object, WallTime now) {
  if (type.behaviour != Behaviour::core) return {};
  const std::string& plural = type.name.plural;
  if (plural == "secrets") fill_secret(object);
  if (plural == "namespaces") fill_namespace(object);
  if (plural == "customresourcedefinitions") fill_definition(object, now);
  return {};
}

void check_core(const ResourceType& type, const json::object& object, const json::object* before,
                std::vector<resource::SchemaCause>& causes) {
  if (type.behaviour != Behaviour::core || before == nullptr) return;
  if (type.name.plural == "secrets" || type.name.plural == "configmaps")
    check_immutable(object, *before, causes);
  if (type.name.plural.ends_with("rolebindings"))
    if (const json::value* is = object.if_contains("roleRef");
        is != nullptr && before->contains("roleRef") && *is != before->at("roleRef"))
      causes.push_back(
          {"FieldValueInvalid", "roleRef",
           fmt::format("Invalid value: {}: cannot change roleRef", json::serialize(*is))});
  if (type.name.plural == "secrets") {
    const json::value* was = before->if_contains("type");
    const json::value* is = object.if_contains("type");
    if (was != nullptr && is != nullptr && *was != *is)
      causes.push_back(
          {"FieldValueInvalid", "type",
           fmt::format("Invalid value: {}: field is immutable", json::serialize(*is))});
  }
}

bool is_kept_namespace(std::string_view name) {
  return name == "default" || name == "kube-system" || name == "wireway-system";
}

}  // namespace wireway::control
