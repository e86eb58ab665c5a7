#pragma once
/// Objects that no running service looks at, although their kind has one: each says why in its
/// Ready condition, and what to do. The service takes over as soon as it runs.
///
/// - outside the namespace that this machine's services look at: NamespaceNotServed
/// - Dataflow whose DataflowProfile is missing, DataflowEndpoint without any: ProfileMissing
/// - BrokerListener, -Authentication and -Authorization without any Broker: BrokerMissing
/// - Asset while there is no AssetEndpointProfile: EndpointMissing
///
/// Thread: the Loop's.
/// Limits: batch_max objects every batch_interval; the others wait.
/// Cost:   no cache of objects: a few words of each.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/reconcile/answers.h"
#include "net/env.h"
#include "resource/conditions.h"
#include "resource/kind.h"
#include "resource/resources.h"

namespace wireway::control {

class Unattended {
 public:
  static constexpr std::size_t batch_max = 64;
  static constexpr Duration batch_interval = std::chrono::milliseconds{20};
  static constexpr Duration retry_interval = std::chrono::seconds{1};

  /// `space` is the namespace that services look at.
  Unattended(net::Env& env, resource::Resources& resources, std::string space);
  ~Unattended();
  void start();

 private:
  class Follower;
  struct Place {
    Follower* follower = nullptr;
    resource::ObjectKey key;
    friend auto operator<=>(const Place&, const Place&) = default;
  };

  bool synced() const;
  /// What an object of this kind that names `target` has to say, if nobody else does.
  std::optional<resource::Condition> why(const resource::Kind& kind, const resource::ObjectKey& key,
                                         const std::string& target) const;
  std::optional<resource::Condition> missing(const resource::Kind& kind,
                                             const std::string& target) const;
  bool is_there(const resource::Kind& kind, const std::string& name = "") const;
  void look_at_all();
  void enqueue(Place place);
  void work();
  void look(const Place& place);

  net::Env& env_;
  resource::Resources& resources_;
  const std::string space_;
  std::vector<std::unique_ptr<Follower>> followers_;
  std::set<Place> queue_;
  net::Timer turn_;
  Answers answers_;
};

}  // namespace wireway::control
