#pragma once
/// Whether a topic has what only a filter may have.
///
/// Cost: two passes over the bytes, many at a time (std::string_view::find_first_of looks the set
///       up for each byte)

#include <string_view>

namespace wireway::wire::mqtt {

inline bool has_wildcard(std::string_view text) { return text.contains('+') || text.contains('#'); }

}  // namespace wireway::wire::mqtt
