#pragma once
/// The one loop that every reconciler runs: watch -> cache -> queue of keys -> reconcile(key) ->
/// status.
///
/// `reconcile` gets a key, reads the caches, moves the world one step and returns when to look
/// again. It may run twice, late or never for a given event, and the result is the same.
///
/// Thread: the Loop's.
/// Limits: keys are de-duplicated; a failing key waits retry_min doubling to retry_max, with
///         jitter, while others go on, and begins anew at retry_min after a success.
/// Errors: an exception that leaves `reconcile` fails its key and no other.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/env.h"
#include "resource/resources.h"

namespace wireway::resource {

/// All living objects of one kind, kept current by a watch.
class Cache {
 public:
  const json::value* find(const ObjectKey& key) const;
  const std::map<ObjectKey, json::value>& all() const { return objects_; }

 private:
  friend class Controller;
  std::map<ObjectKey, json::value> objects_;
};

/// What a reconcile step says: done, look again after some time, or failed (retry with back-off).
struct Step {
  std::optional<Duration> again_after;
  std::optional<Error> error;
};

class Controller {
 public:
  /// Maps an object of a watched kind to the keys that must be reconciled when it changes.
  using MapToKeys = std::function<std::vector<ObjectKey>(const json::value& object)>;
  using Reconcile = std::function<Step(const ObjectKey& key)>;

  static constexpr Duration retry_min = std::chrono::milliseconds{200};
  static constexpr Duration retry_max = std::chrono::seconds{30};

  Controller(net::Env& env, Resources& resources, std::string name, Reconcile reconcile);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  /// Call for each kind before start(). The Cache lives as long as the Controller. Without `map` an
  /// object's own key is queued; objects whose change must wake nothing return no keys.
  const Cache& watch(const Kind& kind, const std::string& space, MapToKeys map = nullptr);
  /// Reconciles begin once every watched kind has been listed.
  void start();
  void enqueue(const ObjectKey& key);
  bool synced() const;
  /// Failed in a row since the last success, for what a status says of it.
  std::uint64_t attempts(const ObjectKey& key) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wireway::resource
