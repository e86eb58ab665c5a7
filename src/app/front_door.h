#pragma once
/// The one port of `wireway up`: the Kubernetes API, and the web page on every other path. It
/// answers HTTP and HTTPS on 127.0.0.1, and HTTPS on each further address.
///
/// Thread: the Loop's. Owns: store, API server and HTTP servers.
/// Errors: a port in use names the port and `--port`; Errc::denied if an address would open it to
///         the network and nobody could be told from anybody there.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/store/seal.h"
#include "net/env.h"

namespace wireway::net {
class TlsServerContext;
}

namespace wireway::control {
class Access;
class AuditSink;
}  // namespace wireway::control

namespace wireway::app {

struct FrontDoorOptions {
  std::string database = {};
  std::uint16_t port = 0;
  std::optional<control::Sealer> sealer = {};  ///< of the database's Secrets
  std::int64_t history_revisions = 100;        ///< kept of each object
  std::vector<net::Endpoint> addresses = {};   ///< besides 127.0.0.1; port 0 = `port`
  net::TlsServerContext* tls = nullptr;        ///< outlives the door
  /// Who may do what; outlives the door. Without a user there, no address but loopback is served.
  control::Access* access = nullptr;
  control::AuditSink* audit = nullptr;                  ///< outlives the door
  std::function<std::string()> more_metrics = nullptr;  ///< of the program, for GET /metrics
};

class FrontDoor {
 public:
  static Result<std::unique_ptr<FrontDoor>> open(net::Env& env, const FrontDoorOptions& options);
  ~FrontDoor();
  FrontDoor(const FrontDoor&) = delete;
  FrontDoor& operator=(const FrontDoor&) = delete;

  /// For this machine's own processes: "http://127.0.0.1:8088".
  std::string url() const;
  std::uint16_t port() const;
  /// Where else it is reached: "https://192.168.1.5:8088".
  const std::vector<std::string>& network_urls() const;

 private:
  struct Parts;
  explicit FrontDoor(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace wireway::app
