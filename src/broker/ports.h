#pragma once
/// The open ports of one listener. A newer generation is opened beside the one that runs and takes
/// its place only as a whole; if it cannot, the one that runs stays.
///
/// The exception: a port whose newest wish asks for protection that cannot be given is closed,
/// whatever ran there before.
///
/// Thread: shard 0's loop
/// Errors: PortTrouble; where a port is unavailable, try again: it may become free

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/node.h"
#include "broker/plan.h"
#include "net/env.h"

namespace wireway::broker {

/// What stands in the way of a port.
struct PortTrouble {
  std::string reason;  ///< "PortUnavailable", "NotServedYet", "AuthenticationMissing"
  std::string message;
};

class Ports {
 public:
  /// Whoever comes through a port goes in at `door`.
  Ports(net::Env& env, Node& door) : env_(env), door_(door) {}

  /// What stands in the way of `plan`; none = exactly the plan's ports are open. A plan that has
  /// nothing before it opens what can be opened.
  std::vector<PortTrouble> make(std::int64_t generation, const std::vector<PortPlan>& plan);
  void close();
  /// The generation that was opened as a whole; 0 = none was.
  std::int64_t generation() const { return generation_; }
  bool empty() const { return open_.empty(); }
  /// "Mqtt on 127.0.0.1:1883", ...
  std::vector<std::string> serving() const;

 private:
  struct OpenPort {
    std::unique_ptr<net::Listener> listener;
    PortPlan plan;
  };
  using Open = std::map<std::uint16_t, OpenPort>;

  void close_refused(const std::vector<PortPlan>& plan);
  Result<> open(const PortPlan& plan, Open& into);
  void close_all_but(const std::vector<PortPlan>& plan);

  net::Env& env_;
  Node& door_;
  std::int64_t generation_ = 0;
  Open open_;
};

}  // namespace wireway::broker
