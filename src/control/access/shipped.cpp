#include "control/access/shipped.h"

#include <algorithm>

#include "base/assert.h"
#include "base/embedded.h"
#include "base/yaml.h"
#include "control/access/rbac.h"

namespace wireway::embedded {
std::span<const EmbeddedFile> shipped_access();
}

namespace wireway::control {

const std::vector<json::value>& shipped_access() {
  static const std::vector<json::value> objects = [] {
    std::vector<json::value> out;
    for (const EmbeddedFile& file : embedded::shipped_access()) {
      auto documents = parse_yaml(file.content);
      WIREWAY_ASSERT(documents && documents->size() == 1, "shipped/roles.yaml is one document");
      for (const json::value& each : documents->front().value.as_array()) {
        json::object object = each.as_object();
        const bool account = text_at(each, {"kind"}) == "ServiceAccount";
        object["apiVersion"] = account ? "v1" : std::string(rbac_group) + "/v1";
        out.emplace_back(std::move(object));
      }
    }
    return out;
  }();
  return objects;
}

std::string access_resource(const json::value& object) {
  std::string plural = text_at(object, {"kind"}) + "s";
  std::ranges::transform(plural, plural.begin(), [](unsigned char c) { return std::tolower(c); });
  return plural == "serviceaccounts" ? plural : plural + "." + std::string(rbac_group);
}

}  // namespace wireway::control
