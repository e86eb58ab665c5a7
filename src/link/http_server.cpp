#include "link/http_server.h"

#include <algorithm>
#include <map>
#include <utility>

#include "link/detail/http_connection.h"

namespace wireway::link {
namespace {

std::string_view first_value(const std::vector<std::pair<std::string, std::string>>& pairs,
                             std::string_view name) {
  const auto found = std::ranges::find(pairs, name, &std::pair<std::string, std::string>::first);
  return found == pairs.end() ? std::string_view() : std::string_view(found->second);
}

class Server final : public HttpServer {
 public:
  /// Beyond connections_max so many are told 503; further ones are closed without a word.
  static constexpr std::size_t turned_away_max = 1'000;

  Server(net::Env& env, HttpServerOptions options, HttpHandler handler)
      : env_(env), options_(std::move(options)), handler_(std::move(handler)), reaper_(env.loop) {}

  Result<> listen() {
    auto listener = env_.network.listen(
        {.endpoint = options_.endpoint},
        [this](std::unique_ptr<net::Stream> stream) { accept(std::move(stream)); });
    if (!listener) return wrap("HTTP server", listener.error());
    listener_ = std::move(*listener);
    return {};
  }

  std::uint16_t port() const override { return listener_->port(); }

 private:
  void accept(std::unique_ptr<net::Stream> stream) {
    const std::size_t count = connections_.size();
    if (count >= options_.connections_max + turned_away_max) return;
    const std::uint64_t id = next_id_++;
    auto& connection = connections_[id];
    connection = std::make_unique<detail::HttpConnection>(env_, options_, handler_,
                                                          std::move(stream), [this, id] {
                                                            ended_.push_back(id);
                                                            reap_later();
                                                          });
    if (count >= options_.connections_max) connection->turn_away();
  }

  /// Not at once: a connection ends within a call of its own stream or responder.
  void reap_later() {
    if (reaper_.armed()) return;
    reaper_.arm(Duration{0}, [this] {
      for (const std::uint64_t id : std::exchange(ended_, {})) connections_.erase(id);
    });
  }

  net::Env& env_;
  HttpServerOptions options_;
  HttpHandler handler_;
  std::unique_ptr<net::Listener> listener_;
  std::map<std::uint64_t, std::unique_ptr<detail::HttpConnection>> connections_;
  std::vector<std::uint64_t> ended_;
  std::uint64_t next_id_ = 1;
  net::Timer reaper_;
};

}  // namespace

std::string_view HttpRequest::header(std::string_view lower_case_name) const {
  return first_value(headers, lower_case_name);
}

std::string_view HttpRequest::query_value(std::string_view name) const {
  return first_value(query, name);
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(net::Env& env, HttpServerOptions options,
                                                      HttpHandler handler) {
  auto server = std::make_unique<Server>(env, std::move(options), std::move(handler));
  if (auto listening = server->listen(); !listening) return std::unexpected(listening.error());
  return server;
}

}  // namespace wireway::link
