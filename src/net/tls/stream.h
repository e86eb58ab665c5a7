#pragma once
/// TLS as a Stream over a Stream: whoever speaks through it need not know. Made by the contexts of
/// context.h; works over TCP and over the simulator's network alike (there, the bytes on the wire
/// differ from run to run, because keys do).
///
/// Thread: as the stream below.
/// Owns:   the stream below. close() sends what is pending and a close_notify; destroying it does
///         so too, with one attempt. detach() moves all of it, once the handshake is done.
/// Flush:  what one turn writes leaves as one batch of records of up to 16 KiB at its end, not as a
///         record per write().
/// Limits: no buffer at rest: OpenSSL's are given back when empty. Answers that the protocol itself
///         owes a peer that does not read them: protocol_bytes_max, then the connection ends.
/// Errors: on_close gives a sentence with the peer, what was wrong and what to do: Errc::denied for
///         certificates, Errc::invalid for a peer that does not speak TLS, Errc::timed_out for a
///         handshake that does not end.

#include <optional>
#include <string>
#include <string_view>

#include "net/stream.h"
#include "net/tls/certificate.h"

namespace wireway::net {

class TlsStream : public Stream {
 public:
  static constexpr std::size_t record_bytes_max = 16 * 1024;
  static constexpr std::size_t protocol_bytes_max = 64 * 1024;

  /// The handshake is done; false before and for plain text that passes through.
  virtual bool encrypted() const = 0;
  /// Of the peer, verified; none if it gave none or the handshake is not done.
  virtual std::optional<PeerCertificate> peer_certificate() const = 0;
  /// All that the peer presented, as PEM, its own first; "" where peer_certificate() is none. Of a
  /// resumed session only its own.
  virtual std::string peer_certificates() const = 0;
  /// What ALPN agreed on; "" without.
  virtual std::string_view alpn() const = 0;
  /// What the client asked for by SNI; "" without.
  virtual std::string server_name() const = 0;
  /// "TLSv1.3"; "" if not encrypted.
  virtual std::string_view version() const = 0;
  /// The handshake continued an earlier session.
  virtual bool resumed() const = 0;
};

}  // namespace wireway::net
