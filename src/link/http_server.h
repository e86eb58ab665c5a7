#pragma once
/// An HTTP/1.1 server on our streams: the API server and the web UI stand on it. Parsing by
/// Boost.Beast without its I/O (wire/http).
///
/// Thread: the Loop's. Owns: its connections.
/// Limits: header_bytes_max, body_bytes_max (413), connections_max (refused with 503),
///         idle_timeout, read_timeout for a whole request (408), stream_pending_bytes_max for a
///         streamed response (connection cut: a slow watcher relists).
/// TLS:    with HttpServerOptions::tls, one port speaks both: the first byte tells. Plain text is
///         then answered to this machine only; others get 400 with a sentence that says https.
/// Errors: malformed requests get 400 and are closed.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "net/env.h"
#include "net/tls/certificate.h"

namespace wireway::net {
class TlsServerContext;
}

namespace wireway::link {

struct HttpRequest {
  std::string method;  ///< upper case
  std::string target;  ///< as sent: "/api/v1/namespaces?limit=5"
  std::string path;    ///< decoded, without query
  std::vector<std::pair<std::string, std::string>> query;    ///< decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
  std::string peer;
  bool encrypted = false;                                       ///< came over TLS
  std::optional<net::PeerCertificate> client_certificate = {};  ///< verified

  /// First value or "".
  std::string_view header(std::string_view lower_case_name) const;
  std::string_view query_value(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
};

/// One request's answer: either respond() once, or begin_stream() then write() ... end().
/// Destroying an unanswered Responder answers 500. After the client is gone all calls do nothing.
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;
  virtual void respond(HttpResponse response) = 0;
  /// Chunked; `on_gone` is called once if the client leaves or is cut off first.
  virtual void begin_stream(HttpResponse head, std::function<void()> on_gone) = 0;
  /// False if the client is gone or has just been cut off for not reading.
  virtual bool write(std::string_view chunk) = 0;
  virtual void end() = 0;
};

using HttpHandler = std::function<void(HttpRequest, std::shared_ptr<HttpResponder>)>;

struct HttpServerOptions {
  net::Endpoint endpoint = {};
  std::size_t header_bytes_max = 64 * 1024;
  std::size_t body_bytes_max = 4 * 1024 * 1024;
  std::size_t connections_max = 10'000;
  std::size_t stream_pending_bytes_max = 16 * 1024 * 1024;
  Duration idle_timeout = std::chrono::seconds{120};
  Duration read_timeout = std::chrono::seconds{30};
  net::TlsServerContext* tls = nullptr;  ///< outlives the server; null = plain text only
};

class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> start(net::Env& env, HttpServerOptions options,
                                                   HttpHandler handler);
  virtual ~HttpServer() = default;
  virtual std::uint16_t port() const = 0;
};

}  // namespace wireway::link
