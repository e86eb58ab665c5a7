// The API server alone, as `wireway up` runs it, for tests from outside: prints "port N" once it
// listens.
//
//   interop_api_server <database> [port]

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "base/log.h"
#include "control/api/http.h"
#include "net/os/os_loop.h"

namespace wireway {
namespace {

int run(const std::string& database, std::uint16_t port) {
  net::OsLoop loop;
  const auto files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  auto store = control::Store::open({.path = database});
  if (!store) {
    log::error("{}", store.error().message);
    return 1;
  }
  auto api = control::ApiHttp::start(env, **store);
  if (!api) {
    log::error("{}", api.error().message);
    return 1;
  }
  auto server = link::HttpServer::start(
      env, {.endpoint = {"127.0.0.1", port}},
      [&](link::HttpRequest request, std::shared_ptr<link::HttpResponder> responder) {
        if (control::ApiServer::owns(request.path))
          (*api)->handle(std::move(request), std::move(responder));
        else
          responder->respond({.status = 404});
      });
  if (!server) {
    log::error("{}", server.error().message);
    return 1;
  }
  fmt::print("port {}\n", (*server)->port());
  std::fflush(stdout);
  loop.on_signals({SIGINT, SIGTERM}, [&](int) { loop.stop(); });
  loop.run();
  return 0;
}

}  // namespace
}  // namespace wireway

int main(int count, char** arguments) {
  wireway::log::configure(wireway::log::Level::info, wireway::log::Format::text, "api");
  if (count < 2) return 2;
  return wireway::run(arguments[1],
                      static_cast<std::uint16_t>(count > 2 ? std::atoi(arguments[2]) : 0));
}
