#include "source/opcua/endpoint_runner.h"

#include "base/log.h"

namespace wireway::source::opcua {

struct EndpointRunner::Bridge {
  EndpointRunner* runner;  ///< read and cleared on the loop only
};

EndpointRunner::EndpointRunner(net::Env& env, EndpointModel model, Handlers handlers)
    : env_(env),
      model_(std::move(model)),
      handlers_(std::move(handlers)),
      bridge_(std::make_shared<Bridge>(this)),
      session_(std::make_unique<ServerSession>(model_, env.random.next(),
                                               static_cast<SessionListener&>(*this))),
      worker_(std::make_unique<net::Worker>("opcua-session")) {
  live_on();
}

EndpointRunner::~EndpointRunner() {
  bridge_->runner = nullptr;
  worker_.reset();
  session_.reset();
}

void EndpointRunner::live_on() {
  const Result<> queued =
      worker_->run([session = session_.get(), worker = worker_.get()] { session->live(*worker); });
  if (!queued) log::error("{}: {}", model_.url, queued.error().message);
}

void EndpointRunner::set_assets(std::vector<AssetModel> assets) {
  if (assets == assets_) return;
  assets_ = std::move(assets);
  const Result<> queued =
      worker_->run([session = session_.get(), wish = assets_] { session->set_wish(wish); });
  if (!queued) log::error("{}: {}", model_.url, queued.error().message);
  live_on();
}

const AssetReport* EndpointRunner::report(const resource::ObjectKey& asset) const {
  const auto found = reports_.find(asset);
  return found == reports_.end() ? nullptr : &found->second;
}

void EndpointRunner::post(std::move_only_function<void(EndpointRunner&)> task) {
  env_.loop.post([bridge = bridge_, task = std::move(task)]() mutable {
    if (bridge->runner != nullptr) task(*bridge->runner);
  });
}

void EndpointRunner::on_state(const SessionState& state) {
  post([state](EndpointRunner& self) { self.take_state(state); });
}

void EndpointRunner::on_reports(std::vector<AssetReport> reports) {
  post([reports = std::move(reports)](EndpointRunner& self) {
    self.reports_.clear();
    for (const AssetReport& report : reports) self.reports_[report.key] = report;
    self.handlers_.on_changed();
  });
}

void EndpointRunner::on_deliveries(std::vector<Delivery> deliveries) {
  post([deliveries = std::move(deliveries)](EndpointRunner& self) mutable {
    for (Delivery& delivery : deliveries) self.handlers_.on_delivery(std::move(delivery));
  });
}

/// A failure below OPC UA is explained by a probe before it is shown; a loss is shown at once.
void EndpointRunner::take_state(const SessionState& state) {
  probe_.reset();
  const bool was_connected = state_ && state_->is_connected;
  if (!state.is_network || was_connected) {
    state_ = state;
    handlers_.on_changed();
  }
  if (!state.is_network) return;
  probe_ = std::make_unique<Probe>(env_, model_.url, [this, state](std::optional<Failure> found) {
    SessionState explained = state;
    if (found) explained.failure = std::move(*found);
    if (state_ == explained) return;
    state_ = explained;
    handlers_.on_changed();
  });
}

}  // namespace wireway::source::opcua
