#include "control/api/http.h"

#include <utility>

namespace wireway::control {
namespace {

constexpr Duration tick_interval = std::chrono::seconds{1};

class StreamSink final : public WatchSink {
 public:
  explicit StreamSink(std::shared_ptr<link::HttpResponder> responder)
      : responder_(std::move(responder)) {}
  bool write(std::string_view line) override { return responder_->write(line); }
  void end() override { responder_->end(); }

 private:
  std::shared_ptr<link::HttpResponder> responder_;
};

}  // namespace

Result<std::unique_ptr<ApiHttp>> ApiHttp::start(net::Env& env, Store& store,
                                                ApiServerOptions options) {
  options.clock = [&env] { return env.loop.wall_now(); };
  options.new_uid = [&env] { return env.random.uuid(); };
  auto server = ApiServer::start(store, std::move(options));
  if (!server) return std::unexpected(server.error());
  return std::make_unique<ApiHttp>(env, std::move(*server));
}

ApiHttp::ApiHttp(net::Env& env, std::unique_ptr<ApiServer> server)
    : env_(env),
      server_(std::move(server)),
      sign_in_(env, *server_),
      tick_(env.loop),
      collect_(env.loop),
      alive_(std::make_shared<bool>(true)) {
  arm_tick();
}

ApiHttp::~ApiHttp() { *alive_ = false; }

void ApiHttp::arm_tick() {
  tick_.arm(tick_interval, [this] {
    server_->tick();
    arm_tick();
  });
}

void ApiHttp::expect_turn() {
  if (!pending_.empty()) return;
  env_.loop.defer([this, alive = alive_] {
    if (*alive) finish_turn();
  });
}

void ApiHttp::handle(link::HttpRequest request, std::shared_ptr<link::HttpResponder> responder) {
  if (SignIn::owns(request.path))
    return sign_in_.handle(std::move(request), [this, responder = std::move(responder)](
                                                   link::HttpResponse response, bool wrote) {
      expect_turn();
      pending_.push_back({responder, {.response = std::move(response), .watch = nullptr}, wrote});
    });
  expect_turn();
  Reply reply = server_->handle(request);
  const bool wrote = request.method != "GET" && reply.response.status < 300;
  pending_.push_back({std::move(responder), std::move(reply), wrote});
}

void ApiHttp::finish_turn() {
  auto pending = std::exchange(pending_, {});
  const auto committed = server_->commit();
  for (Pending& each : pending) {
    if (each.wrote && !committed)
      each.responder->respond(ApiServer::refused_writes(committed.error()));
    else if (each.reply.watch)
      begin_watch(each);
    else
      each.responder->respond(std::move(each.reply.response));
  }
  collect_later();
}

/// A slice in a turn of its own, so that requests go on between two of them.
void ApiHttp::collect_later() {
  if (!server_->collection_due() || collect_.armed()) return;
  collect_.arm(Duration{0}, [this] {
    server_->collect();
    collect_later();
  });
}

void ApiHttp::begin_watch(Pending& pending) {
  auto id = std::make_shared<std::uint64_t>(0);
  // The stream may end while a change is being told to all watches: let that finish first.
  pending.responder->begin_stream(std::move(pending.reply.response), [this, id, alive = alive_] {
    if (!*alive) return;
    env_.loop.defer([this, id, alive] {
      if (*alive) server_->stop_watch(*id);
    });
  });
  *id = server_->start_watch(std::move(pending.reply.watch),
                             std::make_unique<StreamSink>(pending.responder));
}

}  // namespace wireway::control
