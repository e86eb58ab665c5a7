#pragma once
/// YAML manifests as JSON values, with the checks that YAML itself leaves out.
///
/// Checks:  duplicate keys, anchors that would expand without bound and nesting deeper than
///          yaml_depth_max are errors; plain scalars follow YAML 1.2's core schema (so `on`, `yes`
///          and `012` are strings, integers and numbers respectively, never booleans or octals).
/// Errors:  Errc::invalid "line L, column C: ...".

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace wireway {

inline constexpr std::size_t yaml_depth_max = 64;
inline constexpr std::size_t yaml_nodes_max = 1'000'000;  ///< after expansion of aliases

/// One document of a stream and the line on which it starts (1-based), for error messages.
struct YamlDocument {
  json::value value;
  std::size_t line = 1;
};

/// All documents of a stream; empty documents are left out. A byte order mark is skipped.
Result<std::vector<YamlDocument>> parse_yaml(std::string_view text);
/// As parse_yaml, but of keys that a map has twice the last counts, and `repeated` gets a sentence
/// for each: `line 6: key "a" already set in map`.
Result<std::vector<YamlDocument>> parse_yaml(std::string_view text,
                                             std::vector<std::string>& repeated);

/// Block-style YAML of a JSON value, keys in the value's own order.
std::string to_yaml(const json::value& value);

}  // namespace wireway
