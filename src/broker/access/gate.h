#pragma once
/// Who may come in through a port, and what he may do then: the answer of a port's
/// BrokerAuthentication and BrokerAuthorization.
///
/// Thread: values; Gate on shard 0's loop

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "broker/access/authenticator.h"
#include "broker/access/policy.h"

namespace wireway::broker {

/// A port, and what it asks of its clients.
struct Guard {
  std::string door;            ///< "namespace/listener:port"
  std::string authentication;  ///< "namespace/name"; empty = everyone may come in
  std::string authorization;   ///< likewise; empty = may do everything
  friend bool operator==(const Guard&, const Guard&) = default;
};

struct Admission {
  mqtt::ReasonCode reason = mqtt::ReasonCode::success;
  bool is_transient = false;  ///< nobody could be asked: later it may be otherwise
  std::string why = {};       ///< of a refusal, for the log
  Principal principal = {};
  std::optional<Permissions> permissions = {};  ///< none = everything
  std::uint64_t epoch = 0;                      ///< of the gate, when it was decided
};

class Gate {
 public:
  using Answer = std::move_only_function<void(Admission)>;
  virtual ~Gate() = default;
  virtual void admit(const Guard& guard, Credentials credentials, Answer answer) = 0;
};

/// The gate of a service: the authenticators and policies that are in force, by "namespace/name".
class Gatekeeper final : public Gate {
 public:
  void admit(const Guard& guard, Credentials credentials, Answer answer) override;

  void set(const std::string& name, std::unique_ptr<Authenticator> authenticator);
  void set(const std::string& name, Policy policy);
  void remove_authenticator(const std::string& name) { authenticators_.erase(name); }
  void remove_policy(const std::string& name) { policies_.erase(name); }
  const Authenticator* authenticator(const std::string& name) const;
  const Policy* policy(const std::string& name) const;
  /// Something else has changed that admissions rest on.
  void begin_epoch() { ++epoch_; }
  /// Grows with each change.
  std::uint64_t epoch() const { return epoch_; }

 private:
  Admission decide(const std::string& policy, Opinion opinion) const;

  std::map<std::string, std::unique_ptr<Authenticator>> authenticators_;
  std::map<std::string, Policy> policies_;
  std::uint64_t epoch_ = 0;
};

}  // namespace wireway::broker
