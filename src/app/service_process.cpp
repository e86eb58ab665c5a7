#include "app/service_process.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <thread>

#include <malloc.h>
#include <unistd.h>

#include <fmt/format.h>

#include "app/components.h"
#include "app/process_metrics.h"
#include "app/version.h"
#include "base/log.h"
#include "broker/service.h"
#include "control/workload/heartbeat.h"
#include "dataflow/service.h"
#include "link/http_client.h"
#include "net/os/process.h"
#include "net/shards.h"
#include "resource/folder_resources.h"
#include "resource/kube_resources.h"
#include "source/opcua/service.h"
#include "source/simulator/plc.h"

namespace wireway::app {
namespace {

Result<std::unique_ptr<resource::Resources>> open_resources(ProcessEnv& process,
                                                            const ServiceOptions& options,
                                                            const std::string& component) {
  if (!options.api.empty()) {
    resource::KubeOptions kube;
    kube.url = options.api;
    kube.token_file = options.token_file;
    kube.ca_file = options.ca_file;
    kube.component = component;
    return resource::make_kube_resources(process.loop, std::move(kube));
  }
  if (options.resources.empty())
    return fail(Errc::invalid,
                fmt::format("{}: say where its resources are: --api URL of a Kubernetes API, or "
                            "--resources DIR with manifests",
                            component));
  if (auto listed = process.files->list(options.resources); !listed)
    return fail(Errc::not_found, fmt::format("{}: folder of resources cannot be read: {}",
                                             component, listed.error().message));
  return resource::make_folder_resources(process.env, options.resources, component);
}

Result<std::optional<net::Endpoint>> parse_broker(const std::string& text) {
  if (text.empty()) return std::optional<net::Endpoint>{};
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const bool good = colon != std::string::npos && colon > 0 &&
                    std::from_chars(text.data() + colon + 1, end, port).ptr == end && port != 0;
  if (!good)
    return fail(Errc::invalid,
                fmt::format("--broker {}: write host:port, as in 127.0.0.1:1883", text));
  return std::optional(net::Endpoint{text.substr(0, colon), port});
}

ExitCode report(const Error& error, ExitCode code) {
  log::error("{}", error.message);
  return code;
}

/// The sign of life for a supervisor that has asked for it.
std::unique_ptr<control::Heartbeat> heartbeat_of(ProcessEnv& process) {
  if (std::getenv(std::string(control::heartbeat_variable).c_str()) == nullptr) return nullptr;
  return std::make_unique<control::Heartbeat>(process.loop);
}

/// start() -> run until a signal -> stop(done).
template <class Service>
ExitCode serve(ProcessEnv& process, Service& service) {
  const auto heartbeat = heartbeat_of(process);
  service.start();
  const bool clean =
      run_until_signal(process, [&](std::function<void()> done) { service.stop(std::move(done)); });
  return clean ? ExitCode::success : ExitCode::failure;
}

/// What a flood of connections leaves to the journal, to metrics and to who looks after it.
std::size_t connections_within(std::size_t files) {
  constexpr std::size_t others = 256;
  return files > 2 * others ? files - others : files / 2;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

/// The broker's service on as many shards as its Broker asks for: with another number it is stopped
/// and built anew, and what survives comes back from the journal.
class BrokerHost {
 public:
  BrokerHost(ProcessEnv& process, resource::Resources& resources, const ServiceOptions& options)
      : process_(process),
        resources_(resources),
        options_(options),
        files_(net::raise_open_files_max()),
        http_(link::HttpClient::create(process.loop)) {}

  void start() {
    process_.loop.set_busy_poll(busy_poll_);
    begin(options_.shards > 0 ? options_.shards : cores());
  }
  void stop(std::function<void()> done) {
    stopped_ = std::move(done);
    if (!is_resharding_) service_->stop([this] { stopped_(); });
  }

 private:
  static std::size_t cores() { return std::max(1U, std::thread::hardware_concurrency()); }

  void begin(std::size_t count) {
    shards_ = net::make_os_shards(process_.env, count, busy_poll_);
    service_ = std::make_unique<broker::BrokerService>(*shards_, resources_, service_options());
    service_->start();
  }

  void reshard(std::size_t count) {
    if (stopped_ || std::exchange(is_resharding_, true)) return;
    service_->stop([this, count] {
      process_.loop.post([this, count] {
        service_.reset();
        shards_.reset();
        is_resharding_ = false;
        if (stopped_) return stopped_();
        begin(count);
      });
    });
  }

  broker::BrokerServiceOptions service_options() {
    broker::BrokerServiceOptions out;
    out.space = options_.space;
    out.connections_max = connections_within(files_);
    if (!options_.broker_data.empty()) out.folder = options_.broker_data + "/broker";
    out.operations.hostname = host_name();
    out.operations.version = version;
    out.operations.heap_bytes = [] { return std::uint64_t(mallinfo2().uordblks); };
    out.operations.more_metrics = [this] { return process_metrics(*process_.files, {}); };
    out.http = http_.get();
    if (options_.shards > 0) return out;
    out.shards_max = cores();
    out.reshard = [this](std::size_t count) {
      process_.loop.post([this, count] { reshard(count); });
    };
    return out;
  }

  ProcessEnv& process_;
  resource::Resources& resources_;
  const ServiceOptions& options_;
  const Duration busy_poll_ = std::chrono::microseconds{options_.busy_poll_us};
  const std::size_t files_;
  std::unique_ptr<link::HttpClient> http_;
  std::unique_ptr<net::Shards> shards_;
  std::unique_ptr<broker::BrokerService> service_;
  bool is_resharding_ = false;
  std::function<void()> stopped_;
};

}  // namespace

ExitCode run_broker(const ServiceOptions& options) {
  ProcessEnv process;
  auto resources = open_resources(process, options, "broker");
  if (!resources) return report(resources.error(), ExitCode::usage);
  BrokerHost host(process, **resources, options);
  return serve(process, host);
}

ExitCode run_opcua(const ServiceOptions& options) {
  ProcessEnv process;
  auto resources = open_resources(process, options, "opcua");
  if (!resources) return report(resources.error(), ExitCode::usage);
  auto broker = parse_broker(options.broker);
  if (!broker) return report(broker.error(), ExitCode::usage);
  source::opcua::OpcuaServiceOptions service_options;
  service_options.space = options.space;
  service_options.broker = *broker;
  source::opcua::OpcuaService service(process.env, **resources, std::move(service_options));
  return serve(process, service);
}

ExitCode run_dataflow(const ServiceOptions& options) {
  ProcessEnv process;
  auto resources = open_resources(process, options, "dataflow");
  if (!resources) return report(resources.error(), ExitCode::usage);
  auto broker = parse_broker(options.broker);
  if (!broker) return report(broker.error(), ExitCode::usage);
  dataflow::DataflowServiceOptions service_options;
  service_options.space = options.space;
  if (!options.profile.empty()) service_options.profile = options.profile;
  service_options.sinks = destinations();
  service_options.data_folder = options.data;
  service_options.broker = *broker;
  dataflow::DataflowService service(process.env, **resources, std::move(service_options));
  return serve(process, service);
}

ExitCode run_simulator(const SimulatorOptions& options) {
  ProcessEnv process;
  source::simulator::PlcOptions plc;
  plc.host = options.host;
  plc.port = options.port;
  plc.nodes = options.nodes;
  plc.seed = options.seed;
  const auto heartbeat = heartbeat_of(process);
  source::simulator::PlcSimulator simulator(process.env, plc);
  if (auto started = simulator.start(); !started)
    return report(started.error(), started.error().code == Errc::conflict ? ExitCode::port_in_use
                                                                          : ExitCode::failure);
  log::info("simulated PLC: OPC UA at {}, {} extra nodes", simulator.url(), options.nodes);
  const bool clean = run_until_signal(process, [&](std::function<void()> done) {
    simulator.stop();
    done();
  });
  return clean ? ExitCode::success : ExitCode::failure;
}

}  // namespace wireway::app
