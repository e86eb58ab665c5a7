#pragma once
/// What single core kinds do beyond the common rules when they are written: defaults, derived
/// fields and checks of Namespace, Secret and CustomResourceDefinition.

#include <vector>

#include "base/time.h"
#include "control/api/catalog.h"

namespace wireway::control {

/// Called on every write before validation. `object` has apiVersion, kind and metadata.
ApiResult<> fill_core(const ResourceType& type, json::object& object, WallTime now);

/// Causes beyond the schema. `before` is the living object or null.
void check_core(const ResourceType& type, const json::object& object, const json::object* before,
                std::vector<resource::SchemaCause>& causes);

/// True for namespaces that the server itself needs.
bool is_kept_namespace(std::string_view name);

}  // namespace wireway::control
