#pragma once
/// The sessions that a client context remembers, one a server. They live as long as its SSL_CTX,
/// which streams keep alive.

#include <cstddef>
#include <deque>
#include <string>
#include <utility>

#include "net/tls/detail/openssl.h"

namespace wireway::net::detail {

/// Makes the context remember sessions; `max` of them, the oldest is forgotten.
void remember_sessions(SSL_CTX* context, std::size_t max);

/// The session to continue with that server, or null. One of TLS 1.3 is given once only.
OwnedSession take_session(SSL_CTX* context, const std::string& key);

/// A session brings its peer's certificate along without a look at the calendar: this is the look.
bool session_is_valid(const SSL_SESSION* session, WallTime now);

/// For a server: a ticket whose client's certificate has expired leads to a full handshake.
void judge_tickets(SSL_CTX* context);

}  // namespace wireway::net::detail
