#include <fmt/format.h>

#include "app/cli/check_table.h"
#include "app/cli/port_probe.h"
#include "resource/conditions.h"

namespace wireway::app::cli {
namespace {

const std::string brokers = "brokers.mqttbroker.iotoperations.azure.com";
const std::string listeners = "brokerlisteners.mqttbroker.iotoperations.azure.com";
const std::string authentications = "brokerauthentications.mqttbroker.iotoperations.azure.com";
const std::string authorizations = "brokerauthorizations.mqttbroker.iotoperations.azure.com";

/// Its newest ports are not the open ones.
bool is_degraded(const json::value& object) {
  const json::value* degraded = resource::condition_of(object, "Degraded");
  return degraded != nullptr && text_at(*degraded, {"status"}) == "True";
}

void at_least_one(ObjectCheck& check, const json::value& object,
                  std::initializer_list<std::string_view> path, const std::string& field) {
  if (find(object, path) != nullptr && int_at(object, path, 0) < 1)
    check.error(field + " is below 1", "set it to 1 or more");
}

void check_port(ObjectCheck& check, const json::value& port) {
  const std::string name = fmt::format("spec.ports[port={}]", int_at(port, {"port"}, 0));
  check.refers(name + ".authenticationRef", authentications, text_at(port, {"authenticationRef"}));
  check.refers(name + ".authorizationRef", authorizations, text_at(port, {"authorizationRef"}));
  const json::value* tls = find(port, "tls");
  if (tls == nullptr || tls->is_null()) {
    if (text_at(port, {"authenticationRef"}).empty())
      check.warning(name + " lets everybody in, in clear text",
                    "give it an authenticationRef and tls, or keep the listener on ClusterIp");
    return;
  }
  const bool automatic = find(*tls, "certManagerCertificateSpec") != nullptr;
  const bool manual = find(*tls, "manual") != nullptr;
  if (automatic == manual)
    check.error(name + ".tls must have exactly one of certManagerCertificateSpec and manual",
                "keep the one that matches tls.mode");
  if (manual)
    check.refers(name + ".tls.manual.secretRef", "secrets", text_at(*tls, {"manual", "secretRef"}));
}

void check_method(ObjectCheck& check, const json::value& method) {
  const std::string kind = text_at(method, {"method"});
  if (kind == "Custom") {
    if (!text_at(method, {"customSettings", "endpoint"}).starts_with("https://"))
      check.error("customSettings.endpoint does not begin with https://",
                  "name the authentication server's https address");
    check.refers("customSettings.caCertConfigMap", "configmaps",
                 text_at(method, {"customSettings", "caCertConfigMap"}));
    check.refers("customSettings.auth.x509.secretRef", "secrets",
                 text_at(method, {"customSettings", "auth", "x509", "secretRef"}));
  } else if (kind == "ServiceAccountToken") {
    if (list_at(method, {"serviceAccountTokenSettings", "audiences"}).empty())
      check.error("serviceAccountTokenSettings.audiences is empty",
                  "name at least one audience, such as aio-internal");
  } else if (kind == "X509") {
    const std::string trusted = text_at(method, {"x509Settings", "trustedClientCaCert"});
    if (trusted.empty())
      check.error("x509Settings.trustedClientCaCert is missing",
                  "name the ConfigMap with the CA of the clients");
    check.refers("x509Settings.trustedClientCaCert", "configmaps", trusted);
    const json::value* rules = find(method, "x509Settings", "authorizationAttributes");
    if (rules == nullptr || !rules->is_object()) return;
    for (const auto& [name, rule] : rules->get_object())
      if (text_at(rule, {"subject"}).empty())
        check.error(fmt::format("x509Settings.authorizationAttributes.{} has no subject",
                                std::string_view(name)),
                    "give it the subject of the certificates that it is about");
  }
}

}  // namespace

namespace {

/// Only on the machine that serves it: what it says of its ports must be what a client finds.
void probe_ports(ObjectCheck& check, const json::value& listener) {
  const json::value* ready = resource::condition_of(listener, "Ready");
  if (ready == nullptr) return;
  const bool is_ready = text_at(*ready, {"status"}) == "True";
  for (const json::value& port : list_at(listener, {"spec", "ports"})) {
    const std::int64_t number = int_at(port, {"port"}, 0);
    if (number < 1 || number > 65'535) continue;
    const PortState state = probe_port(static_cast<std::uint16_t>(number));
    if (is_ready && state != PortState::open && !is_degraded(listener))
      check.error(
          fmt::format("spec.ports[port={}]: {} on 127.0.0.1:{}, although the listener is "
                      "Ready",
                      number, state == PortState::closed ? "nothing listens" : "no answer", number),
          "look whether the process broker runs (wireway get events) and at its log; a "
          "firewall may drop connections too");
    else if (!is_ready && state == PortState::open &&
             text_at(*ready, {"reason"}) == "PortUnavailable")
      check.error(fmt::format("spec.ports[port={}]: another program listens there", number),
                  fmt::format("find it with `ss -ltnp sport = :{}` and end it, or choose another "
                              "port",
                              number));
  }
}

}  // namespace

void check_brokers(CheckWorld& world, Report& report) {
  const auto found = world.chosen(brokers);
  if (found.size() != 1)
    report.add(brokers, "",
               {"", found.empty() ? Health::warning : Health::error,
                fmt::format("there are {} Brokers", found.size()),
                found.empty() ? "apply a Broker named default" : "keep one and delete the others"});
  for (const json::value* each : found) {
    ObjectCheck check(world, report, brokers, *each);
    at_least_one(check, *each, {"spec", "cardinality", "backendChain", "partitions"},
                 "spec.cardinality.backendChain.partitions");
    at_least_one(check, *each, {"spec", "cardinality", "backendChain", "redundancyFactor"},
                 "spec.cardinality.backendChain.redundancyFactor");
    at_least_one(check, *each, {"spec", "cardinality", "backendChain", "workers"},
                 "spec.cardinality.backendChain.workers");
    at_least_one(check, *each, {"spec", "cardinality", "frontend", "replicas"},
                 "spec.cardinality.frontend.replicas");
  }
}

void check_listeners(CheckWorld& world, Report& report) {
  const auto found = world.chosen(listeners);
  if (found.empty())
    report.add(listeners, "",
               {"", Health::warning, "there is no BrokerListener",
                "apply one: without it no client can connect"});
  for (const json::value* each : found) {
    ObjectCheck check(world, report, listeners, *each);
    if (text_at(*each, {"spec", "brokerRef"}).empty())
      check.error("spec.brokerRef is missing", "name the Broker, usually default");
    check.refers("spec.brokerRef", brokers, text_at(*each, {"spec", "brokerRef"}));
    if (list_at(*each, {"spec", "ports"}).empty())
      check.error("spec.ports is empty", "add a port, such as {port: 1883, protocol: Mqtt}");
    for (const json::value& port : list_at(*each, {"spec", "ports"})) check_port(check, port);
    if (is_this_machine(world.session().connection.server)) probe_ports(check, *each);
  }
}

void check_authentications(CheckWorld& world, Report& report) {
  const auto found = world.chosen(authentications);
  if (found.empty()) report.skip(authentications, "there is no BrokerAuthentication");
  for (const json::value* each : found) {
    ObjectCheck check(world, report, authentications, *each);
    if (list_at(*each, {"spec", "authenticationMethods"}).empty())
      check.error("spec.authenticationMethods is empty", "add a method: nobody can sign in");
    for (const json::value& method : list_at(*each, {"spec", "authenticationMethods"}))
      check_method(check, method);
  }
}

void check_authorizations(CheckWorld& world, Report& report) {
  const auto found = world.chosen(authorizations);
  if (found.empty()) report.skip(authorizations, "there is no BrokerAuthorization");
  for (const json::value* each : found) {
    ObjectCheck check(world, report, authorizations, *each);
    check.refers("spec.brokerRef", brokers, text_at(*each, {"spec", "brokerRef"}));
    if (find(*each, "spec", "authorizationPolicies") == nullptr)
      check.error("spec.authorizationPolicies is missing", "add rules: without them all is denied");
  }
}

}  // namespace wireway::app::cli
