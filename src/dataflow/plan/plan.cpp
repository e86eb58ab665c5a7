#include "dataflow/plan/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "dataflow/plan/dialect.h"
#include "wire/mqtt/topic.h"

namespace wireway::dataflow {
namespace {

std::vector<std::string> read_texts(const json::object& settings, std::string_view member) {
  std::vector<std::string> out;
  const json::value* list = settings.if_contains(member);
  if (list == nullptr) return out;
  if (list->is_string()) out.emplace_back(list->get_string());
  if (!list->is_array()) return out;
  for (const json::value& entry : list->get_array())
    if (entry.is_string()) out.emplace_back(entry.get_string());
  return out;
}

/// Named by the spec, or by the owner reference that the documented system sets instead.
std::string profile_of(const json::value& dataflow) {
  if (auto name = text_at(dataflow, {"spec", "profileRef"}); !name.empty()) return name;
  const json::value* owners = find(dataflow, "metadata", "ownerReferences");
  if (owners == nullptr || !owners->is_array()) return {};
  for (const json::value& owner : owners->get_array())
    if (text_at(owner, {"kind"}) == "DataflowProfile") return text_at(owner, {"name"});
  return {};
}

/// Takes the operations apart and reports what is missing or there twice.
class PlanReader {
 public:
  PlanReader(const json::value& manifest, DataflowPlan& plan) : manifest_(manifest), plan_(plan) {}

  void read() {
    plan_.name = text_at(manifest_, {"metadata", "name"});
    plan_.profile = profile_of(manifest_);
    plan_.enabled = bool_at(manifest_, {"spec", "mode"}, true);
    plan_.request_disk_persistence = bool_at(manifest_, {"spec", "requestDiskPersistence"}, false);
    plan_.polarity = polarity_of(manifest_);
    if (plan_.profile.empty())
      report("spec.profileRef", "is required: the name of a DataflowProfile");
    const auto operations = read_operations(manifest_);
    const Operation* source = one_of(operations, OperationKind::source, "Source");
    const Operation* destination = one_of(operations, OperationKind::destination, "Destination");
    const Operation* transformation =
        one_of(operations, OperationKind::transformation, "BuiltInTransformation");
    for (const Operation& operation : operations)
      if (operation.kind == OperationKind::unknown)
        report(operation.field + ".operationType",
               "must be Source, BuiltInTransformation or Destination");
    if (source) read_source(*source);
    if (transformation) read_transformation(*transformation);
    if (destination) read_destination(*destination);
  }

 private:
  void report(std::string field, std::string message, bool not_served = false) {
    plan_.problems.push_back({std::move(field), std::move(message), not_served});
  }

  const Operation* one_of(const std::vector<Operation>& operations, OperationKind kind,
                          std::string_view name) {
    const Operation* found = nullptr;
    for (const Operation& operation : operations) {
      if (operation.kind != kind) continue;
      if (found) report(operation.field, fmt::format("there may be only one {}", name));
      found = &operation;
    }
    if (found == nullptr && kind != OperationKind::transformation)
      report("spec.operations", fmt::format("a {} is missing", name));
    return found;
  }

  std::string endpoint_ref(const Operation& operation) {
    std::string name = text_at(json::value(operation.settings), {"endpointRef"});
    if (name.empty())
      report(operation.field + ".endpointRef", "is required: the name of a DataflowEndpoint");
    return name;
  }

  void read_source(const Operation& operation) {
    plan_.source_endpoint = endpoint_ref(operation);
    plan_.asset = text_at(json::value(operation.settings), {"assetRef"});
    plan_.topics = read_texts(operation.settings, "dataSources");
    for (std::string& filter : plan_.topics) {
      if (filter.starts_with("$shared/")) filter.erase(6, 1);  // docs' spelling of $share/
      if (!wire::mqtt::is_valid_topic_filter(filter))
        report(operation.field + ".dataSources",
               fmt::format("`{}` is not a topic filter: wildcards stand for whole levels", filter));
    }
    if (plan_.topics.empty() && plan_.asset.empty())
      report(operation.field + ".dataSources", "is required: topics, or an assetRef instead");
    const std::string format =
        text_at(json::value(operation.settings), {"serializationFormat"}, "Json");
    if (!equals_ignoring_case(format, "Json"))
      report(operation.field + ".serializationFormat",
             fmt::format("`{}` is not served; only Json is", format), true);
  }

