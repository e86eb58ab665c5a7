#pragma once
/// The rules of metadata that hold for every kind: names, labels, annotations, unknown fields; and
/// the reading of a request's body.
///
/// Source: Kubernetes "Object Names and IDs", "Labels and Selectors", apimachinery's validation.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "control/api/status.h"

namespace wireway::control {

inline constexpr std::size_t annotations_bytes_max = 256 * 1024;
/// Leaves room for managedFields, which nests a little deeper than its object, below
/// json_depth_max.
inline constexpr std::size_t object_depth_max = 48;
inline constexpr std::string_view out_of_range =
    "a number is out of range: it must be within those of IEEE 754 double precision";

/// The body by its content type: JSON, YAML or, for core kinds, protobuf. Of keys that it has twice
/// the last counts; `repeated`, if asked for, gets a sentence for each. Errors: 400, 415.
ApiResult<json::value> read_body(std::string_view content_type, std::string_view body,
                                 std::vector<std::string>* repeated = nullptr);

/// Brings metadata into shape in place: drops nulls, checks types. Unknown fields are removed and
/// their paths added to `unknown`. Errors: 400 as the API server's decoder gives them.
ApiResult<> read_meta(json::object& object, std::vector<std::string>& unknown);

/// Causes for names, labels and annotations that break a rule.
void check_meta(const json::object& object, std::vector<resource::SchemaCause>& causes);

/// Texts of an object without copying it; "" if absent.
std::string member_text(const json::object& object, std::string_view key);
std::string meta_text(const json::object& object, std::string_view key);

bool is_dns_subdomain(std::string_view name);

std::size_t depth_of(const json::value& value);
/// False if some number is beyond what a double holds: it could be stored and never read again.
bool is_finite(const json::value& value);

/// The object with apiVersion, kind and metadata first and status last: rendering relies on it.
json::object in_order(json::object object);

}  // namespace wireway::control
