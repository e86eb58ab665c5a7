#pragma once
/// The roles, bindings and ServiceAccounts that every system has from its first start
/// (shipped/roles.yaml, embedded by the build).
///
/// Source: Kubernetes' default roles; role pairs: operations.md 1.6.
/// Thread: any.

#include <string>
#include <vector>

#include "base/json.h"

namespace wireway::control {

/// In an order in which each can be written, with apiVersion.
const std::vector<json::value>& shipped_access();
/// "clusterroles.rbac.authorization.k8s.io": where the store keeps such an object.
std::string access_resource(const json::value& object);

}  // namespace wireway::control
