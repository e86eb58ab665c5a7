#pragma once
/// The long-lived half of TLS: certificates, authorities and rules. Contexts make TlsStreams
/// (stream.h), which are ordinary Streams over other Streams.
///
/// Rules:  TLS 1.2 and 1.3, forward-secret AEAD ciphers, no renegotiation, no compression, session
///         tickets.
/// Thread: a context belongs to one thread; the streams it has made may move to others
///         (Stream::detach) and may outlive it. Threads that serve one port have a context each,
///         with the same ticket_secret.
/// Limits: handshake_timeout; a peer's certificate chain of 64 KiB; sessions_max remembered
///         sessions of a client, the oldest is forgotten.
/// Time:   validity is judged by the Loop's wall clock, so that it can be tested on virtual time.
/// Errors: Errc::invalid with a sentence that says which text is wrong; a failed replace() leaves
///         everything as it was.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "net/stream.h"
#include "net/tls/certificate.h"

namespace wireway::net {

class TlsStream;

enum class ClientCertificates {
  none,      ///< not asked for
  optional,  ///< asked for; one that cannot be verified is refused, none at all is fine
  required,
};

/// What to do with a client whose first byte is not TLS's.
enum class PlainText { refuse, pass_through };

struct TlsServerOptions {
  std::vector<KeyPair> certificates = {};  ///< the first is the default; others by server name
  std::string client_ca = {};              ///< PEM; needed unless `none`
  ClientCertificates client_certificates = ClientCertificates::none;
  std::vector<std::string> alpn = {};  ///< in order of preference; empty = no ALPN
  Duration handshake_timeout = std::chrono::seconds{10};
  /// Whether clients may continue sessions. A continued one holds only the client's own
  /// certificate, not the others of its chain.
  bool sessions = true;
  /// Contexts with the same secret resume each other's sessions; empty = random, and anew with each
  /// replace().
  std::string ticket_secret = {};
};

class TlsServerContext {
 public:
  static Result<std::unique_ptr<TlsServerContext>> create(TlsServerOptions options);
  virtual ~TlsServerContext() = default;

  /// Hot reload: connections accepted from now on get the new certificates; older ones stay.
  virtual Result<> replace(TlsServerOptions options) = 0;

  /// TLS over an accepted stream; set the handler of the result before returning to the loop.
  virtual std::unique_ptr<TlsStream> accept(Loop& loop, std::unique_ptr<Stream> stream,
                                            PlainText plain = PlainText::refuse) = 0;
};

struct TlsClientOptions {
  std::string ca = {};                    ///< PEM; empty = the system's roots
  std::vector<KeyPair> certificate = {};  ///< none or one: the client's own
  std::vector<std::string> alpn = {};
  Duration handshake_timeout = std::chrono::seconds{10};
};

struct TlsTarget {
  Endpoint endpoint = {};
  /// DNS name or IP address that the server's certificate must be for; empty = the endpoint's host.
  std::string server_name = {};
  Duration connect_timeout = std::chrono::seconds{10};
};

class TlsClientContext {
 public:
  static constexpr std::size_t sessions_max = 256;

  static Result<std::unique_ptr<TlsClientContext>> create(TlsClientOptions options);
  virtual ~TlsClientContext() = default;
  virtual Result<> replace(TlsClientOptions options) = 0;

  /// Begins to connect; on_open comes after the handshake.
  virtual std::unique_ptr<TlsStream> connect(Loop& loop, Network& network, const TlsTarget& target,
                                             StreamHandler& handler) = 0;
};

}  // namespace wireway::net
