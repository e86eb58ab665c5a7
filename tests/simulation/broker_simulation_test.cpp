// A broker on three shards and two of our MQTT clients on virtual time, under faults made from a
// seed. What must hold: no acknowledged message of QoS 1 or 2 is lost, none of QoS 2 comes twice,
// and each comes in the order in which it was published.

#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "broker/service.h"
#include "link/mqtt_client.h"
#include "net/shards.h"
#include "net/sim/sim_world.h"
#include "resource/memory_resources.h"

namespace wireway {
namespace {

using flow::Ack;
using flow::Message;
using flow::Outcome;
using flow::Qos;

constexpr int messages_each_qos = 60;
constexpr auto patience = std::chrono::minutes{10};

json::value manifest(std::string_view kind, json::value spec) {
  return {{"apiVersion", "mqttbroker.iotoperations.azure.com/v1"},
          {"kind", kind},
          {"metadata", {{"namespace", "azure-iot-operations"}, {"name", "default"}}},
          {"spec", std::move(spec)}};
}

net::NetworkFaults faults() {
  net::NetworkFaults faults;
  faults.break_per_million = 8'000;
  faults.fragment_bytes_max = 40;
  return faults;
}

/// What the subscriber got at one QoS.
struct Received {
  std::vector<int> in_order{};  ///< numbers at their first coming
  std::set<int> known{};
  int twice = 0;

  void take(int number) {
    if (known.insert(number).second)
      in_order.push_back(number);
    else
      ++twice;
  }
};

class World {
 public:
  explicit World(std::uint64_t seed)
      : world_(seed, faults()),
        dice_(seed),
        broker_env_(world_.env("broker")),
        shards_({broker_env_, world_.env("broker/1"), world_.env("broker/2")}),
        resources_(broker_env_.loop),
        service_(shards_, resources_, {}) {
    resources_.put(manifest("Broker", json::object{}));
    resources_.put(
        manifest("BrokerListener",
                 {{"brokerRef", "default"}, {"ports", json::array{json::object{{"port", 1883}}}}}));
    service_.start();
  }

  void run() {
    auto subscriber_env = world_.env("subscriber");
    link::MqttClient subscriber(
        subscriber_env, options("subscriber"),
        [this](const link::MqttState& state) { connections_ += state.connected; },
        [this](Message message, Ack ack) { take(message, std::move(ack)); });
    for (const Qos qos : {Qos::at_least_once, Qos::exactly_once})
      subscriber.subscribe(fmt::format("plant/{}", int(qos)), qos);
    subscriber.start();
    // The subscription must stand before the first message, or nothing is owed to it.
    auto probe_env = world_.env("probe");
    link::MqttClient publisher(
        probe_env, options("publisher"),
        [this](const link::MqttState& state) { connections_ += state.connected; },
        [](Message, Ack ack) { ack.settle(Outcome::delivered); });
    publisher.start();
    ASSERT_TRUE(subscribed(publisher)) << "the subscriptions never stood";
    for (int number = 1; number <= messages_each_qos; ++number) {
      publish(publisher, Qos::at_least_once, number);
      publish(publisher, Qos::exactly_once, number);
      world_.run_for(std::chrono::milliseconds{dice_.below(8)});
      if (dice_.below(25) == 0) world_.reset_connections(dice_.below(2) == 0 ? "broker" : "probe");
    }
    ASSERT_TRUE(world_.run_until([this] { return all_arrived(); }, patience))
        << "acknowledged " << acknowledged_[1].size() << " and " << acknowledged_[2].size()
        << ", received " << received_[1].known.size() << " and " << received_[2].known.size();
    world_.run_for(std::chrono::seconds{30});  // time for what must not come
    check();
    subscriber.stop();
    publisher.stop();
    bool stopped = false;
    service_.stop([&stopped] { stopped = true; });
    EXPECT_TRUE(world_.run_until([&stopped] { return stopped; }, std::chrono::minutes{1}));
  }

  /// How often the two clients connected; more than twice means that the faults did something.
  int connections() const { return connections_; }

 private:
  static link::MqttClientOptions options(const std::string& id) {
    return {.server = {"broker", 1883},
            .client_id = id,
            .session_expiry_s = 3600,
            .clean_start = false};
  }

  /// Publishes probes until one has come on each subscription.
  bool subscribed(link::MqttClient& publisher) {
    for (int attempt = 0; attempt < 200 && (probed_[1] == 0 || probed_[2] == 0); ++attempt) {
      for (const Qos qos : {Qos::at_least_once, Qos::exactly_once}) {
        Message message;
        message.topic = fmt::format("plant/{}", int(qos));
        message.qos = qos;
        EXPECT_TRUE(publisher.publish(std::move(message), Ack{}));
      }
      world_.run_for(std::chrono::seconds{1});
    }
    return probed_[1] > 0 && probed_[2] > 0;
  }

