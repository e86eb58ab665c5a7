#pragma once
/// The scale subresource: how many of something there are and shall be, in the one shape that
/// `kubectl scale` and autoscalers know, whatever the kind calls it.
///
/// Source: autoscaling/v1 Scale; CustomResourceDefinition subresources.scale.

#include <string>
#include <vector>

#include "base/json.h"
#include "control/api/status.h"

namespace wireway::control {

/// Where an object has its numbers: {"spec", "instanceCount"}.
struct ScalePaths {
  std::vector<std::string> wanted;
  std::vector<std::string> running;
  std::vector<std::string> selector;  ///< empty = none

  /// Of `subresources.scale`; false if it names no place below spec.
  bool read(const json::value& scale);
};

json::object scale_of(const json::value& object, const ScalePaths& paths);
/// `spec.replicas` of a Scale, whole or as a merge patch. Errors: 422 if it is no count.
ApiResult<std::int64_t> wanted_replicas(const json::value& scale, std::string_view name);
/// The merge patch of the object that sets the number.
json::value scale_patch(const ScalePaths& paths, std::int64_t replicas);

}  // namespace wireway::control
