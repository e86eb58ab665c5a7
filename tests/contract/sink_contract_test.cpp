// Goal: every destination keeps the promises of flow/door.h. Method: one suite, each destination
// with a real counterpart: mosquitto, and a folder read back with DuckDB.

#include "sink_contract.h"

#include "delta_reader.h"
#include "destination/lake/sink.h"
#include "destination/mqtt/sink.h"
#include "faulty_files.h"
#include "link/mqtt_client.h"
#include "mosquitto.h"

namespace wireway::contract {
namespace {

class MqttWorld final : public SinkWorld {
 public:
  MqttWorld() { watch(); }
  ~MqttWorld() override { reader_.reset(); }

  net::OsLoop& loop() override { return loop_; }
  std::unique_ptr<flow::Sink> make() override {
    flow::SinkOptions options;
    options.name = "contract";
    options.endpoint = {{"spec",
                         {{"endpointType", "Mqtt"},
                          {"mqttSettings",
                           {{"host", fmt::format("127.0.0.1:{}", broker_.port())},
                            {"qos", 1},
                            {"tls", {{"mode", "Disabled"}}},
                            {"authentication", {{"method", "Anonymous"}}}}}}}};
    options.destination = {{"dataDestination", "contract/out"}};
    return std::move(*destination::mqtt::make_mqtt_factory()(env_, options));
  }
  void break_destination() override { broker_.stop(); }
  void mend_destination() override { broker_.start(); }
  std::vector<int> read() override { return seen_; }

 private:
  /// A session that outlives the broker's restarts, so that nothing it acknowledged goes unseen.
  void watch() {
    link::MqttClientOptions options;
    options.server = {"127.0.0.1", broker_.port()};
    options.client_id = "reader";
    options.clean_start = false;
    options.session_expiry_s = 600;
    reader_ = std::make_unique<link::MqttClient>(
        env_, options, nullptr, [this](flow::Message message, flow::Ack ack) {
          if (message.topic == "contract/out")
            seen_.push_back(
                static_cast<int>(int_at(*parse_json(as_text(message.payload)), {"n"}, -1)));
          else
            subscribed_ = true;
          ack.settle(flow::Outcome::delivered);
        });
    reader_->subscribe("contract/out", flow::Qos::at_least_once);
    reader_->subscribe("contract/ready", flow::Qos::at_least_once);
    reader_->start();
    flow::Message ready;
    ready.topic = "contract/ready";
    net::turn_until(loop_, [this] { return reader_->state().connected; });
    (void)reader_->publish(std::move(ready), flow::Ack());
    net::turn_until(loop_, [this] { return subscribed_; });
  }

  net::OsLoop loop_;
  net::SystemRandom random_;
  std::unique_ptr<net::Files> files_ = net::make_os_files();
  net::Env env_{loop_, loop_, *files_, random_};
  Mosquitto broker_{loop_};
  bool subscribed_ = false;
  std::vector<int> seen_;
  std::unique_ptr<link::MqttClient> reader_;
};

class LakeWorld final : public SinkWorld {
 public:
  net::OsLoop& loop() override { return loop_; }
  std::unique_ptr<flow::Sink> make() override {
    flow::SinkOptions options;
    options.name = "contract";
    options.endpoint = {{"spec",
                         {{"endpointType", "LocalStorage"},
                          {"localStorageSettings",
                           {{"persistentVolumeClaimRef", "lake"},
                            {"batching", {{"latencySeconds", 1}, {"maxMessages", 1000}}}}}}}};
    options.destination = {{"dataDestination", "table"}};
    options.data_folder = folder_.path();
    return std::move(*destination::lake::make_lake_factory({duckdb_libraries()})(env_, options));
  }
  void break_destination() override { files_.disk_full = true; }
  void mend_destination() override { files_.disk_full = false; }
  std::vector<int> read() override {
    std::vector<int> out;
    for (const auto& text : DeltaReader(folder_.path() + "/volumes/lake/table").column("n"))
      out.push_back(static_cast<int>(std::stod(text)));
    return out;
  }

 private:
  TemporaryFolder folder_;
  net::OsLoop loop_;
  net::SystemRandom random_;
  FaultyFiles files_;
  net::Env env_{loop_, loop_, files_, random_};
};

std::unique_ptr<SinkWorld> make_mqtt_world() {
  if (!mosquitto_is_there()) return nullptr;
  return std::make_unique<MqttWorld>();
}

std::unique_ptr<SinkWorld> make_lake_world() {
  destination::lake::DuckApi api{};
  if (!destination::lake::load_duckdb(duckdb_libraries(), api)) return nullptr;
  return std::make_unique<LakeWorld>();
}

TEST_P(SinkContract, delivers_each_message_and_settles_it_once) {
  put(100);
  ASSERT_TRUE(all_delivered());
  expect_settled_once(flow::Outcome::delivered);
  expect_read_all();
  EXPECT_TRUE(sink_->health().ready) << sink_->health().message;
}

TEST_P(SinkContract, commits_in_time_without_being_asked) {
  put(3);
  EXPECT_TRUE(until([this] { return delivered_ == 3; }));
}

TEST_P(SinkContract, loses_nothing_while_its_destination_is_away) {
  for (int round = 0; round < 3; ++round) {
    put(200);
    ASSERT_TRUE(all_delivered());
    put(50);  // under way when it breaks
    world_->break_destination();
    put(200);
    sink_->flush_hint();
    ASSERT_TRUE(until([this] { return !sink_->health().ready; }));
    EXPECT_FALSE(sink_->health().reason.empty());
    EXPECT_FALSE(sink_->health().message.empty());
    world_->mend_destination();
    ASSERT_TRUE(all_delivered());
    EXPECT_TRUE(until([this] { return sink_->health().ready; }));
  }
  expect_settled_once(flow::Outcome::delivered);
  expect_read_all();
}

TEST_P(SinkContract, takes_more_than_it_can_deliver_at_once) {
  put(5000);
  ASSERT_TRUE(all_delivered());
  expect_settled_once(flow::Outcome::delivered);
  expect_read_all();
}

TEST_P(SinkContract, abandons_what_it_has_not_delivered_when_it_goes) {
  ASSERT_TRUE(until([this] { return sink_->health().ready; }));
  world_->break_destination();
  put(20);
  sink_->flush_hint();
  ASSERT_TRUE(until([this] { return !sink_->health().ready; }));
  sink_.reset();
  expect_settled_once(flow::Outcome::abandoned);
  const auto account = settled_;
  bool turned = false;
  world_->loop().post([&] { turned = true; });
  ASSERT_TRUE(until([&] { return turned; }));
  EXPECT_EQ(account, settled_) << "nothing is settled after the sink has gone";
  world_->mend_destination();
}

TEST_P(SinkContract, reports_its_type_in_its_metrics) {
  EXPECT_FALSE(text_at(json::value(sink_->metrics()), {"type"}).empty());
}

INSTANTIATE_TEST_SUITE_P(Sinks, SinkContract,
                         testing::Values(Candidate{"mqtt", make_mqtt_world},
                                         Candidate{"lake", make_lake_world}),
                         [](const auto& candidate) { return candidate.param.name; });

}  // namespace
}  // namespace wireway::contract
