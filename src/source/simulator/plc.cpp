#include "source/simulator/plc.h"

#include <cstdarg>
#include <cstdio>

#include <fmt/format.h>
#include <open62541/server.h>
#include <open62541/server_config_default.h>

#include "base/assert.h"
#include "base/log.h"
#include "net/worker.h"
#include "source/simulator/address_space.h"
#include "source/simulator/boiler_types.h"
#include "source/simulator/enum_definitions.h"
#include "source/simulator/plc_state.h"

namespace wireway::source::simulator {
namespace {

constexpr std::uint16_t sessions_max = 100;
constexpr std::uint32_t nodes_per_call_max = 2500;

/// The library's own lines are for its developers: they go out at debug level.
void log_library_line(void*, UA_LogLevel, UA_LogCategory, const char* format, va_list arguments) {
  if (!log::enabled(log::Level::debug)) return;
  std::array<char, 512> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  log::write(log::Level::debug, line.data());
}

WallTime wall_now() {
  return WallTime{Duration{(UA_DateTime_now() - UA_DATETIME_UNIX_EPOCH) * 100}};
}

void replace(UA_String& target, const std::string& text) {
  UA_String_clear(&target);
  target = UA_String_fromChars(text.c_str());
}

}  // namespace

/// The server and everything that lives on its thread.
class PlcSimulator::Server {
 public:
  Server(const PlcOptions& options, std::uint16_t port) : options_(options), port_(port) {}
  ~Server();

  Result<> start();
  std::uint16_t port() const { return port_; }

 private:
  struct Deleter {
    void operator()(UA_Server* server) const { UA_Server_delete(server); }
  };

  void configure(UA_ServerConfig& config);
  static void on_cycle(UA_Server*, void* self);

  const PlcOptions& options_;
  std::uint16_t port_;
  UA_Logger logger_{log_library_line, nullptr, nullptr};
  BoilerTypes types_;
  std::unique_ptr<PlcState> state_;
  std::unique_ptr<AddressSpace> space_;
  std::unique_ptr<UA_Server, Deleter> server_;
  bool is_running_ = false;
  std::unique_ptr<net::Worker> worker_;
};

void PlcSimulator::Server::configure(UA_ServerConfig& config) {
  config.logging = &logger_;
  UA_ServerConfig_setMinimal(&config, port_, nullptr);
  replace(config.serverUrls[0],
          fmt::format("opc.tcp://{}:{}", options_.host == "0.0.0.0" ? "" : options_.host, port_));
  replace(config.applicationDescription.applicationUri, options_.application_uri);
  replace(config.applicationDescription.applicationName.text, "Wireway PLC simulator");
  replace(config.applicationDescription.productUri, "urn:wireway:plc-simulator");
  replace(config.buildInfo.manufacturerName, "Wireway");
  replace(config.buildInfo.productName, "Wireway PLC simulator");
  replace(config.buildInfo.softwareVersion, WIREWAY_VERSION);
  replace(config.buildInfo.productUri, "urn:wireway:plc-simulator");
  config.customDataTypes = types_.array();
  // After a restart the port still has connections in TIME_WAIT.
  config.tcpReuseAddr = true;
  config.maxSessions = sessions_max;
  config.maxSecureChannels = sessions_max + 10;
  config.maxNodesPerRead = nodes_per_call_max;
  config.maxNodesPerWrite = nodes_per_call_max;
  config.maxNodesPerBrowse = nodes_per_call_max;
  config.maxNodesPerTranslateBrowsePathsToNodeIds = nodes_per_call_max;
  config.maxMonitoredItemsPerCall = nodes_per_call_max;
  config.publishingIntervalLimits = UA_DurationRange{50.0, 3'600'000.0};
}

Result<> PlcSimulator::Server::start() {
  UA_ServerConfig config{};
  configure(config);
  server_.reset(UA_Server_newWithConfig(&config));
  if (server_ == nullptr) {
    UA_ServerConfig_clean(&config);
    return fail(Errc::exhausted, "the PLC simulator has no memory for its address space");
  }
  const WallTime now = wall_now();
  state_ = std::make_unique<PlcState>(options_.seed, now);
  space_ = std::make_unique<AddressSpace>(*server_, *state_, types_);
  if (Result<> built = space_->build(options_.nodes, now); !built)
    return wrap("PLC simulator", built.error());
  serve_enum_definitions(*server_, types_.enumerations());
  const auto cycle_ms = std::chrono::duration<double, std::milli>(plc_cycle).count();
  UA_Server_addRepeatedCallback(server_.get(), on_cycle, this, cycle_ms, nullptr);
  if (const UA_StatusCode started = UA_Server_run_startup(server_.get());
      started != UA_STATUSCODE_GOOD) {
    return fail(Errc::conflict,
                fmt::format("PLC simulator cannot listen on {}:{} ({}); choose another with --port",
                            options_.host, port_, UA_StatusCode_name(started)));
  }
  is_running_ = true;
  worker_ = std::make_unique<net::Worker>("plc-simulator");
  return worker_->run([this, &worker = *worker_] {
    // Each turn ends at the latest with the next cycle of 100 ms.
    while (!worker.stop_requested()) UA_Server_run_iterate(server_.get(), true);
  });
}

PlcSimulator::Server::~Server() {
  worker_.reset();
  if (is_running_) UA_Server_run_shutdown(server_.get());
}

void PlcSimulator::Server::on_cycle(UA_Server*, void* self) {
  static_cast<Server*>(self)->state_->step(wall_now());
}

PlcSimulator::PlcSimulator(net::Env& env, PlcOptions options)
    : env_(env), options_(std::move(options)) {}

PlcSimulator::~PlcSimulator() = default;

Result<> PlcSimulator::start() {
  WIREWAY_ASSERT(server_ == nullptr, "a running simulator is not started again");
  if (options_.nodes > plc_nodes_max)
    return fail(Errc::invalid, fmt::format("--nodes {} is more than the limit of {}",
                                           options_.nodes, plc_nodes_max));
  // The library shares its port with whoever else asks for it (SO_REUSEPORT), so that a second
  // simulator would start and steal connections. A listener of ours finds out, and finds a free
  // port.
  const net::ListenOptions wanted{.endpoint = {options_.host, options_.port}};
  auto probe = env_.network.listen(wanted, [](std::unique_ptr<net::Stream>) {});
  if (!probe && probe.error().code == Errc::conflict)
    return fail(Errc::conflict,
                fmt::format("PLC simulator: port {} on {} is in use; stop the program that has it "
                            "or choose another port with --port",
                            options_.port, options_.host));
  if (!probe) return wrap("PLC simulator", probe.error());
  const std::uint16_t port = (*probe)->port();
  probe->reset();

  auto server = std::make_unique<Server>(options_, port);
  if (Result<> started = server->start(); !started) return started;
  server_ = std::move(server);
  return {};
}

void PlcSimulator::stop() { server_.reset(); }

std::uint16_t PlcSimulator::port() const {
  return server_ != nullptr ? server_->port() : options_.port;
}

std::string PlcSimulator::url() const {
  return fmt::format("opc.tcp://{}:{}", options_.host == "0.0.0.0" ? "127.0.0.1" : options_.host,
                     port());
}

}  // namespace wireway::source::simulator
