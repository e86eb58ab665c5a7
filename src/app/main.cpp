// The program: one binary, its subcommands, and what each of them is made of.

#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/bench/command.h"
#include "app/cli/commands.h"
#include "app/service_process.h"
#include "app/up.h"
#include "app/version.h"
#include "base/log.h"
#include "resource/kind.h"

namespace {

using namespace wireway;

struct Options {
  std::string log_level = "info";
  std::string log_format = "text";
  app::UpOptions up;
  app::ServiceOptions service;
  app::SimulatorOptions simulator;
};

void configure_log(const Options& options, const std::string& component) {
  log::configure(log::parse_level(options.log_level, log::Level::info),
                 options.log_format == "json" ? log::Format::json : log::Format::text, component);
}

void add_log_options(CLI::App& command, Options& options) {
  command.add_option("--log-level", options.log_level, "trace, debug, info, warn or error")
      ->capture_default_str();
  command.add_option("--log-format", options.log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

/// Named as kube-apiserver names them.
void add_oidc(CLI::App& up, control::OidcOptions& oidc) {
  CLI::Option* issuer = up.add_option("--oidc-issuer-url", oidc.issuer,
                                      "https URL of an OpenID issuer whose ID tokens are accepted");
  const auto add = [&up, issuer](const char* name, auto& value, const char* what) {
    return up.add_option(name, value, what)->needs(issuer);
  };
  issuer->needs(add("--oidc-client-id", oidc.client_id, "The audience that its tokens must have"));
  add("--oidc-username-claim", oidc.username_claim, "The claim that names the user")
      ->capture_default_str();
  add("--oidc-username-prefix", oidc.username_prefix,
      "Before that name; default: the issuer and #, nothing for email; - for nothing");
  add("--oidc-groups-claim", oidc.groups_claim, "The claim that lists the user's groups");
  add("--oidc-groups-prefix", oidc.groups_prefix, "Before each of them");
  add("--oidc-required-claim", oidc.required_claims, "CLAIM=VALUE that a token must have");
  add("--oidc-ca-file", oidc.ca_file, "Authorities of the issuer's certificate (PEM)");
  add("--oidc-signing-algs", oidc.algorithms, "Accepted: RS, PS or ES with 256, 384 or 512")
      ->delimiter(',')
      ->capture_default_str();
}

void add_up(CLI::App& root, Options& options) {
  CLI::App* up = root.add_subcommand(
      "up", "Start everything on this machine: API server, web page, and the services as children");
  up->add_flag("--demo", options.up.demo, "Start a simulated PLC and the quickstart's resources");
  up->add_option("--data", options.up.data, "Folder that holds all state")->capture_default_str();
  up->add_option("--resources", options.up.resources,
                 "Folder of manifests to apply, and to keep watching");
  up->add_option("--port", options.up.port, "Port of the web page and the API")
      ->capture_default_str();
  up->add_option("--history-revisions", options.up.history_revisions,
                 "How many changes of each object are kept")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  up->add_option("--audit-log-maxsize", options.up.audit_megabytes,
                 "Megabytes of one file of the audit log in <data>/audit")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  up->add_option("--audit-log-maxbackup", options.up.audit_files,
                 "How many former files of the audit log are kept")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  up->add_option("--address", options.up.addresses,
                 "ADDRESS[:PORT] to serve besides 127.0.0.1 (HTTPS only; needs a user)");
  up->add_option("--tls-name", options.up.names,
                 "Further names and addresses that the server's certificate is for");
  auto* certificate = up->add_option("--tls-cert", options.up.tls_certificate,
                                     "Certificate of your own, with its chain (PEM)");
  auto* key = up->add_option("--tls-key", options.up.tls_key, "Its private key (PEM)");
  certificate->needs(key);
  key->needs(certificate);
  add_oidc(*up, options.up.oidc);
  up->add_option("--simulator-port", options.up.simulator_port, "Port of the simulated PLC")
      ->capture_default_str();
  up->add_option("--demo-nodes", options.up.simulator_nodes,
                 "Extra changing variables of the simulated PLC");
  add_log_options(*up, options);
}

CLI::App* add_service(CLI::App& root, Options& options, const std::string& name,
                      const std::string& what) {
  CLI::App* service = root.add_subcommand(name, what);
  auto* api = service->add_option("--api", options.service.api,
                                  "URL of the Kubernetes API to read resources from");
  service
      ->add_option("--resources", options.service.resources,
                   "Folder of manifests to read instead; no API server needed")
      ->excludes(api);
  service->add_option("--token-file", options.service.token_file, "Bearer token for --api");
  service->add_option("--ca-file", options.service.ca_file, "CA certificates for --api (PEM)");
  service->add_option("--namespace", options.service.space, "Namespace of its resources")
      ->capture_default_str();
  add_log_options(*service, options);
  return service;
}

void add_services(CLI::App& root, Options& options) {
  options.service.space = resource::default_namespace;
  CLI::App* broker = add_service(root, options, "broker", "MQTT 3.1.1 and 5 broker");
  broker
      ->add_option("--shards", options.service.shards,
                   "Threads, whatever the Broker's cardinality; 0 = as it says, or one a core")
      ->check(CLI::Range(0, 64));
  broker
      ->add_option("--busy-poll", options.service.busy_poll_us,
                   "Microseconds that an idle shard looks for messages before it sleeps: lower "
                   "latency for a core's time; 0 = none")
      ->check(CLI::Range(0, 1'000'000));
  broker->add_option("--data", options.service.broker_data,
                     "Folder of its own files; without it there is no `wireway clients`");
  CLI::App* opcua = add_service(root, options, "opcua", "Connector for OPC UA");
  CLI::App* dataflow = add_service(root, options, "dataflow", "Dataflows to MQTT and Delta tables");
  for (CLI::App* service : {opcua, dataflow})
    service->add_option("--broker", options.service.broker,
                        "host:port of the broker, instead of the BrokerListener's");
  dataflow->add_option("--profile", options.service.profile,
                       "The DataflowProfile to serve (default: default)");
  dataflow->add_option("--data", options.service.data, "Folder with the volumes of local storage")
      ->capture_default_str();
}

CLI::App* add_simulator(CLI::App& root, Options& options) {
  CLI::App* simulate = root.add_subcommand("simulate", "Things that are not there");
  simulate->require_subcommand(1);
  CLI::App* plc = simulate->add_subcommand("plc", "An OPC UA server with the quickstart's nodes");
  plc->add_option("--host", options.simulator.host, "Address to listen on")->capture_default_str();
  plc->add_option("--port", options.simulator.port, "Port to listen on")->capture_default_str();
  plc->add_option("--nodes", options.simulator.nodes,
                  "Extra variables, each changing once a second");
  plc->add_option("--seed", options.simulator.seed, "The same seed gives the same values")
      ->capture_default_str();
  add_log_options(*plc, options);
  return plc;
}

app::ExitCode dispatch(const CLI::App& root, const Options& options) {
  const auto chosen = [&root](const char* name) { return root.got_subcommand(name); };
  if (chosen("up")) {
    configure_log(options, "up");
    return app::run_up(options.up);
  }
  if (chosen("broker")) {
    configure_log(options, "broker");
    return app::run_broker(options.service);
  }
  if (chosen("opcua")) {
    configure_log(options, "opcua");
    return app::run_opcua(options.service);
  }
  if (chosen("dataflow")) {
    configure_log(options, "dataflow");
    return app::run_dataflow(options.service);
  }
  if (chosen("simulate")) {
    configure_log(options, "plc");
    return app::run_simulator(options.simulator);
  }
  fmt::print("wireway {}\n", app::version);
  return app::ExitCode::success;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App root("Wireway: an open data plane for the industrial edge");
  root.require_subcommand(1);
  root.set_version_flag("--version", std::string(app::version));
  add_up(root, options);
  add_services(root, options);
  add_simulator(root, options);
  app::cli::Chosen chosen;
  for (const app::cli::AddCommand add : app::cli::commands()) add(root, chosen);
  app::bench::add_bench(root, chosen);
  root.add_subcommand("version", "Print the version");
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports by exceptions; --help and --version come this way too and are a success.
    return root.exit(error) == 0 ? 0 : static_cast<int>(app::ExitCode::usage);
  }
  if (chosen.run) return chosen.run();
  return static_cast<int>(dispatch(root, options));
}
