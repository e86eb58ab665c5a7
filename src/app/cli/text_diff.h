#pragma once
/// The difference of two texts as people and `patch` read it: unified, three lines of context.
///
/// Cost: Myers' algorithm, time and memory by length times difference; beyond edits_max the texts
///       are shown as replaced by each other.

#include <string>
#include <string_view>

#include "app/cli/console.h"
#include "base/json.h"

namespace wireway::app::cli {

inline constexpr int edits_max = 4000;

/// "" if the texts are equal.
std::string unified_diff(std::string_view before, std::string_view after,
                         std::string_view before_name, std::string_view after_name);

/// The diff with its lines in colour, if the console has colours.
std::string coloured_diff(const Console& console, std::string_view diff);

/// The object as people compare it: YAML without what the server keeps for itself (managedFields,
/// resourceVersion, generation, uid, creationTimestamp), and without status unless it is wanted.
std::string comparable_yaml(const json::value& object, bool with_status = false);

}  // namespace wireway::app::cli
