#pragma once
/// What should run, and the door to whoever runs it: child processes on one machine
/// (ProcessRuntime), later pods on a cluster. Reconcilers say what is wanted and know no more than
/// this.
///
/// On the way of a wish: control/reconcile says which Workloads there are; a Runtime makes it so.

#include <functional>
#include <string>
#include <vector>

#include "resource/kind.h"

namespace wireway::control {

/// An object that a workload runs for: told by status and Events what becomes of it.
struct Owner {
  resource::Kind kind;
  resource::ObjectKey key;
  friend bool operator==(const Owner&, const Owner&) = default;
};

/// One subcommand of our own binary that shall run once.
struct Workload {
  std::string name;                         ///< "broker", unique; what logs and Events call it
  std::vector<std::string> arguments = {};  ///< {"broker", "--api", "http://127.0.0.1:8088"}
  std::vector<Owner> owners = {};
  int wave = 0;  ///< stops in descending order: what others need stops last
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  /// Makes exactly these run: starts what is missing, stops what is not named, replaces what has
  /// other arguments. Owners may change while it runs. A second call with the same list does
  /// nothing.
  virtual void want(const std::vector<Workload>& workloads) = 0;
  /// Stops everything, wave by wave; nothing starts afterwards.
  virtual void stop(std::function<void()> done) = 0;
};

}  // namespace wireway::control
