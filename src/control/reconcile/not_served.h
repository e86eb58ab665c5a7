#pragma once
/// Kinds that are defined, so that their manifests apply, while no service of this build acts on
/// them yet: each of their objects says so in its Ready condition (NotServedYet).
///
/// A Ready condition that somebody else has written is left alone: who serves the kind, here or
/// elsewhere, has the last word.
///
/// Thread: the Loop's.
/// Limits: batch_max conditions every batch_interval; the others wait.
/// Cost:   no cache of objects; an object whose condition is right costs a look at it.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/env.h"
#include "resource/kind.h"
#include "resource/resources.h"

namespace wireway::control {

/// A kind of `crds/` without a service: the owned form of a Kind.
struct UnservedKind {
  std::string group;
  std::string version;  ///< the one that is stored
  std::string kind;
  std::string plural;
  bool namespaced = true;
  resource::Kind view() const { return {group, version, kind, plural, namespaced}; }
};

/// Every shipped kind of category `wireway` that has a status and that no service of this build
/// writes it for.
std::vector<UnservedKind> unserved_kinds();

class NotServed {
 public:
  static constexpr std::size_t batch_max = 64;
  static constexpr Duration batch_interval = std::chrono::milliseconds{20};
  static constexpr std::string_view reason = "NotServedYet";

  NotServed(net::Env& env, resource::Resources& resources);
  ~NotServed();
  void start();

 private:
  class Follower;

  void work();

  net::Env& env_;
  resource::Resources& resources_;
  std::vector<std::unique_ptr<Follower>> followers_;
  /// Conditions to write: the newest of each object.
  std::map<std::pair<const UnservedKind*, resource::ObjectKey>, json::object> waiting_;
  net::Timer turn_;
};

}  // namespace wireway::control
