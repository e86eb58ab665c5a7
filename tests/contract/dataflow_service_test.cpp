// Goal: the dataflow service does what its resources say, through changes, restarts and broken
// destinations, and loses nothing. Method: resources in memory, mosquitto as the local broker, the
// real sinks; a publisher numbers its messages and the destinations are read back.

#include <set>

#include <gtest/gtest.h>

#include "base/json_text.h"
#include "base/yaml.h"
#include "dataflow/service.h"
#include "delta_reader.h"
#include "destination/lake/sink.h"
#include "destination/mqtt/sink.h"
#include "faulty_files.h"
#include "link/mqtt_client.h"
#include "mosquitto.h"
#include "resource/memory_resources.h"

namespace wireway::contract {
namespace {

using resource::ObjectKey;

constexpr const char* space = "azure-iot-operations";

class Service : public testing::Test {
 protected:
  void SetUp() override {
    destination::lake::DuckApi api{};
    if (!mosquitto_is_there()) GTEST_SKIP() << mosquitto_program << " is not installed";
    if (auto loaded = destination::lake::load_duckdb(duckdb_libraries(), api); !loaded)
      GTEST_SKIP() << loaded.error().message;
    broker_ = std::make_unique<Mosquitto>(loop_);
    put("mqttbroker.iotoperations.azure.com/v1", "BrokerListener", "default",
        fmt::format("{{ports: [{{port: {}, protocol: Mqtt}}]}}", broker_->port()));
    put(connectivity, "DataflowProfile", "default", "{instanceCount: 1}");
    put(connectivity, "DataflowEndpoint", "default",
        "{endpointType: Mqtt, mqttSettings: {host: 'aio-broker:18883', "
        "authentication: {method: ServiceAccountToken}, tls: {mode: Enabled}}}");
    put(connectivity, "DataflowEndpoint", "lake",
        "{endpointType: LocalStorage, localStorageSettings: {persistentVolumeClaimRef: lake, "
        "batching: {latencySeconds: 1}}}");
    start_service();
    client_ = std::make_unique<link::MqttClient>(
        env_, client_options(), nullptr, [this](flow::Message message, flow::Ack ack) {
          if (message.topic.starts_with("$wireway"))
            metrics_ = *parse_json(as_text(message.payload));
          else
            seen_.push_back(std::move(message));
          ack.settle(flow::Outcome::delivered);
        });
    client_->subscribe("out/#", flow::Qos::at_least_once);
    client_->subscribe("$wireway/metrics/dataflow/default", flow::Qos::at_most_once);
    client_->start();
    ASSERT_TRUE(until([this] { return client_->state().connected; }));
  }

  void TearDown() override {
    client_.reset();
    service_.reset();
  }

  link::MqttClientOptions client_options() const {
    link::MqttClientOptions options;
    options.server = {"127.0.0.1", broker_->port()};
    options.client_id = "test";
    options.publish_queue_max = 100'000;
    return options;
  }

  void start_service() {
    dataflow::DataflowServiceOptions options;
    options.sinks["Mqtt"] = [this, make = destination::mqtt::make_mqtt_factory()](
                                net::Env& env, const flow::SinkOptions& of) {
      ++starts_[of.name];
      return make(env, of);
    };
    options.sinks["LocalStorage"] = destination::lake::make_lake_factory({duckdb_libraries()});
    options.data_folder = folder_.path();
    service_ = std::make_unique<dataflow::DataflowService>(env_, resources_, std::move(options));
    service_->start();
  }

  void put(const char* api_version, const char* kind, const std::string& name,
           const std::string& spec) {
    resources_.put({{"apiVersion", api_version},
                    {"kind", kind},
                    {"metadata", {{"name", name}, {"namespace", space}}},
                    {"spec", parse_yaml(spec)->at(0).value}});
  }

