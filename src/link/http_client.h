#pragma once
/// Outgoing HTTP by libcurl's multi interface on our loop: the Kubernetes API client, later cloud
/// destinations. TLS, proxies and redirects are libcurl's.
///
/// Thread: the OsLoop's. Owns: its connections (kept alive and reused).
/// Limits: every request has a connect timeout and, unless streamed, a total timeout; a response
///         body larger than body_bytes_max fails.
/// Errors: transport failures come as Error with the URL; an HTTP status is not an error.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/os/os_loop.h"
#include "net/tls/certificate.h"

namespace wireway::link {

struct HttpClientRequest {
  std::string method = "GET";
  std::string url = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::string ca_file = {};    ///< PEM; empty = system roots, unless `ca` is given
  std::string ca = {};         ///< the same as text
  net::KeyPair identity = {};  ///< the client's own certificate; empty = none
  Duration connect_timeout = std::chrono::seconds{5};
  Duration total_timeout = std::chrono::seconds{30};  ///< zero = none (streams)
  std::size_t body_bytes_max = 64 * 1024 * 1024;
};

struct HttpClientResponse {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;                                          ///< empty if it was streamed
};

/// One request under way; destroying it cancels it and no callback comes afterwards.
class HttpCall {
 public:
  virtual ~HttpCall() = default;
};

class HttpClient {
 public:
  using Done = std::function<void(Result<HttpClientResponse>)>;
  /// `status` is known when the first chunk comes.
  using OnChunk = std::function<void(unsigned status, std::string_view chunk)>;

  static std::unique_ptr<HttpClient> create(net::OsLoop& loop);
  virtual ~HttpClient() = default;

  [[nodiscard]] virtual std::unique_ptr<HttpCall> send(HttpClientRequest request, Done done) = 0;
  /// The body goes to `on_chunk` as it arrives; `done` comes at its end.
  [[nodiscard]] virtual std::unique_ptr<HttpCall> stream(HttpClientRequest request,
                                                         OnChunk on_chunk, Done done) = 0;
};

}  // namespace wireway::link
