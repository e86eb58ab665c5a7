#pragma once
/// One way by which a client proves who it is: an entry of BrokerAuthentication's
/// authenticationMethods.
///
/// Thread: shard 0's loop. An answer may come within the call or later; none comes once the Method
///         is destroyed.
/// Errors: Opinion; `why` is for the log only and never holds a secret

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/access/principal.h"
#include "wire/mqtt/packet.h"

namespace wireway::broker {

namespace mqtt = wire::mqtt;

/// Everything that a client has shown, by CONNECT or AUTH.
struct Credentials {
  std::string client_identifier = {};
  std::optional<std::string> username = {};
  std::optional<std::string> password = {};
  std::optional<std::string> method = {};  ///< of enhanced authentication
  std::string data = {};
  std::string certificates = {};  ///< PEM, the client's own first; TLS has verified them
  std::string peer = {};
  bool is_renewal = false;  ///< by AUTH, of a client that is connected
};

struct Opinion {
  enum class Kind : std::uint8_t {
    accept,
    deny,
    unavailable,  ///< nobody could be asked: the next method's turn
  };
  Kind kind = Kind::deny;
  mqtt::ReasonCode reason = mqtt::ReasonCode::not_authorized;  ///< of a denial
  Principal principal = {};
  std::string why = {};

  static Opinion accept(Principal principal) {
    return {Kind::accept, mqtt::ReasonCode::success, std::move(principal), {}};
  }
  static Opinion deny(std::string why, mqtt::ReasonCode reason = mqtt::ReasonCode::not_authorized) {
    return {Kind::deny, reason, {}, std::move(why)};
  }
  static Opinion unavailable(std::string why) {
    return {Kind::unavailable, mqtt::ReasonCode::server_unavailable, {}, std::move(why)};
  }
};

class Method {
 public:
  using Answer = std::move_only_function<void(Opinion)>;

  virtual ~Method() = default;
  /// Whether these are credentials of its kind; if not, it is the next method's turn.
  virtual bool concerns(const Credentials& credentials) const = 0;
  virtual void check(const Credentials& credentials, WallTime now, Answer answer) = 0;
  /// What of its settings concerns this client alone; and all of those. A client whose voucher is
  /// no longer among them has to prove again who it is.
  virtual std::string voucher(const Principal&) const { return {}; }
  virtual std::vector<std::string> vouchers() const { return {{}}; }
};

}  // namespace wireway::broker
