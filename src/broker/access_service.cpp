#include "broker/access_service.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/log.h"
#include "broker/access/tokens.h"

namespace wireway::broker {

using resource::Condition;
using resource::ObjectKey;
using resource::Step;

namespace {

std::string data_of(const json::value& secret, const std::string& field) {
  if (auto text = text_at(secret, {"stringData", field}); !text.empty()) return text;
  return base64_decode(text_at(secret, {"data", field})).value_or("");
}

/// Errors: what is wrong with the Secret.
Result<net::KeyPair> key_pair_of(const json::value& secret) {
  net::KeyPair out{data_of(secret, "tls.crt"), data_of(secret, "tls.key")};
  if (out.certificates.empty() || out.key.empty())
    return fail(Errc::invalid, "it has no tls.crt or no tls.key");
  if (auto good = net::check_key_pair(out); !good) return std::unexpected(good.error());
  return out;
}

}  // namespace

AccessService::AccessService(net::Env& env, NodeTable nodes, resource::Resources& resources,
                             AccessOptions options)
    : env_(env),
      nodes_(std::move(nodes)),
      resources_(resources),
      options_(std::move(options)),
      status_(env, resources, "broker") {}

/// Copies `task` for each.
template <class Task>
void AccessService::for_each_node(const Task& task) {
  for (const auto& node : nodes_) NodeAddress::post(node, task);
}

void AccessService::start(std::move_only_function<void()> changed) {
  changed_ = std::move(changed);
  watch_authentications();
  watch_authorizations();
  accounts_controller_ = std::make_unique<resource::Controller>(
      env_, resources_, "ServiceAccount",
      [this](const ObjectKey& key) { return reconcile_account(key); });
  accounts_ = &accounts_controller_->watch(resource::service_account, "");
  for (resource::Controller* each : {authentication_controller_.get(),
                                     authorization_controller_.get(), accounts_controller_.get()})
    each->start();
}

void AccessService::stop() {
  accounts_controller_.reset();
  authorization_controller_.reset();
  authentication_controller_.reset();
}

void AccessService::watch_authentications() {
  authentication_controller_ = std::make_unique<resource::Controller>(
      env_, resources_, "BrokerAuthentication",
      [this](const ObjectKey& key) { return reconcile_authentication(key); });
  resource::Controller& controller = *authentication_controller_;
  authentications_ = &controller.watch(resource::broker_authentication, options_.space);
  const auto in_its_namespace = [this](const json::value& object) {
    std::vector<ObjectKey> out;
    for (const auto& [key, authentication] : authentications_->all())
      if (key.space == resource::key_of(object).space) out.push_back(key);
    return out;
  };
  config_maps_ = &controller.watch(resource::config_map, options_.space, in_its_namespace);
  // A Secret may also be a port's certificate.
  secrets_ = &controller.watch(resource::secret, options_.space,
                               [this, in_its_namespace](const json::value& object) {
                                 changed_();
                                 return in_its_namespace(object);
                               });
}

void AccessService::watch_authorizations() {
  authorization_controller_ = std::make_unique<resource::Controller>(
      env_, resources_, "BrokerAuthorization",
      [this](const ObjectKey& key) { return reconcile_authorization(key); });
  authorizations_ =
      &authorization_controller_->watch(resource::broker_authorization, options_.space);
}

bool AccessService::synced() const {
  return authentication_controller_->synced() && authorization_controller_->synced();
}

Step AccessService::reconcile_authentication(const ObjectKey& key) {
  const json::value* object = authentications_->find(key);
  const std::string name = key.to_string();
  if (object == nullptr) {
    status_.forget(resource::broker_authentication, key);
    applied_authentications_.erase(key);
    gate_.remove_authenticator(name);
    changed_();
    return {};
  }
  const auto find = [this, &key](const resource::Kind& kind, const std::string& wanted) {
    return (kind == resource::secret ? secrets_ : config_maps_)->find({key.space, wanted});
  };
  auto made = Authenticator::from(*object, {env_, resources_, options_.http, find});
  Applied& applied = applied_authentications_[key];
  if (made) {
    applied.generation = resource::generation_of(*object);
    const std::string fingerprint = (*made)->fingerprint();
    // Made anew without need, it would forget what it is asked this moment.
    if (gate_.authenticator(name) == nullptr || applied.fingerprint != fingerprint) {
      applied.fingerprint = fingerprint;
      gate_.set(name, std::move(*made));
      for_each_node([name, vouchers = gate_.authenticator(name)->vouchers(),
                     epoch = gate_.epoch()](Node& node) {
        node.set_gate_epoch(epoch);
        node.on_vouchers(name, vouchers);
      });
    }
    changed_();  // a port may wait for it, or ask for certificates of other authorities now
  }
  const Authenticator* in_force = gate_.authenticator(name);
  say(resource::broker_authentication, *object,
      in_force == nullptr ? "" : fmt::format("asks for {}", in_force->methods()), applied,
      made ? Result<>{} : std::unexpected(made.error()));
  return {};
}

Step AccessService::reconcile_authorization(const ObjectKey& key) {
  const json::value* object = authorizations_->find(key);
  const std::string name = key.to_string();
  if (object == nullptr) {
    status_.forget(resource::broker_authorization, key);
    applied_authorizations_.erase(key);
    gate_.remove_policy(name);
    changed_();
    return {};
  }
  auto made = Policy::from(*object);
  Applied& applied = applied_authorizations_[key];
  const std::int64_t generation = resource::generation_of(*object);
  if (made && applied.generation != generation) {
    applied.generation = generation;
    gate_.set(name, std::move(*made));
    for_each_node([name, policy = *gate_.policy(name), epoch = gate_.epoch()](Node& node) {
      node.set_gate_epoch(epoch);
      node.on_policy(name, policy);
    });
    changed_();
  }
  const Policy* in_force = gate_.policy(name);
  say(resource::broker_authorization, *object,
      in_force == nullptr ? "" : fmt::format("allows by {} rules", in_force->rules()), applied,
      made ? Result<>{} : std::unexpected(made.error()));
  return {};
}

/// A token is worth what its ServiceAccount is: attributes that change, or an account that goes
/// away, end the connections that came with it.
Step AccessService::reconcile_account(const ObjectKey& key) {
  const json::value* object = accounts_->find(key);
  std::optional<Attributes> attributes;
  if (object != nullptr) attributes = account_attributes(*object);
  const auto [known, is_first] = known_accounts_.try_emplace(key, attributes);
  if (is_first || known->second == attributes) return {};
  known->second = attributes;
  gate_.begin_epoch();
  for_each_node([name = account_username(key), attributes, epoch = gate_.epoch()](Node& node) {
    node.set_gate_epoch(epoch);
    node.on_account(name, attributes);
  });
  if (!attributes) known_accounts_.erase(known);
  return {};
}

void AccessService::say(const resource::Kind& kind, const json::value& object, std::string what,
                        const Applied& applied, const Result<>& done) {
  Condition ready;
  ready.status = !what.empty();
  ready.reason = ready.status ? "InForce" : "ConfigurationInvalid";
  if (!done && done.error().code == Errc::not_found && !ready.status)
    ready.reason = "ReferenceMissing";
  ready.message = ready.status ? std::move(what) : done.error().message;
  ready.observed_generation = ready.status ? applied.generation : resource::generation_of(object);
  resource::Conditions says = resource::conditions_of(std::move(ready));
  if (says.ready.status && !done)
    says.degraded = resource::not_applied(resource::generation_of(object), applied.generation,
                                          done.error().message);
  status_.write(kind, object, std::move(says));
}

void AccessService::complete(PortPlan& port, const std::string& space) {
  const auto miss = [&](std::string_view field, std::string_view kind, const std::string& name) {
    port.refusal =
        fmt::format("{}.{} names {} {}, which does not exist in {}; create it, or correct the name",
                    port.place, field, kind, name, space);
  };
  const auto not_in_force = [&](std::string_view kind, const std::string& name) {
    port.refusal =
        fmt::format("{}: {} {} is not in force; look at its status", port.place, kind, name);
  };
  if (!port.refusal.empty()) return;
  if (!port.authentication.empty()) {
    const ObjectKey key{space, port.authentication};
    const Authenticator* authenticator = gate_.authenticator(key.to_string());
    if (authentications_->find(key) == nullptr) {
      miss("authenticationRef", "BrokerAuthentication", key.name);
      port.refusal_reason = "AuthenticationMissing";
      return;
    }
    if (authenticator == nullptr) {
      not_in_force("BrokerAuthentication", key.name);
      port.refusal_reason = "AuthenticationNotReady";
      return;
    }
    port.guard.authentication = key.to_string();
    port.client_authorities = authenticator->client_authorities();
  }
  if (!port.authorization.empty()) {
    const ObjectKey key{space, port.authorization};
    if (authorizations_->find(key) == nullptr) {
      miss("authorizationRef", "BrokerAuthorization", key.name);
      port.refusal_reason = "AuthorizationMissing";
      return;
    }
    if (gate_.policy(key.to_string()) == nullptr) {
      not_in_force("BrokerAuthorization", key.name);
      port.refusal_reason = "AuthorizationNotReady";
      return;
    }
    port.guard.authorization = key.to_string();
  }
  if (!port.certificate_secret.empty()) complete_certificate(port, space);
}

/// The certificate, or the last good one with a warning.
void AccessService::complete_certificate(PortPlan& port, const std::string& space) {
  const ObjectKey key{space, port.certificate_secret};
  const json::value* secret = secrets_->find(key);
  Result<net::KeyPair> pair =
      secret == nullptr ? fail(Errc::not_found, "it does not exist") : key_pair_of(*secret);
  if (pair) certificates_[key] = *pair;
  const auto last_good = certificates_.find(key);
  if (last_good == certificates_.end()) {
    port.refusal_reason = secret == nullptr ? "CertificateMissing" : "CertificateInvalid";
    port.refusal =
        secret == nullptr
            ? fmt::format("{}: Server certificate {} not found. Awaiting creation of secret.",
                          port.place, key.name)
            : fmt::format("{}: Secret {}: {}", port.place, key.name, pair.error().message);
    return;
  }
  port.certificate = last_good->second;
  const auto certificate = net::read_certificate(last_good->second.certificates);
  const WallTime end = certificate ? certificate->not_after : WallTime{};
  if (!pair) {
    port.warning = {"CertificateInvalid",
                    fmt::format("{}: Secret {}: {}; still serving with the certificate before, "
                                "which is valid until {}",
                                port.place, key.name, pair.error().message, to_rfc3339(end))};
  } else if (end <= env_.loop.wall_now()) {
    port.warning = {"CertificateExpired",
                    fmt::format("{}: the certificate of Secret {} has ended at {}; clients refuse "
                                "it",
                                port.place, key.name, to_rfc3339(end))};
  }
  port.certificate_ends = end;
}

void AccessService::tell(const Guard& guard, bool is_open) {
  for_each_node([guard, is_open](Node& node) { node.on_guard(guard, is_open); });
}

}  // namespace wireway::broker
