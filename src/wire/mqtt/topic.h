#pragma once
/// Topic names and topic filters: what is valid, what matches.
///
/// Source: MQTT 5 section 4.7, 4.8.2

#include <optional>
#include <string_view>

namespace wireway::wire::mqtt {

inline constexpr std::size_t topic_levels_max = 128;  ///< deeper names and filters are not valid

/// Not empty, no wildcard, well-formed UTF-8 without U+0000.
bool is_valid_topic_name(std::string_view topic);
/// Wildcards only as whole levels, `#` only last; `$share/{name}/{filter}` with a name without
/// wildcard.
bool is_valid_topic_filter(std::string_view filter);

/// The parts of "$share/group/filter".
struct SharedFilter {
  std::string_view group;
  std::string_view filter;
};
std::optional<SharedFilter> parse_shared_filter(std::string_view filter);

/// A filter without `$share`. Wildcards at the first level do not match names that begin with `$`.
bool topic_matches(std::string_view filter, std::string_view topic);

}  // namespace wireway::wire::mqtt
