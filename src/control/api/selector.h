#pragma once
/// labelSelector and fieldSelector of a list or watch: which objects the client wants to see.
///
/// Source: Kubernetes "Labels and Selectors" and "Field Selectors".

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace wireway::control {

class Selector {
 public:
  /// Both texts as in the query; "" selects everything. `fields_allowed` are dotted paths.
  /// Errors: Errc::invalid in the words of the API server.
  static Result<Selector> parse(std::string_view labels, std::string_view fields,
                                const std::vector<std::string>& fields_allowed);

  bool everything() const { return labels_.empty() && fields_.empty(); }
  bool matches(const json::value& object) const;

 private:
  struct LabelRule {
    enum class Operator { in, not_in, exists, absent, greater, less };
    std::string key;
    Operator op = Operator::exists;
    std::vector<std::string> values;
  };
  struct FieldRule {
    std::vector<std::string> path;
    std::string value;
    bool equal = true;
  };
  static Result<> parse_labels(std::string_view text, std::vector<LabelRule>& out);
  static Result<> parse_fields(std::string_view text, const std::vector<std::string>& allowed,
                               std::vector<FieldRule>& out);
  static bool holds(const LabelRule& rule, const json::value* labels);

  std::vector<LabelRule> labels_;
  std::vector<FieldRule> fields_;
};

/// The name if `metadata.name=...` is among the terms of a fieldSelector, else "".
std::string exact_name(std::string_view fields);

}  // namespace wireway::control
