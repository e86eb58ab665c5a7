#include "app/up.h"

#include <cstdio>

#include <fmt/format.h>

#include "app/addresses.h"
#include "app/audit_log.h"
#include "app/data_folder.h"
#include "app/front_door.h"
#include "app/guard.h"
#include "app/key_folder.h"
#include "app/process_metrics.h"
#include "app/ready_report.h"
#include "app/version.h"
#include "base/log.h"
#include "control/reconcile/demo.h"
#include "control/reconcile/folder_source.h"
#include "control/reconcile/git_sources.h"
#include "control/reconcile/listener_certificates.h"
#include "control/reconcile/not_served.h"
#include "control/reconcile/unattended.h"
#include "control/reconcile/workload_reconciler.h"
#include "control/workload/process_runtime.h"
#include "net/os/process.h"
#include "resource/kube_resources.h"

namespace wireway::app {
namespace {

ExitCode report(const Error& error, ExitCode code) {
  log::error("{}", error.message);
  return code;
}

/// The simulated PLC runs because of `--demo`, not because of a resource.
std::vector<control::Workload> demo_workloads(const UpOptions& options) {
  if (!options.demo) return {};
  return {{.name = "plc",
           .arguments = {"simulate", "plc", "--port", fmt::format("{}", options.simulator_port),
                         "--nodes", fmt::format("{}", options.simulator_nodes)}}};
}

/// Where everything is, for people.
struct Places {
  std::string page;      ///< plain, on this machine
  std::string page_tls;  ///< the same port
  std::vector<std::string> network;
  std::string kubeconfig;
  std::string data;
};

void print_table(const UpOptions& options, const Places& places,
                 const std::vector<std::string>& not_ready) {
  std::string out = fmt::format("\n  Wireway {}{}\n\n", version,
                                not_ready.empty() ? " is ready" : ": not everything is ready");
  for (const std::string& line : not_ready) out += fmt::format("  ! {}\n", line);
  if (!not_ready.empty()) out += "\n";
  const auto row = [&out](std::string_view what, std::string_view where) {
    out += fmt::format("  {:<12} {}\n", what, where);
  };
  row("page", fmt::format("{} or {}", places.page, places.page_tls));
  for (const std::string& url : places.network) row("", url);
  row("kubectl", fmt::format("--kubeconfig {}", places.kubeconfig));
  row("MQTT", "see `kubectl get brokerlisteners`; the demo's is 127.0.0.1:1883, WebSocket 8083");
  if (options.demo)
    row("OPC UA", fmt::format("opc.tcp://127.0.0.1:{} (simulated PLC)", options.simulator_port));
  row("data", places.data);
  row("stop", "Ctrl-C");
  fmt::print("{}\n", out);
  std::fflush(stdout);
}

/// Everything that runs once the front door is open; destroyed in reverse.
class ControlPlane {
 public:
  ControlPlane(ProcessEnv& process, const UpOptions& options, const DataFolder& data,
               const Places& places)
      : resources_(resource::make_kube_resources(process.loop, kube_options(data, places.page))),
        runtime_(process.loop, *resources_, runtime_options(data)),
        workloads_(process.env, *resources_, runtime_,
                   workload_options(options, data, places.page)),
        not_served_(process.env, *resources_),
        unattended_(process.env, *resources_, std::string(resource::default_namespace)),
        certificates_(process.env, *resources_, certificate_options(options)),
        objects_(process.env, *resources_),
        git_resources_(resource::make_kube_resources(process.loop, git_options(data, places.page))),
        git_(process.env, *git_resources_, objects_, data.path()),
        ready_(process.env, *resources_, [&options, places](std::vector<std::string> troubles) {
          print_table(options, places, troubles);
        }) {
    if (options.demo)
      demo_ = std::make_unique<control::Demo>(process.env, *resources_, options.simulator_port);
    if (!options.resources.empty())
      folder_ = std::make_unique<control::FolderSource>(process.env, *resources_, objects_,
                                                        options.resources);
  }

  void start() {
    if (demo_) demo_->start();
    if (folder_) folder_->start();
    workloads_.start();
    not_served_.start();
    git_.start();
    unattended_.start();
    certificates_.start();
    ready_.start();
  }
  void stop(std::function<void()> done) { runtime_.stop(std::move(done)); }
  std::map<std::string, ChildFigures> children() const {
    std::map<std::string, ChildFigures> out;
    for (const auto& [name, restarts] : runtime_.restarts()) out[name].restarts = restarts;
    for (const auto& [name, pid] : runtime_.running()) out[name].pid = pid;
    return out;
  }

 private:
  static resource::KubeOptions kube_options(const DataFolder& data, const std::string& url) {
    resource::KubeOptions out;
    out.url = url;
    out.component = "supervisor";
    out.token_file = data.tokens() + "/wireway-supervisor";
    return out;
  }
  /// Repositories apply with rights of their own, which are fewer than ours.
  static resource::KubeOptions git_options(const DataFolder& data, const std::string& url) {
    resource::KubeOptions out = kube_options(data, url);
    out.component = "gitops";
    out.token_file = data.tokens() + "/wireway-gitops";
    return out;
  }
  static control::ProcessRuntimeOptions runtime_options(const DataFolder& data) {
    return {.program = net::own_program_path(), .log_folder = data.path() + "/logs"};
  }
  static control::WorkloadReconcilerOptions workload_options(const UpOptions& options,
                                                             const DataFolder& data,
                                                             const std::string& url) {
    control::WorkloadReconcilerOptions out;
    out.api_url = url;
    out.data_folder = data.path();
    out.token_folder = data.tokens();
    out.always = demo_workloads(options);
    return out;
  }

