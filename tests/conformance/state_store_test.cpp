// Goal: the state store through the broker: requests are no messages, answers are, notifications
// reach the connection that asked, once and in order, on however many shards.
// Method: shards without a network; clients say and read packets.

#include <gtest/gtest.h>

#include "broker/store_keeper.h"
#include "conformance/local_mesh.h"
#include "wire/mqtt/frame.h"

namespace wireway::conformance {
namespace {

namespace mqtt = wire::mqtt;
namespace state_store = broker::state_store;
using broker::Client;
using broker::Shard;
using broker::Wire;
using namespace std::chrono_literals;

/// A client that subscribes, asks, and reads the PUBLISHes that come.
class User final : public Wire {
 public:
  struct Got {
    std::string topic;
    std::string payload;
    mqtt::PublishProperties properties;
  };

  User(LocalMesh& mesh, std::string name, std::uint32_t expiry_s = 0)
      : mesh_(mesh), name_(std::move(name)), shard_(mesh.shard_for(name_)) {
    connect(expiry_s);
  }
  ~User() override { leave(); }

  void connect(std::uint32_t expiry_s) {
    closed_ = false;
    mqtt::Connect packet;
    packet.client_identifier = name_;
    packet.clean_start = false;
    packet.properties.session_expiry_interval_s = expiry_s;
    client_ = shard_.connect(*this, std::move(packet), "test", "", now);
    mesh_.settle(now);
  }
  void leave() {
    if (client_ != nullptr) shard_.closed(*std::exchange(client_, nullptr), now);
    mesh_.settle(now);
  }
  void subscribe(const std::string& filter) {
    mqtt::Subscribe packet;
    packet.packet_identifier = 1;
    packet.entries = {{filter, mqtt::Qos::at_least_once}};
    say(packet);
  }
  void ask(std::initializer_list<std::string_view> words, std::string_view topic,
           const std::string& response_topic = "") {
    const std::string payload = state_store::array_of(std::vector<std::string_view>(words));
    mqtt::PublishProperties properties;
    properties.response_topic = response_topic.empty() ? "answers/" + name_ : response_topic;
    properties.correlation_data = {7};
    properties.user_properties = {{"__ts", "1000:0:c"}};
    const Bytes forwarded = mqtt::encode_forwarded(properties);
    mqtt::Publish packet;
    packet.qos = mqtt::Qos::at_least_once;
    packet.packet_identifier = 9;
    packet.topic = topic;
    packet.forwarded_properties = forwarded;
    packet.payload = as_bytes(payload);
    Bytes bytes;
    mqtt::append_publish(packet, mqtt::Version::v5, bytes);
    say_bytes(bytes);
  }
  void ask(std::initializer_list<std::string_view> words) {
    ask(words, state_store::request_topic);
  }

  /// PUBLISHes since the last call; each is acknowledged.
  std::vector<Got> take() {
    std::vector<Got> out;
    std::vector<std::uint16_t> identifiers;
    mqtt::FrameReader reader;
    (void)reader.read(std::exchange(received_, {}), [&](std::uint8_t first, ByteView body) {
      Bytes scratch;
      const auto packet = mqtt::decode(first, body, mqtt::Version::v5, scratch);
      if (const auto* publish = packet ? std::get_if<mqtt::Publish>(&*packet) : nullptr) {
        out.push_back({std::string(publish->topic), to_text(publish->payload),
                       mqtt::parse_forwarded(publish->forwarded_properties)});
        identifiers.push_back(publish->packet_identifier);
      } else if (const auto* reply = packet ? std::get_if<mqtt::PublishReply>(&*packet) : nullptr) {
        acknowledged.push_back(reply->reason);
      } else if (const auto* end = packet ? std::get_if<mqtt::Disconnect>(&*packet) : nullptr) {
        ended = end->reason;
      }
      return true;
    });
    for (const std::uint16_t identifier : identifiers)
      say(mqtt::PublishReply{mqtt::PacketType::puback, identifier, mqtt::ReasonCode::success, {}});
    return out;
  }
  std::vector<std::string> payloads() {
    std::vector<std::string> out;
    for (const Got& got : take()) out.push_back(got.payload);
    return out;
  }

  void send(ByteView bytes) override {
    received_.insert(received_.end(), bytes.begin(), bytes.end());
  }
  std::size_t pending_bytes() const override { return 0; }
  void close() override { closed_ = true; }

  std::vector<mqtt::ReasonCode> acknowledged;
  std::optional<mqtt::ReasonCode> ended;
  bool closed_ = false;
  MonoTime now;

 private:
  template <class Packet>
  void say(const Packet& packet) {
    Bytes bytes;
    if constexpr (requires { mqtt::append(packet, mqtt::Version::v5, bytes); })
      mqtt::append(packet, mqtt::Version::v5, bytes);
    say_bytes(bytes);
  }
  void say_bytes(const Bytes& bytes) {
    mqtt::FrameReader reader;
    (void)reader.read(bytes, [&](std::uint8_t first, ByteView body) {
      return client_ != nullptr && client_->on_packet(first, body, now);
    });
    mesh_.settle(now);
  }

