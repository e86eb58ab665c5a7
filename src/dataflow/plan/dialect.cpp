#include "dataflow/plan/dialect.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace wireway::dataflow {
namespace {

struct OperationNames {
  OperationKind kind;
  std::string_view type;
  std::string_view settings;  ///< current key
  std::string_view preview;   ///< key of the first preview
};

constexpr std::array operation_names{
    OperationNames{OperationKind::source, "Source", "sourceSettings", "source"},
    OperationNames{OperationKind::transformation, "BuiltInTransformation",
                   "builtInTransformationSettings", "builtInTransformation"},
    OperationNames{OperationKind::destination, "Destination", "destinationSettings", "destination"},
};

void rename(json::object& object, std::string_view from, std::string_view to) {
  const auto found = object.find(from);
  if (found == object.end() || object.contains(to)) return;
  json::value value = std::move(found->value());
  object.erase(found);
  object.emplace(to, std::move(value));
}

json::object as_object(const json::value* value) {
  const json::object* object = value ? value->if_object() : nullptr;
  return object ? *object : json::object{};
}

Operation read_operation(const json::value& written, std::size_t index) {
  Operation out;
  out.field = fmt::format("spec.operations[{}]", index);
  const std::string type = text_at(written, {"operationType"});
  for (const OperationNames& names : operation_names) {
    const json::value* settings = find_ignoring_case(written, names.settings);
    const json::value* preview = find_ignoring_case(written, names.preview);
    const bool untyped = type.empty() && (settings != nullptr || preview != nullptr);
    if (!untyped && !equals_ignoring_case(type, names.type)) continue;
    out.kind = names.kind;
    out.settings = as_object(settings ? settings : preview);
    out.field += fmt::format(".{}", names.settings);
    break;
  }
  rename(out.settings, "locations", "dataSources");
  rename(out.settings, "location", "dataDestination");
  rename(out.settings, "enrich", "datasets");
  return out;
}

/// Pulls `$source.x` and `$context(y).z` out of an inline condition: they become inputs, the text
/// `$n`.
void extract_inputs(json::object& rule, std::string_view condition) {
  json::array inputs;
  std::string text;
  while (!condition.empty()) {
    const bool path = condition.starts_with("$source.") || condition.starts_with("$context");
    if (!path) {
      text.push_back(condition.front());
      condition.remove_prefix(1);
      continue;
    }
    const std::size_t alias_end = condition.starts_with("$context(") ? condition.find(')') : 0;
    const std::size_t from = alias_end == std::string_view::npos ? 0 : alias_end + 1;
    const std::size_t end = std::min(condition.find_first_of(" \t=<>!&|)", from), condition.size());
    inputs.emplace_back(json::string(condition.substr(0, end)));
    text += fmt::format("${}", inputs.size());
    condition.remove_prefix(end);
  }
  rule["inputs"] = std::move(inputs);
  rule["expression"] = text;
}

json::object read_rule(const json::value& written) {
  json::object rule = as_object(&written);
  rename(rule, "condition", "expression");
  rename(rule, "conversion", "expression");
  rename(rule, "dataset", "key");
  rename(rule, "input", "inputs");
  if (const json::value* inputs = rule.if_contains("inputs"); inputs && inputs->is_string())
    rule["inputs"] = json::array{*inputs};
  const json::value* expression = rule.if_contains("expression");
  if (expression && expression->is_string() && !rule.contains("inputs")) {
    const std::string text(expression->get_string());
    if (text.contains("$source.") || text.contains("$context")) extract_inputs(rule, text);
  }
  return rule;
}

struct EndpointNames {
  std::string_view type;
  std::string_view settings;
};

constexpr std::array endpoint_names{
    EndpointNames{"Mqtt", "mqttSettings"},
    EndpointNames{"Kafka", "kafkaSettings"},
    EndpointNames{"DataLakeStorage", "dataLakeStorageSettings"},
    EndpointNames{"DataExplorer", "dataExplorerSettings"},
    EndpointNames{"FabricOneLake", "fabricOneLakeSettings"},
    EndpointNames{"LocalStorage", "localStorageSettings"},
    EndpointNames{"OpenTelemetry", "openTelemetrySettings"},
};

void read_authentication(json::object& settings, const json::value& spec) {
  if (const json::value* sibling = find(spec, "authentication");
      !settings.contains("authentication"))
    if (sibling) settings["authentication"] = *sibling;
  const auto found = settings.find("authentication");
  if (found == settings.end() || !found->value().is_object()) return;
  json::object& authentication = found->value().get_object();
  if (authentication.contains("method")) {
    const std::string method = text_at(found->value(), {"method"});
    authentication["method"] = spelled(
        method, {"Anonymous", "ServiceAccountToken", "X509Certificate", "Sasl", "AccessToken",
                 "SystemAssignedManagedIdentity", "UserAssignedManagedIdentity"});
    return;
  }
  // The first preview named the method by its one key.
  static constexpr std::pair<std::string_view, std::string_view> one_of[] = {
      {"kubernetes", "ServiceAccountToken"},
      {"x509Credentials", "X509Certificate"},
      {"sasl", "Sasl"},
      {"anonymous", "Anonymous"},
      {"systemAssignedManagedIdentity", "SystemAssignedManagedIdentity"},
      {"userAssignedManagedIdentity", "UserAssignedManagedIdentity"},
      {"accessTokenSecretName", "AccessToken"}};
  for (const auto& [key, method] : one_of)
    if (authentication.contains(key)) authentication["method"] = method;
}

}  // namespace

std::string spelled(std::string_view text, std::initializer_list<std::string_view> known) {
  for (const std::string_view name : known)
    if (equals_ignoring_case(name, text)) return std::string(name);
  return std::string(text);
}

std::vector<Operation> read_operations(const json::value& dataflow) {
  std::vector<Operation> out;
  const json::value* list = find(dataflow, "spec", "operations");
  const json::array* operations = list ? list->if_array() : nullptr;
  if (operations == nullptr) return out;
  for (std::size_t i = 0; i < operations->size(); ++i)
    out.push_back(read_operation((*operations)[i], i));
  return out;
}

json::array read_rules(const json::value* list) {
  json::array out;
  if (list == nullptr || list->is_null()) return out;
  if (const json::array* rules = list->if_array()) {
    for (const json::value& rule : *rules) out.push_back(read_rule(rule));
  } else {
    out.push_back(read_rule(*list));
  }
  return out;
}

json::object read_endpoint_spec(const json::value& endpoint) {
  json::object out;
  const json::value* spec = find(endpoint, "spec");
  if (spec == nullptr || !spec->is_object()) return out;
  std::string type = text_at(*spec, {"endpointType"});
  for (const EndpointNames& names : endpoint_names) {
    const std::string_view preview = names.settings.substr(0, names.settings.size() - 8);
    const json::value* settings = find_ignoring_case(*spec, names.settings);
    if (settings == nullptr) settings = find_ignoring_case(*spec, preview);
    if (type.empty() && settings != nullptr) type = names.type;
    if (!equals_ignoring_case(type, names.type)) continue;
    out["endpointType"] = names.type;
    json::object current = as_object(settings);
    rename(current, "persistentVolumeClaimName", "persistentVolumeClaimRef");
    read_authentication(current, *spec);
    out[names.settings] = std::move(current);
    return out;
  }
  out["endpointType"] = type;
  return out;
}

}  // namespace wireway::dataflow
