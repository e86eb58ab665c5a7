#include "app/up.h"

#include <cstdio>

#include <fmt/format.h>

#include "app/data_folder.h"
#include "app/front_door.h"
#include "app/ready_report.h"
#include "app/version.h"
#include "base/log.h"
#include "control/reconcile/demo.h"
#include "control/reconcile/folder_source.h"
#include "control/reconcile/not_served.h"
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

void print_table(const UpOptions& options, const std::string& url, const DataFolder& data,
                 const std::vector<std::string>& not_ready) {
  std::string out = fmt::format("\n  Wireway {}{}\n\n", version,
                                not_ready.empty() ? " is ready" : ": not everything is ready");
  for (const std::string& line : not_ready) out += fmt::format("  ! {}\n", line);
  if (!not_ready.empty()) out += "\n";
  const auto row = [&out](std::string_view what, std::string_view where) {
    out += fmt::format("  {:<12} {}\n", what, where);
  };
  row("page", url);
  row("kubectl", fmt::format("--kubeconfig {}", data.kubeconfig()));
  row("MQTT", "see `kubectl get brokerlisteners`; the demo's is 127.0.0.1:1883, WebSocket 8083");
  if (options.demo)
    row("OPC UA", fmt::format("opc.tcp://127.0.0.1:{} (simulated PLC)", options.simulator_port));
  row("data", data.path());
  row("stop", "Ctrl-C");
  fmt::print("{}\n", out);
  std::fflush(stdout);
}

/// Everything that runs once the front door is open; destroyed in reverse.
class ControlPlane {
 public:
  ControlPlane(ProcessEnv& process, const UpOptions& options, const DataFolder& data,
               const std::string& url)
      : resources_(resource::make_kube_resources(process.loop, kube_options(url))),
        runtime_(process.loop, *resources_, runtime_options(data)),
        workloads_(process.env, *resources_, runtime_, workload_options(options, data, url)),
        not_served_(process.env, *resources_),
        ready_(process.env, *resources_, [&options, &data, url](std::vector<std::string> troubles) {
          print_table(options, url, data, troubles);
        }) {
    if (options.demo)
      demo_ = std::make_unique<control::Demo>(process.env, *resources_, options.simulator_port);
    if (!options.resources.empty())
      folder_ =
          std::make_unique<control::FolderSource>(process.env, *resources_, options.resources);
  }

  void start() {
    if (demo_) demo_->start();
    if (folder_) folder_->start();
    workloads_.start();
    not_served_.start();
    ready_.start();
  }
  void stop(std::function<void()> done) { runtime_.stop(std::move(done)); }

 private:
  static resource::KubeOptions kube_options(const std::string& url) {
    resource::KubeOptions out;
    out.url = url;
    out.component = "supervisor";
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
    out.always = demo_workloads(options);
    return out;
  }

  std::unique_ptr<resource::Resources> resources_;
  control::ProcessRuntime runtime_;
  control::WorkloadReconciler workloads_;
  control::NotServed not_served_;
  ReadyReport ready_;
  std::unique_ptr<control::Demo> demo_;
  std::unique_ptr<control::FolderSource> folder_;
};

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
  auto door =
      FrontDoor::open(process.env, (*data)->database(), options.port, options.history_revisions);
  if (!door)
    return report(door.error(), door.error().code == Errc::conflict ? ExitCode::port_in_use
                                                                    : ExitCode::data_folder);
  const std::string url = (*door)->url();
  if (auto written = (*data)->write_kubeconfig(url); !written)
    return report(written.error(), ExitCode::data_folder);
  log::info("web page and Kubernetes API on {}, data in {}", url, (*data)->path());

  ControlPlane control(process, options, **data, url);
  control.start();
  const bool clean = run_until_signal(process, [&control](std::function<void()> done) {
    log::info("stopping: children first");
    control.stop(std::move(done));
  });
  log::info("stopped");
  return clean ? ExitCode::success : ExitCode::failure;
}

}  // namespace wireway::app