  /// A dataflow from `source` (settings) over `transformation` to `destination`.
  void put_flow(const std::string& name, const std::string& source,
                const std::string& transformation, const std::string& destination) {
    put(connectivity, "Dataflow", name,
        fmt::format(
            "{{profileRef: default, operations: ["
            "{{operationType: Source, sourceSettings: {{endpointRef: default, {}}}}}, "
            "{{operationType: BuiltInTransformation, builtInTransformationSettings: {{{}}}}}, "
            "{{operationType: Destination, destinationSettings: {{{}}}}}]}}",
            source, transformation, destination));
  }

  std::string ready(const resource::Kind& kind, const std::string& name) {
    const json::value condition = resources_.ready(kind, {space, name});
    if (!condition.is_object()) return "";
    return text_at(condition, {"status"}) + " " + text_at(condition, {"reason"}) + ": " +
           text_at(condition, {"message"});
  }
  const json::value* condition(const resource::Kind& kind, const std::string& name,
                               std::string_view type) {
    const json::value* object = resources_.object(kind, {space, name});
    return object == nullptr ? nullptr : resource::condition_of(*object, type);
  }
  std::int64_t observed(const resource::Kind& kind, const std::string& name,
                        std::string_view type) {
    return int_at(*condition(kind, name, type), {"observedGeneration"}, 0);
  }
  /// Its condition Degraded comes to begin like this.
  bool degraded(const resource::Kind& kind, const std::string& name, std::string_view start) {
    std::string text;
    const bool came = until([&] {
      const json::value* found = condition(kind, name, "Degraded");
      if (found != nullptr)
        text = text_at(*found, {"reason"}) + ": " + text_at(*found, {"message"});
      return text.starts_with(start);
    });
    EXPECT_TRUE(came) << name << ": " << text;
    return came;
  }
  static std::string mqtt_at(std::uint16_t port) {
    return fmt::format(
        "{{endpointType: Mqtt, mqttSettings: {{host: '127.0.0.1:{}', "
        "authentication: {{method: Anonymous}}, tls: {{mode: Disabled}}}}}}",
        port);
  }
  bool comes_to(const std::string& name, std::string_view start) {
    const bool came = until([&] { return ready(resource::dataflow, name).starts_with(start); });
    EXPECT_TRUE(came) << name << ": " << ready(resource::dataflow, name);
    return came;
  }

  void publish(const std::string& topic, const std::string& payload) {
    flow::Message message;
    message.topic = topic;
    message.payload.assign(payload.begin(), payload.end());
    message.user_properties = {{"k", "v"}};
    ASSERT_TRUE(client_->publish(std::move(message), flow::Ack()));
  }
  void publish_numbers(const std::string& topic, int first, int end) {
    for (int n = first; n < end; ++n) publish(topic, fmt::format(R"({{"n":{}}})", n));
  }

  bool until(std::move_only_function<bool()> condition) {
    return net::turn_until(loop_, std::move(condition), std::chrono::seconds{60});
  }
  std::int64_t metric(const std::string& flow, const char* name) const {
    return int_at(json::value(service_->metrics()), {"dataflows", flow, name}, -1);
  }
  std::set<int> numbers_seen() const {
    std::set<int> out;
    for (const flow::Message& message : seen_)
      out.insert(static_cast<int>(int_at(*parse_json(as_text(message.payload)), {"n"}, -1)));
    return out;
  }
  std::set<int> numbers_in_table(const std::string& table) const {
    std::set<int> out;
    for (const std::string& text :
         DeltaReader(folder_.path() + "/volumes/lake/" + table).column("n"))
      out.insert(static_cast<int>(std::stod(text)));
    return out;
  }

  static constexpr const char* connectivity = "connectivity.iotoperations.azure.com/v1";

