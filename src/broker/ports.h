#pragma once
/// The open ports of one listener. A newer generation is opened beside the one that runs and takes
/// its place only as a whole; if it cannot, the one that runs stays. Certificates, guards and
/// limits of a port that stays open change in place.
///
/// The exception: a port whose newest wish asks for protection that cannot be given is closed,
/// whatever ran there before.
///
/// Thread: shard 0's loop
/// Errors: PortTrouble; where a port is unavailable, try again: it may become free

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/access_service.h"
#include "broker/node.h"
#include "broker/plan.h"
#include "link/proxy_door.h"
#include "net/env.h"
#include "net/tls/context.h"

namespace wireway::broker {

class Ports {
 public:
  /// Whoever comes through a port goes in at `door`.
  Ports(net::Env& env, Node& door, AccessService& access)
      : env_(env), door_(door), access_(access) {}

  /// What stands in the way of `plan`; none = exactly the plan's ports are open. A plan that has
  /// nothing before it opens what can be opened.
  std::vector<PortTrouble> make(std::int64_t generation, const std::vector<PortPlan>& plan);
  /// Ends the connections that came through its ports, too; its destruction leaves them.
  void close();
  /// The generation that was opened as a whole; 0 = none was.
  std::int64_t generation() const { return generation_; }
  bool empty() const { return open_.empty(); }
  /// Until a certificate's end; none if there are none.
  std::optional<Duration> look_again_after() const;
  /// Of open ports: what threatens them.
  std::vector<PortTrouble> warnings() const;
  /// "Mqtt on 127.0.0.1:1883", ...
  std::vector<std::string> serving() const;

 private:
  /// What a stream goes through; its certificates and its guard change in place, without a
  /// connection noticing.
  struct Way {
    std::unique_ptr<link::ProxyDoor> proxies;
    std::vector<IpNetwork> trusted;  ///< by `proxies`
    std::unique_ptr<net::TlsServerContext> tls;
    std::shared_ptr<const Guard> guard;
    std::string ticket_secret;
    ConnectionLimits limits;
    std::uint64_t accepted = 0;  ///< in the second that began at `second`
    MonoTime second{};
  };
  struct OpenPort {
    std::unique_ptr<Way> way;  ///< outlives its listener
    std::unique_ptr<net::Listener> listener;
    PortPlan plan;
  };
  using Open = std::map<std::uint16_t, OpenPort>;

  void close_refused(const std::vector<PortPlan>& plan);
  Result<> open(const PortPlan& plan, Open& into);
  Result<> equip(Way& way, const PortPlan& plan);
  Result<> change(OpenPort& port, const PortPlan& plan);
  void close(OpenPort& port);
  void expect_proxies(Way& way, const PortPlan& plan);
  void pass(Way& way, Carrier carrier, std::unique_ptr<net::Stream> stream);
  bool may_pass(Way& way, std::string_view peer);
  void close_all_but(const std::vector<PortPlan>& plan);

  net::Env& env_;
  Node& door_;
  AccessService& access_;
  std::int64_t generation_ = 0;
  Open open_;
};

}  // namespace wireway::broker
