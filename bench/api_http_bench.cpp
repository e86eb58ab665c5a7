// The API server as its clients meet it: HTTP on the loopback, server on one core and load on
// another, beside etcd (the store of a Kubernetes API server) under the same load in the same run.
// With its guard (a token in each request) and its audit log, as `wireway up` runs it; without TLS.
// Prints figures; asserts none.
//
//   api_http_bench [objects]
//
// etcd is reached through its HTTP/JSON gateway, because that is what the same client can load; its
// gRPC door costs it less.

#include <cstring>
#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <sched.h>

#include <boost/beast/core/detail/base64.hpp>

#include "app/audit_log.h"
#include "app/guard.h"
#include "bench/load_client.h"
#include "control/api/http.h"
#include "net/os/process.h"

namespace wireway::bench {
namespace {

constexpr const char* collection =
    "/apis/deviceregistry.microsoft.com/v1/namespaces/azure-iot-operations/assets";
constexpr int connections = 32;
constexpr int creates = 10'000;
constexpr int gets = 100'000;
constexpr int watches = 1'000;
constexpr int changes = 400;
constexpr Duration change_interval = std::chrono::milliseconds{25};

void pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core % std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN))), &set);
  sched_setaffinity(0, sizeof set, &set);
}

/// Of an account that may write what a plant consists of.
std::string read_token(const std::string& folder) {
  const auto text = net::make_os_files()->read(folder + "/tokens/wireway-gitops");
  return text ? *text : std::string();
}

std::string asset_spec(std::string_view display_name) {
  return fmt::format(
      R"({{"displayName":"{}","assetEndpointProfileRef":"plc","datasets":[{{"name":"default",)"
      R"("dataPoints":[{{"name":"Temperature","dataSource":"ns=3;s=Temperature"}},)"
      R"({{"name":"Pressure","dataSource":"ns=3;s=Pressure"}}]}}]}})",
      display_name);
}

std::string asset(int number) {
  return fmt::format(R"({{"apiVersion":"deviceregistry.microsoft.com/v1","kind":"Asset",)"
                     R"("metadata":{{"name":"a{}"}},"spec":{}}})",
                     number, asset_spec("first"));
}

std::string base64(std::string_view text) {
  namespace codec = boost::beast::detail::base64;
  std::string out(codec::encoded_size(text.size()), '\0');
  out.resize(codec::encode(out.data(), text.data(), text.size()));
  return out;
}

std::string from_base64(std::string_view text) {
  namespace codec = boost::beast::detail::base64;
  std::string out(codec::decoded_size(text.size()), '\0');
  out.resize(codec::decode(out.data(), text.data(), text.size()).first);
  return out;
}

/// The text between `before` and the next quote.
std::string_view quoted(std::string_view line, std::string_view before) {
  const auto begin = line.find(before);
  if (begin == std::string_view::npos) return {};
  line.remove_prefix(begin + before.size());
  return line.substr(0, line.find('"'));
}

