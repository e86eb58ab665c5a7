#pragma once
/// The patches of the Kubernetes API: JSON patch (RFC 6902), JSON merge patch (RFC 7386) and, for
/// the core kinds, strategic merge patch.
///
/// Errors: Errc::invalid with the words of the API server; the target may then be half patched, so
///         callers patch a copy.

#include "base/json.h"

namespace wireway::control {

/// `null` removes a member, objects merge, everything else replaces.
void merge_patch(json::value& target, const json::value& patch);

/// As merge_patch, and obeys the directives that kubectl sends for core kinds: `$patch`,
/// `$retainKeys`, `$setElementOrder/...`, `$deleteFromPrimitiveList/...`. Lists of texts
/// (finalizers) are united; other lists replace.
Result<> strategic_merge_patch(json::value& target, const json::value& patch);

Result<> json_patch(json::value& target, const json::value& operations);

}  // namespace wireway::control
