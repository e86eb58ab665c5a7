#pragma once
/// What went wrong in TLS, as a sentence with the peer, the fault and the remedy.

#include <string>
#include <string_view>

#include "net/tls/detail/openssl.h"

namespace wireway::net::detail {

enum class Side { client, server };

struct FailureContext {
  Side side = Side::server;
  std::string_view peer;  ///< address of the other side
  std::string_view name;  ///< what a client calls its server
  WallTime now;
};

/// Why the peer's certificate is refused; to be called within OpenSSL's verify callback.
Error verify_failure(X509_STORE_CTX* verification, const FailureContext& context);

/// A failed handshake or connection, from this thread's error queue, which is emptied.
Error tls_failure(const FailureContext& context);

/// What the peer speaks instead, by its first bytes.
Error not_tls_failure(ByteView first_bytes, const FailureContext& context);

}  // namespace wireway::net::detail
