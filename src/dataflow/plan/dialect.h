#pragma once
/// The documented dialects of Dataflow and DataflowEndpoint, read as the one that is current (GA
/// v1): what was renamed is renamed, what was inline becomes inputs, enums match in any case.
///
/// Source:  spec dataflows 0.2
/// Errors:  none; what has no meaning in any dialect is left for the plan to report

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace wireway::dataflow {

enum class OperationKind { source, transformation, destination, unknown };

/// One of `spec.operations[]` with its settings under their current names.
struct Operation {
  OperationKind kind = OperationKind::unknown;
  json::object settings;
  std::string field;  ///< "spec.operations[1].builtInTransformationSettings"
};

std::vector<Operation> read_operations(const json::value& dataflow);

/// A rule of filter, map or datasets: `condition` and `conversion` become `expression`, a single
/// value becomes a list, an inline `$source.x == $context(ds).y` becomes `$1 == $2` over inputs.
json::array read_rules(const json::value* list);

/// `spec` of a DataflowEndpoint with endpointType and `<type>Settings` under their current names.
json::object read_endpoint_spec(const json::value& endpoint);

/// The current spelling of `text` among `known`, in any case; `text` itself if it is none of them.
std::string spelled(std::string_view text, std::initializer_list<std::string_view> known);

}  // namespace wireway::dataflow
