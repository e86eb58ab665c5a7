#pragma once
/// kubectl's annotation of what its client-side apply wrote last, by which it knows what to take
/// away; server-side apply under kubectl's name reads it and keeps it true, so that users may
/// change between the two.
///
/// Source: Kubernetes "Server-Side Apply", upgrading from and downgrading to client-side apply.

#include <optional>
#include <string_view>

#include "base/json.h"

namespace wireway::control {

/// The field manager of `kubectl apply --server-side`.
inline constexpr std::string_view kubectl_manager = "kubectl";
inline constexpr std::string_view last_applied_annotation =
    "kubectl.kubernetes.io/last-applied-configuration";

/// The manifest in the annotation; nothing if there is none or it is no object.
std::optional<json::object> last_applied(const json::value& object);

/// Writes what was applied into the annotation of an object that has one; nothing if that would be
/// more than annotations may hold.
void follow_last_applied(json::value& object, const json::object& applied);

}  // namespace wireway::control
