#pragma once
/// /openapi/v3 and /openapi/v2, made from the catalog: `kubectl explain`, and the sign by which
/// kubectl knows that the server validates fields itself.
///
/// Source: OpenAPI 3.0 and 2.0; Kubernetes' x-kubernetes-* extensions; gnostic's
///         openapiv2.Document.

#include <string>

#include "base/json.h"
#include "control/api/catalog.h"

namespace wireway::control {

/// The index: a path for each group-version.
json::object openapi_v3_index(const Catalog& catalog, const std::string& server_id);
/// `path` as in the index: "api/v1", "apis/deviceregistry.microsoft.com/v1". Errors: 404.
ApiResult<json::object> openapi_v3(const Catalog& catalog, const std::string& path);

json::object openapi_v2(const Catalog& catalog);
/// A document without definitions, for kubectl before 1.27, which asks for protobuf only.
std::string openapi_v2_protobuf();

}  // namespace wireway::control
