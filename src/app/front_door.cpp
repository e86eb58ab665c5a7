#include "app/front_door.h"

#include <filesystem>

#include <fmt/format.h>

#include "app/web.h"
#include "control/api/http.h"
#include "control/store/store.h"
#include "link/http_server.h"

namespace wireway::app {

struct FrontDoor::Parts {
  // In the order of their making; destroyed in reverse.
  std::unique_ptr<control::Store> store;
  std::unique_ptr<control::ApiHttp> api;
  std::unique_ptr<link::HttpServer> server;
};

FrontDoor::FrontDoor(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
FrontDoor::~FrontDoor() = default;

Result<std::unique_ptr<FrontDoor>> FrontDoor::open(net::Env& env, const std::string& database,
                                                   std::uint16_t port,
                                                   std::int64_t history_revisions) {
  auto parts = std::make_unique<Parts>();
  auto store =
      control::Store::open({.path = database, .history = {.revisions_max = history_revisions}});
  if (!store) return std::unexpected(store.error());
  parts->store = std::move(*store);
  auto api = control::ApiHttp::start(env, *parts->store,
                                     std::filesystem::path(database).parent_path() / "backups");
  if (!api) return std::unexpected(api.error());
  parts->api = std::move(*api);
  link::HttpServerOptions options;
  options.endpoint = {"127.0.0.1", port};
  auto server = link::HttpServer::start(
      env, options,
      [api_http = parts->api.get()](link::HttpRequest request,
                                    std::shared_ptr<link::HttpResponder> responder) {
        if (control::ApiServer::owns(request.path))
          api_http->handle(std::move(request), std::move(responder));
        else
          responder->respond(web_response(request));
      });
  if (!server) {
    if (server.error().code == Errc::conflict)
      return fail(
          Errc::conflict,
          fmt::format("port {} of the web page and the API is in use on 127.0.0.1; stop what "
                      "uses it, or choose another one with --port",
                      port));
    return std::unexpected(server.error());
  }
  parts->server = std::move(*server);
  return std::unique_ptr<FrontDoor>(new FrontDoor(std::move(parts)));
}

std::string FrontDoor::url() const {
  return fmt::format("http://127.0.0.1:{}", parts_->server->port());
}

}  // namespace wireway::app
