#pragma once
/// What a CustomResourceDefinition asks for and this server does not do: rules in CEL and webhooks
/// that convert. It is accepted, as such definitions are shared with clusters, and said aloud: in
/// the answer's warnings and in a condition of the definition.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace wireway::control {

/// The type of the condition: True while something is asked for in vain.
inline constexpr std::string_view unserved_condition = "PartlyServed";

/// A sentence for each such part.
std::vector<std::string> unserved_parts(const json::value& definition);

/// Keeps the condition among the definition's.
void tell_unserved(const json::value& definition, json::array& conditions, WallTime now);

}  // namespace wireway::control