  void publish(link::MqttClient& publisher, Qos qos, int number) {
    Message message;
    message.topic = fmt::format("plant/{}", int(qos));
    message.qos = qos;
    const std::string text = std::to_string(number);
    message.payload.assign(text.begin(), text.end());
    auto settled = [this, qos, number](Outcome outcome) {
      if (outcome == Outcome::delivered) acknowledged_[int(qos)].insert(number);
    };
    ASSERT_TRUE(publisher.publish(std::move(message), Ack(std::move(settled))));
  }

  void take(const Message& message, Ack ack) {
    const int qos = int(message.qos);
    if (message.payload.empty())
      ++probed_[qos];
    else
      received_[qos].take(std::stoi(to_text(message.payload)));
    ack.settle(Outcome::delivered);
  }

  bool all_arrived() const {
    for (const int qos : {1, 2})
      if (acknowledged_[qos].size() < messages_each_qos ||
          received_[qos].known.size() < messages_each_qos)
        return false;
    return true;
  }

  void check() const {
    EXPECT_EQ(received_[2].twice, 0) << "a QoS 2 message came twice";
    for (const int qos : {1, 2})
      EXPECT_TRUE(std::ranges::is_sorted(received_[qos].in_order)) << "order of QoS " << qos;
  }

  net::SimWorld world_;
  net::SeededRandom dice_;
  net::Env broker_env_;
  net::GivenShards shards_;
  resource::MemoryResources resources_;
  broker::BrokerService service_;
  int connections_ = 0;
  int probed_[3] = {};
  std::set<int> acknowledged_[3];
  Received received_[3];
};

/// A broker alone, without faults.
class QuietWorld {
 public:
  QuietWorld() {
    resources_.put(manifest("Broker", json::object{}));
    resources_.put(
        manifest("BrokerListener",
                 {{"brokerRef", "default"}, {"ports", json::array{json::object{{"port", 1883}}}}}));
    service_.start();
  }
  net::SimWorld& world() { return world_; }

 private:
  net::SimWorld world_{1};
  net::Env env_ = world_.env("broker");
  net::GivenShards shards_{{env_, world_.env("broker/1")}};
  resource::MemoryResources resources_{env_.loop};
  broker::BrokerService service_{shards_, resources_, {}};
};

TEST(BrokerSimulation, gives_a_burst_of_retained_messages_whole) {
  constexpr std::size_t count = 30'000;  // several times what one connection's output may hold
  log::configure(log::Level::off, log::Format::text, "simulation");
  QuietWorld quiet;
  net::SimWorld& world = quiet.world();
  auto publisher_env = world.env("publisher");
  const auto ignore = [](const link::MqttState&) {};
  link::MqttClient publisher(
      publisher_env, {.server = {"broker", 1883}, .client_id = "p", .publish_queue_max = count},
      ignore, [](Message, Ack) {});
  publisher.start();
  std::size_t stored = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Message message;
    message.topic = fmt::format("r/{}", i);
    message.payload.assign(64, 'x');
    message.retain = true;
    ASSERT_TRUE(publisher.publish(std::move(message), Ack([&stored](Outcome) { ++stored; })));
  }
  ASSERT_TRUE(world.run_until([&stored] { return stored == count; }, std::chrono::minutes{5}));
  auto subscriber_env = world.env("subscriber");
  std::size_t received = 0;
  link::MqttClient subscriber(subscriber_env, {.server = {"broker", 1883}, .client_id = "s"},
                              ignore, [&received](Message, Ack) { ++received; });
  subscriber.subscribe("r/#", Qos::at_most_once);
  subscriber.start();
  world.run_until([&received] { return received == count; }, std::chrono::minutes{5});
  EXPECT_EQ(received, count);
}

std::uint64_t number_from(const char* variable, std::uint64_t fallback) {
  const char* text = std::getenv(variable);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

TEST(BrokerSimulation, loses_and_repeats_nothing_under_broken_connections) {
  const std::uint64_t seeds = number_from("WIREWAY_SEEDS", 200);
  int connections = 0;
  int runs = 0;
  log::configure(log::Level::off, log::Format::text, "simulation");
  const std::uint64_t only = number_from("WIREWAY_SEED", 0);
  for (std::uint64_t seed = only > 0 ? only : 1; seed <= (only > 0 ? only : seeds); ++seed) {
    SCOPED_TRACE(fmt::format("WIREWAY_SEED={}", seed));
    World world(seed);
    world.run();
    if (HasFatalFailure() || HasNonfatalFailure()) return;
    connections += world.connections();
    ++runs;
  }
  EXPECT_GT(connections, 4 * runs) << "the faults broke hardly any connection";
}

}  // namespace
}  // namespace wireway
