#pragma once
/// The rules of a BuiltInTransformation, compiled: what stage/transform.h runs per message.

#include <string>

#include "dataflow/plan/problem.h"
#include "dataflow/stage/transform.h"

namespace wireway::dataflow {

/// `settings` are builtInTransformationSettings in the current dialect (plan/dialect.h), `field`
/// their place in the manifest. Adds what is wrong to `problems`; the rules are usable if nothing
/// was added.
TransformRules compile_rules(const json::object& settings, const std::string& field,
                             Problems& problems);

}  // namespace wireway::dataflow
