#pragma once
/// A data-plane service as a process of its own: `wireway broker|opcua|dataflow`. The same for all:
/// where resources come from (API or folder), the service on the loop, a clean end.
///
/// Errors: an exit code and one line; see ExitCode

#include <cstdint>
#include <string>

#include "app/process.h"

namespace wireway::app {

/// Options that every service has.
struct ServiceOptions {
  std::string api;        ///< URL of the Kubernetes API; empty = `resources`
  std::string resources;  ///< folder of manifests
  std::string token_file;
  std::string ca_file;
  std::string space;
  std::string profile;  ///< dataflow: the DataflowProfile to serve; empty = "default"
  std::string broker;   ///< opcua, dataflow: "host:port" instead of the BrokerListener's
  std::string data = "./.wireway";  ///< dataflow: volumes are below it
  std::string broker_data =
      {};                    ///< broker: its files are in the folder broker below it; empty = none
  std::uint32_t shards = 0;  ///< broker: 0 = one a core
  std::uint32_t busy_poll_us = 0;  ///< broker: see OsLoop::set_busy_poll()
};

ExitCode run_broker(const ServiceOptions& options);
ExitCode run_opcua(const ServiceOptions& options);
ExitCode run_dataflow(const ServiceOptions& options);

struct SimulatorOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 50000;
  std::uint32_t nodes = 0;
  std::uint64_t seed = 1;
};

ExitCode run_simulator(const SimulatorOptions& options);

}  // namespace wireway::app
