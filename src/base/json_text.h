#pragma once
/// JSON text of payloads, both ways, without loss: Boost.JSON 1.81 reads about one double in eight
/// one bit off and writes 24.0 as "2.4E1"; values that a plant measured must come out as they went
/// in.
///
/// Numbers: read to the nearest double, written in the fewest digits that read back the same; a
///          double keeps a point or an exponent ("77.0"), so that it stays a double for the next
///          reader.
/// Limits:  nesting deeper than json_depth_max is refused, as in parse_json().

#include <string>
#include <string_view>

#include "base/json.h"

namespace wireway {

/// Errors: Errc::invalid "... at byte N".
Result<json::value> parse_json_exact(std::string_view text);

/// Appends compact JSON. NaN and infinities, which JSON lacks, become null.
void append_json(std::string& out, const json::value& value);
void append_json(std::string& out, double value);

std::string to_json(const json::value& value);

}  // namespace wireway
