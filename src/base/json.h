#pragma once
/// JSON values (Boost.JSON) with the few operations that every service needs: parsing with limits
/// and a position in the error, paths, and typed look-ups with defaults.
///
/// Numbers: int64, uint64 and double stay apart, so that no counter loses digits on a copy.
/// Limits:  parse() refuses nesting deeper than json_depth_max.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/result.h"

namespace wireway {

namespace json = boost::json;

inline constexpr std::size_t json_depth_max = 64;

/// Errors: Errc::invalid "... at byte N".
Result<json::value> parse_json(std::string_view text);

/// As parse_json, but also accepts comments, trailing commas and a byte order mark, as documented
/// configuration strings inside manifests use them. Empty text and "null" give an empty object.
Result<json::value> parse_relaxed_json(std::string_view text);

/// The member at `path`, or nullptr if any step is absent or not an object: `find(v, "spec",
/// "ports")`.
const json::value* find(const json::value& root, std::initializer_list<std::string_view> path);

template <class... Keys>
const json::value* find(const json::value& root, Keys... keys) {
  return find(root, {std::string_view(keys)...});
}

/// The text at `path`, or `fallback` if absent or not a string.
std::string text_at(const json::value& root, std::initializer_list<std::string_view> path,
                    std::string_view fallback = "");

/// The integer at `path` (numeric strings count, as documented manifests contain them), or
/// `fallback`.
std::int64_t int_at(const json::value& root, std::initializer_list<std::string_view> path,
                    std::int64_t fallback);

/// The boolean at `path` (also "true"/"Enabled" and their opposites in any case), or `fallback`.
bool bool_at(const json::value& root, std::initializer_list<std::string_view> path, bool fallback);

/// The member of `object` whose key equals `key` without regard to ASCII case, or nullptr.
const json::value* find_ignoring_case(const json::value& object, std::string_view key);

bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace wireway
