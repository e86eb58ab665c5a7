// Goal: whatever the network does, what the client reports as delivered is at the server, all of it
// is delivered in the end, and each topic's messages arrive in order at first sight. And the other
// way: what the application settled as delivered it had received, and the server learns of all of
// it in the end.
// Method: many seeds; connections that break in mid-packet, fragments, partitions; a small server
// that keeps its session (or loses it, by seed) and answers late.

#include <gtest/gtest.h>

#include "link/mqtt_client.h"
#include "net/sim/sim_world.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"

namespace wireway::link {
namespace {

namespace mqtt = wire::mqtt;
using flow::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int messages_max = 300;

/// A server with one session: takes what is published, and sends its own numbered messages.
class Server final : public net::StreamHandler {
 public:
  Server(net::Env env, bool keeps_session) : env_(env), keeps_session_(keeps_session) {
    listener_ = std::move(*env.network.listen({.endpoint = {"::", 1883}}, [this](auto stream) {
      stream_ = std::move(stream);
      stream_->set_handler(*this);
      reader_ = mqtt::FrameReader();
    }));
  }

  std::vector<int> received;   ///< numbers in order of first arrival
  std::set<int> acknowledged;  ///< our own messages that the client has acknowledged
  int next_own = 0;

  void on_bytes(ByteView bytes) override {
    static_cast<void>(reader_.read(bytes, [this](std::uint8_t first, ByteView body) {
      Bytes scratch;
      const auto packet = mqtt::decode(first, body, mqtt::Version::v5, scratch);
      EXPECT_TRUE(packet) << packet.error().clause;
      if (packet) std::visit([this](const auto& each) { take(each); }, *packet);
      return stream_ != nullptr;
    }));
  }
  void on_close(const Error&) override { stream_.reset(); }

