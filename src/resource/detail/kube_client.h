#pragma once
/// Requests to one Kubernetes API server: addresses, token, and what an answer means. The parts of
/// KubeResources (watch, status, events) send through it.
///
/// Thread: the Loop's. Owns: its connections and the calls that nobody waits for by handle.
/// Errors: Errc by the server's status code with the server's own sentence; a server that cannot be
///         reached is logged once per change, however many requests fail.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "link/http_client.h"
#include "net/backoff.h"
#include "resource/kube_resources.h"

namespace wireway::resource::detail {

using net::Backoff;

struct KubeRequest {
  std::string method = "GET";
  std::string path = {};  ///< with query
  std::string content_type = "application/json";
  std::string body = {};
};

class KubeClient {
 public:
  using Done = std::function<void(Result<json::value>)>;

  KubeClient(net::OsLoop& loop, KubeOptions options);

  /// The answer is cancelled with the handle.
  [[nodiscard]] std::unique_ptr<link::HttpCall> send(KubeRequest request, Done done);
  /// The answer is cancelled only with this client.
  void send_detached(KubeRequest request, Done done);
  /// `done` gets null at the end of the stream; an answer that is no success comes as its Error.
  [[nodiscard]] std::unique_ptr<link::HttpCall> stream(KubeRequest request,
                                                       link::HttpClient::OnChunk on_chunk,
                                                       Done done);

  /// "/apis/<group>/<version>/namespaces/<space>/<plural>/<name>"; space or name may be empty.
  static std::string path_of(const Kind& kind, const std::string& space, const std::string& name);

  net::OsLoop& loop() { return loop_; }
  net::Random& random() { return random_; }
  const std::string& component() const { return options_.component; }

 private:
  link::HttpClientRequest prepare(KubeRequest request) const;
  Result<json::value> judge(Result<link::HttpClientResponse> response);
  void note_reachable(const Error* error);

  net::OsLoop& loop_;
  KubeOptions options_;
  net::SystemRandom random_;
  bool reachable_ = true;
  std::uint64_t next_call_ = 0;
  std::unique_ptr<link::HttpClient> http_;
  std::map<std::uint64_t, std::unique_ptr<link::HttpCall>> calls_;
};

/// A name as one segment of a path or a value of a query.
std::string percent_encode(std::string_view text);

/// An Error of a metav1.Status or of an HTTP status code.
Error error_of_status(unsigned code, std::string_view message);

}  // namespace wireway::resource::detail
