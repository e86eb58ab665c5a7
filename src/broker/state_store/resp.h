#pragma once
/// The little of RESP3 that the state store speaks: a request is one array of blob strings, an
/// answer one simple value. Without I/O; strict: what is not exactly in the grammar is malformed.
///
/// Source: state store protocol, "Request payload"; RESP3
/// Limits: arguments_max a request; lengths are bounded by the payload that carries them
/// Cost:   parse_request() neither copies nor allocates

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace wireway::broker::state_store {

inline constexpr std::size_t arguments_max = 16;

/// Views into the payload.
struct Arguments {
  std::array<std::string_view, arguments_max> values;
  std::size_t count = 0;

  std::string_view operator[](std::size_t index) const { return values[index]; }
};

/// `*<n>\r\n`, then n times `$<length>\r\n<bytes>\r\n`, and nothing behind it; nullopt if
/// malformed.
std::optional<Arguments> parse_request(std::string_view payload);

std::string ok_reply();                          ///< +OK
std::string number_reply(std::int64_t number);   ///< :-1
std::string blob_reply(std::string_view bytes);  ///< $5 and the bytes
std::string nothing_reply();                     ///< $-1
std::string error_reply(std::string_view text);  ///< -ERR text
std::string array_of(std::span<const std::string_view> blobs);

}  // namespace wireway::broker::state_store