  void send_own() {
    if (!stream_ || own_under_way_.size() >= 10 || next_own >= messages_max) return;
    const auto id = static_cast<std::uint16_t>(next_own % 50'000 + 1);
    own_under_way_[id] = next_own++;
    send_publish(id, own_under_way_[id], false);
  }

 private:
  template <class Packet>
  void say(const Packet& packet) {
    if (!stream_) return;
    Bytes bytes;
    append(packet, mqtt::Version::v5, bytes);
    stream_->write(bytes);
  }
  void reply(mqtt::PacketType type, std::uint16_t id) {
    // Late, so that connections end between a message and its answer.
    env_.loop.run_after(
        milliseconds{static_cast<int>(env_.random.below(5))},
        [this, type, id, stream = stream_.get()] {
          if (stream_.get() != stream) return;
          say(mqtt::PublishReply{.type = type, .packet_identifier = id, .properties = {}});
        });
  }
  void send_publish(std::uint16_t id, int number, bool duplicate) {
    const std::string text = std::to_string(number);
    mqtt::Publish publish;
    publish.duplicate = duplicate;
    publish.qos = number % 2 == 0 ? mqtt::Qos::at_least_once : mqtt::Qos::exactly_once;
    publish.packet_identifier = id;
    publish.topic = "own";
    publish.payload = as_bytes(text);
    Bytes bytes;
    append_publish(publish, mqtt::Version::v5, bytes);
    stream_->write(bytes);
  }

  void take(const mqtt::Connect& connect) {
    const bool present = keeps_session_ && has_session_ && !connect.clean_start;
    if (!present) {
      // A lost session takes our messages along; they are sent as new ones, as another server
      // would.
      recorded_.clear();
    }
    has_session_ = true;
    mqtt::Connack connack{.session_present = present, .properties = {}};
    connack.properties.receive_maximum = 7;
    say(connack);
    for (const auto& [id, number] : own_under_way_) send_publish(id, number, present);
    for (const std::uint16_t id : released_)
      say(mqtt::PublishReply{
          .type = mqtt::PacketType::pubrel, .packet_identifier = id, .properties = {}});
  }
  void take(const mqtt::Publish& publish) {
    const int number = std::stoi(std::string(as_text(publish.payload)));
    const bool again =
        publish.qos == mqtt::Qos::exactly_once && recorded_.contains(publish.packet_identifier);
    if (!again && std::ranges::find(received, number) == received.end()) received.push_back(number);
    if (publish.qos == mqtt::Qos::exactly_once) recorded_.insert(publish.packet_identifier);
    reply(publish.qos == mqtt::Qos::at_least_once ? mqtt::PacketType::puback
                                                  : mqtt::PacketType::pubrec,
          publish.packet_identifier);
  }
  void take(const mqtt::PublishReply& packet) {
    const std::uint16_t id = packet.packet_identifier;
    switch (packet.type) {
      case mqtt::PacketType::pubrel:
        recorded_.erase(id);
        return reply(mqtt::PacketType::pubcomp, id);
      case mqtt::PacketType::puback: return finish_own(id);
      case mqtt::PacketType::pubrec:
        released_.insert(id);
        finish_own(id);
        return reply(mqtt::PacketType::pubrel, id);
      default: released_.erase(id);
    }
  }
  template <class Other>
  void take(const Other&) {}

  void finish_own(std::uint16_t id) {
    const auto found = own_under_way_.find(id);
    if (found == own_under_way_.end()) return;
    acknowledged.insert(found->second);
    own_under_way_.erase(found);
  }

  net::Env env_;
  bool keeps_session_;
  bool has_session_ = false;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Stream> stream_;
  mqtt::FrameReader reader_;
  std::set<std::uint16_t> recorded_;
  std::set<std::uint16_t> released_;
  std::map<std::uint16_t, int> own_under_way_;
};

class Faults : public ::testing::TestWithParam<int> {};

TEST_P(Faults, lose_nothing_and_keep_the_order) {
  const auto seed = static_cast<std::uint64_t>(GetParam());
  net::SimWorld world(seed, {.break_per_million = 10'000, .fragment_bytes_max = 64});
  net::Env env = world.env("client");
  Server server(world.env("broker"), seed % 3 != 0);

  std::set<int> delivered;
  std::set<int> settled;
  MqttClient client(env,
                    {.server = {"broker", 1883},
                     .client_id = "c",
                     .session_expiry_s = 3600,
                     .reconnect_max = milliseconds{400}},
                    nullptr, [&](flow::Message message, flow::Ack ack) {
                      const int number = std::stoi(to_text(message.payload));
                      env.loop.run_after(milliseconds{static_cast<int>(env.random.below(10))},
                                         [&settled, number, held = std::move(ack)]() mutable {
                                           settled.insert(number);
                                           held.settle(Outcome::delivered);
                                         });
                    });
  client.start();
  for (int number = 0; number < messages_max; ++number) {
    flow::Message message;
    message.topic = "t";
    const std::string text = std::to_string(number);
    message.payload = Bytes(text.begin(), text.end());
    message.qos = number % 3 == 0 ? flow::Qos::exactly_once : flow::Qos::at_least_once;
    ASSERT_TRUE(client.publish(
        std::move(message), flow::Ack([&, number](Outcome outcome) {
          ASSERT_EQ(outcome, Outcome::delivered);
          ASSERT_NE(std::ranges::find(server.received, number), server.received.end())
              << "delivered, but not at the server";
          delivered.insert(number);
        })));
    server.send_own();
    if (number == 100) world.partition("client", "broker");
    if (number == 110) world.heal("client", "broker");
    world.run_for(milliseconds{static_cast<int>(env.random.below(4))});
  }
  const bool done = world.run_until(
      [&] {
        server.send_own();
        return client.unacknowledged() == 0 &&
               server.acknowledged.size() == static_cast<std::size_t>(messages_max);
      },
      seconds{3600});
  EXPECT_TRUE(done) << client.unacknowledged() << " not acknowledged, "
                    << server.acknowledged.size() << " own messages acknowledged";
  EXPECT_EQ(delivered.size(), static_cast<std::size_t>(messages_max));
  EXPECT_TRUE(std::ranges::is_sorted(server.received)) << "order lost";
  EXPECT_EQ(settled, server.acknowledged);
}

INSTANTIATE_TEST_SUITE_P(MqttClient, Faults, ::testing::Range(1, 41));

}  // namespace
}  // namespace wireway::link
