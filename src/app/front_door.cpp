#include "app/front_door.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "app/addresses.h"
#include "app/web.h"
#include "control/api/http.h"
#include "control/store/store.h"
#include "link/http_server.h"

namespace wireway::app {

struct FrontDoor::Parts {
  // In the order of their making; destroyed in reverse.
  std::unique_ptr<control::Store> store;
  std::unique_ptr<control::ApiHttp> api;
  std::vector<std::unique_ptr<link::HttpServer>> servers;  ///< the first is reached by loopback
  std::vector<std::string> network_urls;
};

namespace {

/// The loopback first, unless an address for all includes it.
std::vector<net::Endpoint> endpoints_of(const FrontDoorOptions& options) {
  std::vector<net::Endpoint> out;
  const auto all = std::ranges::find_if(options.addresses, [&](const net::Endpoint& each) {
    return is_any_host(each.host) && (each.port == 0 || each.port == options.port);
  });
  if (all == options.addresses.end())
    out.push_back({"127.0.0.1", options.port});
  else
    out.push_back({all->host, options.port});
  for (const net::Endpoint& each : options.addresses) {
    net::Endpoint next = each;
    if (next.host == "localhost") next.host = "127.0.0.1";
    if (next.port == 0) next.port = options.port;
    if (std::ranges::find(out, next) == out.end()) out.push_back(next);
  }
  return out;
}

Result<> may_leave_loopback(const FrontDoorOptions& options) {
  const bool closed = options.access != nullptr && !options.access->is_open();
  for (const net::Endpoint& each : options.addresses)
    if (!is_loopback_host(each.host) && !closed)
      return fail(Errc::denied,
                  fmt::format("--address {}: the API leaves this machine only once a user is set, "
                              "because on its own machine it asks nobody who he is; start without "
                              "--address and make one first: wireway user add NAME --admin",
                              each.host));
  return {};
}

}  // namespace

FrontDoor::FrontDoor(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
FrontDoor::~FrontDoor() = default;

Result<std::unique_ptr<FrontDoor>> FrontDoor::open(net::Env& env, const FrontDoorOptions& options) {
  auto parts = std::make_unique<Parts>();
  auto store = control::Store::open({.path = options.database,
                                     .history = {.revisions_max = options.history_revisions},
                                     .sealer = options.sealer});
  if (!store) return std::unexpected(store.error());
  parts->store = std::move(*store);
  control::ApiServerOptions rules;
  rules.access = options.access;
  rules.audit = options.audit;
  rules.more_metrics = options.more_metrics;
  rules.backup_folder = std::filesystem::path(options.database).parent_path() / "backups";
  auto api = control::ApiHttp::start(env, *parts->store, std::move(rules));
  if (!api) return std::unexpected(api.error());
  if (auto may = may_leave_loopback(options); !may) return std::unexpected(may.error());
  parts->api = std::move(*api);
  const link::HttpHandler handler = [api_http = parts->api.get()](
                                        link::HttpRequest request,
                                        std::shared_ptr<link::HttpResponder> responder) {
    if (control::ApiHttp::owns(request.path))
      api_http->handle(std::move(request), std::move(responder));
    else
      responder->respond(web_response(request));
  };
  for (net::Endpoint endpoint : endpoints_of(options)) {
    link::HttpServerOptions http;
    if (endpoint.port == 0 && !parts->servers.empty()) endpoint.port = parts->servers[0]->port();
    http.endpoint = endpoint;
    http.tls = options.tls;
    auto server = link::HttpServer::start(env, http, handler);
    if (!server && server.error().code == Errc::conflict)
      return fail(Errc::conflict,
                  fmt::format("port {} of the web page and the API is in use on {}; stop what uses "
                              "it, or choose another one with --port",
                              endpoint.port, endpoint.host));
    if (!server) return std::unexpected(server.error());
    endpoint.port = (*server)->port();
    parts->servers.push_back(std::move(*server));
    if (!is_loopback_host(endpoint.host))
      parts->network_urls.push_back("https://" + endpoint.to_string());
  }
  return std::unique_ptr<FrontDoor>(new FrontDoor(std::move(parts)));
}

std::uint16_t FrontDoor::port() const { return parts_->servers.front()->port(); }

std::string FrontDoor::url() const { return fmt::format("http://127.0.0.1:{}", port()); }

const std::vector<std::string>& FrontDoor::network_urls() const { return parts_->network_urls; }

}  // namespace wireway::app
