#pragma once
/// Patterns of BrokerAuthorization: globs for client identifiers and state store keys, and topic
/// patterns that cover names and filters.
///
/// Source: broker.md 5.2, 5.3; MQTT 5 section 4.7
/// Thread: pure; any

#include <optional>
#include <string>
#include <string_view>

namespace wireway::broker {

/// `*` any text, `?` one byte, `[0-9a]` one byte of a set, `\` takes the next byte as it is; a set
/// that never ends is plain text.
/// Cost: at most pattern x text steps.
bool glob_matches(std::string_view pattern, std::string_view text);

/// `text` as a glob that matches nothing else.
std::string glob_escape(std::string_view text);

/// A topic filter, or one that ends in `*`: "a/*" is "a/#", "a/b*" is everything that begins with
/// "a/b". Elsewhere `*` is an ordinary character.
class TopicPattern {
 public:
  /// nullopt if it is no topic filter.
  static std::optional<TopicPattern> parse(std::string_view text);

  /// Every topic that `filter` (without `$share`) matches is one of this pattern's; a topic name is
  /// a filter that matches only itself.
  /// Cost: one pass over the shorter of both
  bool covers(std::string_view filter) const;

  friend bool operator==(const TopicPattern&, const TopicPattern&) = default;

 private:
  std::string text_;      ///< without a trailing `*`
  bool is_open_ = false;  ///< it had one
};

}  // namespace wireway::broker
