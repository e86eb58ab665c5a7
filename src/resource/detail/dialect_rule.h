#pragma once
/// One compiled rule of a dialect table.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "resource/detail/dialect_path.h"
#include "resource/dialect.h"

namespace wireway::resource {

struct Dialects::Rule {
  enum class Kind { move, values, list, drop, set, text };
  /// Older spelling -> current value, in the table's order.
  using Values = std::vector<std::pair<std::string, json::value>>;

  Kind kind = Kind::move;
  detail::Path each;      ///< up to the last [] or * that all paths share: it maps each such place
  detail::Path from;      ///< from there to the older name; of other kinds: to the field
  detail::Path to;        ///< from there to the current name; only of move
  std::string from_text;  ///< both whole, as written, for sentences
  std::string to_text;
  Values values;
  detail::Path condition;           ///< applies only where a value stands there; empty: everywhere
  json::value value;                ///< of set
  std::optional<json::value> when;  ///< drop only this value
  double factor = 1;
  bool any_case = false;
  std::vector<std::string> native;           ///< versions in which `from` is the proper spelling
  std::optional<json::value> default_value;  ///< what the schema fills in at `to`

  /// Whether `from` holds `to`: `topic` -> `topic.path`. An object (or list) there is current.
  bool goes_deeper() const {
    return from.size() < to.size() && std::equal(from.begin(), from.end(), to.begin());
  }
  /// Whether `to` leads into one item of a list.
  bool picks() const { return std::ranges::any_of(to, &detail::Step::picks); }
};

/// A rule from its text form. Errors: Errc::invalid.
Result<Dialects::Rule> parse_rule(const json::value& written);

/// A scalar as people write it: text, 80, 1.5, true.
std::string spelling_of(const json::value& value);

/// Whether `value` is spelled as `text`: without regard to case, booleans and numbers as written.
bool is_spelled(const json::value& value, std::string_view text);

}  // namespace wireway::resource
