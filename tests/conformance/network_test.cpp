// Goal: what the specifications say of the connection below MQTT: any cut of the bytes, WebSocket
// frames, and an identifier for who brings none.
// Method: the whole broker on virtual time, connections that write bytes.

#include <gtest/gtest.h>

#include "broker/service.h"
#include "net/shards.h"
#include "net/sim/sim_world.h"
#include "resource/memory_resources.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"
#include "wire/websocket/client.h"
#include "wire/websocket/frame.h"

namespace wireway::conformance {
namespace {

namespace mqtt = wire::mqtt;
namespace websocket = wire::websocket;

constexpr auto patience = std::chrono::minutes{1};
constexpr std::string_view key = "AAAAAAAAAAAAAAAAAAAAAA==";
constexpr websocket::Mask mask = {1, 2, 3, 4};
constexpr std::uint16_t tcp_port = 1883, websocket_port = 8080;

json::value object_of(const resource::Kind& kind, std::string_view name, json::object spec) {
  return {{"apiVersion", resource::api_version(kind)},
          {"kind", kind.kind},
          {"metadata", {{"namespace", resource::default_namespace}, {"name", name}}},
          {"spec", std::move(spec)}};
}

/// Writes bytes, keeps the bytes that come.
class Line final : public net::StreamHandler {
 public:
  Line(net::SimWorld& world, net::Env& env, std::uint16_t port) : world_(world) {
    stream_ = env.network.connect({"broker", port}, *this);
  }
  void on_bytes(ByteView bytes) override { got.insert(got.end(), bytes.begin(), bytes.end()); }
  void on_close(const Error&) override { closed = true; }

  void say(ByteView bytes) { stream_->write(bytes); }
  void say(std::string_view text) { stream_->write(as_bytes(text)); }
  void say_frame(websocket::Opcode opcode, ByteView payload) {
    Bytes frame;
    websocket::append_masked_frame(opcode, payload, mask, frame);
    stream_->write(frame);
  }
  bool hears(std::size_t bytes) {
    return world_.run_until([&] { return got.size() >= bytes || closed; }, patience) &&
           got.size() >= bytes;
  }
  bool ends() {
    return world_.run_until([this] { return closed; }, patience);
  }
  /// The opening handshake; what came is forgotten.
  bool shakes_hands() {
    say(websocket::handshake_request("broker", "/mqtt", key));
    world_.run_until([this] { return to_text(got).ends_with("\r\n\r\n") || closed; }, patience);
    return websocket::accepts(to_text(std::exchange(got, {})), key);
  }

  Bytes got;
  bool closed = false;

 private:
  net::SimWorld& world_;
  std::unique_ptr<net::Stream> stream_;
};

Bytes connect_of(const std::string& identifier) {
  mqtt::Connect packet;
  packet.client_identifier = identifier;
  Bytes bytes;
  mqtt::append(packet, bytes);
  return bytes;
}

/// The packets that `bytes` are.
std::vector<mqtt::Packet> packets_of(const Bytes& bytes) {
  std::vector<mqtt::Packet> packets;
  mqtt::FrameReader reader;
  EXPECT_FALSE(reader.read(bytes, [&packets](std::uint8_t first, ByteView body) {
    Bytes scratch;
    auto packet = mqtt::decode(first, body, mqtt::Version::v5, scratch);
    EXPECT_TRUE(packet) << packet.error().clause;
    if (packet) packets.push_back(std::move(*packet));
    return packet.has_value();
  }));
  return packets;
}

class Network : public ::testing::Test {
 protected:
  void SetUp() override {
    resources.put(object_of(resource::broker, "default", {}));
    resources.put(object_of(resource::broker_listener, "both",
                            {{"brokerRef", "default"},
                             {"ports",
                              {{{"port", tcp_port}, {"protocol", "Mqtt"}},
                               {{"port", websocket_port}, {"protocol", "WebSockets"}}}}}));
    service.start();
    ASSERT_TRUE(world.run_until(
        [this] {
          const json::value* listener = resources.object(
              resource::broker_listener, {std::string(resource::default_namespace), "both"});
          const json::value* ready =
              listener == nullptr ? nullptr : resource::condition_of(*listener, "Ready");
          return ready != nullptr && text_at(*ready, {"status"}) == "True";
        },
        patience));
  }
  void TearDown() override {
    bool stopped = false;
    service.stop([&stopped] { stopped = true; });
    EXPECT_TRUE(world.run_until([&stopped] { return stopped; }, patience));
  }

