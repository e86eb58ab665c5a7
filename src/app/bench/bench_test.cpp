// Goal: a run counts right: it finds nothing wrong with a broker that is right, and everything that
// a wrong one does.
// Method: runs on virtual time, against our broker and against one that loses, repeats and
// reorders.

#include <gtest/gtest.h>

#include "app/bench/run.h"
#include "broker/service.h"
#include "net/shards.h"
#include "net/sim/sim_world.h"
#include "resource/memory_resources.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"

namespace wireway::app::bench {
namespace {

namespace mqtt = wire::mqtt;

constexpr auto patience = std::chrono::minutes{2};

Settings small(std::string scenario) {
  MqttBenchOptions options;
  options.scenario = std::move(scenario);
  options.host = "broker";
  options.seconds = 0.2;
  options.warm_up_s = 0.05;
  options.patience_s = 2;
  options.topics = 200;
  options.connections = 4;
  options.filters = 40;
  options.run = 7;
  return with_defaults(std::move(options));
}

Report play(net::SimWorld& world, const Settings& settings) {
  net::Env env = world.env("load");
  const Ground ground{.loop = env.loop,
                      .network = env.network,
                      .settings = settings,
                      .rate_interval = std::chrono::microseconds{20}};
  const auto run = make_run(ground);
  bool done = false;
  run->start([&done] { done = true; });
  EXPECT_TRUE(world.run_until([&done] { return done; }, patience));
  return run->report();
}

double figure(const Report& report, std::string_view name) {
  for (const Figure& each : report.figures)
    if (each.name == name) return each.value;
  ADD_FAILURE() << "no figure " << name;
  return 0;
}

std::string faults_of(const Report& report) {
  std::string out;
  for (const std::string& fault : report.faults) out += fault + "\n";
  return out;
}

TEST(Ledger, finds_what_is_lost_late_and_twice) {
  Ledger ledger;
  for (const std::uint64_t sequence : {1, 2, 5, 4, 5, 6}) ledger.note(sequence);
  EXPECT_EQ(ledger.close(8), (Violations{.lost = 3, .duplicates = 1, .out_of_order = 1}));
}

TEST(Ledger, counts_a_gap_as_reached) {
  Ledger ledger;
  EXPECT_EQ(ledger.note(4), 4U);
  EXPECT_EQ(ledger.note(2), 0U);
  EXPECT_EQ(ledger.close(4), (Violations{.lost = 2, .out_of_order = 1}));
}

TEST(SharedLedger, each_number_once_over_all_members_and_rising_for_each) {
  SharedLedger ledger(2);
  ledger.note(0, 2);
  ledger.note(1, 1);
  ledger.note(1, 3);
  EXPECT_TRUE(ledger.close(3).none());
  ledger.note(0, 1);
  EXPECT_EQ(ledger.close(4), (Violations{.lost = 1, .duplicates = 1, .out_of_order = 1}));
}

TEST(Histogram, percentiles_are_within_two_percent) {
  Histogram histogram;
  for (std::int64_t i = 1; i <= 100'000; ++i) histogram.add(i);
  EXPECT_NEAR(static_cast<double>(histogram.percentile(0.5)), 50'000, 1'000);
  EXPECT_NEAR(static_cast<double>(histogram.percentile(0.999)), 99'900, 2'000);
  EXPECT_EQ(histogram.percentile(1), 100'000U);
}

class OurBroker : public ::testing::Test {
 protected:
  void SetUp() override {
    resources.put(object_of(resource::broker, "default", {}));
    const json::value port{{"port", 1883}};
    resources.put(object_of(resource::broker_listener, "plain",
                            {{"brokerRef", "default"}, {"ports", json::array{port}}}));
    service.start();
    world.run_for(std::chrono::seconds{1});
  }
  void TearDown() override {
    bool stopped = false;
    service.stop([&stopped] { stopped = true; });
    EXPECT_TRUE(world.run_until([&stopped] { return stopped; }, patience));
  }
  static json::value object_of(const resource::Kind& kind, std::string_view name,
                               json::object spec) {
    return {{"apiVersion", resource::api_version(kind)},
            {"kind", kind.kind},
            {"metadata", {{"namespace", resource::default_namespace}, {"name", name}}},
            {"spec", std::move(spec)}};
  }

  net::SimWorld world{1};
  net::Env env = world.env("broker");
  net::GivenShards shards{{env}};
  resource::MemoryResources resources{env.loop};
  broker::BrokerService service{shards, resources, {}};
};

TEST_F(OurBroker, passes_every_flow_in_both_versions_and_all_qualities) {
  for (const char* scenario : {"pairs", "fan-in", "fan-out", "shared", "wildcards", "durable"}) {
    for (int qos = 0; qos <= 2; ++qos) {
      Settings settings = small(scenario);
      settings.qos = static_cast<mqtt::Qos>(qos);
      settings.options.window = 5;
      settings.version = qos == 1 ? mqtt::Version::v5 : mqtt::Version::v311;
      const Report report = play(world, settings);
      // A persistent session takes no QoS 0: that it does not is no fault of durable.
      EXPECT_TRUE(report.good()) << scenario << " " << qos << " " << faults_of(report);
      EXPECT_GT(figure(report, "messages_received"), 100) << scenario << " " << qos;
    }
  }
}

TEST_F(OurBroker, has_a_latency_at_a_fixed_rate) {
  Settings settings = small("latency");
  settings.options.rate = 1000;
  const Report report = play(world, settings);
  EXPECT_TRUE(report.good()) << faults_of(report);
  // Two hops of 50 to 500 us each.
  EXPECT_GT(figure(report, "latency_p50_us"), 100);
  EXPECT_LT(figure(report, "latency_p50_us"), 1100);
}

TEST_F(OurBroker, keeps_retained_messages_until_they_are_removed) {
  const Report report = play(world, small("retained"));
  EXPECT_TRUE(report.good()) << faults_of(report);
  EXPECT_GT(figure(report, "replay_seconds"), 0);
  Settings again = small("retained");
  again.options.run = 8;
  EXPECT_TRUE(play(world, again).good());  // what the first had left would be taken for foreign
}

TEST_F(OurBroker, takes_connections_again_and_again) {
  const Report report = play(world, small("connect"));
  EXPECT_TRUE(report.good()) << faults_of(report);
  EXPECT_GT(figure(report, "connects_per_second"), 100);
}

TEST_F(OurBroker, keeps_messages_for_those_who_are_away) {
  EXPECT_TRUE(play(world, small("offline-fill")).good());
  const Report back = play(world, small("offline-drain"));
  EXPECT_TRUE(back.good()) << faults_of(back);
  EXPECT_EQ(figure(back, "messages_received"), 40);
  const Report never = play(world, small("offline-drain"));
  EXPECT_FALSE(never.good());  // the first drain has ended the sessions
  EXPECT_EQ(figure(never, "sessions_lost"), 4);
  EXPECT_EQ(never.violations.lost, 40U);
}

TEST_F(OurBroker, a_run_without_a_broker_fails_with_a_sentence) {
  Settings settings = small("pairs");
  settings.options.port = 1;
  const Report report = play(world, settings);
  ASSERT_EQ(report.faults.size(), 1U);
}

/// A server of few words that hands each PUBLISH at QoS 0 to all who have subscribed, but not
/// always as it should.
class WrongBroker {
 public:
  enum class Habit { loses, repeats, swaps };

  WrongBroker(net::Env env, Habit habit) : habit_(habit) {
    auto listening = env.network.listen({.endpoint = {"0.0.0.0", 1883}}, [this](auto stream) {
      clients_.push_back(std::make_unique<Client>(*this, std::move(stream)));
    });
    EXPECT_TRUE(listening.has_value());
    listener_ = std::move(*listening);
  }

 private:
  class Client final : public net::StreamHandler {
   public:
    Client(WrongBroker& owner, std::unique_ptr<net::Stream> stream)
        : owner_(owner), stream_(std::move(stream)) {
      stream_->set_handler(*this);
    }
    void on_bytes(ByteView bytes) override {
      (void)frames_.read(bytes, [this](std::uint8_t first_byte, ByteView body) {
        take(first_byte, body);
        return true;
      });
    }
    void on_close(const Error&) override { subscribed_ = false; }
    void send(ByteView bytes) {
      if (subscribed_) stream_->write(bytes);
    }

   private:
    void take(std::uint8_t first_byte, ByteView body) {
      Bytes out;
      const auto type = mqtt::type_of(first_byte);
      if (type == mqtt::PacketType::connect) mqtt::append(mqtt::Connack{}, mqtt::Version::v5, out);
      if (type == mqtt::PacketType::subscribe) {
        mqtt::SubscribeReply reply;
        reply.packet_identifier = 1;
        reply.reasons = {mqtt::ReasonCode::success};
        mqtt::append(reply, mqtt::Version::v5, out);
        subscribed_ = true;
      }
      stream_->write(out);
      if (type != mqtt::PacketType::publish) return;
      Bytes packet{first_byte, static_cast<std::uint8_t>(body.size())};
      packet.insert(packet.end(), body.begin(), body.end());
      owner_.hand_on(std::move(packet));
    }

    WrongBroker& owner_;
    std::unique_ptr<net::Stream> stream_;
    mqtt::FrameReader frames_;
    bool subscribed_ = false;
  };

  void hand_on(Bytes packet) {
    ++count_;
    if (count_ % 10 == 0 && habit_ == Habit::loses) return;
    if (count_ % 10 == 0 && habit_ == Habit::swaps) return held_.swap(packet);
    for (const auto& client : clients_) {
      client->send(packet);
      if (count_ % 10 == 0 && habit_ == Habit::repeats) client->send(packet);
      if (!held_.empty()) client->send(held_);
    }
    held_.clear();
  }

  Habit habit_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<Client>> clients_;
  int count_ = 0;
  Bytes held_;
};

Report play_against(WrongBroker::Habit habit) {
  net::SimWorld world{1};
  const WrongBroker broker(world.env("broker"), habit);
  Settings settings = small("pairs");
  settings.publishers = settings.subscribers = 1;
  settings.options.window = 15;
  return play(world, settings);
}

TEST(WrongBroker, loss_is_found) {
  const Report report = play_against(WrongBroker::Habit::loses);
  EXPECT_GT(report.violations.lost, 10U);
  EXPECT_EQ(report.violations.duplicates, 0U);
  EXPECT_EQ(report.violations.out_of_order, 0U);
}

TEST(WrongBroker, repetition_is_found) {
  const Report report = play_against(WrongBroker::Habit::repeats);
  EXPECT_GT(report.violations.duplicates, 10U);
  EXPECT_EQ(report.violations.lost, 0U);
  EXPECT_EQ(report.violations.out_of_order, 0U);
}

TEST(WrongBroker, disorder_is_found) {
  const Report report = play_against(WrongBroker::Habit::swaps);
  EXPECT_GT(report.violations.out_of_order, 10U);
  EXPECT_EQ(report.violations.duplicates, 0U);
}

}  // namespace
}  // namespace wireway::app::bench
