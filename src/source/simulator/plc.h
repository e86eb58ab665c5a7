#pragma once
/// A PLC that is not there: an OPC UA server with the nodes of the documented quickstart's
/// simulator (`wireway simulate plc`), on a thread of its own.
///
/// Source:  OPC UA parts 3 to 5; namespaces and nodes as in README.md of this folder
/// Thread:  construct, start(), stop() and destroy on the Loop's thread; the server lives on its
///          Worker
/// Owns:    its server, its address space and the values in it
/// Limits:  100 sessions; 2,500 nodes or items a service call; security None, anonymous only
/// Errors:  start() says Errc::conflict "port 50000 is in use ..." and leaves nothing behind
/// Cost:    `nodes` variables cost about 2 KiB each and nothing while nobody reads them: their
///          values are computed when they are sampled

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/env.h"

namespace wireway::source::simulator {

struct PlcOptions {
  std::string host = "127.0.0.1";  ///< address to listen on; "0.0.0.0" for all
  std::uint16_t port = 50000;      ///< 0 = any free one
  std::uint32_t nodes = 0;         ///< `ns=3;s=Node1` ... `NodeN`, each changing once a second
  std::uint64_t seed = 1;          ///< of every random value: the same seed gives the same values
  std::string application_uri = "urn:OpcPlc:opcplc-000000";
};

inline constexpr std::uint32_t plc_nodes_max = 1'000'000;

class PlcSimulator {
 public:
  PlcSimulator(net::Env& env, PlcOptions options);
  ~PlcSimulator();
  PlcSimulator(const PlcSimulator&) = delete;
  PlcSimulator& operator=(const PlcSimulator&) = delete;

  /// After success clients can connect.
  Result<> start();
  /// Closes every session, frees the port. May be started again.
  void stop();

  /// The port in use; of interest when options said 0.
  std::uint16_t port() const;
  /// "opc.tcp://127.0.0.1:50000"
  std::string url() const;

 private:
  class Server;
  net::Env& env_;
  PlcOptions options_;
  std::unique_ptr<Server> server_;
};

}  // namespace wireway::source::simulator
