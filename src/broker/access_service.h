#pragma once
/// What protects ports, kept current: BrokerAuthentications and BrokerAuthorizations become the
/// gate's authenticators and policies, Secrets become certificates. A change ends the connections
/// that it concerns, and no other.
///
/// Way of a wish: Controller -> Authenticator or Policy -> Gatekeeper -> every node, whose
///         connections look whether they may stay.
///
/// Thread: shard 0's loop
/// Owns:   the gate, its Controllers, and of each certificate the last good one
/// Errors: what cannot be applied is a condition of its resource; what was in force before stays,
///         also when what it refers to goes away

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "broker/access/gate.h"
#include "broker/node.h"
#include "broker/plan.h"
#include "link/http_client.h"
#include "resource/controller.h"
#include "resource/status_writer.h"

namespace wireway::broker {

struct AccessOptions {
  std::string space = {};            ///< "" = every namespace
  link::HttpClient* http = nullptr;  ///< for Custom; none = it cannot be asked
};

class AccessService {
 public:
  AccessService(net::Env& env, NodeTable nodes, resource::Resources& resources,
                AccessOptions options);
  AccessService(const AccessService&) = delete;
  AccessService& operator=(const AccessService&) = delete;

  /// `changed` comes when listeners have to be looked at again.
  void start(std::move_only_function<void()> changed);
  void stop();
  /// Until then nothing is known of what ports refer to.
  bool synced() const;

  /// Fills in what the names of a port in namespace `space` mean now, or why it must stay closed.
  void complete(PortPlan& port, const std::string& space);
  /// A port asks other things of its clients than before, or it is closed.
  void tell(const Guard& guard, bool is_open);
  Gate& gate() { return gate_; }

 private:
  struct Applied {
    std::int64_t generation = 0;
    std::string fingerprint = {};
  };

  void watch_authentications();
  void watch_authorizations();
  resource::Step reconcile_authentication(const resource::ObjectKey& key);
  resource::Step reconcile_authorization(const resource::ObjectKey& key);
  resource::Step reconcile_account(const resource::ObjectKey& key);
  void say(const resource::Kind& kind, const json::value& object, std::string what,
           const Applied& applied, const Result<>& done);
  void complete_certificate(PortPlan& port, const std::string& space);
  template <class Task>
  void for_each_node(const Task& task);

  net::Env& env_;
  NodeTable nodes_;
  resource::Resources& resources_;
  AccessOptions options_;
  Gatekeeper gate_;
  resource::StatusWriter status_;
  std::move_only_function<void()> changed_;
  std::unique_ptr<resource::Controller> authentication_controller_;
  std::unique_ptr<resource::Controller> authorization_controller_;
  std::unique_ptr<resource::Controller> accounts_controller_;
  const resource::Cache* authentications_ = nullptr;
  const resource::Cache* authorizations_ = nullptr;
  const resource::Cache* secrets_ = nullptr;
  const resource::Cache* config_maps_ = nullptr;
  const resource::Cache* accounts_ = nullptr;
  std::map<resource::ObjectKey, Applied> applied_authentications_;
  std::map<resource::ObjectKey, Applied> applied_authorizations_;
  std::map<resource::ObjectKey, std::optional<Attributes>> known_accounts_;
  std::map<resource::ObjectKey, net::KeyPair> certificates_;  ///< the last good ones
};

}  // namespace wireway::broker
