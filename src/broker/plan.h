#pragma once
/// From manifests to what the broker does: Broker -> Settings, BrokerListener -> ports. Pure
/// functions over their stored form, to which resource/dialect.h brings every older one.
///
/// Source: broker.md 2 (Broker), 3 (BrokerListener)

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/json.h"
#include "broker/node.h"
#include "broker/settings.h"
#include "net/tls/certificate.h"

namespace wireway::broker {

/// Of one port; 0 = none but those of the process.
struct ConnectionLimits {
  std::uint64_t connections_max = 0;
  std::uint64_t connections_per_second_max = 0;
  friend bool operator==(const ConnectionLimits&, const ConnectionLimits&) = default;
};

/// What stands in the way of a port, or threatens it.
struct PortTrouble {
  std::string reason;  ///< "PortUnavailable", "NotServedYet", "AuthenticationMissing"
  std::string message;
};

/// One port that a listener asks for.
struct PortPlan {
  std::string host;  ///< 127.0.0.1 for ClusterIp, 0.0.0.0 for LoadBalancer and NodePort
  std::uint16_t port = 0;
  Carrier carrier = Carrier::tcp;
  std::string place;           ///< "spec.ports[0]"
  std::string authentication;  ///< the BrokerAuthentication and BrokerAuthorization that it names
  std::string authorization;
  std::string certificate_secret;  ///< empty = plain text
  /// What the names above mean now; filled in by the service.
  Guard guard = {};
  std::optional<net::KeyPair> certificate = {};
  std::string client_authorities = {};
  std::optional<WallTime> certificate_ends = {};
  PortTrouble warning = {};  ///< it serves, but not for long
  ConnectionLimits limits = {};
  std::vector<IpNetwork> proxies =
      {};  ///< whose streams begin with a PROXY header; empty = none do
  /// Why it must not be opened, or empty: what it asks for is not served yet, and it must never
  /// come up weaker than it was written.
  std::string refusal;
  std::string refusal_reason = "NotServedYet";
};

/// Of a Broker manifest (defaults filled in or not); unknown values fall back to the defaults.
Settings settings_of(const json::value& broker);
bool has_cardinality(const json::value& broker);
/// How many shards a Broker asks for: as many as its cardinality has workers, in the front or in
/// the back, whichever are more; at most `most`, and that without a cardinality.
std::size_t shards_of(const json::value& broker, std::size_t most);
/// What a Broker asks for and does not get, in words; empty = nothing.
std::string unserved_of(const json::value& broker);
std::vector<PortPlan> ports_of(const json::value& listener);
/// The Broker that a listener belongs to.
std::string broker_of(const json::value& listener);

}  // namespace wireway::broker
