#pragma once
/// Where a rule reads and writes: `Payload."Tag.10".Value`, `*.Max`, `$metadata.topic`,
/// `$context(alias).Limit`, and the suffixes of inputs (`? $last`, `?? 0`).
///
/// Source:  docs/reference/dataflow-language.md; spec dataflows 2.2, 2.3 and 2.8
/// Thread:  values; any
/// Errors:  Errc::invalid "column 3: ..."

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace wireway::dataflow {

enum class Root : std::uint8_t {
  source,         ///< the message's payload
  context,        ///< the matched record of the dataset `alias`
  topic,          ///< $metadata.topic
  user_property,  ///< $metadata.user_property.<key>; the key is segments[0]
  content_type,   ///< $metadata.system_property.content_type
};

struct Path {
  static constexpr std::size_t no_wildcard = std::size_t(-1);

  Root root = Root::source;
  std::string alias;                   ///< of context; "" = the dataset's own record
  std::vector<std::string> segments;   ///< below the root; a wildcard's segment is "*"
  std::size_t wildcard = no_wildcard;  ///< index into segments

  bool has_wildcard() const { return wildcard != no_wildcard; }
  bool in_metadata() const { return root >= Root::topic; }
};

struct Input {
  Path path;
  bool last_known = false;              ///< `? $last`
  std::optional<json::value> fallback;  ///< `?? literal`
  /// as written, without suffixes: names the last known value
  std::string text;
};

/// An input of a rule. Wildcards are the caller's to refuse where they have no meaning.
Result<Input> parse_input(std::string_view text);
/// A rule's output; "" is not a path (it removes).
Result<Path> parse_output(std::string_view text);

/// Follows `segments` down from `root`; nullptr if a step is absent or no object.
const json::value* walk(const json::object& root, const std::vector<std::string>& segments);

}  // namespace wireway::dataflow
