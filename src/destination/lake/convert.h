#pragma once
/// JSON values as the types of columns: the documented implicit conversions.
///
/// Source: spec dataflows 2.4: number to number always (fraction cut off), text to number parsed,
///         boolean to 0/1, ISO 8601 text to date and time, base64 text to bytes
/// Errors: Errc::invalid "cannot make a long of the string "abc""

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace wireway::destination::lake {

__extension__ typedef __int128 Wide;

Result<bool> to_boolean(const json::value& value);
/// Within [-2^(bits-1), 2^(bits-1)); the fraction is cut off. A number outside is an error, not
/// wrapped.
Result<std::int64_t> to_integer(const json::value& value, int bits);
Result<double> to_double(const json::value& value);
/// Unscaled, rounded half to even.
Result<Wide> to_decimal(const json::value& value, int precision, int scale);
Result<std::string> to_string(const json::value& value);
Result<std::string> to_binary(const json::value& value);
/// Days since 1970-01-01.
Result<std::int32_t> to_date(const json::value& value);
/// Microseconds since 1970-01-01T00:00:00Z.
Result<std::int64_t> to_timestamp(const json::value& value);

}  // namespace wireway::destination::lake