  TemporaryFolder folder_;
  net::OsLoop loop_;
  net::SystemRandom random_;
  FaultyFiles files_;
  net::Env env_{loop_, loop_, files_, random_};
  std::unique_ptr<Mosquitto> broker_;
  resource::MemoryResources resources_{loop_};
  std::unique_ptr<dataflow::DataflowService> service_;
  std::unique_ptr<link::MqttClient> client_;
  std::vector<flow::Message> seen_;
  std::map<std::string, int> starts_;  ///< of each dataflow's sink to MQTT
  json::value metrics_;
};

TEST_F(Service, maps_messages_to_a_topic_and_to_a_table) {
  put_flow("to-topic", "dataSources: ['in/+']",
           "filter: [{inputs: [n], expression: $1 > 7}], "
           "map: [{inputs: ['*'], output: '*'}, {inputs: [n], output: n}, "
           "{inputs: [n], output: twice, expression: $1 * 2}]",
           "endpointRef: default, dataDestination: 'out/${inputTopic.2}'");
  put_flow("to-table", "dataSources: ['in/#']", "map: [{inputs: [n], output: n}]",
           "endpointRef: lake, dataDestination: numbers");
  ASSERT_TRUE(comes_to("to-topic", "True Running"));
  ASSERT_TRUE(comes_to("to-table", "True Running"));
  EXPECT_TRUE(ready(resource::dataflow, "to-topic").contains("that is true drops the message"));
  publish_numbers("in/a", 0, 10);
  ASSERT_TRUE(until([this] { return seen_.size() == 8; }));
  EXPECT_EQ(seen_[3].topic, "out/a");
  EXPECT_EQ(wireway::to_text(seen_[3].payload), R"({"n":3,"twice":6})");
  EXPECT_EQ(seen_[3].user_properties.at(0).second, "v");
  ASSERT_TRUE(until([this] { return numbers_in_table("numbers").size() == 10; }));
  ASSERT_TRUE(until([this] { return metric("to-table", "delivered") == 10; }));
  EXPECT_EQ(metric("to-topic", "received"), 10);
  EXPECT_EQ(metric("to-topic", "filtered"), 2);
  ASSERT_TRUE(until([this] {
    return int_at(metrics_, {"dataflows", "to-table", "destination", "rows"}, 0) == 10;
  }));
  EXPECT_TRUE(ready(resource::dataflow_endpoint, "default").contains("without TLS"));
  EXPECT_TRUE(until(
      [this] { return ready(resource::dataflow_profile, "default").contains("2 dataflows run"); }));
}

TEST_F(Service, says_what_is_wrong_and_runs_once_it_is_mended) {
  put_flow("f", "dataSources: [in]", "map: [{inputs: [a], output: b, expression: $2 +}]",
           "endpointRef: default, dataDestination: out/f");
  ASSERT_TRUE(comes_to("f",
                       "False ConfigurationInvalid: spec.operations[1]."
                       "builtInTransformationSettings.map[0].expression: column 1"));
  put_flow("f", "dataSources: [in]", "", "endpointRef: nowhere, dataDestination: out/f");
  ASSERT_TRUE(comes_to("f", "False EndpointMissing"));
  put_flow("f", "dataSources: [in]",
           "datasets: [{key: k, inputs: [$source.a], expression: 'true'}]",
           "endpointRef: default, dataDestination: out/f");
  ASSERT_TRUE(comes_to("f", "False NotServedYet"));
  put_flow("f", "dataSources: [in]", "", "endpointRef: default, dataDestination: in");
  ASSERT_TRUE(comes_to("f", "False Loop"));
  put_flow("f", "dataSources: [in]", "", "endpointRef: lake, dataDestination: '../../etc'");
  ASSERT_TRUE(comes_to("f", "False ConfigurationInvalid: dataDestination"));
  put_flow("f", "dataSources: [in]", "", "endpointRef: default, dataDestination: out/f");
  ASSERT_TRUE(comes_to("f", "True Running"));
  put_flow("f", "dataSources: [in]", "map: [{inputs: [a]}]",
           "endpointRef: default, dataDestination: out/f");
  ASSERT_TRUE(degraded(resource::dataflow, "f",
                       "ConfigurationRejected: generation 7 is not applied: spec.operations[1]"));
  EXPECT_TRUE(ready(resource::dataflow, "f").starts_with("True Running"));
  EXPECT_EQ(observed(resource::dataflow, "f", "Ready"), 6);
  EXPECT_EQ(observed(resource::dataflow, "f", "Degraded"), 7);
  publish("in", "as it came");
  EXPECT_TRUE(until([this] { return seen_.size() == 1; }));
  EXPECT_EQ(wireway::to_text(seen_[0].payload), "as it came");
}

TEST_F(Service, stays_at_its_broker_until_a_new_endpoint_answers) {
  Mosquitto far(loop_);
  put(connectivity, "DataflowEndpoint", "far", mqtt_at(broker_->port()));
  put_flow("f", "dataSources: [in]", "", "endpointRef: far, dataDestination: out/f");
  ASSERT_TRUE(comes_to("f", "True Running"));
  far.stop();
  put(connectivity, "DataflowEndpoint", "far", mqtt_at(far.port()));
  const std::string begin =
      "ConfigurationRejected: generation 2 is not applied: DataflowEndpoint far";
  ASSERT_TRUE(degraded(resource::dataflow_endpoint, "far", begin));
  ASSERT_TRUE(degraded(resource::dataflow, "f", "HostUnreachable: DataflowEndpoint far"));
  EXPECT_TRUE(ready(resource::dataflow, "f").starts_with("True Running"));
  publish("in", "stays");
  ASSERT_TRUE(until([this] { return seen_.size() == 1; }));
  far.start();
  ASSERT_TRUE(degraded(resource::dataflow_endpoint, "far", "AsWished"));
  ASSERT_TRUE(degraded(resource::dataflow, "f", "AsWished"));
  publish("in", "moves");
  ASSERT_TRUE(until([this] { return metric("f", "delivered") == 2; }));
  EXPECT_EQ(seen_.size(), 1U) << "the second went to the other broker";
}

TEST_F(Service, keeps_the_endpoint_that_it_had_while_the_new_one_is_invalid) {
  put(connectivity, "DataflowEndpoint", "far", mqtt_at(broker_->port()));
  put_flow("f", "dataSources: [in]", "", "endpointRef: far, dataDestination: out/f");
  ASSERT_TRUE(comes_to("f", "True Running"));
  put(connectivity, "DataflowEndpoint", "far",
      "{endpointType: Mqtt, mqttSettings: {host: 'a:b:c'}}");
  ASSERT_TRUE(degraded(resource::dataflow_endpoint, "far",
                       "ConfigurationRejected: generation 2 is not applied: spec.mqttSettings"));
  EXPECT_TRUE(ready(resource::dataflow_endpoint, "far").starts_with("True"));
  ASSERT_TRUE(degraded(resource::dataflow, "f", "ConfigurationInvalid: endpoint far"));
  EXPECT_TRUE(ready(resource::dataflow, "f").starts_with("True Running"));
  publish("in", "goes on");
  EXPECT_TRUE(until([this] { return seen_.size() == 1; }));
}

TEST_F(Service, restarts_only_the_dataflow_that_changes) {
  put_flow("steady", "dataSources: ['in/#']", "", "endpointRef: default, dataDestination: out/s");
  put_flow("changing", "dataSources: ['in/#']", "", "endpointRef: default, dataDestination: out/c");
  ASSERT_TRUE(comes_to("steady", "True Running"));
  ASSERT_TRUE(comes_to("changing", "True Running"));
  ASSERT_EQ(starts_["steady"], 1);
  for (int round = 1; round <= 5; ++round) {
    put_flow("changing", "dataSources: ['in/#']", "",
             fmt::format("endpointRef: default, dataDestination: out/c{}", round));
    ASSERT_TRUE(until([&] { return starts_["changing"] == 1 + round; }));
  }
  put(connectivity, "DataflowEndpoint", "unused", "{endpointType: Mqtt}");
  put_flow("changing", "dataSources: ['in/#']", "map: [{inputs: [a]}]",
           "endpointRef: default, dataDestination: out/c");
  ASSERT_TRUE(degraded(resource::dataflow, "changing", "ConfigurationRejected"));
  EXPECT_EQ(starts_["steady"], 1);
  EXPECT_TRUE(ready(resource::dataflow, "steady").starts_with("True Running"));
}

TEST_F(Service, dead_letters_poison_and_goes_on) {
  put_flow("f", "dataSources: [in]", "map: [{inputs: [n], output: n, expression: $1 + 1}]",
           "endpointRef: default, dataDestination: out/f");
  ASSERT_TRUE(comes_to("f", "True Running"));
  publish("in", "not json");
  publish("in", R"({"n":"x"})");
  publish("in", R"({"n":{}})");
  publish("in", R"({"n":1})");
  ASSERT_TRUE(until([this] { return metric("f", "delivered") == 2; }));
  EXPECT_EQ(metric("f", "dead_lettered"), 2);
  EXPECT_TRUE(text_at(json::value(service_->metrics()), {"dataflows", "f", "last_error"})
                  .contains("cannot take an object"));
}

TEST_F(Service, takes_its_topics_from_an_asset) {
  put("deviceregistry.microsoft.com/v1", "Asset", "oven", "{defaultTopic: {path: plant/oven}}");
  put_flow("f", "assetRef: oven", "", "endpointRef: default, dataDestination: out/f");
  ASSERT_TRUE(comes_to("f", "True Running: plant/oven from default"));
  publish("plant/oven", "{}");
  EXPECT_TRUE(until([this] { return seen_.size() == 1; }));
  put("deviceregistry.microsoft.com/v1", "Asset", "oven", "{defaultTopic: {path: plant/new}}");
  ASSERT_TRUE(comes_to("f", "True Running: plant/new from default"));
  ASSERT_TRUE(until([this] {
    publish("plant/new", "{}");
    return seen_.size() > 1;
  }));
}

TEST_F(Service, loses_nothing_while_it_is_changed_and_restarted) {
  const auto version = [this](int number) {
    put_flow("f", "dataSources: ['in/#']",
             fmt::format("map: [{{inputs: [n], output: n}}, "
                         "{{inputs: [n], output: v, expression: '{}'}}]",
                         number),
             "endpointRef: default, dataDestination: out/f");
    put_flow("t", "dataSources: ['in/#']",
             fmt::format("map: [{{inputs: [n], output: n}}, "
                         "{{inputs: [n], output: v, expression: '{}'}}]",
                         number),
             "endpointRef: lake, dataDestination: t");
  };
  version(0);
  ASSERT_TRUE(comes_to("f", "True Running"));
  ASSERT_TRUE(comes_to("t", "True Running"));
  int next = 0;
  for (int round = 1; round <= 6; ++round) {
    publish_numbers("in/x", next, next + 300);
    next += 300;
    ASSERT_TRUE(until([&] { return static_cast<int>(numbers_seen().size()) > next - 300; }));
    if (round % 3 == 0) {
      service_.reset();
      publish_numbers("in/x", next, next + 100);
      next += 100;
      start_service();
    } else {
      version(round);
    }
  }
  ASSERT_TRUE(until([&] { return numbers_seen().size() == static_cast<std::size_t>(next); }));
  ASSERT_TRUE(
      until([&] { return numbers_in_table("t").size() == static_cast<std::size_t>(next); }));
  EXPECT_LT(seen_.size(), static_cast<std::size_t>(next) * 2) << "repeats are the exception";
}

TEST_F(Service, keeps_what_a_full_disk_cannot_take_while_others_go_on) {
  put_flow("f", "dataSources: ['in/#']", "", "endpointRef: default, dataDestination: out/f");
  put_flow("t", "dataSources: ['in/#']", "", "endpointRef: lake, dataDestination: t");
  ASSERT_TRUE(comes_to("f", "True Running"));
  ASSERT_TRUE(comes_to("t", "True Running"));
  files_.disk_full = true;
  publish_numbers("in/x", 0, 200);
  ASSERT_TRUE(comes_to("t", "False DiskFull"));
  EXPECT_TRUE(ready(resource::dataflow, "t").contains(folder_.path()));
  EXPECT_TRUE(ready(resource::dataflow, "t").contains("No space left"));
  EXPECT_TRUE(until(
      [this] { return ready(resource::dataflow_endpoint, "lake").starts_with("False DiskFull"); }));
  ASSERT_TRUE(until([this] { return numbers_seen().size() == 200; }));
  EXPECT_EQ(metric("t", "delivered"), 0);
  EXPECT_EQ(metric("t", "in_flight"), 200);
  files_.disk_full = false;
  ASSERT_TRUE(comes_to("t", "True Running"));
  ASSERT_TRUE(until([this] { return numbers_in_table("t").size() == 200; }));
}

TEST_F(Service, waits_for_its_broker_and_says_so) {
  put_flow("f", "dataSources: ['in/#']", "", "endpointRef: default, dataDestination: out/f");
  ASSERT_TRUE(comes_to("f", "True Running"));
  broker_->stop();
  ASSERT_TRUE(comes_to("f", "False MqttSourceConnectionFailed"));
  broker_->start();
  ASSERT_TRUE(comes_to("f", "True Running"));
}

TEST_F(Service, stops_taking_messages_when_disabled_or_removed) {
  put_flow("f", "dataSources: ['in/#']", "", "endpointRef: default, dataDestination: out/f");
  ASSERT_TRUE(comes_to("f", "True Running"));
  put(connectivity, "Dataflow", "f", "{profileRef: default, mode: disabled, operations: []}");
  ASSERT_TRUE(comes_to("f", "False Disabled"));
  put_flow("f", "dataSources: ['in/#']", "", "endpointRef: default, dataDestination: out/f");
  ASSERT_TRUE(comes_to("f", "True Running"));
  publish("in/x", R"({"n":1})");
  ASSERT_TRUE(until([this] { return seen_.size() == 1; }));
  resources_.erase(resource::dataflow, {space, "f"});
  ASSERT_TRUE(until([this] { return metric("f", "received") == -1; }));
}

TEST_F(Service, stops_in_order_and_commits_what_it_has) {
  put(connectivity, "DataflowEndpoint", "slow",
      "{endpointType: LocalStorage, localStorageSettings: {persistentVolumeClaimRef: lake, "
      "batching: {latencySeconds: 600}}}");
  put_flow("t", "dataSources: ['in/#']", "", "endpointRef: slow, dataDestination: t");
  ASSERT_TRUE(comes_to("t", "True Running"));
  publish_numbers("in/x", 0, 10);
  ASSERT_TRUE(until([this] { return metric("t", "in_flight") == 10; }));
  bool stopped = false;
  service_->stop([&] { stopped = true; });
  ASSERT_TRUE(until([&] { return stopped; }));
  EXPECT_EQ(numbers_in_table("t").size(), 10u);
}

TEST_F(Service, commits_what_a_source_may_be_waiting_for_before_the_batch_is_old) {
  put(connectivity, "DataflowEndpoint", "slow",
      "{endpointType: LocalStorage, localStorageSettings: {persistentVolumeClaimRef: lake, "
      "batching: {latencySeconds: 600}}}");
  put_flow("t", "dataSources: ['in/#']", "", "endpointRef: slow, dataDestination: t");
  ASSERT_TRUE(comes_to("t", "True Running"));
  publish_numbers("in/x", 0, 400);
  EXPECT_TRUE(until([this] { return metric("t", "delivered") == 400; }));
}

}  // namespace
}  // namespace wireway::contract
