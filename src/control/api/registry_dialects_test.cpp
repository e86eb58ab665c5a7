// Goal: manifests of device registry and connectors of every era are stored as the newest release
// writes them, and read back as they were written.
// Method: one manifest of each era through the API server, in the shapes of published samples.

#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

class RegistryDialectsTest : public ApiTest {
 protected:
  static std::string path(std::string_view group_version, std::string_view plural,
                          std::string_view name = "") {
    return fmt::format("/apis/{}/namespaces/azure-iot-operations/{}{}{}", group_version, plural,
                       name.empty() ? "" : "/", name);
  }

  /// The stored spec of a manifest with this spec, as `reader` shows it.
  json::value stored(std::string_view group_version, std::string_view kind_and_plural,
                     std::string_view spec, std::string_view reader) {
    const auto [kind, plural] = split(kind_and_plural);
    json::value manifest = yaml(
        fmt::format("{{apiVersion: {}, kind: {}, metadata: {{name: a}}}}", group_version, kind));
    manifest.as_object()["spec"] = yaml(spec);
    post(path(group_version, plural) + "?fieldValidation=Strict", manifest);
    EXPECT_EQ(code(), 201U) << head_.body;
    const json::value object = get(path(reader, plural, "a"));
    return code() == 200U ? object.at("spec") : object;
  }

  static std::pair<std::string, std::string> split(std::string_view both) {
    const auto slash = both.find('/');
    return {std::string(both.substr(0, slash)), std::string(both.substr(slash + 1))};
  }
};

constexpr const char* classic_v1 = "deviceregistry.microsoft.com/v1";
constexpr const char* classic_v1beta1 = "deviceregistry.microsoft.com/v1beta1";
constexpr const char* classic_v1beta2 = "deviceregistry.microsoft.com/v1beta2";
constexpr const char* namespaced_v1 = "namespaces.deviceregistry.microsoft.com/v1";
constexpr const char* namespaced_v1beta1 = "namespaces.deviceregistry.microsoft.com/v1beta1";

constexpr const char* first_asset = R"(
enabled: true
assetEndpointProfileUri: plc
defaultDataPointsConfiguration: '{"samplingInterval": 500,}'
dataPoints:
  - {dataSource: ns=3;s=FastUInt1, capabilityId: speed, observabilityMode: gauge}
  - {dataSource: ns=3;s=FastUInt2, observabilityMode: none}
events:
  - {eventNotifier: ns=0;i=2253, observabilityMode: log}
)";

