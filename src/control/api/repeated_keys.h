#pragma once
/// Keys that a JSON text has twice in one object. The last one counts, which is hardly what its
/// author meant: strict validation refuses it and the default warns.
///
/// Limits: repeated_keys_max are told. Cost: one look at each byte if there are none.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace wireway::control {

inline constexpr std::size_t repeated_keys_max = 100;

/// Paths such as `spec.ports[0].name`, each once, in the order of the text. `parsed` is what the
/// text, which is valid, was parsed to.
std::vector<std::string> repeated_keys(std::string_view text, const json::value& parsed);

}  // namespace wireway::control
