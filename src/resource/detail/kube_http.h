#pragma once
/// Requests to a Kubernetes API for KubeResources: URLs, headers with a token that is re-read, answers as
/// JSON or as an Error made from metav1.Status.
///
/// Thread: the loop's. Owns: calls under way; they end with it.

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "link/http_client.h"
#include "resource/kube_resources.h"

namespace wireway::resource {

/// "/apis/<group>/<version>/namespaces/<space>/<plural>" and so on; `name` empty = the collection.
std::string path_of(const Kind& kind, const std::string& space, const std::string& name);
std::string url_encode(std::string_view text);

class KubeHttp {
 public:
  using Done = std::function<void(Result<json::value>)>;

  KubeHttp(net::OsLoop& loop, KubeOptions options);
  ~KubeHttp();

  net::OsLoop& loop() { return loop_; }
  const KubeOptions& options() const { return options_; }

  link::HttpClientRequest request(std::string method, const std::string& path_and_query) const;
  /// Keeps the call until it is done.
  void send(link::HttpClientRequest request, Done done);
  [[nodiscard]] std::unique_ptr<link::HttpCall> stream(link::HttpClientRequest request,
                                                       link::HttpClient::OnChunk on_chunk,
                                                       link::HttpClient::Done done);

 private:
  std::string token() const;

  net::OsLoop& loop_;
  KubeOptions options_;
  std::unique_ptr<link::HttpClient> client_;
  std::set<std::unique_ptr<link::HttpCall>> calls_;
};

}  // namespace wireway::resource
