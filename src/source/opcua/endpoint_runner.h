#pragma once
/// The loop's side of one endpoint: its worker thread with the session, and what came from there.
///
/// Thread: the Loop's; results cross from the worker by post and are dropped once the runner is
///         gone
/// Owns:   the worker and the session. Destroying waits for the current library call to end: a turn
///         of 100 ms, in the worst case one service call to a server that has just stopped to
///         answer
/// Limits: one thread an endpoint

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "net/env.h"
#include "net/worker.h"
#include "source/opcua/probe.h"
#include "source/opcua/server_session.h"

namespace wireway::source::opcua {

class EndpointRunner final : private SessionListener {
 public:
  /// Called on the loop.
  struct Handlers {
    std::function<void()> on_changed;  ///< state() or reports() are new
    std::function<void(Delivery)> on_delivery;
  };

  EndpointRunner(net::Env& env, EndpointModel model, Handlers handlers);
  ~EndpointRunner() override;

  const EndpointModel& model() const { return model_; }
  /// Only a difference reaches the server.
  void set_assets(std::vector<AssetModel> assets);
  /// nullopt before the first attempt has ended.
  const std::optional<SessionState>& state() const { return state_; }
  const AssetReport* report(const resource::ObjectKey& asset) const;

 private:
  struct Bridge;

  void on_state(const SessionState& state) override;
  void on_reports(std::vector<AssetReport> reports) override;
  void on_deliveries(std::vector<Delivery> deliveries) override;
  void post(std::move_only_function<void(EndpointRunner&)> task);
  void live_on();
  void take_state(const SessionState& state);

  net::Env& env_;
  const EndpointModel model_;
  Handlers handlers_;
  std::vector<AssetModel> assets_;
  std::optional<SessionState> state_;
  std::map<resource::ObjectKey, AssetReport> reports_;
  std::unique_ptr<Probe> probe_;
  std::shared_ptr<Bridge> bridge_;  ///< what posted tasks hold: empty once the runner is gone
  std::unique_ptr<ServerSession> session_;
  std::unique_ptr<net::Worker> worker_;
};

}  // namespace wireway::source::opcua