  LocalMesh& mesh_;
  std::string name_;
  Shard& shard_;
  Client* client_ = nullptr;
  Bytes received_;
};

const std::string set_notice = "*4\r\n$6\r\nNOTIFY\r\n$3\r\nSET\r\n$5\r\nVALUE\r\n$1\r\nv\r\n";
const std::string delete_notice = "*2\r\n$6\r\nNOTIFY\r\n$6\r\nDELETE\r\n";

class StoreKeeperTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  LocalMesh mesh{GetParam()};
};

TEST_P(StoreKeeperTest, answers_and_shows_the_request_to_nobody) {
  User asker(mesh, "asker");
  User curious(mesh, "curious");
  curious.subscribe("#");
  asker.subscribe("answers/asker");
  asker.ask({"SET", "k", "v"});
  const auto got = asker.take();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].payload, "+OK\r\n");
  EXPECT_EQ(got[0].properties.correlation_data, Bytes{7});
  EXPECT_EQ(asker.acknowledged, std::vector{mqtt::ReasonCode::success});
  const auto seen = curious.take();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].topic, "answers/asker") << "an answer is a message like others";
}

TEST_P(StoreKeeperTest, keeps_one_store_for_all_clients_and_both_topics) {
  std::vector<std::unique_ptr<User>> users;
  for (int i = 0; i < 8; ++i) {
    users.push_back(std::make_unique<User>(mesh, "u" + std::to_string(i)));
    users.back()->subscribe("answers/#");
  }
  users[0]->ask({"SET", "k", "v", "NX"});
  for (auto& user : users) user->take();
  for (int i = 1; i < 8; ++i)
    users[i]->ask({"SET", "k", "x", "NX"},
                  i % 2 == 0 ? state_store::request_topic : state_store::preview_request_topic);
  EXPECT_EQ(users[0]->payloads(), std::vector<std::string>(7, ":-1\r\n"));
}

TEST_P(StoreKeeperTest, notifies_who_asked_once_in_order_and_not_behind_stop) {
  User writer(mesh, "writer");
  User listener(mesh, "listener");
  listener.subscribe("answers/listener");
  listener.subscribe("clients/statestore/v1/#");
  listener.ask({"KEYNOTIFY", "k"});
  EXPECT_EQ(listener.payloads(), std::vector<std::string>{"+OK\r\n"});
  writer.ask({"SET", "k", "v"});
  writer.ask({"SET", "k", "v"});
  writer.ask({"DEL", "k"});
  const auto got = listener.take();
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0].payload, set_notice);
  EXPECT_EQ(got[1].payload, set_notice);
  EXPECT_EQ(got[2].payload, delete_notice);
  EXPECT_TRUE(got[0].topic.ends_with("/6C697374656E6572/command/notify/6B")) << got[0].topic;
  listener.ask({"KEYNOTIFY", "k", "STOP"});
  writer.ask({"SET", "k", "v"});
  EXPECT_EQ(listener.payloads(), std::vector<std::string>{"+OK\r\n"});
}

TEST_P(StoreKeeperTest, notifies_without_a_subscription_until_the_connection_ends) {
  User writer(mesh, "writer");
  User listener(mesh, "listener", 3600);
  listener.ask({"KEYNOTIFY", "k"});
  writer.ask({"SET", "k", "v"});
  EXPECT_EQ(listener.payloads(), std::vector<std::string>{set_notice});
  listener.leave();
  writer.ask({"SET", "k", "v"});
  listener.connect(3600);
  writer.ask({"SET", "k", "v"});
  EXPECT_TRUE(listener.payloads().empty()) << "the session lives on, what was asked for does not";
  listener.ask({"KEYNOTIFY", "k"});
  writer.ask({"SET", "k", "v"});
  EXPECT_EQ(listener.payloads(), std::vector<std::string>{set_notice});
}

TEST_P(StoreKeeperTest, tells_of_expiry_when_its_time_has_come) {
  User listener(mesh, "listener");
  listener.ask({"KEYNOTIFY", "lock"});
  listener.ask({"SET", "lock", "me", "PX", "500"});
  listener.take();
  Shard& shard = mesh.shard_for(state_store::request_topic);
  EXPECT_EQ(shard.next_deadline(), MonoTime{} + 500ms);
  mesh.tick(MonoTime{} + 499ms);
  EXPECT_TRUE(listener.payloads().empty());
  mesh.tick(MonoTime{} + 500ms);
  EXPECT_EQ(listener.payloads(), std::vector<std::string>{delete_notice});
}

TEST_P(StoreKeeperTest, ends_who_wants_answers_on_the_stores_topics) {
  User bad(mesh, "bad");
  bad.ask({"GET", "k"}, state_store::request_topic, std::string(state_store::request_topic));
  bad.take();
  EXPECT_EQ(bad.ended, mqtt::ReasonCode::topic_name_invalid);
  EXPECT_TRUE(bad.closed_);
}

TEST_P(StoreKeeperTest, refuses_a_request_without_a_valid_way_back) {
  User asker(mesh, "asker");
  asker.ask({"GET", "k"}, state_store::request_topic, "$SYS/broker/uptime");
  asker.take();
  EXPECT_EQ(asker.acknowledged, std::vector{mqtt::ReasonCode::not_authorized});
}

INSTANTIATE_TEST_SUITE_P(Shards, StoreKeeperTest, ::testing::Values(1, 2, 5));

}  // namespace
}  // namespace wireway::conformance
