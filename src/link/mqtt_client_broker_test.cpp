// The MQTT client against a broker that is not ours (Debian's mosquitto), on the real loop: it is
// killed and started again, and nothing that was acknowledged or accepted may be lost.

#include <filesystem>
#include <fstream>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "link/mqtt_client.h"
#include "net/os/os_loop.h"
#include "net/os/process.h"
#include "net/os/test_loop.h"

namespace wireway::link {
namespace {

using flow::Outcome;
using flow::Qos;
using net::turn_until;

constexpr const char* mosquitto = "/usr/sbin/mosquitto";

class Mosquitto : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access(mosquitto, X_OK) != 0) GTEST_SKIP() << mosquitto << " is not installed";
    std::string name = ::testing::TempDir() + "wireway-mosquitto-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    {
      const auto free = loop.listen({.endpoint = {"127.0.0.1", 0}}, [](auto) {});
      port = (*free)->port();
    }
    std::ofstream(folder + "/conf") << "listener " << port << " 127.0.0.1\nallow_anonymous true\n"
                                    << "max_inflight_messages 10\nmax_queued_messages 0\n"
                                    << "persistence false\nuser root\n";
    start_broker();
  }
  void TearDown() override {
    broker.reset();
    if (!folder.empty()) std::filesystem::remove_all(folder);
  }

  void start_broker() {
    net::ProcessOptions options;
    options.arguments = {mosquitto, "-c", folder + "/conf"};
    options.on_output = [](std::string_view) {};
    auto started = net::start_process(loop, std::move(options));
    ASSERT_TRUE(started) << started.error().message;
    broker = std::move(*started);
  }
  void kill_broker() { broker.reset(); }

  MqttClientOptions options(std::string id) const {
    return {.server = {"127.0.0.1", port}, .client_id = std::move(id), .session_expiry_s = 600};
  }
  bool until(std::move_only_function<bool()> condition) {
    return turn_until(loop, std::move(condition), std::chrono::seconds{60});
  }

  net::OsLoop loop;
  net::SystemRandom random;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::Env env{loop, loop, *files, random};
  std::string folder;
  std::uint16_t port = 0;
  std::unique_ptr<net::Process> broker;
};

flow::Message numbered(int number, Qos qos) {
  flow::Message message;
  message.topic = "t/" + std::to_string(number % 3);
  const std::string text = std::to_string(number);
  message.payload = Bytes(text.begin(), text.end());
  message.qos = qos;
  message.user_properties = {{"number", text}};
  return message;
}

TEST_F(Mosquitto, takes_and_gives_messages_of_each_quality_with_their_properties) {
  std::map<std::string, int> seen;
  MqttClient subscriber(env, options("s"), nullptr, [&](flow::Message message, flow::Ack ack) {
    ++seen[to_text(message.payload)];
    EXPECT_EQ(message.user_properties.at(0).second, to_text(message.payload));
    ack.settle(Outcome::delivered);
  });
  MqttClient publisher(env, options("p"), nullptr, nullptr);
  subscriber.subscribe("t/#", Qos::exactly_once);
  subscriber.start();
  ASSERT_TRUE(until([&] { return subscriber.state().connected; }));
  publisher.start();
  constexpr int count = 600;
  for (int i = 0; i < count; ++i)
    ASSERT_TRUE(publisher.publish(numbered(i, static_cast<Qos>(i % 3)), flow::Ack()));
  ASSERT_TRUE(until([&] { return seen.size() == count && publisher.unacknowledged() == 0; }));
  for (const auto& [text, times] : seen) EXPECT_EQ(times, 1) << text;
}