  // Deliveries are cut at random, down to single bytes.
  net::SimWorld world{1, {.fragment_bytes_max = 5}};
  net::Env broker_env = world.env("broker");
  net::Env client_env = world.env("client");
  net::GivenShards shards{{broker_env}};
  resource::MemoryResources resources{broker_env.loop};
  broker::BrokerService service{shards, resources, {.folder = "/data/broker"}};
};

TEST_F(Network, speaks_mqtt_over_any_ordered_stream_of_bytes) {  // [MQTT-4.2.0-1] [MQTT-7.1.1-1]
  Line line(world, client_env, tcp_port);
  line.say(connect_of("a"));
  line.say(Bytes{0xC0, 0, 0xC0, 0});
  ASSERT_TRUE(line.hears(16 + 4));
  const auto packets = packets_of(line.got);
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(std::get<mqtt::Connack>(packets[0]).reason, mqtt::ReasonCode::success);
  EXPECT_TRUE(std::holds_alternative<mqtt::Pingresp>(packets[2]));
}

TEST_F(Network, packets_and_websocket_frames_have_no_borders_in_common) {  // [MQTT-6.0.0-2]
  Line line(world, client_env, websocket_port);
  ASSERT_TRUE(line.shakes_hands());
  const Bytes connect = connect_of("a");
  line.say_frame(websocket::Opcode::binary, ByteView(connect).first(1));
  line.say_frame(websocket::Opcode::binary, {});
  line.say_frame(websocket::Opcode::binary, ByteView(connect).subspan(1, 7));
  Bytes rest(connect.begin() + 8, connect.end());
  rest.insert(rest.end(), {0xC0, 0, 0xC0, 0, 0xC0});
  line.say_frame(websocket::Opcode::binary, rest);
  line.say_frame(websocket::Opcode::binary, Bytes{0});
  websocket::FrameReader frames(websocket::Role::client);
  websocket::FrameReader::Control control;
  Bytes data;
  // A binary frame is the only kind of data frame that the reader takes [MQTT-6.0.0-1].
  ASSERT_TRUE(world.run_until(
      [&] {
        EXPECT_FALSE(frames.read(std::exchange(line.got, {}), data, control));
        return data.size() >= 16 + 6 || line.closed;
      },
      patience));
  const auto packets = packets_of(data);
  ASSERT_EQ(packets.size(), 4U);
  EXPECT_EQ(std::get<mqtt::Connack>(packets[0]).reason, mqtt::ReasonCode::success);
  EXPECT_TRUE(std::holds_alternative<mqtt::Pingresp>(packets[3]));
}

TEST_F(Network, ends_a_websocket_connection_on_a_frame_of_text) {  // [MQTT-6.0.0-1]
  Line line(world, client_env, websocket_port);
  ASSERT_TRUE(line.shakes_hands());
  line.say_frame(websocket::Opcode::text, connect_of("a"));
  EXPECT_TRUE(line.ends());
  Bytes close;
  websocket::append_close(websocket::CloseCode::unsupported_data, close);
  EXPECT_EQ(line.got, close);
}

TEST_F(Network, wants_and_names_the_subprotocol_mqtt) {  // [MQTT-6.0.0-3] [MQTT-6.0.0-4]
  Line good(world, client_env, websocket_port);
  EXPECT_TRUE(good.shakes_hands()) << "accepts() compares the subprotocol of the answer";
  Line other(world, client_env, websocket_port);
  std::string request = websocket::handshake_request("broker", "/", key);
  request.replace(request.find("Protocol: mqtt"), 14, "Protocol: chat");
  other.say(request);
  EXPECT_TRUE(other.ends());
  EXPECT_TRUE(to_text(other.got).starts_with("HTTP/1.1 400 ")) << to_text(other.got);
}

TEST_F(Network, gives_each_client_without_identifier_a_new_one) {  // [MQTT-3.2.2-16]
  std::vector<std::string> given;
  std::vector<std::unique_ptr<Line>> lines;
  for (int i = 0; i < 3; ++i) {
    lines.push_back(std::make_unique<Line>(world, client_env, tcp_port));
    lines.back()->say(connect_of(""));
    ASSERT_TRUE(lines.back()->hears(20));
    world.run_for(std::chrono::seconds{1});
    const auto packets = packets_of(lines.back()->got);
    ASSERT_EQ(packets.size(), 1U);
    given.push_back(
        std::get<mqtt::Connack>(packets[0]).properties.assigned_client_identifier.value_or(""));
  }
  for (const std::string& one : given) EXPECT_EQ(std::ranges::count(given, one), 1) << one;
  for (const auto& line : lines) EXPECT_FALSE(line->closed) << "nobody is taken over";
}

TEST_F(Network, says_which_versions_it_lacks_and_hears_nothing_before_connect) {
  Line level_6(world, client_env, tcp_port);
  Bytes connect = connect_of("a");
  connect[8] = 6;
  level_6.say(connect);
  EXPECT_TRUE(level_6.ends());
  EXPECT_EQ(hex_encode(level_6.got), "20020001");  // [MQTT-3.1.2-2]
  Line early(world, client_env, tcp_port);
  early.say(Bytes{0xC0, 0});
  EXPECT_TRUE(early.ends());
  EXPECT_TRUE(early.got.empty());  // [MQTT-3.1.0-1]
}

}  // namespace
}  // namespace wireway::conformance
