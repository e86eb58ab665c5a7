#include "source/opcua/normalise.h"

#include <gtest/gtest.h>

#include "base/yaml.h"
#include "resource/kind_table.h"

namespace wireway::source::opcua {
namespace {

json::value manifest(std::string_view yaml) {
  Result<std::vector<YamlDocument>> documents = parse_yaml(yaml);
  EXPECT_TRUE(documents) << (documents ? "" : documents.error().message);
  if (find(documents->at(0).value, "kind") == nullptr) return documents->at(0).value;
  // As it enters a service: in the stored form, by the table of its definition.
  static const resource::KindTable kinds;
  return kinds.normalise(documents->at(0).value);
}

EndpointModel endpoint(std::string_view yaml) {
  const Result<EndpointModel> model = normalise_endpoint(manifest(yaml));
  EXPECT_TRUE(model) << (model ? "" : model.error().message);
  return model.value_or(EndpointModel{});
}

AssetModel asset(std::string_view yaml) { return normalise_asset(manifest(yaml), {}); }

TEST(Endpoint, reads_the_published_seed_profile_with_its_leading_tab) {
  const EndpointModel model = endpoint(R"(
apiVersion: deviceregistry.microsoft.com/v1beta1
kind: AssetEndpointProfile
metadata: { name: opc-ua-broker-opcplc-000000-50000, namespace: azure-iot-operations }
spec:
  additionalConfiguration: '{"applicationName":"opc-ua-broker-opcplc-000000-50000","keepAliveMilliseconds":10000,"defaults":{"publishingIntervalMilliseconds":1000,"queueSize":1,"samplingIntervalMilliseconds":1000},"subscription":{"maxItems":1000,"lifetimeMilliseconds":360000},"security":{"autoAcceptUntrustedServerCertificates":true,"securityPolicy":"http://opcfoundation.org/UA/SecurityPolicy#None"},"session":{"timeoutMilliseconds":60000,"keepAliveIntervalMilliseconds":5000,"reconnectPeriodMilliseconds":500,"reconnectExponentialBackOffMilliseconds":10000}}'
  targetAddress: "\topc.tcp://opcplc-000000:50000"
  userAuthentication: { mode: Anonymous }
)");
  EXPECT_EQ(model.url, "opc.tcp://opcplc-000000:50000");
  EXPECT_EQ(model.application_name, "opc-ua-broker-opcplc-000000-50000");
  EXPECT_EQ(model.session_keep_alive_ms, 5000U);
  EXPECT_EQ(model.reconnect_ms, 500U);
  EXPECT_EQ(model.lifetime_ms, 360'000U) << "lifetimeMilliseconds and lifeTimeMilliseconds are one";
  EXPECT_EQ(model.refusal, "");
  EXPECT_TRUE(model.notes.empty()) << model.notes.front();
}

TEST(Endpoint, takes_absent_empty_and_null_configuration_as_defaults) {
  for (const char* text : {"", "additionalConfiguration: ''", "additionalConfiguration: '{}'",
                           "additionalConfiguration: null", "additionalConfiguration: 'null'"}) {
    const EndpointModel model =
        endpoint(std::string("spec:\n  targetAddress: opc.tcp://a:1\n  ") + text + "\n");
    EXPECT_EQ(model.defaults, SamplingModel{}) << text;
    EXPECT_EQ(model.items_max, 1000U);
    EXPECT_TRUE(model.notes.empty()) << text;
  }
}

TEST(Endpoint, reads_relaxed_json_with_numbers_in_quotes_and_keys_in_any_case) {
  const EndpointModel model = endpoint(R"(
spec:
  targetAddress: opc.tcp://a:1
  additionalConfiguration: |
    {  // a comment
      "DEFAULTS": {"publishingintervalmilliseconds": "250", "QueueSize": "7", "samplingIntervalMilliseconds": -1,},
      "Session": {"TIMEOUT": 5000},
      "unheardOf": true,
    }
)");
  EXPECT_EQ(model.defaults.publishing_ms, 250);
  EXPECT_EQ(model.defaults.queue_size, 7U);
  EXPECT_EQ(model.defaults.sampling_ms, 1000) << "-1 = not given";
  EXPECT_EQ(model.session_timeout_ms, 5000U);
  ASSERT_EQ(model.notes.size(), 1U);
  EXPECT_NE(model.notes[0].find("unheardOf"), std::string::npos);
}

TEST(Endpoint, notes_what_it_cannot_read_and_goes_on_with_defaults) {
  const EndpointModel broken =
      endpoint("spec: {targetAddress: 'opc.tcp://a:1', additionalConfiguration: '{\"a\":'}");
  EXPECT_EQ(broken.notes.size(), 1U);
  const EndpointModel odd = endpoint(
      "spec: {targetAddress: 'opc.tcp://a:1', additionalConfiguration: "
      "'{\"subscription\":{\"maxItems\":\"many\"}}'}");
  EXPECT_EQ(odd.items_max, 1000U);
  EXPECT_EQ(odd.notes.size(), 1U);
}

TEST(Endpoint, refuses_security_and_log_in_that_are_not_served_yet) {
  const auto refusal = [](const std::string& rest) {
    return endpoint("spec:\n  targetAddress: opc.tcp://a:1\n  " + rest + "\n").refusal;
  };
  EXPECT_NE(refusal("authentication: {method: UsernamePassword}"), "");
  EXPECT_NE(endpoint("{apiVersion: deviceregistry.microsoft.com/v1beta1, kind: "
                     "AssetEndpointProfile, metadata: {name: a}, spec: {targetAddress: "
                     "'opc.tcp://a:1', userAuthentication: {mode: Certificate}}}")
                .refusal,
            "");
  EXPECT_NE(refusal(R"(additionalConfiguration: '{"security":{"securityMode":"signAndEncrypt"}}')"),
            "");
  EXPECT_NE(
      refusal(
          R"(additionalConfiguration: '{"security":{"securityPolicy":"http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"}}')"),
      "");
  EXPECT_EQ(refusal("authentication: {method: anonymous}"), "");
  EXPECT_EQ(
      refusal(
          R"(additionalConfiguration: '{"security":{"securityMode":null,"securityPolicy":null}}')"),
      "");
  EXPECT_EQ(
      refusal(
          R"(additionalConfiguration: '{"security":{"securityMode":"none","securityPolicy":"http://opcfoundation.org/UA/SecurityPolicy#None"}}')"),
      "");
}

TEST(Endpoint, knows_its_own_profiles) {
  const auto is_ours = [](const std::string& spec) {
    return is_opcua_profile(manifest("spec: " + spec));
  };
  EXPECT_TRUE(is_ours("{endpointProfileType: Microsoft.OpcUa, targetAddress: x}"));
  EXPECT_TRUE(is_ours(
      "{endpointProfileType: Microsoft.AssetEndpointProfile/opcua/1.0.0, targetAddress: x}"));
  EXPECT_TRUE(is_ours("{targetAddress: ' opc.tcp://a:1'}"));
  EXPECT_FALSE(is_ours("{targetAddress: 'http://a'}"));
  EXPECT_FALSE(is_ours("{endpointProfileType: Microsoft.Onvif, targetAddress: 'opc.tcp://a:1'}"));
}

TEST(Endpoint, refuses_an_address_that_is_not_opc_ua) {
  for (const char* address : {"http://a:1", "opc.tcp://", "", "a:4840"}) {
    const Result<EndpointModel> model = normalise_endpoint(json::object{
        {"spec", {{"targetAddress", address}, {"endpointProfileType", "Microsoft.OpcUa"}}}});
    ASSERT_FALSE(model) << address;
    EXPECT_EQ(model.error().code, Errc::invalid);
    EXPECT_NE(model.error().message.find("opc.tcp://host:port"), std::string::npos);
  }
}

TEST(Asset, reads_the_seed_dialect) {
  const AssetModel model = asset(R"(
apiVersion: deviceregistry.microsoft.com/v1beta1
kind: Asset
metadata: { name: thermostat, namespace: azure-iot-operations }
spec:
  assetEndpointProfileUri: opc-ua-connector-0
  uuid: spaceship-assembly-line-1
  defaultDataPointsConfiguration: '{"publishingInterval": "2000", "samplingInterval": 500, "queueSize": 3}'
  dataPoints:
    - { name: temperature, dataSource: 'ns=3;s=FastUInt10', observabilityMode: none }
    - { dataSource: 'ns=3;s=FastUInt9', dataPointConfiguration: '{"samplingInterval": 4000,}' }
    - { capabilityId: c, dataSource: ' ns=3;s=StepUp ' }
)");
  EXPECT_EQ(model.endpoint, "opc-ua-connector-0");
  EXPECT_TRUE(model.enabled);
  EXPECT_EQ(model.uuid, "spaceship-assembly-line-1");
  EXPECT_EQ(model.external_id, "spaceship-assembly-line-1");
  ASSERT_EQ(model.datasets.size(), 1U);
  const DatasetModel& dataset = model.datasets[0];
  EXPECT_EQ(dataset.topic, "azure-iot-operations/data/thermostat");
  EXPECT_FALSE(dataset.retain);
  EXPECT_EQ(dataset.publishing_ms, 2000);
  ASSERT_EQ(dataset.points.size(), 3U);
  EXPECT_EQ(dataset.points[0], (PointModel{"temperature", "ns=3;s=FastUInt10", 500, 3}));
  EXPECT_EQ(dataset.points[1], (PointModel{"ns=3;s=FastUInt9", "ns=3;s=FastUInt9", 4000, 3}));
  EXPECT_EQ(dataset.points[2].name, "c");
  EXPECT_EQ(dataset.points[2].source, "ns=3;s=StepUp");
}

TEST(Asset, reads_the_classic_dialect_with_datasets_and_topics) {
  const AssetModel model = asset(R"(
apiVersion: deviceregistry.microsoft.com/v1
kind: Asset
metadata: { name: oven, namespace: azure-iot-operations, uid: u-1 }
spec:
  assetEndpointProfileRef: plc
  externalAssetId: e-1
  enabled: true
  defaultTopic: { path: factory/oven, retain: keep }
  defaultDatasetsConfiguration: '{"publishingInterval":1000,"samplingInterval":500,"queueSize":1}'
  datasets:
    - name: default
      dataPoints:
        - { name: Temperature, dataSource: 'ns=3;s=SpikeData', dataPointConfiguration: '{"samplingInterval":500,"queueSize":1}' }
    - name: slow
      topic: { path: factory/oven/slow }
      datasetConfiguration: '{"publishingInterval":10000,"keyFrameCount":5}'
      dataPoints: [ { name: Slow, dataSource: 'ns=3;s=SlowUInt1' } ]
)");
  EXPECT_EQ(model.endpoint, "plc");
  EXPECT_EQ(model.uuid, "u-1") << "the object's own id where the manifest names none";
  EXPECT_EQ(model.external_id, "e-1");
  ASSERT_EQ(model.datasets.size(), 2U);
  EXPECT_EQ(model.datasets[0].topic, "factory/oven");
  EXPECT_TRUE(model.datasets[0].retain);
  EXPECT_EQ(model.datasets[0].points[0].sampling_ms, 500);
  EXPECT_EQ(model.datasets[1].topic, "factory/oven/slow");
  EXPECT_FALSE(model.datasets[1].retain);
  EXPECT_EQ(model.datasets[1].publishing_ms, 10'000);
  EXPECT_EQ(model.datasets[1].key_frame_count, 5U);
  ASSERT_EQ(model.notes.size(), 2U - 1U);
  EXPECT_NE(model.notes[0].find("queueSize"), std::string::npos)
      << "500 ms samples in 1 s, queue 1";
}

TEST(Asset, resolves_settings_from_point_to_dataset_to_asset_to_endpoint) {
  const json::value object = manifest(R"(
metadata: {name: a, namespace: n}
spec:
  assetEndpointProfileRef: e
  datasets:
    - name: default
      datasetConfiguration: '{"queueSize": 20}'
      dataPoints:
        - {name: own, dataSource: i=1, dataPointConfiguration: '{"samplingInterval": 10}'}
        - {name: outer, dataSource: i=2, dataPointConfiguration: '{"samplingInterval": -1}'}
)");
  SamplingModel defaults;
  defaults.sampling_ms = 300;
  defaults.queue_size = 5;
  const AssetModel model = normalise_asset(object, defaults);
  EXPECT_EQ(model.datasets[0].points[0].sampling_ms, 10);
  EXPECT_EQ(model.datasets[0].points[1].sampling_ms, 300);
  EXPECT_EQ(model.datasets[0].points[1].queue_size, 20U);
}

TEST(Asset, names_points_that_cannot_be_served_and_keeps_the_others) {
  const AssetModel model = asset(R"(
metadata: {name: a, namespace: n}
spec:
  assetEndpointProfileRef: e
  datasets:
    - name: default
      dataPoints:
        - {name: twice, dataSource: i=1}
        - {name: twice, dataSource: i=2}
        - {name: sourceless}
        - {name: _ErrorMessage, dataSource: i=3}
        - {name: good, dataSource: i=4}
    - {name: paths, datasetConfiguration: '{"startInstance":"i=85"}', dataPoints: [{name: x, dataSource: /1:A}]}
    - {name: wild, topic: {path: a/#}, dataPoints: [{name: x, dataSource: i=1}]}
)");
  EXPECT_EQ(model.point_count(), 2U);
  EXPECT_EQ(model.faults.size(), 5U);
}

}  // namespace
}  // namespace wireway::source::opcua