// Method: the broker keeps nothing on disk, so each kill loses its sessions; what our publisher was
// told is delivered must have reached the broker, what it was not told must come again.
TEST_F(Mosquitto, loses_nothing_that_was_accepted_when_the_broker_is_killed) {
  std::set<int> at_broker;
  MqttClient subscriber(env, options("s"), nullptr, [&](flow::Message message, flow::Ack ack) {
    at_broker.insert(std::stoi(to_text(message.payload)));
    ack.settle(Outcome::delivered);
  });
  std::set<int> delivered;
  int unsettled_badly = 0;
  MqttClient publisher(env, options("p"), nullptr, nullptr);
  subscriber.subscribe("t/#", Qos::at_least_once);
  subscriber.start();
  publisher.start();
  int next = 0;
  const auto publish_some = [&](int count) {
    for (int end = next + count; next < end; ++next) {
      const int number = next;
      const Qos qos = number % 2 == 0 ? Qos::at_least_once : Qos::exactly_once;
      EXPECT_TRUE(publisher.publish(numbered(number, qos), flow::Ack([&, number](Outcome outcome) {
                                      if (outcome == Outcome::delivered)
                                        delivered.insert(number);
                                      else
                                        ++unsettled_badly;
                                    })));
    }
  };
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(until([&] { return subscriber.state().connected && publisher.state().connected; }));
    publish_some(500);
    const std::size_t goal = delivered.size() + 100;
    ASSERT_TRUE(until([&] { return delivered.size() >= goal; }));
    kill_broker();
    ASSERT_TRUE(
        until([&] { return !publisher.state().connected && !subscriber.state().connected; }));
    publish_some(100);
    start_broker();
  }
  ASSERT_TRUE(until([&] { return publisher.unacknowledged() == 0; }));
  EXPECT_EQ(delivered.size(), static_cast<std::size_t>(next));
  EXPECT_EQ(unsettled_badly, 0);
}

TEST_F(Mosquitto, gets_what_it_has_not_acknowledged_again_after_it_was_away) {
  std::vector<std::pair<int, flow::Ack>> held;
  auto subscriber = std::make_unique<MqttClient>(
      env, options("s"), nullptr, [&](flow::Message message, flow::Ack ack) {
        held.emplace_back(std::stoi(to_text(message.payload)), std::move(ack));
      });
  subscriber->subscribe("t/#", Qos::at_least_once);
  subscriber->start();
  ASSERT_TRUE(until([&] { return subscriber->state().connected; }));
  MqttClient publisher(env, options("p"), nullptr, nullptr);
  publisher.start();
  for (int i = 0; i < 8; ++i)
    ASSERT_TRUE(publisher.publish(numbered(i, Qos::at_least_once), flow::Ack()));
  ASSERT_TRUE(until([&] { return held.size() == 8; }));
  for (std::size_t i = 0; i < 4; ++i) held[i].second.settle(Outcome::delivered);
  loop.run_after(std::chrono::milliseconds{1}, [&] { loop.stop(); });
  loop.run();
  subscriber->stop();
  subscriber.reset();
  held.clear();

  std::set<int> again;
  auto resumed = options("s");
  resumed.clean_start = false;
  MqttClient second(env, resumed, nullptr, [&](flow::Message message, flow::Ack ack) {
    again.insert(std::stoi(to_text(message.payload)));
    ack.settle(Outcome::delivered);
  });
  second.start();
  ASSERT_TRUE(until([&] { return again.size() == 4; }));
  EXPECT_EQ(again, (std::set<int>{4, 5, 6, 7}));
  EXPECT_TRUE(second.state().session_present);
}

TEST_F(Mosquitto, names_the_address_while_nobody_listens) {
  kill_broker();
  std::vector<std::string> said;
  MqttClient client(
      env, options("c"), [&](const MqttState& state) { said.push_back(state.message); }, nullptr);
  client.start();
  ASSERT_TRUE(until([&] { return !said.empty(); }));
  EXPECT_EQ(said[0],
            fmt::format("127.0.0.1:{}: connection refused; nothing listens there: start the "
                        "server or correct the address; retrying",
                        port));
  start_broker();
  ASSERT_TRUE(until([&] { return client.state().connected; }));
  EXPECT_EQ(said.back(), fmt::format("connected to 127.0.0.1:{}", port));
}

}  // namespace
}  // namespace wireway::link
