#pragma once
/// Appends JSON text of simple values to a buffer: what the payload encoder is made of. No DOM, no
/// allocation besides the buffer's growth.
///
/// Numbers: floating-point numbers in the fewest digits that read back the same, always with a
///          point or an exponent, so that 98.0 stays a floating-point number for the next reader.
/// Errors:  none; bytes that are no UTF-8 become U+FFFD

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace wireway::source::opcua {

void append_integer(std::string& out, std::int64_t value);
void append_unsigned(std::string& out, std::uint64_t value);
/// NaN and infinities as the texts "NaN", "Infinity", "-Infinity" (OPC 10000-6 section 5.4.2.4).
void append_number(std::string& out, double value);
void append_number(std::string& out, float value);
/// With quotes and escapes.
void append_text(std::string& out, std::string_view text);
/// With quotes, base64.
void append_bytes(std::string& out, ByteView bytes);
/// With quotes: ISO 8601 in UTC from 100 ns ticks since 1601, trailing zeros trimmed; before year 1
/// and after 9999 the nearest bound, as OPC 10000-6 section 5.4.2.6 wants.
void append_time(std::string& out, std::int64_t ticks);

}  // namespace wireway::source::opcua
