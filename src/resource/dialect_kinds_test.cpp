// Goal: manifests as each release wrote them become what v1 would say: the tables of the broker,
// connectivity and mq. kinds, rule by rule.
// Method: pairs of an older spec and the stored one; what is current already stays as it is.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "resource/dialect.h"
#include "resource/schema.h"

namespace wireway::resource {
namespace {

json::value yaml(std::string_view text) {
  auto documents = parse_yaml(text);
  EXPECT_TRUE(documents.has_value()) << (documents ? "" : documents.error().message);
  return documents && !documents->empty() ? documents->front().value : json::value();
}

/// A spec of `kind` as it is stored, and again: a second pass must change nothing.
json::value stored(std::string_view group, std::string_view kind, std::string_view spec) {
  for (const json::value& crd : embedded_crds()) {
    if (text_at(crd, {"spec", "names", "kind"}) != kind ||
        !text_at(crd, {"spec", "group"}).starts_with(fmt::format("{}.", group)))
      continue;
    const auto dialects = Dialects::of_definition(crd);
    EXPECT_TRUE(dialects.has_value());
    json::value object = json::object{{"spec", yaml(spec)}};
    EXPECT_FALSE(dialects->to_stored(object, "v1beta1").empty()) << "nothing was said";
    json::value again = object;
    EXPECT_TRUE(dialects->to_stored(again, "v1").empty());
    EXPECT_EQ(again, object);
    return object.at("spec");
  }
  ADD_FAILURE() << "no kind " << kind << " in " << group;
  return {};
}

TEST(DialectsOfBroker, take_what_moved_into_advanced) {
  EXPECT_EQ(stored("mqttbroker", "Broker",
                   "{mode: auto, encryptInternalTraffic: false, "
                   "diskBackedMessageBufferSettings: {maxSize: 1G}, "
                   "diagnostics: {selfcheck: {intervalSeconds: 60}}}"),
            yaml("{advanced: {encryptInternalTraffic: Disabled}, "
                 "diskBackedMessageBuffer: {maxSize: 1G}, "
                 "diagnostics: {selfCheck: {intervalSeconds: 60}}}"));
}

TEST(DialectsOfBroker, make_the_one_port_of_old_listeners_a_list) {
  EXPECT_EQ(stored("mqttbroker", "BrokerListener",
                   "{brokerRef: broker, port: 8883, nodePort: 30083, authenticationEnabled: true, "
                   "tls: {automatic: {issuerRef: {apiGroup: g, kind: Issuer, name: i}}}}"),
            yaml("{brokerRef: broker, ports: [{port: 8883, nodePort: 30083, tls: {mode: Automatic, "
                 "certManagerCertificateSpec: {issuerRef: {kind: Issuer, name: i, group: g}}}, "
                 "authenticationEnabled: true}]}"));
  EXPECT_EQ(stored("mqttbroker", "BrokerListener",
                   "{ports: [{port: 1}, {port: 2, tls: {mode: manual, manual: {secretName: s, "
                   "secretNamespace: n}}}]}"),
            yaml("{ports: [{port: 1}, {port: 2, tls: {mode: manual, manual: {secretRef: s}}}]}"));
  EXPECT_EQ(stored("mqttbroker", "BrokerListener", "{ports: {port: 8885, nodePort: 30085}}"),
            yaml("{ports: [{port: 8885, nodePort: 30085}]}"))
      << "published samples leave the dash out";
}

TEST(DialectsOfBroker, name_the_method_that_old_releases_let_the_settings_name) {
  EXPECT_EQ(
      stored(
          "mqttbroker", "BrokerAuthentication",
          "{authenticationMethods: [{sat: {audiences: [a]}}, {method: x509Credentials, "
          "x509Credentials: {trustedClientCaCertConfigMap: c}}, {custom: {endpoint: 'https://e', "
          "ca_cert: c, auth: {x509: {secretName: s, namespace: n}}}}]}"),
      yaml("{authenticationMethods: [{serviceAccountTokenSettings: {audiences: [a]}, "
           "method: ServiceAccountToken}, {method: X509, x509Settings: {trustedClientCaCert: c}}, "
           "{customSettings: {endpoint: 'https://e', auth: {x509: {secretRef: s}}, "
           "caCertConfigMap: c}, method: Custom}]}"));
}

TEST(DialectsOfBroker, take_the_cache_switch_and_client_ids_of_authorization) {
  EXPECT_EQ(stored("mqttbroker", "BrokerAuthorization",
                   "{authorizationPolicies: {enableCache: true, rules: [{principals: "
                   "{clientids: [a]}, brokerResources: []}]}}"),
            yaml("{authorizationPolicies: {cache: Enabled, rules: [{principals: "
                 "{clientIds: [a]}, brokerResources: []}]}}"));
}

TEST(DialectsOfDataflow, take_the_first_model_without_types) {
  EXPECT_EQ(
      stored("connectivity", "Dataflow",
             "{profileRef: p, operations: [{source: {name: s, endpointRef: e, locations: [a/#]}}, "
             "{builtInTransformation: {enrich: {dataset: d as x, condition: $1 == $2}, "
             "filter: [{inputs: [t], condition: $1 > 1}], "
             "map: [{inputs: [t], output: f, conversion: $1 + 1}]}}, "
             "{destination: {endpointRef: e, location: b}}]}"),
      yaml("{profileRef: p, operations: [{sourceSettings: {endpointRef: e, dataSources: [a/#]}, "
           "operationType: Source, name: s}, {builtInTransformationSettings: "
           "{datasets: [{key: d as x, expression: $1 == $2}], "
           "filter: [{inputs: [t], expression: $1 > 1}], "
           "map: [{inputs: [t], output: f, expression: $1 + 1}]}, "
           "operationType: BuiltInTransformation}, {destinationSettings: "
           "{endpointRef: e, dataDestination: b}, operationType: Destination}]}"));
}

TEST(DialectsOfDataflow, move_the_login_of_an_endpoint_into_its_settings) {
  EXPECT_EQ(stored("connectivity", "DataflowEndpoint",
                   "{endpointType: kafkaSettings, authentication: {method: sasl, saslSettings: "
                   "{saslType: SCRAM-SHA-256, tokenSecretName: t}}, kafkaSettings: {host: h, "
                   "kafkaAcks: none, batching: {enabled: false}, "
                   "tls: {trustedCaCertificateConfigMap: c}}}"),
            yaml("{endpointType: Kafka, kafkaSettings: {host: h, kafkaAcks: Zero, batching: "
                 "{mode: Disabled}, tls: {trustedCaCertificateConfigMapRef: c}, authentication: "
                 "{method: sasl, saslSettings: {saslType: ScramSha256, secretRef: t}}}}"));
}

TEST(DialectsOfDataflow, name_the_type_and_the_method_of_the_first_endpoints) {
  EXPECT_EQ(stored("connectivity", "DataflowEndpoint",
                   "{mqtt: {host: h, keepRetain: disabled, mqttVersion: v5, authentication: "
                   "{x509Credentials: {certificateSecretName: s}}}}"),
            yaml("{mqttSettings: {host: h, retain: Never, authentication: "
                 "{x509CertificateSettings: {secretRef: s}, method: X509Certificate}}, "
                 "endpointType: Mqtt}"));
  EXPECT_EQ(stored("connectivity", "DataflowEndpoint",
                   "{authentication: {accessTokenSecretRef: s}, datalakeStorageSettings: "
                   "{host: h, batching: {latencyMs: 100, maxMessages: 5}}}"),
            yaml("{dataLakeStorageSettings: {host: h, batching: {maxMessages: 5}, authentication: "
                 "{accessTokenSettings: {secretRef: s}, method: AccessToken}}, "
                 "endpointType: DataLakeStorage}"));
}

TEST(DialectsOfDataflow, take_profiles_and_registries_of_previews) {
  EXPECT_EQ(stored("connectivity", "DataflowProfile",
                   "{maxInstances: 4, diagnostics: {logLevel: debug}}"),
            yaml("{instanceCount: 4, diagnostics: {logs: {level: debug}}}"));
  EXPECT_EQ(stored("connectivity", "RegistryEndpoint",
                   "{host: h, trustSettings: {trustedSigningKeys: {type: Secret, secretRef: s}}}"),
            yaml("{host: h, codeSigningCas: [{type: Secret, secretRef: s}]}"));
}

TEST(DialectsOfConnectors, take_both_spellings_of_the_guides) {
  EXPECT_EQ(
      stored("mq", "KafkaConnector",
             "{kafkaConnection: {endpoint: e, tls: {tlsEnabled: true, caConfigMap: c}, "
             "authentication: {authType: {sasl: {saslType: scram-sha-512, secretName: s}}}}}"),
      yaml("{kafkaConnection: {endpoint: e, tls: {tlsEnabled: true, "
           "trustedCaCertificateConfigMap: c}, authentication: {authType: {sasl: "
           "{saslType: scramSha512, token: {secretName: s}}}}}}"));
  EXPECT_EQ(stored("mq", "DataLakeConnector",
                   "{databaseFormat: delta, target: {fabriceOneLake: {fabricePath: tables}}}"),
            yaml("{databaseFormat: delta, target: {fabricOneLake: {fabricPath: tables}}}"));
}

}  // namespace
}  // namespace wireway::resource
