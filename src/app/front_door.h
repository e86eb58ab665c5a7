#pragma once
/// The one HTTP port of `wireway up`: the Kubernetes API, and the web page on every other path.
///
/// Thread: the Loop's. Owns: store, API server and HTTP server.
/// Errors: a port in use names the port and `--port`.

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/env.h"

namespace wireway::app {

class FrontDoor {
 public:
  static Result<std::unique_ptr<FrontDoor>> open(net::Env& env, const std::string& database,
                                                 std::uint16_t port,
                                                 std::int64_t history_revisions);
  ~FrontDoor();
  FrontDoor(const FrontDoor&) = delete;
  FrontDoor& operator=(const FrontDoor&) = delete;

  /// "http://127.0.0.1:8088"
  std::string url() const;

 private:
  struct Parts;
  explicit FrontDoor(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace wireway::app
