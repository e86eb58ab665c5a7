#include "dataflow/plan/plan.h"

#include <gtest/gtest.h>

#include "base/yaml.h"
#include "dataflow/plan/endpoint.h"

namespace wireway::dataflow {
namespace {

json::value yaml(std::string_view text) { return parse_yaml(text)->at(0).value; }

const net::Endpoint broker{"127.0.0.1", 1883};

TEST(Plan, reads_the_current_dialect) {
  const auto plan = plan_dataflow(yaml(R"(
apiVersion: connectivity.iotoperations.azure.com/v1
metadata: {name: f}
spec:
  profileRef: default
  mode: enabled
  operations:
    - operationType: source
      sourceSettings: {endpointRef: default, dataSources: ['a/+', '$shared/g/b/#']}
    - operationType: BuiltInTransformation
      builtInTransformationSettings:
        filter: [{inputs: [t], expression: $1 > 5}]
        map: [{inputs: ['*'], output: '*'}]
    - operationType: Destination
      destinationSettings: {endpointRef: lake, dataDestination: table}
)"));
  EXPECT_TRUE(plan.problems.empty()) << describe(plan.problems);
  EXPECT_EQ(plan.topics, (std::vector<std::string>{"a/+", "$share/g/b/#"}));
  EXPECT_EQ(plan.destination_endpoint, "lake");
  EXPECT_EQ(plan.polarity, Polarity::true_drops);
  EXPECT_TRUE(plan.has_filter);
  EXPECT_EQ(plan.rules().maps.size(), 1u);
}

TEST(Plan, reads_the_first_preview) {
  const auto plan = plan_dataflow(yaml(R"(
apiVersion: connectivity.iotoperations.azure.com/v1beta1
metadata: {name: f}
spec:
  profileRef: p
  mode: disabled
  operations:
    - source: {endpointRef: mq, locations: [a]}
    - builtInTransformation: {filter: {inputs: [t], condition: $1 > 5}}
    - destination: {endpointRef: mq, location: b}
)"));
  EXPECT_TRUE(plan.problems.empty()) << describe(plan.problems);
  EXPECT_FALSE(plan.enabled);
  EXPECT_EQ(plan.topics, std::vector<std::string>{"a"});
  EXPECT_EQ(plan.polarity, Polarity::true_passes);
}

TEST(Plan, reports_all_that_is_missing) {
  const auto plan = plan_dataflow(yaml(R"(
metadata: {name: f}
spec:
  operations:
    - {operationType: Source, sourceSettings: {endpointRef: a, dataSources: ['x/#/y']}}
    - {operationType: Source, sourceSettings: {}}
    - {operationType: Fancy}
    - operationType: BuiltInTransformation
      builtInTransformationSettings: {datasets: [{key: k}]}
)"));
  const std::string text = [&] {
    std::string out;
    for (const auto& problem : plan.problems) out += problem.field + ": " + problem.message + "\n";
    return out;
  }();
  for (const char* part :
       {"spec.profileRef: is required", "there may be only one Source", "a Destination is missing",
        "spec.operations[2].operationType: must be", "endpointRef: is required",
        "datasets: enrichment reads the state store"})
    EXPECT_TRUE(text.contains(part)) << part << "\n" << text;
}

TEST(Plan, takes_the_polarity_from_annotations) {
  const auto manifest = [](std::string annotations) {
    return yaml("{apiVersion: g/v1, metadata: {annotations: {" + annotations + "}}}");
  };
  EXPECT_EQ(polarity_of(manifest("wireway.io/written-version: v1beta1")), Polarity::true_passes);
  EXPECT_EQ(polarity_of(manifest("wireway.io/filter: pass")), Polarity::true_passes);
  EXPECT_EQ(polarity_of(manifest("wireway.io/written-version: v1beta1, wireway.io/filter: Drop")),
            Polarity::true_drops);
  EXPECT_EQ(polarity_of(manifest("")), Polarity::true_drops);
}

TEST(Plan, finds_the_topics_of_assets_of_every_release) {
  const auto topics = [](std::string_view spec) {
    return topics_of_asset(yaml(fmt::format("{{metadata: {{name: oven}}, spec: {}}}", spec)));
  };
  using Topics = std::vector<std::string>;
  EXPECT_EQ(topics("{}"), Topics{"azure-iot-operations/data/oven"});
  EXPECT_EQ(topics("{topic: {path: a/b}}"), Topics{"a/b"});
  EXPECT_EQ(topics("{defaultTopic: {path: d}}"), Topics{"d"});
  EXPECT_EQ(topics("{datasets: [{name: x, topic: {path: t1}}]}"), Topics{"t1"});
  EXPECT_EQ(topics("{datasets: [{destinations: [{target: Mqtt, configuration: {topic: t2}}]}]}"),
            Topics{"t2"});
}

TEST(Plan, sees_certain_loops) {
  EXPECT_TRUE(loops({"a/#"}, "a/b"));
  EXPECT_TRUE(loops({"$share/g/a/#"}, "a/b"));
  EXPECT_TRUE(loops({"x"}, "${inputTopic}"));
  EXPECT_FALSE(loops({"a/#"}, "b/${inputTopic}"));
  EXPECT_FALSE(loops({"a"}, "b"));
}

TEST(Endpoint, stands_for_the_local_broker_under_its_documented_names) {
  for (const char* settings :
       {"{host: 'aio-broker:18883', authentication: {method: ServiceAccountToken}, tls: {mode: "
        "Enabled}}",
        "{host: 'aio-mq-dmqtt-frontend.azure-iot-operations.svc:8883', tls: {mode: enabled}}",
        "{}"}) {
    const auto plan = plan_endpoint(
        yaml(fmt::format("{{spec: {{endpointType: mqtt, mqttSettings: {}}}}}", settings)), broker);
    ASSERT_TRUE(plan.problems.empty()) << describe(plan.problems);
    EXPECT_EQ(plan.mqtt->server, broker);
    EXPECT_TRUE(plan.note.contains("without TLS"));
    EXPECT_EQ(text_at(plan.manifest, {"spec", "mqttSettings", "host"}), "127.0.0.1:1883");
  }
  const auto none = plan_endpoint(yaml("{spec: {endpointType: Mqtt}}"), std::nullopt);
  EXPECT_EQ(reason_of(none.problems), "NotServedYet");
}

TEST(Endpoint, never_serves_less_security_than_asked_for) {
  const auto plan = plan_endpoint(yaml(R"(
spec:
  endpointType: Mqtt
  authentication: {method: x509Credentials}
  mqttSettings: {host: 'example.com'})"),
                                  broker);
  ASSERT_EQ(plan.problems.size(), 2u);
  EXPECT_EQ(plan.problems[0].field, "spec.mqttSettings.tls.mode");
  EXPECT_EQ(plan.problems[1].field, "spec.mqttSettings.authentication.method");
  EXPECT_EQ(reason_of(plan.problems), "NotServedYet");
  const auto plain = plan_endpoint(yaml(R"(
spec:
  endpointType: Mqtt
  mqttSettings:
    {host: '127.0.0.1:1884', tls: {mode: Disabled}, authentication: {method: anonymous}})"),
                                   broker);
  EXPECT_TRUE(plain.problems.empty()) << describe(plain.problems);
  EXPECT_FALSE(plain.is_local_broker);
}

TEST(Endpoint, reads_hosts_and_listeners) {
  EXPECT_EQ(parse_host("h")->port, 8883);
  EXPECT_EQ(parse_host("[::1]:1883")->host, "::1");
  EXPECT_FALSE(parse_host("h:x"));
  EXPECT_FALSE(parse_host(":1883"));
  EXPECT_EQ(plain_port_of(yaml("{spec: {ports: [{port: 8883, tls: {mode: Automatic}}, "
                               "{port: 8083, protocol: WebSockets}, {port: 1884}]}}"))
                ->port,
            1884);
  EXPECT_FALSE(plain_port_of(yaml("{spec: {ports: [{port: 1883, authenticationRef: a}]}}")));
}

}  // namespace
}  // namespace wireway::dataflow
