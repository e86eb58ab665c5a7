#include "app/bench/command.h"

#include <random>

#include <fmt/format.h>

#include "app/bench/process_figures.h"
#include "app/bench/run.h"
#include "app/cli/console.h"
#include "app/process.h"

namespace wireway::app::bench {
namespace {

struct Kept final : cli::Chosen::Kept {
  MqttBenchOptions options;
};

std::string list_of_scenarios() {
  std::string out = "Scenarios:\n";
  for (const ScenarioName& each : scenarios())
    out += fmt::format("  {:<28}{}\n", each.name, each.what);
  out +=
      "\nEvery message carries a sequence number and a time. Exit code 1: something was lost, "
      "came\n"
      "twice, came out of order, or the run failed. docs/guide/measure.md says how to measure.\n";
  return out;
}

std::vector<std::string> names_of_scenarios() {
  std::vector<std::string> out;
  for (const ScenarioName& each : scenarios()) out.emplace_back(each.name);
  return out;
}

void add_target(CLI::App& command, MqttBenchOptions& options) {
  const auto add = [&command](const char* name, auto& value, const char* what) {
    return command.add_option(name, value, what)->group("Broker");
  };
  add("--host", options.host, "Its name or address")->capture_default_str();
  add("--port", options.port, "Its port")->capture_default_str();
  add("--pid", options.pid, "Its process, for processor time and memory");
  add("--mqtt", options.version, "Version to speak: 3.1.1 or 5")
      ->check(CLI::IsMember({"3.1.1", "5"}))
      ->capture_default_str();
  add("--username", options.username, "User name");
  add("--password-file", options.password_file, "File with the password");
  command.add_flag("--tls", options.tls, "TLS")->group("Broker");
  add("--ca-file", options.ca_file, "Authorities that its certificate may have (PEM)");
  add("--server-name", options.server_name, "Name that its certificate must be for");
}

void add_load(CLI::App& command, MqttBenchOptions& options) {
  const auto add = [&command](const char* name, auto& value, const char* what) {
    return command.add_option(name, value, what)->group("Load");
  };
  add("--scenario,scenario", options.scenario, "See below")
      ->check(CLI::IsMember(names_of_scenarios()))
      ->capture_default_str();
  add("--seconds", options.seconds, "Length of the measured span")
      ->check(CLI::Range(0.01, 1e6))
      ->capture_default_str();
  add("--warm-up", options.warm_up_s, "Seconds before it")->capture_default_str();
  add("--qos", options.qos, "0, 1 or 2")->check(CLI::Range(0, 2));
  add("--size", options.payload_bytes, "Bytes of a payload")
      ->check(CLI::Range(payload_bytes_min, 16U * 1024 * 1024))
      ->capture_default_str();
  add("--connections", options.connections, "Pairs, publishers, subscribers or sessions")
      ->check(CLI::Range(1U, 1'000'000U));
  add("--window", options.window, "Messages that each publisher has on the way")
      ->check(CLI::Range(1U, 65'535U));
  add("--rate", options.rate, "Messages a second in all, open loop; latency is reported");
  add("--filters", options.filters, "wildcards: filters in all; idle: of each connection")
      ->check(CLI::Range(0U, 1'000'000U));
  add("--topics", options.topics, "retained: topics")->check(CLI::Range(2U, 1'000'000U));
  add("--messages", options.messages, "offline: messages for each session")
      ->check(CLI::Range(1U, 1'000'000U));
  command.add_flag("--persistent", options.persistent, "Subscribers' sessions outlive connections")
      ->group("Load");
  command.add_flag("--keep", options.keep, "retained: do not remove the messages")->group("Load");
  add("--topic", options.topic, "Topics begin with it")->capture_default_str();
  add("--run", options.run, "Number that marks this run's clients and messages; default: random");
  add("--patience", options.patience_s, "Seconds without progress after which it ends")
      ->capture_default_str();
}

Result<std::unique_ptr<net::TlsClientContext>> tls_of(const MqttBenchOptions& options,
                                                      net::Files& files) {
  if (!options.tls) return nullptr;
  net::TlsClientOptions tls;
  if (!options.ca_file.empty()) {
    auto ca = files.read(options.ca_file);
    if (!ca) return std::unexpected(ca.error());
    tls.ca = std::move(*ca);
  }
  return net::TlsClientContext::create(std::move(tls));
}

Result<std::string> password_of(const MqttBenchOptions& options, net::Files& files) {
  if (options.password_file.empty()) return "";
  auto text = files.read(options.password_file);
  if (!text) return std::unexpected(text.error());
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return text;
}

}  // namespace

int run_mqtt_bench(MqttBenchOptions options) {
  cli::SystemConsole console;
  ProcessEnv process;
  const auto failed = [&console](const Error& error) {
    console.err(fmt::format("error: {}\n", error.message));
    return cli::to_int(cli::Exit::failure);
  };
  if (options.run == 0) options.run = std::random_device{}();
  if (options.pid != 0 && !resident_bytes(options.pid))
    return failed({Errc::not_found, fmt::format("there is no process {}", options.pid)});
  Settings settings = with_defaults(std::move(options));
  auto tls = tls_of(settings.options, *process.files);
  if (!tls) return failed(tls.error());
  auto password = password_of(settings.options, *process.files);
  if (!password) return failed(password.error());
  settings.password = std::move(*password);
  raise_open_files();

  const Ground ground{.loop = process.loop,
                      .network = process.loop,
                      .settings = settings,
                      .tls = tls->get(),
                      .clock = [](net::Loop&) { return system_mono_now(); }};
  const std::unique_ptr<Run> run = make_run(ground);
  run->start([&process] { process.loop.stop(); });
  process.loop.run();
  const Report& report = run->report();
  console.out(settings.options.json ? to_json(report, settings) : to_text(report, settings));
  return cli::to_int(report.good() ? cli::Exit::ok : cli::Exit::failure);
}

void add_bench(CLI::App& root, cli::Chosen& chosen) {
  CLI::App* bench = root.add_subcommand("bench", "Measure: what does a broker cost?");
  bench->require_subcommand(1);
  CLI::App* mqtt = bench->add_subcommand(
      "mqtt", "Load for any MQTT broker; counts, order, duplicates and loss are checked");
  auto owned = std::make_unique<Kept>();
  MqttBenchOptions& options = owned->options;
  chosen.kept.push_back(std::move(owned));
  add_load(*mqtt, options);
  add_target(*mqtt, options);
  mqtt->add_flag("--json", options.json, "One JSON object instead of text");
  mqtt->footer(list_of_scenarios());
  mqtt->final_callback(
      [&chosen, &options] { chosen.run = [&options] { return run_mqtt_bench(options); }; });
}

}  // namespace wireway::app::bench
