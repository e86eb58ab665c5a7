#pragma once
/// The map stage: rules that build a new payload from the old one, with wildcards and their order
/// of precedence.
///
/// Source:  docs/reference/dataflow-language.md; spec dataflows 2.1 to 2.3
/// Order:   rules run top to bottom. Where a later rule resolves to the same input fields and its
///          `*` captured fewer segments, it replaces the earlier one for those fields; otherwise
///          both run.
/// Errors:  apply(): what a formula or a clash of outputs refuses; the message then has no result
/// Cost:    a rule without `*` costs its inputs; one with `*` a walk over the leaves below its
///          prefix

#include <optional>
#include <string>
#include <vector>

#include "dataflow/language/expression.h"
#include "dataflow/stage/record.h"

namespace wireway::dataflow {

struct MapRule {
  std::vector<Input> inputs;
  std::optional<Path> output;            ///< nullopt removes
  std::optional<Expression> expression;  ///< nullopt copies inputs[0]
  std::string name;                      ///< "map[2]", for messages

  bool has_wildcard() const;
};

class Mapping {
 public:
  /// Rules were checked by plan/: at least one input, expression where there are several.
  explicit Mapping(std::vector<MapRule> rules) : rules_(std::move(rules)) {}

  const std::vector<MapRule>& rules() const { return rules_; }
  /// The new payload; metadata outputs change `message`.
  Result<json::object> apply(const Record& record, flow::Message& message, Scratch& scratch) const;

 private:
  struct Run;
  std::vector<MapRule> rules_;
};

}  // namespace wireway::dataflow
