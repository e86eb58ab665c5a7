#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace wireway {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::invalid: return "invalid";
    case Errc::not_found: return "not_found";
    case Errc::conflict: return "conflict";
    case Errc::unavailable: return "unavailable";
    case Errc::timed_out: return "timed_out";
    case Errc::denied: return "denied";
    case Errc::exhausted: return "exhausted";
    case Errc::unsupported: return "unsupported";
    case Errc::io: return "io";
    case Errc::internal: return "internal";
  }
  return "internal";
}

namespace {

Errc code_of(int error_number) {
  switch (error_number) {
    case ENOENT: return Errc::not_found;
    case EEXIST:
    case EADDRINUSE: return Errc::conflict;
    case EACCES:
    case EPERM: return Errc::denied;
    case ETIMEDOUT: return Errc::timed_out;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPIPE: return Errc::unavailable;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return Errc::exhausted;
    default: return Errc::io;
  }
}

}  // namespace

Error system_error(std::string_view what, int error_number) {
  return Error{code_of(error_number),
               std::string(what) + ": " + std::generic_category().message(error_number)};
}

}  // namespace wireway