  void read_transformation(const Operation& operation) {
    plan_.transformation = operation.settings;
    plan_.transformation_field = operation.field;
    plan_.schema = text_at(json::value(operation.settings), {"schemaRef"});
    const TransformRules rules = compile_rules(operation.settings, operation.field, plan_.problems);
    plan_.has_filter = !rules.filters.empty();
    if (!rules.datasets.empty())
      report(operation.field + ".datasets",
             "enrichment reads the state store, which is not served yet; the dataflow waits for it",
             true);
  }

  void read_destination(const Operation& operation) {
    plan_.destination_endpoint = endpoint_ref(operation);
    plan_.destination = operation.settings;
    if (text_at(json::value(operation.settings), {"dataDestination"}).empty())
      report(operation.field + ".dataDestination", "is required: a topic, table or folder");
  }

  const json::value& manifest_;
  DataflowPlan& plan_;
};

void add_topic(std::vector<std::string>& out, const json::value* holder) {
  if (holder == nullptr) return;
  std::string topic = text_at(*holder, {"topic", "path"});
  if (topic.empty()) topic = text_at(*holder, {"topic"});
  if (!topic.empty()) out.push_back(std::move(topic));
}

/// GA's datasets name topics by destinations: [{target: Mqtt, configuration: {topic}}].
void add_destinations(std::vector<std::string>& out, const json::value* destinations) {
  if (destinations == nullptr || !destinations->is_array()) return;
  for (const json::value& destination : destinations->get_array())
    if (std::string topic = text_at(destination, {"configuration", "topic"}); !topic.empty())
      out.push_back(std::move(topic));
}

}  // namespace

TransformRules DataflowPlan::rules() const {
  Problems ignored;
  TransformRules rules = compile_rules(transformation, transformation_field, ignored);
  rules.polarity = polarity;
  return rules;
}

DataflowPlan plan_dataflow(const json::value& manifest) {
  DataflowPlan plan;
  PlanReader(manifest, plan).read();
  return plan;
}

Polarity polarity_of(const json::value& manifest) {
  const std::string wish = text_at(manifest, {"metadata", "annotations", "wireway.io/filter"});
  if (equals_ignoring_case(wish, "pass")) return Polarity::true_passes;
  if (equals_ignoring_case(wish, "drop")) return Polarity::true_drops;
  std::string version =
      text_at(manifest, {"metadata", "annotations", "wireway.io/written-version"});
  if (version.empty()) version = text_at(manifest, {"apiVersion"});
  return version.ends_with("v1beta1") ? Polarity::true_passes : Polarity::true_drops;
}

std::vector<std::string> topics_of_asset(const json::value& asset) {
  std::vector<std::string> out;
  const json::value* spec = find(asset, "spec");
  if (spec == nullptr) return out;
  if (const json::value* datasets = find(*spec, "datasets"); datasets && datasets->is_array()) {
    for (const json::value& dataset : datasets->get_array()) {
      const std::size_t before = out.size();
      add_topic(out, &dataset);
      if (out.size() == before) add_destinations(out, find(dataset, "destinations"));
    }
  }
  if (out.empty()) add_topic(out, spec);
  if (out.empty())
    if (std::string topic = text_at(*spec, {"defaultTopic", "path"}); !topic.empty())
      out.push_back(std::move(topic));
  if (out.empty()) add_destinations(out, find(*spec, "defaultDatasetsDestinations"));
  if (out.empty())
    out.push_back("azure-iot-operations/data/" + text_at(asset, {"metadata", "name"}));
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool loops(const std::vector<std::string>& filters, std::string_view destination) {
  if (destination == "${inputTopic}") return true;
  if (destination.contains("${")) return false;  // depends on the message
  return std::ranges::any_of(filters, [&](std::string_view filter) {
    const auto shared = wire::mqtt::parse_shared_filter(filter);
    return wire::mqtt::topic_matches(shared ? shared->filter : filter, destination);
  });
}

}  // namespace wireway::dataflow
