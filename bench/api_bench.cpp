// How fast the I/O-free core of the API server is: creates, gets, lists and watches. Prints
// figures; asserts none. api_http_bench measures what clients meet.
//
//   api_bench [objects]

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include "control/access/access.h"
#include "control/api/server.h"
#include "net/random.h"

namespace wireway {
namespace {

using namespace control;

constexpr const char* collection =
    "/apis/deviceregistry.microsoft.com/v1/namespaces/azure-iot-operations/assets";

double seconds_since(MonoTime start) {
  return std::chrono::duration<double>(system_mono_now() - start).count();
}

void print_rate(std::string_view what, int count, double seconds) {
  fmt::print("{:<58} {:>10.0f} /s\n", what, count / seconds);
}

std::string asset(int number) {
  return fmt::format(
      R"({{"apiVersion":"deviceregistry.microsoft.com/v1","kind":"Asset","metadata":{{"name":"a{}"}},)"
      R"("spec":{{"assetEndpointProfileRef":"plc","datasets":[{{"name":"default","dataPoints":[)"
      R"({{"name":"Temperature","dataSource":"ns=3;s=Temperature"}},)"
      R"({{"name":"Pressure","dataSource":"ns=3;s=Pressure"}}]}}]}}}})",
      number);
}

link::HttpRequest request(std::string method, std::string path, std::string body = "") {
  link::HttpRequest out;
  out.method = std::move(method);
  out.target = out.path = std::move(path);
  out.headers = {{"content-type", "application/json"}, {"user-agent", "bench/1"}};
  out.body = std::move(body);
  return out;
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

class CountingSink final : public WatchSink {
 public:
  explicit CountingSink(std::uint64_t& lines) : lines_(lines) {}
  bool write(std::string_view) override {
    ++lines_;
    return true;
  }
  void end() override {}

 private:
  std::uint64_t& lines_;
};

void bench_core(ApiServer& server, int objects) {
  MonoTime start = system_mono_now();
  for (int i = 0; i < objects; ++i) {
    server.handle(request("POST", collection, asset(i)));
    if (i % 32 == 31) (void)server.commit();
  }
  (void)server.commit();
  print_rate("core: creates, 32 a commit", objects, seconds_since(start));
  start = system_mono_now();
  constexpr int singles = 200;
  for (int i = 0; i < singles; ++i) {
    server.handle(request("POST", collection, asset(objects + i)));
    (void)server.commit();
  }
  print_rate("core: creates, each with its own commit (fsync)", singles, seconds_since(start));
  start = system_mono_now();
  constexpr int gets = 50'000;
  for (int i = 0; i < gets; ++i)
    server.handle(request("GET", fmt::format("{}/a{}", collection, i % objects)));
  print_rate("core: gets", gets, seconds_since(start));
  start = system_mono_now();
  constexpr int lists = 10;
  std::size_t bytes = 0;
  for (int i = 0; i < lists; ++i)
    bytes = server.handle(request("GET", collection)).response.body.size();
  print_rate(fmt::format("core: lists of {} objects ({} KB)", objects + singles, bytes / 1024),
             lists, seconds_since(start));
}

void bench_watches(ApiServer& server, std::int64_t revision, int objects) {
  constexpr int watches = 1000;
  std::uint64_t lines = 0;
  for (int i = 0; i < watches; ++i) {
    auto asked = request("GET", collection);
    asked.query = {{"watch", "1"}, {"resourceVersion", std::to_string(revision)}};
    server.start_watch(server.handle(asked).watch, std::make_unique<CountingSink>(lines));
  }
  constexpr int changes = 500;
  const MonoTime start = system_mono_now();
  for (int i = 0; i < changes; ++i) {
    auto patch = request("PATCH", fmt::format("{}/a{}", collection, i % objects),
                         fmt::format(R"({{"spec":{{"displayName":"{}"}}}})", i));
    patch.headers[0].second = "application/merge-patch+json";
    server.handle(patch);
    if (i % 32 == 31) (void)server.commit();
  }
  (void)server.commit();
  print_rate(fmt::format("core: events told to {} watches ({} patches)", watches, changes),
             static_cast<int>(lines), seconds_since(start));
}

/// What it costs to know who asks.
void bench_tokens(Store& store, net::Random& random, int objects) {
  AccessOptions who;
  who.clock = [] { return system_wall_now(); };
  who.new_uid = [&] { return random.uuid(); };
  who.keys.push_back(*SigningKey::generate());
  Access access(std::move(who));
  ApiServerOptions options;
  options.access = &access;
  options.clock = [] { return system_wall_now(); };
  options.new_uid = [&] { return random.uuid(); };
  auto server = ApiServer::start(store, std::move(options));
  if (!server) return;
  std::string bearer;
  const auto ask = [&](std::string method, std::string path, std::string body = "") {
    auto asked = request(std::move(method), std::move(path), std::move(body));
    asked.peer = "127.0.0.1:1";
    asked.headers.emplace_back("host", "localhost");
    if (!bearer.empty()) asked.headers.emplace_back("authorization", bearer);
    auto answer = (*server)->handle(asked).response;
    (void)(*server)->commit();
    return answer;
  };
  const std::string accounts = "/api/v1/namespaces/default/serviceaccounts";
  ask("POST", accounts, R"({"metadata":{"name":"bench"}})");
  ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
      R"({"metadata":{"name":"bench"},"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},)"
      R"("subjects":[{"kind":"ServiceAccount","name":"bench","namespace":"default"}]})");
  const auto token = parse_json(ask("POST", accounts + "/bench/token", R"({"spec":{}})").body);
  if (!token) return;
  constexpr int gets = 20'000;
  for (const bool with_token : {false, true}) {
    if (with_token) bearer = "Bearer " + text_at(*token, {"status", "token"});
    int good = 0;
    const MonoTime start = system_mono_now();
    for (int i = 0; i < gets; ++i)
      good += ask("GET", fmt::format("{}/a{}", collection, i % objects)).status == 200 ? 1 : 0;
    print_rate(with_token ? "core: gets with a ServiceAccount's token" : "core: gets, guarded",
               good, seconds_since(start));
  }
}

int run(int objects) {
  std::string folder = std::filesystem::temp_directory_path() / "wireway-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return 1;
  net::SystemRandom random;
  auto store = Store::open({.path = folder + "/state.db"});
  if (!store) return 1;
  {
    ApiServerOptions options;
    options.clock = [] { return system_wall_now(); };
    options.new_uid = [&] { return random.uuid(); };
    auto server = ApiServer::start(**store, std::move(options));
    if (!server) return 1;
    bench_core(**server, objects);
    bench_watches(**server, (*store)->revision(), objects);
  }
  bench_tokens(**store, random, objects);
  fmt::print("{:<58} {:>10} MB\n", "resident memory", resident_bytes() / 1024 / 1024);
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace wireway

int main(int count, char** arguments) {
  return wireway::run(count > 1 ? std::atoi(arguments[1]) : 10'000);
}
