// How fast the API server is: creates and gets in the I/O-free core, over HTTP on the loopback, and
// watches. Prints figures; asserts none.
//
//   api_bench [objects]

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include "control/api/http.h"
#include "net/os/os_loop.h"

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

/// Clients on keep-alive connections, each with one request under way.
class HttpClients final {
 public:
  HttpClients(net::OsLoop& loop, std::uint16_t port, int clients)
      : loop_(loop), port_(port), clients_(clients) {}

  double run(int total, std::function<std::string(int)> make) {
    make_ = std::move(make);
    next_ = done_ = 0;
    total_ = total;
    const MonoTime start = system_mono_now();
    for (int i = 0; i < clients_; ++i) {
      connections_.push_back(std::make_unique<Connection>(*this));
      connections_.back()->open(loop_, port_);
    }
    loop_.run();
    connections_.clear();
    return seconds_since(start);
  }
  int failed() const { return failed_; }

 private:
  class Connection final : public net::StreamHandler {
   public:
    explicit Connection(HttpClients& owner) : owner_(owner) {}
    void open(net::OsLoop& loop, std::uint16_t port) {
      stream_ = loop.connect({"127.0.0.1", port}, *this, std::chrono::seconds{5});
    }
    void on_open() override { send(); }
    void on_bytes(ByteView bytes) override {
      received_ += as_text(bytes);
      const auto head = received_.find("\r\n\r\n");
      if (head == std::string::npos) return;
      auto at = received_.find("Content-Length: ");
      if (at == std::string::npos || at > head) at = received_.find("content-length: ");
      const std::size_t size = std::strtoul(received_.c_str() + at + 16, nullptr, 10);
      if (received_.size() < head + 4 + size) return;
      if (!received_.starts_with("HTTP/1.1 20")) ++owner_.failed_;
      received_.clear();
      if (++owner_.done_ == owner_.total_) owner_.loop_.stop();
      send();
    }
    void on_close(const Error&) override {}

   private:
    void send() {
      if (owner_.next_ < owner_.total_) stream_->write(as_bytes(owner_.make_(owner_.next_++)));
    }
    HttpClients& owner_;
    std::unique_ptr<net::Stream> stream_;
    std::string received_;
  };

  net::OsLoop& loop_;
  std::uint16_t port_;
  int clients_;
  std::function<std::string(int)> make_;
  std::vector<std::unique_ptr<Connection>> connections_;
  int next_ = 0;
  int done_ = 0;
  int total_ = 0;
  int failed_ = 0;
};

std::string wire_request(std::string_view method, std::string_view path, std::string_view body) {
  return fmt::format(
      "{} {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\n"
      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      method, path, body.size(), body);
}

int run(int objects) {
  std::string folder = std::filesystem::temp_directory_path() / "wireway-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return 1;
  net::OsLoop loop;
  const auto files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
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
  auto api = ApiHttp::start(env, **store);
  if (!api) return 1;
  auto server = link::HttpServer::start(
      env, {.endpoint = {"127.0.0.1", 0}},
      [&](link::HttpRequest received, std::shared_ptr<link::HttpResponder> responder) {
        (*api)->handle(std::move(received), std::move(responder));
      });
  if (!server) return 1;
  constexpr int clients = 32;
  HttpClients http(loop, (*server)->port(), clients);
  const int creates = 5'000;
  print_rate(fmt::format("HTTP, {} connections, client in the same thread: creates", clients),
             creates, http.run(creates, [&](int i) {
               return wire_request("POST", collection, asset(1'000'000 + i));
             }));
  const int gets = 50'000;
  print_rate(fmt::format("HTTP, {} connections, client in the same thread: gets", clients), gets,
             http.run(gets, [&](int i) {
               return wire_request("GET", fmt::format("{}/a{}", collection, i % objects), "");
             }));
  fmt::print("{:<58} {:>10}\n", "HTTP: requests that failed", http.failed());
  fmt::print("{:<58} {:>10} MB\n", "resident memory", resident_bytes() / 1024 / 1024);
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace wireway

int main(int count, char** arguments) {
  return wireway::run(count > 1 ? std::atoi(arguments[1]) : 10'000);
}
