#include <fmt/format.h>

#include "app/cli/check_table.h"

namespace wireway::app::cli {
namespace {

const std::string assets = "assets.deviceregistry.microsoft.com";
const std::string profiles = "assetendpointprofiles.deviceregistry.microsoft.com";
const std::string namespaced = "assets.namespaces.deviceregistry.microsoft.com";
const std::string devices = "devices.namespaces.deviceregistry.microsoft.com";
constexpr std::size_t points_wanted_max = 1000;

void check_points(ObjectCheck& check, const json::array& points, std::string_view what,
                  std::string_view source) {
  if (points.size() > points_wanted_max)
    check.warning(fmt::format("it has {} {}", points.size(), what),
                  fmt::format("spread them over assets of at most {}", points_wanted_max));
  for (const json::value& point : points)
    if (text_at(point, {source}).empty())
      check.error(fmt::format("{} \"{}\" has no {}", what, text_at(point, {"name"}), source),
                  fmt::format("give it its {}", source));
}

bool is_off(ObjectCheck& check, const json::value& object) {
  if (bool_at(object, {"spec", "enabled"}, true)) return false;
  check.skip("it is disabled");
  return true;
}

/// "secret/key"
void check_credential(ObjectCheck& check, const json::value& object, std::string_view group,
                      std::string_view member) {
  const std::string ref = text_at(object, {"spec", "authentication", group, member});
  const std::string field = fmt::format("spec.authentication.{}.{}", group, member);
  if (ref.empty())
    return check.error(field + " is missing", "name a Secret and its key: secret/key");
  check.refers(field, "secrets", ref.substr(0, ref.find('/')));
}

}  // namespace

void check_assets(CheckWorld& world, Report& report) {
  const auto found = world.chosen(assets);
  if (found.empty()) report.skip(assets, "there are no Assets");
  for (const json::value* each : found) {
    ObjectCheck check(world, report, assets, *each);
    if (is_off(check, *each)) continue;
    const std::string profile = text_at(*each, {"spec", "assetEndpointProfileRef"});
    if (profile.empty())
      check.error("spec.assetEndpointProfileRef is missing", "name its AssetEndpointProfile");
    check.refers("spec.assetEndpointProfileRef", profiles, profile);
    for (const json::value& dataset : list_at(*each, {"spec", "datasets"}))
      check_points(check, list_at(dataset, {"dataPoints"}), "data points", "dataSource");
    check_points(check, list_at(*each, {"spec", "events"}), "events", "eventNotifier");
  }
}

void check_namespaced_assets(CheckWorld& world, Report& report) {
  const auto found = world.chosen(namespaced);
  if (found.empty()) report.skip(namespaced, "there are no Assets of namespaces");
  for (const json::value* each : found) {
    ObjectCheck check(world, report, namespaced, *each);
    if (is_off(check, *each)) continue;
    const std::string device = text_at(*each, {"spec", "deviceRef", "deviceName"});
    if (device.empty()) check.error("spec.deviceRef.deviceName is missing", "name its Device");
    check.refers("spec.deviceRef.deviceName", devices, device);
    for (const json::value& dataset : list_at(*each, {"spec", "datasets"}))
      check_points(check, list_at(dataset, {"dataPoints"}), "data points", "dataSource");
  }
}

void check_endpoint_profiles(CheckWorld& world, Report& report) {
  const auto found = world.chosen(profiles);
  if (found.empty()) report.skip(profiles, "there are no AssetEndpointProfiles");
  for (const json::value* each : found) {
    ObjectCheck check(world, report, profiles, *each);
    if (text_at(*each, {"spec", "targetAddress"}).empty())
      check.error("spec.targetAddress is missing", "name the server: opc.tcp://host:4840");
    const std::string method = text_at(*each, {"spec", "authentication", "method"});
    if (method == "UsernamePassword") {
      check_credential(check, *each, "usernamePasswordCredentials", "usernameSecretName");
      check_credential(check, *each, "usernamePasswordCredentials", "passwordSecretName");
    } else if (method == "Certificate") {
      check_credential(check, *each, "x509Credentials", "certificateSecretName");
    }
  }
}

}  // namespace wireway::app::cli
