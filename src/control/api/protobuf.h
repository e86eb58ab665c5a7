#pragma once
/// Bodies in Kubernetes' protobuf form, as kubectl from 1.32 on and many client libraries send core
/// kinds. Only reading: answers are JSON, which every such client accepts too.
///
/// Source: k8s.io/apimachinery runtime/generated.proto (Unknown), generated.proto of
///         core, coordination, authentication, authorization and rbac v1 in k8s.io/api.
/// Limits: nesting of messages at most message_depth_max.
/// Errors: 400 for bytes that are no message, 415 for kinds whose form is not known here.

#include <string_view>

#include "base/json.h"
#include "control/api/status.h"

namespace wireway::control {

inline constexpr std::size_t message_depth_max = 16;

bool is_protobuf(std::string_view content_type);

/// The object in its JSON form.
ApiResult<json::value> read_protobuf(std::string_view body);

}  // namespace wireway::control
