#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "app/cli/check_table.h"

namespace wireway::app::cli {
namespace {

const std::string dataflows = "dataflows.connectivity.iotoperations.azure.com";
const std::string endpoints = "dataflowendpoints.connectivity.iotoperations.azure.com";
const std::string profiles = "dataflowprofiles.connectivity.iotoperations.azure.com";

const json::value* endpoint_named(CheckWorld& world, const std::string& space,
                                  const std::string& name) {
  if (const auto* all = world.all(endpoints))
    for (const json::value& each : *all)
      if (text_at(each, {"metadata", "name"}) == name &&
          text_at(each, {"metadata", "namespace"}) == space)
        return &each;
  return nullptr;
}

void check_operations(CheckWorld& world, ObjectCheck& check, const json::value& flow) {
  int sources = 0;
  int destinations = 0;
  const json::array& operations = list_at(flow, {"spec", "operations"});
  for (const json::value& operation : operations) {
    const std::string type = text_at(operation, {"operationType"});
    if (type == "Source") {
      ++sources;
      const std::string name = text_at(operation, {"sourceSettings", "endpointRef"});
      check.refers("sourceSettings.endpointRef", endpoints, name);
      const json::value* endpoint = endpoint_named(world, check.space(), name);
      const std::string kind = endpoint ? text_at(*endpoint, {"spec", "endpointType"}) : "Mqtt";
      if (kind != "Mqtt" && kind != "Kafka")
        check.error(fmt::format("the source endpoint {} is of type {}", name, kind),
                    "data can come from Mqtt and Kafka only: choose such an endpoint");
    } else if (type == "Destination") {
      ++destinations;
      check.refers("destinationSettings.endpointRef", endpoints,
                   text_at(operation, {"destinationSettings", "endpointRef"}));
    }
  }
  if (sources != 1 || destinations != 1)
    check.error(fmt::format("it has {} sources and {} destinations", sources, destinations),
                "give it exactly one of each");
  if (operations.size() > 3)
    check.error(fmt::format("it has {} operations", operations.size()),
                "keep 2 or 3: Source, BuiltInTransformation, Destination");
}

}  // namespace

void check_dataflows(CheckWorld& world, Report& report) {
  const auto found = world.chosen(dataflows);
  if (found.empty())
    report.add(dataflows, "",
               {"", Health::warning, "there are no Dataflows",
                "apply one to bring data from the broker to a destination"});
  for (const json::value* each : found) {
    ObjectCheck check(world, report, dataflows, *each);
    if (equals_ignoring_case(text_at(*each, {"spec", "mode"}), "Disabled")) {
      check.skip("it is disabled");
      continue;
    }
    check_operations(world, check, *each);
    check.refers("spec.profileRef", profiles, text_at(*each, {"spec", "profileRef"}, "default"));
  }
}

void check_endpoints(CheckWorld& world, Report& report) {
  constexpr std::array known{"DataExplorer", "DataLakeStorage", "FabricOneLake",
                             "Kafka",        "LocalStorage",    "Mqtt",
                             "OpenTelemetry"};
  const auto found = world.chosen(endpoints);
  if (found.empty()) report.skip(endpoints, "there are no DataflowEndpoints");
  for (const json::value* each : found) {
    ObjectCheck check(world, report, endpoints, *each);
    const std::string type = text_at(*each, {"spec", "endpointType"});
    if (std::ranges::find(known, type) == known.end())
      check.error(fmt::format("spec.endpointType \"{}\" is unknown", type),
                  fmt::format("choose one of {}", fmt::join(known, ", ")));
  }
}

void check_profiles(CheckWorld& world, Report& report) {
  const auto* all = world.all(profiles);
  if (all == nullptr) return report.skip(profiles, "the kind is not served");
  const bool has_default = std::ranges::any_of(*all, [](const json::value& each) {
    return text_at(each, {"metadata", "name"}) == "default";
  });
  if (!has_default)
    report.add(profiles, "",
               {"default", Health::error, "there is no DataflowProfile named default",
                "apply one: Dataflows without a profileRef need it"});
  for (const json::value* each : world.chosen(profiles)) {
    ObjectCheck check(world, report, profiles, *each);
    if (int_at(*each, {"spec", "instanceCount"}, 0) < 1)
      check.error("spec.instanceCount is missing or below 1", "set it to 1 or more");
  }
}

}  // namespace wireway::app::cli