std::int64_t number(std::string_view text) {
  std::int64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

/// The server's process: `api_http_bench --serve FOLDER`.
int serve(const std::string& folder) {
  pin_to(0);
  net::OsLoop loop;
  const auto files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  auto guard = app::open_guard(env, folder);
  auto sealer = app::open_sealer(env, folder);
  auto audit = app::AuditLog::open(env, {.folder = folder + "/audit"});
  if (!guard || !sealer || !audit) return 1;
  auto store = control::Store::open({.path = folder + "/state.db", .sealer = std::move(*sealer)});
  if (!store) return 1;
  control::ApiServerOptions options;
  options.access = guard->get();
  options.audit = audit->get();
  auto api = control::ApiHttp::start(env, **store, std::move(options));
  if (!api) return 1;
  app::ServiceTokens tokens(env, **guard, folder + "/tokens");
  if (!tokens.start()) return 1;
  auto server = link::HttpServer::start(
      env, {.endpoint = {"127.0.0.1", 0}},
      [&](link::HttpRequest received, std::shared_ptr<link::HttpResponder> responder) {
        (*api)->handle(std::move(received), std::move(responder));
      });
  if (!server) return 1;
  fmt::print("port {}\n", (*server)->port());
  std::fflush(stdout);
  loop.run();
  return 0;
}

/// One server under load: its process and its port.
struct Server {
  std::unique_ptr<net::Process> process;
  std::uint16_t port = 0;
};

/// Starts a program and waits until `is_up` finds its port in a line of its output.
std::optional<Server> start(net::OsLoop& loop, std::vector<std::string> arguments,
                            std::function<std::uint16_t(std::string_view line)> is_up) {
  Server out;
  net::Timer limit(loop);
  auto process =
      net::start_process(loop, {.arguments = std::move(arguments),
                                .on_output =
                                    [&out, &loop, is_up = std::move(is_up)](std::string_view line) {
                                      if (out.port != 0) return;
                                      out.port = is_up(line);
                                      if (out.port != 0) loop.stop();
                                    },
                                .on_exit = [&loop](const net::ExitStatus&) { loop.stop(); }});
  if (!process) return std::nullopt;
  out.process = std::move(*process);
  limit.arm(std::chrono::seconds{20}, [&loop] { loop.stop(); });
  loop.run();
  if (out.port == 0) return std::nullopt;
  return out;
}

void print_rate(std::string_view who, std::string_view what, int count, double seconds,
                double cpu) {
  fmt::print("{:<8} {:<36} {:>9.0f} /s {:>8.1f} us CPU each {:>9.0f} /CPU s\n", who, what,
             count / seconds, cpu / count * 1e6, cpu > 0 ? count / cpu : 0);
}

void print_watches(std::string_view who, StreamFigures figures, double cpu) {
  fmt::print(
      "{:<8} {} watches x {} changes: {} events, p50 {:.1f} ms, p99 {:.1f} ms, max {:.1f} ms, "
      "{:.2f} us CPU an event\n",
      who, watches, changes, figures.lines, figures.percentile(0.5), figures.percentile(0.99),
      figures.percentile(1),
      cpu / static_cast<double>(std::max<std::int64_t>(1, figures.lines)) * 1e6);
  fmt::print("{:<8} events twice {}, out of order {}, watches that missed some {}, broken {}\n",
             who, figures.twice, figures.out_of_order, figures.streams_short, figures.broken);
}

/// CPU seconds that `work` cost the server.
template <typename Work>
double cost(const Server& server, Work work) {
  const double before = cpu_seconds(server.process->pid());
  work();
  return cpu_seconds(server.process->pid()) - before;
}

void load_ours(net::OsLoop& loop, const Server& server, int objects, const std::string& token) {
  const auto wire_request = [&token](std::string_view method, std::string_view path,
                                     std::string_view body,
                                     std::string_view type = "application/json") {
    return bench::wire_request({method, path, body, type}, token);
  };
  HttpLoad http(loop, server.port, connections);
  double seconds = 0;
  double cpu = cost(server, [&] {
    seconds = http.run(creates, [&](int i) { return wire_request("POST", collection, asset(i)); });
  });
  print_rate("wireway", fmt::format("creates, {} connections", connections), creates, seconds, cpu);
  if (objects > creates)
    http.run(objects - creates,
             [&](int i) { return wire_request("POST", collection, asset(creates + i)); });
  cpu = cost(server, [&] {
    seconds = http.run(gets, [&](int i) {
      return wire_request("GET", fmt::format("{}/a{}", collection, i % objects), "");
    });
  });
  print_rate("wireway", fmt::format("gets, {} connections", connections), gets, seconds, cpu);
  fmt::print("{:<8} requests that failed: {}\n", "wireway", http.failed());

  HttpLoad one(loop, server.port, 1);
  one.run(1, [&](int) { return wire_request("GET", fmt::format("{}?limit=1", collection), ""); });
  const std::string revision(quoted(one.last_answer(), "\"resourceVersion\":\""));
  StreamLoad streams(loop, server.port, [](std::string_view line) -> StreamLine {
    if (!line.starts_with("{\"type\":\"MODIFIED\"")) return {};
    return {number(quoted(line, "\"resourceVersion\":\"")),
            number(quoted(line, "\"displayName\":\""))};
  });
  StreamFigures figures;
  cpu = cost(server, [&] {
    figures = streams.run(
        watches,
        wire_request("GET", fmt::format("{}?watch=1&resourceVersion={}", collection, revision), ""),
        changes, change_interval, [&](int i, std::int64_t sent_ns) {
          return wire_request("PATCH", fmt::format("{}/a{}", collection, i % objects),
                              fmt::format(R"({{"spec":{{"displayName":"{}"}}}})", sent_ns),
                              "application/merge-patch+json");
        });
  });
  print_watches("wireway", std::move(figures), cpu);
}

void load_etcd(net::OsLoop& loop, const Server& server, int objects) {
  const auto put = [](int i, std::string_view value) {
    return wire_request(
        {"POST", "/v3/kv/put",
         fmt::format(R"({{"key":"{}","value":"{}"}})",
                     base64(fmt::format("/registry/assets/a{:08}", i)), base64(value))});
  };
  HttpLoad http(loop, server.port, connections);
  double seconds = 0;
  double cpu =
      cost(server, [&] { seconds = http.run(creates, [&](int i) { return put(i, asset(i)); }); });
  print_rate("etcd", fmt::format("puts, {} connections", connections), creates, seconds, cpu);
  cpu = cost(server, [&] {
    seconds = http.run(gets / 4, [&](int i) {
      return wire_request(
          {"POST", "/v3/kv/range",
           fmt::format(R"({{"key":"{}"}})", base64(fmt::format("/registry/assets/a{:08}",
                                                               i % std::min(objects, creates))))});
    });
  });
  print_rate("etcd", fmt::format("gets, {} connections", connections), gets / 4, seconds, cpu);
  fmt::print("{:<8} requests that failed: {}\n", "etcd", http.failed());

  StreamLoad streams(loop, server.port, [](std::string_view line) -> StreamLine {
    const std::string_view value = quoted(line, "\"value\":\"");
    if (value.empty()) return {};
    return {number(quoted(line, "\"mod_revision\":\"")), number(from_base64(value))};
  });
  StreamFigures figures;
  cpu = cost(server, [&] {
    figures = streams.run(
        watches,
        wire_request({"POST", "/v3/watch",
                      fmt::format(R"({{"create_request":{{"key":"{}","range_end":"{}"}}}})",
                                  base64("/registry/assets/"), base64("/registry/assets0"))}),
        changes, change_interval, [&](int i, std::int64_t sent_ns) {
          return put(i, fmt::format("{} {}", sent_ns, asset_spec("later")));
        });
  });
  print_watches("etcd", std::move(figures), cpu);
}

std::uint16_t etcd_port(std::string_view line, std::uint16_t asked) {
  return line.find("ready to serve client requests") != std::string_view::npos ? asked : 0;
}

/// A port that was free just now; etcd cannot be asked for "any".
std::uint16_t free_port(net::OsLoop& loop) {
  auto listener = loop.listen({.endpoint = {"127.0.0.1", 0}}, [](std::unique_ptr<net::Stream>) {});
  return listener ? (*listener)->port() : 0;
}

void bench_etcd(net::OsLoop& loop, const std::string& folder, int objects) {
  const std::uint16_t client_port = free_port(loop);
  const std::uint16_t peer_port = free_port(loop);
  const std::string client = fmt::format("http://127.0.0.1:{}", client_port);
  const std::string peer = fmt::format("http://127.0.0.1:{}", peer_port);
  auto etcd = start(
      loop,
      {"/usr/bin/env", "taskset", "-c", "0", "etcd", "--data-dir", folder + "/etcd",
       "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls",
       peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer},
      [client_port](std::string_view line) { return etcd_port(line, client_port); });
  if (!etcd) {
    fmt::print("etcd     not measured: there is no etcd on this machine (Debian: etcd-server)\n");
    return;
  }
  load_etcd(loop, *etcd, objects);
  fmt::print("{:<8} resident memory {:.0f} MB\n", "etcd", resident_megabytes(etcd->process->pid()));
}

int run(int objects) {
  std::string folder = std::filesystem::temp_directory_path() / "wireway-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return 1;
  pin_to(1);
  net::OsLoop loop;
  const auto start_ours = [&] {
    return start(loop, {net::own_program_path(), "--serve", folder}, [](std::string_view line) {
      return line.starts_with("port ") ? static_cast<std::uint16_t>(number(line.substr(5)))
                                       : std::uint16_t{0};
    });
  };
  auto ours = start_ours();
  if (!ours) return 1;
  const std::string token = read_token(folder);
  load_ours(loop, *ours, objects, token);
  fmt::print("{:<8} resident memory after the load {:.0f} MB\n", "wireway",
             resident_megabytes(ours->process->pid()));
  ours.reset();
  ours = start_ours();
  if (!ours) return 1;
  HttpLoad http(loop, ours->port, 1);
  http.run(1,
           [&](int) { return wire_request({"GET", fmt::format("{}/a1", collection), ""}, token); });
  fmt::print("{:<8} resident memory started anew on {} objects {:.0f} MB\n", "wireway", objects,
             resident_megabytes(ours->process->pid()));
  ours.reset();
  bench_etcd(loop, folder, objects);
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace wireway::bench

int main(int count, char** arguments) {
  if (count == 3 && std::strcmp(arguments[1], "--serve") == 0)
    return wireway::bench::serve(arguments[2]);
  return wireway::bench::run(count > 1 ? std::atoi(arguments[1]) : 10'000);
}
