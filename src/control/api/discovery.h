#pragma once
/// What the server says about itself: /api, /apis, aggregated discovery, /version.
///
/// Source: Kubernetes API "API discovery"; apidiscovery.k8s.io/v2 and v2beta1.

#include <string>

#include "base/json.h"
#include "control/api/catalog.h"

namespace wireway::control {

json::object core_versions();
json::object group_list(const Catalog& catalog);
ApiResult<json::object> one_group(const Catalog& catalog, const std::string& group);
ApiResult<json::object> resource_list(const Catalog& catalog, const std::string& group,
                                      const std::string& version);
/// `core`: the answer at /api, else that at /apis.
json::object aggregated(const Catalog& catalog, bool core, const std::string& discovery_version);
json::object version_info();

}  // namespace wireway::control
