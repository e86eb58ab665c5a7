#pragma once
/// Finds out why an OPC UA connection cannot be made: opens a TCP connection of its own, says hello
/// and looks at what comes back.
///
/// Source: OPC 10000-6 section 7.1 (HEL, ACK, ERR)
/// Thread: the Loop's
/// Limits: probe_timeout; reads 8 bytes and hangs up

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/env.h"
#include "source/opcua/library.h"

namespace wireway::source::opcua {

/// Host and port of "opc.tcp://host:port/path"; port 4840 if absent.
std::optional<net::Endpoint> address_of(const std::string& url);

class Probe final : private net::StreamHandler {
 public:
  static constexpr Duration probe_timeout = std::chrono::seconds{5};
  /// nullopt = an OPC UA server answers there.
  using Done = std::function<void(std::optional<Failure>)>;

  /// Calls `done` once, never inside this call; not at all once the Probe is destroyed.
  Probe(net::Env& env, std::string url, Done done);

 private:
  void on_open() override;
  void on_bytes(ByteView bytes) override;
  void on_close(const Error& reason) override;
  void finish(std::optional<Failure> result);

  std::string url_;
  Done done_;
  bool is_open_ = false;
  Bytes received_;
  net::Timer timeout_;
  std::unique_ptr<net::Stream> stream_;
};

}  // namespace wireway::source::opcua
