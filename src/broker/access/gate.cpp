#include "broker/access/gate.h"

#include <fmt/format.h>

namespace wireway::broker {

void Gatekeeper::admit(const Guard& guard, Credentials credentials, Answer answer) {
  const auto found = authenticators_.find(guard.authentication);
  if (found == authenticators_.end())
    return answer(
        {.reason = mqtt::ReasonCode::server_unavailable,
         .is_transient = true,
         .why = fmt::format("BrokerAuthentication {} is not in force", guard.authentication)});
  found->second->authenticate(
      std::move(credentials),
      [this, policy = guard.authorization, answer = std::move(answer)](Opinion opinion) mutable {
        answer(decide(policy, std::move(opinion)));
      });
}

Admission Gatekeeper::decide(const std::string& policy, Opinion opinion) const {
  if (opinion.kind != Opinion::Kind::accept)
    return {.reason = opinion.reason,
            .is_transient = opinion.kind == Opinion::Kind::unavailable,
            .why = std::move(opinion.why)};
  Admission out{.principal = std::move(opinion.principal), .epoch = epoch_};
  if (policy.empty()) return out;
  const auto found = policies_.find(policy);
  if (found == policies_.end())
    return {.reason = mqtt::ReasonCode::server_unavailable,
            .is_transient = true,
            .why = fmt::format("BrokerAuthorization {} is not in force", policy)};
  out.permissions = found->second.permissions_of(out.principal);
  return out;
}

void Gatekeeper::set(const std::string& name, std::unique_ptr<Authenticator> authenticator) {
  ++epoch_;
  authenticators_.insert_or_assign(name, std::move(authenticator));
}

void Gatekeeper::set(const std::string& name, Policy policy) {
  ++epoch_;
  policies_.insert_or_assign(name, std::move(policy));
}

const Authenticator* Gatekeeper::authenticator(const std::string& name) const {
  const auto found = authenticators_.find(name);
  return found == authenticators_.end() ? nullptr : found->second.get();
}

const Policy* Gatekeeper::policy(const std::string& name) const {
  const auto found = policies_.find(name);
  return found == policies_.end() ? nullptr : &found->second;
}

}  // namespace wireway::broker
