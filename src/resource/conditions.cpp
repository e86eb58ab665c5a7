#include "resource/conditions.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace wireway::resource {
namespace {

struct Advice {
  std::string_view reason;
  std::string_view action;
};

/// Of reasons that more than one service gives; docs/reference/conditions.md has the same table.
constexpr Advice advices[] = {
    {"AssetMissing", "create the Asset, or correct the reference to it"},
    {"AuthenticationNotReady", "look at the status of the BrokerAuthentication"},
    {"AuthenticationMissing", "create the BrokerAuthentication, or correct authenticationRef"},
    {"AuthorizationMissing", "create the BrokerAuthorization, or correct authorizationRef"},
    {"AuthorizationNotReady", "look at the status of the BrokerAuthorization"},
    {"BrokerMissing", "create the Broker, or correct the reference to it"},
    {"BrokerProbeFailed",
     "look at the broker's log and load; if it stays, report it with `wireway support-bundle`"},
    {"BrokerUnavailable", "look at the status of the Broker and of its BrokerListener"},
    {"CertificateExpired", "renew the certificate in the Secret that the message names"},
    {"CertificateInvalid", "put a certificate and its key into the Secret that the message names"},
    {"CertificateMissing", "create the Secret that the message names; the port opens by itself"},
    {"ConfigurationInvalid", "correct the fields that the message names and apply it again"},
    {"ConfigurationRejected",
     "correct what the message names and apply it again, or go back with `wireway rollback`"},
    {"CrashLoop",
     "read the last lines of its log; go back with `wireway rollback` if it began "
     "with a change, and report it with `wireway support-bundle`"},
    {"Disabled", "enable it in its spec when it shall run"},
    {"EndpointMissing", "create the endpoint, or correct the reference to it"},
    {"EndpointNotReady", "look at the status of its endpoint"},
    {"HostUnreachable", "check that the host runs and that host and port are right"},
    {"InvalidConfiguration", "correct the fields that the message names and apply it again"},
    {"JournalUnusable",
     "do what the message says; it is tried again by itself, or the message says that the broker "
     "must start again"},
    {"MessageBufferTrouble",
     "make room or repair the disk; if the buffer is full, give it a larger maxSize or end "
     "sessions that nobody reads"},
    {"MqttSourceConnectionFailed", "look at the status of the source's broker"},
    {"NamespaceNotServed", "create it in the namespace that the message names"},
    {"NotServedYet", "remove what is not served, or keep it for a version that serves it"},
    {"PersistenceTrouble",
     "make room or repair the disk; it goes on by itself, unless the message says otherwise"},
    {"PortUnavailable", "stop what uses the port, or write another port"},
    {"ProcessExited", "read the end of the service's log; it starts again by itself"},
    {"ProfileMissing", "create the DataflowProfile, or correct profileRef"},
    {"ReferenceMissing", "create what the message names, or correct the reference to it"},
    {"SchemaMissing", "create the ConfigMap with the schema, or correct schemaRef"},
};

json::value rendered(const Condition& condition, const json::value* before, WallTime now) {
  const std::string_view status = condition.status ? "True" : "False";
  std::string since = to_rfc3339(now);
  if (before != nullptr && text_at(*before, {"status"}) == status)
    since = text_at(*before, {"lastTransitionTime"}, since);
  json::object out{{"type", condition.type},
                   {"status", status},
                   {"reason", condition.reason},
                   {"message", condition.message},
                   {"observedGeneration", condition.observed_generation},
                   {"lastTransitionTime", since}};
  // A Ready that holds and a Degraded that does not leave nothing to do.
  const bool is_well = condition.status == (condition.type == "Ready");
  const std::string_view action =
      condition.action.empty() && !is_well ? action_for(condition.reason) : condition.action;
  if (!action.empty()) out["recommendedAction"] = action;
  return out;
}

const json::value* in_status(const json::value* status, std::string_view type) {
  const json::value* conditions = status == nullptr ? nullptr : find(*status, "conditions");
  if (conditions == nullptr || !conditions->is_array()) return nullptr;
  for (const json::value& condition : conditions->get_array())
    if (text_at(condition, {"type"}) == type) return &condition;
  return nullptr;
}

/// A merge patch replaces the whole list: conditions of other types are carried over.
json::object with_others(json::array said, const json::value* previous) {
  const json::value* others = previous == nullptr ? nullptr : find(*previous, "conditions");
  if (others == nullptr || !others->is_array()) return {{"conditions", std::move(said)}};
  const std::size_t count = said.size();
  for (const json::value& other : others->get_array()) {
    const std::string type = text_at(other, {"type"});
    const bool is_said = std::ranges::any_of(
        std::span(said.data(), count),
        [&type](const json::value& mine) { return text_at(mine, {"type"}) == type; });
    if (!is_said) said.push_back(other);
  }
  return {{"conditions", std::move(said)}};
}

}  // namespace

Conditions conditions_of(Condition ready) {
  Conditions out;
  const bool is_beginning =
      !ready.status && (ready.reason == "Starting" || ready.reason == "Connecting");
  if (is_beginning) {
    out.reconciling.status = true;
    out.reconciling.reason = ready.reason;
    out.reconciling.message = ready.message;
  }
  out.reconciling.observed_generation = ready.observed_generation;
  out.degraded.observed_generation = ready.observed_generation;
  out.ready = std::move(ready);
  return out;
}

Condition not_applied(std::int64_t wished, std::int64_t running, std::string_view why) {
  Condition out{.type = "Degraded", .status = true, .reason = "ConfigurationRejected"};
  out.message = fmt::format("generation {} is not applied: {}; still running generation {}", wished,
                            why, running);
  out.observed_generation = wished;
  return out;
}

Condition trying_again(const Attempts& attempts) {
  Condition out{.type = "Reconciling", .status = true, .reason = "Retrying"};
  if (attempts.is_longest)
    out.message = fmt::format("it has failed again and again; one attempt is made about every {} s",
                              std::chrono::round<std::chrono::seconds>(attempts.pause).count());
  else
    out.message = fmt::format("{} attempt{} failed; the next is at {}", attempts.failed,
                              attempts.failed == 1 ? "" : "s", to_rfc3339(attempts.next, 3));
  return out;
}

std::string_view action_for(std::string_view reason) {
  const auto* const found = std::ranges::find(advices, reason, &Advice::reason);
  return found == std::end(advices) ? std::string_view{} : found->action;
}

const json::value* condition_of(const json::value& object, std::string_view type) {
  return in_status(find(object, "status"), type);
}

json::object status_with(const Condition& condition, const json::value* previous, WallTime now) {
  json::array said;
  said.push_back(rendered(condition, in_status(previous, condition.type), now));
  return with_others(std::move(said), previous);
}

json::object status_with(const Conditions& conditions, const json::value* previous, WallTime now) {
  json::array said;
  for (const Condition* each : {&conditions.ready, &conditions.reconciling, &conditions.degraded})
    said.push_back(rendered(*each, in_status(previous, each->type), now));
  return with_others(std::move(said), previous);
}

}  // namespace wireway::resource
