#pragma once
/// The result of everything that may fail for a reason outside our code: a value or an Error.
///
/// Errors: an Error carries a code for programs and one sentence for people. The sentence names the
///         thing, the place and, where there is one, the remedy. Callers add context going up with
///         `wrap()`; they never log and go on.

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace wireway {

/// What kind of failure it is; decides retry and exit code, never the wording.
enum class Errc {
  invalid,      ///< input breaks a rule: a manifest, a packet, an option; repeating cannot help
  not_found,    ///< the named thing does not exist (yet)
  conflict,     ///< the thing exists already or has changed meanwhile
  unavailable,  ///< a peer or resource cannot be reached now; retry with back-off
  timed_out,    ///< no answer within the stated time; retry with back-off
  denied,       ///< authentication or authorization says no
  exhausted,    ///< a named limit or quota is reached
  unsupported,  ///< valid, but this version does not do it
  io,           ///< file system or device failed (disk full, read-only, EIO)
  internal,     ///< a library broke its own contract
};

std::string_view to_string(Errc code);

struct [[nodiscard]] Error {
  Errc code = Errc::internal;
  std::string message;
};

template <class T = void>
using Result = std::expected<T, Error>;

/// `return fail(Errc::invalid, "...")` in a function that returns a Result.
inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

/// Puts the caller's place in front of a failure: "dataflow oven-to-lake: cannot open ...".
inline std::unexpected<Error> wrap(std::string_view place, Error error) {
  error.message.insert(0, std::string(place) + ": ");
  return std::unexpected(std::move(error));
}

/// The Error of the current `errno`, with its sentence: "open /x: No space left on device".
Error system_error(std::string_view what, int error_number);

}  // namespace wireway
