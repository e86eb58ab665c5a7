#pragma once
/// A request's payload as a command: verb, key, value and options, or the error that the client is
/// told. What needs the store's content is store.h's.
///
/// Source: state store protocol, "Request payload", "Error responses"
/// Errors: the text after `-ERR `, byte for byte as the public clients compare it

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "broker/state_store/resp.h"

namespace wireway::broker::state_store {

namespace errors {
inline constexpr std::string_view timestamp_ahead =
    "the request timestamp is too far in the future; ensure that the client and broker system "
    "clocks are synchronized";
inline constexpr std::string_view fencing_token_required =
    "a fencing token is required for this request";
inline constexpr std::string_view fencing_token_ahead =
    "the request fencing token timestamp is too far in the future; ensure that the client and "
    "broker system clocks are synchronized";
inline constexpr std::string_view fencing_token_older =
    "the request fencing token is a lower version than the fencing token protecting the resource";
inline constexpr std::string_view quota_exceeded = "the quota has been exceeded";
inline constexpr std::string_view syntax_error = "syntax error";
inline constexpr std::string_view not_authorized = "not authorized";
inline constexpr std::string_view unknown_command = "unknown command";
inline constexpr std::string_view wrong_number_of_arguments = "wrong number of arguments";
inline constexpr std::string_view missing_timestamp = "missing timestamp";
inline constexpr std::string_view malformed_timestamp = "malformed timestamp";
inline constexpr std::string_view key_length_is_zero = "the key length is zero";
}  // namespace errors

enum class Verb : std::uint8_t { set, get, del, vdel, keynotify };

enum class Condition : std::uint8_t {
  none,
  if_absent,           ///< NX
  if_absent_or_equal,  ///< NEX
};

/// Views into the payload.
struct Command {
  Verb verb = Verb::get;
  std::string_view key;
  std::string_view value;                  ///< SET, VDEL
  Condition condition = Condition::none;   ///< SET
  std::optional<std::uint64_t> expiry_ms;  ///< SET, PX; at least 1
  bool stop = false;                       ///< KEYNOTIFY
};

std::expected<Command, std::string_view> parse_command(std::string_view payload);

/// What the key's rule must grant: Read for GET and KEYNOTIFY, Write for the others.
constexpr bool writes(Verb verb) {
  return verb == Verb::set || verb == Verb::del || verb == Verb::vdel;
}

}  // namespace wireway::broker::state_store
