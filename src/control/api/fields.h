#pragma once
/// Who owns which field: metadata.managedFields, kept on every write and the ground of server-side
/// apply.
///
/// A set of fields is a JSON object in the form of `fieldsV1`: {"f:spec": {"f:ports": {}}}; an
/// empty object is a leaf, `k:{...}` an item of a keyed list, `v:...` a member of a set, `.` the
/// item itself.
///
/// Source: Kubernetes "Server-Side Apply", structured-merge-diff v4.
/// Limits: managers_max entries; the oldest go first.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "control/api/status.h"

namespace wireway::control {

inline constexpr std::size_t managers_max = 32;

/// All fields of `object` that can be owned, by its openAPIV3Schema (null: plain maps).
json::object fields_of(const json::value& object, const json::value& schema);
/// The fields of `now` that `before` has not or has with another value.
json::object fields_changed(const json::value& before, const json::value& now,
                            const json::value& schema);

json::object fields_union(const json::object& a, const json::object& b);
json::object fields_minus(const json::object& a, const json::object& b);
json::object fields_both(const json::object& a, const json::object& b);

/// The leaves of a set of fields for people: `spec.ports[port=1883].protocol`, in its order.
std::vector<std::string> field_paths(const json::object& fields);

/// Who writes, and how.
struct FieldWriter {
  std::string manager;
  std::string api_version;
  std::string subresource;
  WallTime now;
};

/// Records a create, update or patch: changed fields become the writer's, fields that are gone
/// nobody's.
void record_update(const json::value& before, json::value& now, const json::value& schema,
                   const FieldWriter& writer);

/// Fields of others that an apply may take.
struct Claim {
  bool all = false;     ///< force
  json::object free{};  ///< these without force
};

/// Server-side apply: merges `applied` into `live`, takes away what the writer applied before and
/// does no more. Errors: 409 with a cause for each field that others own, that would change and
/// that the writer may not take.
ApiResult<json::value> apply_fields(const json::value& live, const json::value& applied,
                                    const json::value& schema, const FieldWriter& writer,
                                    const Claim& claim);

/// The fields of `last_applied`, what kubectl's client-side apply wrote, that still have the value
/// it wrote: they pass to its server-side apply without a conflict.
json::object fields_still(const json::value& last_applied, const json::value& live,
                          const json::value& schema);

/// Whose managedFields an update leaves: those that it brings, as kubectl does to hand fields over,
/// unless they are none or malformed; `[{}]` clears them.
void choose_managers(const json::object& before, json::object& now);

}  // namespace wireway::control