  static control::ListenerCertificatesOptions certificate_options(const UpOptions& options) {
    control::ListenerCertificatesOptions out;
    out.machine.local = own_names({}, options.names);
    out.machine.network = own_names({{"0.0.0.0", 0}}, options.names);
    return out;
  }

  std::unique_ptr<resource::Resources> resources_;
  control::ProcessRuntime runtime_;
  control::WorkloadReconciler workloads_;
  control::NotServed not_served_;
  control::Unattended unattended_;
  control::ListenerCertificates certificates_;
  control::SourceObjects objects_;
  std::unique_ptr<resource::Resources> git_resources_;
  control::GitSources git_;
  ReadyReport ready_;
  std::unique_ptr<control::Demo> demo_;
  std::unique_ptr<control::FolderSource> folder_;
};

Result<std::vector<net::Endpoint>> parse_addresses(const UpOptions& options) {
  std::vector<net::Endpoint> out;
  for (const std::string& text : options.addresses) {
    auto address = parse_address(text);
    if (!address) return std::unexpected(address.error());
    out.push_back(std::move(*address));
  }
  return out;
}

/// Users of the company's own sign-in, if there is one.
Result<> trust_issuer(ProcessEnv& process, control::Access& access,
                      const control::OidcOptions& options) {
  if (options.issuer.empty()) return {};
  if (auto good = control::check_options(options, access.issuer()); !good) return good;
  if (!options.ca_file.empty())
    if (auto text = process.files->read(options.ca_file); !text)
      return fail(Errc::invalid, fmt::format("--oidc-ca-file: {}", text.error().message));
  access.add(std::make_unique<control::Oidc>(process.loop, link::HttpClient::create(process.loop),
                                             options));
  return {};
}

ExitCode exit_code_of(const Error& error) {
  if (error.code == Errc::conflict) return ExitCode::port_in_use;
  return error.code == Errc::denied ? ExitCode::usage : ExitCode::data_folder;
}

Places places_of(const DataFolder& data, const KeyFolder& keys, const FrontDoor& door) {
  return {.page = door.url(),
          .page_tls = fmt::format("https://{}:{}", keys.local_host(), door.port()),
          .network = door.network_urls(),
          .kubeconfig = data.kubeconfig(),
          .data = data.path()};
}

}  // namespace

ExitCode run_up(const UpOptions& options) {
  ProcessEnv process;
  auto data = DataFolder::open(*process.files, options.data);
  if (!data) return report(data.error(), ExitCode::data_folder);
  if (!options.resources.empty())
    if (auto listed = process.files->list(options.resources); !listed)
      return report({listed.error().code,
                     fmt::format("folder of resources cannot be read: {}; correct --resources",
                                 listed.error().message)},
                    ExitCode::usage);
  auto addresses = parse_addresses(options);
  if (!addresses) return report(addresses.error(), ExitCode::usage);
  auto keys = KeyFolder::open(process.env, {.folder = (*data)->keys(),
                                            .names = own_names(*addresses, options.names),
                                            .certificate_file = options.tls_certificate,
                                            .key_file = options.tls_key});
  if (!keys) return report(keys.error(), ExitCode::data_folder);
  auto guard = open_guard(process.env, (*data)->keys());
  if (!guard) return report(guard.error(), ExitCode::data_folder);
  if (auto trusted = trust_issuer(process, **guard, options.oidc); !trusted)
    return report(trusted.error(), ExitCode::usage);
  auto audit = AuditLog::open(process.env, {.folder = (*data)->audit(),
                                            .file_bytes_max = options.audit_megabytes << 20U,
                                            .files_max = options.audit_files});
  if (!audit)
    return report(
        {audit.error().code, fmt::format("no audit log can be written: {}", audit.error().message)},
        ExitCode::data_folder);
  auto sealer = open_sealer(process.env, (*data)->keys());
  if (!sealer) return report(sealer.error(), ExitCode::data_folder);
  ControlPlane* plane = nullptr;  // stands once the door is open
  const auto more_metrics = [&process, &plane] {
    return process_metrics(*process.files, plane == nullptr ? std::map<std::string, ChildFigures>{}
                                                            : plane->children());
  };
  auto door = FrontDoor::open(process.env, {.database = (*data)->database(),
                                            .port = options.port,
                                            .sealer = std::move(*sealer),
                                            .history_revisions = options.history_revisions,
                                            .addresses = *addresses,
                                            .tls = &(*keys)->tls(),
                                            .access = guard->get(),
                                            .audit = audit->get(),
                                            .more_metrics = more_metrics});
  if (!door) return report(door.error(), exit_code_of(door.error()));
  ServiceTokens tokens(process.env, **guard, (*data)->tokens());
  if (auto started = tokens.start(); !started)
    return report(started.error(), ExitCode::data_folder);
  const Places places = places_of(**data, **keys, **door);
  const auto write_kubeconfig = [&] {
    return (*data)->write_kubeconfig({places.page_tls, (*keys)->authority(), (*keys)->admin()});
  };
  if (auto written = write_kubeconfig(); !written)
    return report(written.error(), ExitCode::data_folder);
  (*keys)->keep_current([&write_kubeconfig] {
    if (auto written = write_kubeconfig(); !written) log::error("{}", written.error().message);
  });
  log::info("web page and Kubernetes API on {} and {}, data in {}", places.page, places.page_tls,
            places.data);

  ControlPlane control(process, options, **data, places);
  plane = &control;
  control.start();
  const bool clean = run_until_signal(process, [&control](std::function<void()> done) {
    log::info("stopping: children first");
    control.stop(std::move(done));
  });
  log::info("stopped");
  return clean ? ExitCode::success : ExitCode::failure;
}

}  // namespace wireway::app
