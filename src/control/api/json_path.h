#pragma once
/// The JSONPath of printer columns: `.spec.ports[*].port`,
/// `.status.conditions[?(@.type=="Ready")].status`, `.spec['a','b']`, `.metadata.labels.a\.b`.
///
/// Source: kubectl's JSONPath, without braces, recursion and slices.
/// Thread: immutable after parse; any.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace wireway::control {

class JsonPath {
 public:
  /// Errors: Errc::invalid naming the place in `text`.
  static Result<JsonPath> parse(std::string_view text);

  /// All values that the path reaches, in document order; none if a step is absent.
  std::vector<const json::value*> find(const json::value& root) const;

 private:
  struct Step {
    enum class Kind { names, index, each, filter };
    Kind kind = Kind::names;
    std::vector<std::string> names;  ///< alternatives; for a filter the path below `@`
    std::int64_t index = 0;          ///< negative counts from the end
    std::string comparison;          ///< "==", "!=", "<", "<=", ">", ">=", "" = exists
    json::value operand;
  };
  class Parser;
  static bool passes(const Step& step, const json::value& item);
  static void walk(const Step& step, const json::value& from, std::vector<const json::value*>& to);

  std::vector<Step> steps_;
};

}  // namespace wireway::control