TEST_F(RegistryDialectsTest, an_asset_of_the_first_releases_has_one_dataset) {
  EXPECT_EQ(stored(classic_v1beta1, "Asset/assets", first_asset, classic_v1), yaml(R"(
enabled: true
assetEndpointProfileRef: plc
defaultDatasetsConfiguration: '{"samplingInterval": 500,}'
datasets:
  - name: default
    dataPoints:
      - {dataSource: ns=3;s=FastUInt1, capabilityId: speed, observabilityMode: Gauge}
      - {dataSource: ns=3;s=FastUInt2, observabilityMode: None}
events:
  - {eventNotifier: ns=0;i=2253, observabilityMode: Log}
)"));
  EXPECT_EQ(get(path(classic_v1beta1, "assets", "a")).at("spec"), yaml(first_asset));
}

TEST_F(RegistryDialectsTest, an_asset_of_the_first_releases_is_written_without_a_warning) {
  (void)stored(classic_v1beta1, "Asset/assets", first_asset, classic_v1beta1);
  EXPECT_EQ(header("Warning"), "");
}

TEST_F(RegistryDialectsTest, an_older_name_in_the_newest_version_is_warned_of) {
  json::value manifest = asset("a");
  manifest.at("spec") = yaml("{assetEndpointProfileUri: plc}");
  post(assets, manifest);
  EXPECT_EQ(code(), 201U) << head_.body;
  EXPECT_TRUE(header("Warning").contains(
      "spec.assetEndpointProfileUri is an older name of spec.assetEndpointProfileRef"))
      << header("Warning");
}

TEST_F(RegistryDialectsTest, a_profile_of_the_first_releases_logs_in_as_a_new_one) {
  constexpr const char* first = R"(
targetAddress: opc.tcp://plc:4840
userAuthentication:
  mode: UsernamePassword
  usernamePasswordCredentials: {usernameReference: s/user, passwordReference: s/password}
transportAuthentication: {ownCertificates: []}
)";
  EXPECT_EQ(
      stored(classic_v1beta1, "AssetEndpointProfile/assetendpointprofiles", first, classic_v1),
      yaml(R"(
targetAddress: opc.tcp://plc:4840
authentication:
  method: UsernamePassword
  usernamePasswordCredentials: {usernameSecretName: s/user, passwordSecretName: s/password}
transportAuthentication: {ownCertificates: []}
)"));
  EXPECT_EQ(get(path(classic_v1beta1, "assetendpointprofiles", "a")).at("spec"), yaml(first));
}

TEST_F(RegistryDialectsTest, a_certificate_beside_the_method_is_found) {
  EXPECT_EQ(stored(classic_v1beta2, "AssetEndpointProfile/assetendpointprofiles", R"(
targetAddress: opc.tcp://plc:4840
authentication: {method: certificate, certificateSecretName: s/cert}
)",
                   classic_v1),
            yaml(R"(
targetAddress: opc.tcp://plc:4840
authentication: {method: Certificate, x509Credentials: {certificateSecretName: s/cert}}
)"));
}

TEST_F(RegistryDialectsTest, events_without_a_group_are_in_the_group_default) {
  EXPECT_EQ(stored(namespaced_v1beta1, "Asset/assets", R"(
enabled: true
deviceRef: {deviceName: d, endpointName: e}
datasets:
  - name: status
    destinations: [{target: brokerStateStore, configuration: {Key: last}}]
events:
  - name: change
    eventNotifier: 80
    destinations: [{target: mqtt, configuration: {topic: a/b, qos: 1, retain: never}}]
)",
                   namespaced_v1),
            yaml(R"(
enabled: true
deviceRef: {deviceName: d, endpointName: e}
datasets:
  - name: status
    destinations: [{target: BrokerStateStore, configuration: {key: last}}]
eventGroups:
  - name: default
    events:
      - name: change
        dataSource: '80'
        destinations: [{target: Mqtt, configuration: {topic: a/b, qos: Qos1, retain: Never}}]
)"));
}

TEST_F(RegistryDialectsTest, a_connector_of_the_first_preview_has_the_names_of_the_next) {
  EXPECT_EQ(stored("akri.microsoft.com/v1beta1", "ConnectorConfig/connectorconfigs", R"(
replicas: 1
endpointProfileType: http
image: connector:1
mqTargetAddress: aio-broker
mqTls: {enabled: true, caTrustBundle: {bundleName: ca}}
mqAuthentication: {audience: aio-internal}
)",
                   "akri.microsoft.com/v1"),
            yaml(R"(
replicas: 1
assetEndpointProfileType: http
image: connector:1
brokerTargetAddress: aio-broker
brokerTls: {mode: Enabled, caTrustBundle: ca}
brokerAuthentication: {satAudience: aio-internal}
)"));
}

TEST_F(RegistryDialectsTest, two_managers_share_one_dataset) {
  const std::string target = path(namespaced_v1, "assets", "a");
  const auto apply = [&](const std::string& manager, const std::string& points) {
    patch(target + "?fieldManager=" + manager,
          fmt::format("{{apiVersion: {}, kind: Asset, metadata: {{name: a}}, spec: {{deviceRef: "
                      "{{deviceName: d, endpointName: e}}, datasets: [{{name: line, dataPoints: "
                      "{}}}]}}}}",
                      namespaced_v1, points),
          "apply-patch+yaml");
    EXPECT_TRUE(code() == 200U || code() == 201U) << head_.body;
    std::string names;
    const json::value object = get(target);
    for (const json::value& point :
         find(object, "spec", "datasets")->at(0).at("dataPoints").as_array())
      names += text_at(point, {"name"});
    return names;
  };
  EXPECT_EQ(apply("first", "[{name: a, dataSource: i=1}, {name: b, dataSource: i=2}]"), "ab");
  EXPECT_EQ(apply("second", "[{name: c, dataSource: i=3}]"), "abc");
  EXPECT_EQ(apply("first", "[{name: b, dataSource: i=4}]"), "bc");
}

TEST_F(RegistryDialectsTest, assets_of_both_groups_stand_beside_each_other) {
  (void)stored(classic_v1, "Asset/assets", "{assetEndpointProfileRef: plc}", classic_v1);
  (void)stored(namespaced_v1, "Asset/assets", "{deviceRef: {deviceName: d, endpointName: e}}",
               namespaced_v1);
  EXPECT_EQ(get(path(classic_v1, "assets")).at("items").as_array().size(), 1U);
  EXPECT_EQ(get(path(namespaced_v1, "assets")).at("items").as_array().size(), 1U);
}

}  // namespace
}  // namespace wireway::control
