// Goal: who comes to the door with bad intentions, a bad line or a bad clock hurts nobody else, and
// is dealt with in a bounded time and in bounded memory.
// Method: the broker on two shards and virtual time; bad clients are raw streams, the good ones
// beside them are our own client.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "broker/service.h"
#include "link/mqtt_client.h"
#include "net/shards.h"
#include "net/sim/sim_world.h"
#include "resource/memory_resources.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"
#include "wire/websocket/client.h"

namespace wireway {
namespace {

namespace mqtt = wire::mqtt;
using mqtt::PacketType;
using mqtt::Qos;
using mqtt::ReasonCode;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t mebibyte = 1024 * 1024;

/// A client that does what the test says and nothing of its own accord.
class Raw final : public net::StreamHandler {
 public:
  Raw(net::Env env, std::uint16_t port) : stream_(env.network.connect({"broker", port}, *this)) {}

  void on_open() override { is_open = true; }
  void on_bytes(ByteView bytes) override {
    bytes_received += bytes.size();
    (void)reader_.read(bytes, [this](std::uint8_t first_byte, ByteView body) {
      take(first_byte, body);
      return true;
    });
  }
  void on_close(const Error&) override { is_closed = true; }

  void write(ByteView bytes) { stream_->write(bytes); }
  void write(const Bytes& bytes) { stream_->write(bytes); }
  std::size_t unsent_bytes() const { return stream_->pending_bytes(); }
  void stop_reading() { stream_->pause_reading(); }
  void resume_reading() { stream_->resume_reading(); }
  void vanish() { stream_.reset(); }

  bool is_open = false;
  bool is_closed = false;
  std::uint64_t bytes_received = 0;
  std::optional<mqtt::Connack> connack;
  std::optional<ReasonCode> disconnected;  ///< by the server's DISCONNECT
  std::vector<ReasonCode> replies;         ///< of PUBACK, in order
  std::size_t subscribed = 0;              ///< filters that SUBACKs have granted
  std::vector<std::string> payloads;
  std::vector<std::string> topics;

 private:
  void take(std::uint8_t first_byte, ByteView body) {
    Bytes scratch;
    const auto packet = mqtt::decode(first_byte, body, mqtt::Version::v5, scratch);
    ASSERT_TRUE(packet);
    if (const auto* answer = std::get_if<mqtt::Connack>(&*packet)) connack = *answer;
    if (const auto* end = std::get_if<mqtt::Disconnect>(&*packet)) disconnected = end->reason;
    if (const auto* reply = std::get_if<mqtt::PublishReply>(&*packet))
      replies.push_back(reply->reason);
    if (const auto* reply = std::get_if<mqtt::SubscribeReply>(&*packet))
      subscribed += static_cast<std::size_t>(std::ranges::count_if(
          reply->reasons, [](ReasonCode each) { return !mqtt::is_error(each); }));
    if (const auto* publish = std::get_if<mqtt::Publish>(&*packet)) {
      payloads.push_back(to_text(publish->payload));
      topics.emplace_back(publish->topic);
    }
  }

  mqtt::FrameReader reader_;
  std::unique_ptr<net::Stream> stream_;
};

/// One request for the broker's metrics.
struct Scraper final : net::StreamHandler {
  explicit Scraper(net::Env env) : stream(env.network.connect({"broker", 9600}, *this)) {
    stream->write(as_bytes("GET /metrics HTTP/1.1\r\nHost: broker\r\nConnection: close\r\n\r\n"));
  }
  void on_bytes(ByteView bytes) override { text += as_text(bytes); }
  void on_close(const Error&) override { is_closed = true; }

  std::string text;
  bool is_closed = false;
  std::unique_ptr<net::Stream> stream;
};

mqtt::Connect connect_of(const std::string& name, std::uint16_t keep_alive_s = 0) {
  mqtt::Connect out;
  out.client_identifier = name;
  out.keep_alive_s = keep_alive_s;
  return out;
}

Bytes bytes_of(const mqtt::Connect& packet) {
  Bytes out;
  mqtt::append(packet, out);
  return out;
}

Bytes bytes_of(const mqtt::Publish& packet) {
  Bytes out;
  mqtt::append_publish(packet, mqtt::Version::v5, out);
  return out;
}

mqtt::Publish publish_of(std::string_view topic, ByteView payload, std::uint16_t identifier = 0) {
  mqtt::Publish out;
  out.topic = topic;
  out.payload = payload;
  out.packet_identifier = identifier;
  if (identifier != 0) out.qos = Qos::at_least_once;
  return out;
}

Bytes subscribe_of(const std::vector<std::string>& filters, Qos qos = Qos::at_most_once) {
  mqtt::Subscribe packet;
  packet.packet_identifier = 1;
  for (const std::string& filter : filters) packet.entries.push_back({filter, qos});
  Bytes out;
  mqtt::append(packet, mqtt::Version::v5, out);
  return out;
}

json::value manifest(std::string_view kind, json::value spec) {
  return {{"apiVersion", "mqttbroker.iotoperations.azure.com/v1"},
          {"kind", kind},
          {"metadata", {{"namespace", "azure-iot-operations"}, {"name", "default"}}},
          {"spec", std::move(spec)}};
}

/// The broker behind 1883 (MQTT), 8083 (WebSocket) and 1884 (PROXY protocol), and a good client
/// that sends itself a message every 100 ms.
class Door : public ::testing::Test {
 protected:
  void SetUp() override { log::configure(log::Level::off, log::Format::text, "door"); }
  void TearDown() override {
    if (!service) return;
    good.reset();
    bool stopped = false;
    service->stop([&stopped] { stopped = true; });
    EXPECT_TRUE(world.run_until([&stopped] { return stopped; }, minutes{1}));
  }

  void start(json::object broker = {}, json::object port = {}) {
    port["port"] = 1883;
    broker["diagnostics"] = {{"selfCheck", {{"mode", "Disabled"}}}};
    resources.put(manifest("Broker", std::move(broker)));
    resources.put(
        manifest("BrokerListener",
                 {{"brokerRef", "default"},
                  {"serviceType", "LoadBalancer"},
                  {"ports",
                   {std::move(port),
                    {{"port", 8083}, {"protocol", "WebSockets"}},
                    {{"port", 1884}, {"proxyProtocol", {{"trustedSources", {"10.0.0.0/8"}}}}}}}}));
    start_service();
    ASSERT_TRUE(world.run_until(
        [this] {
          return text_at(resources.ready(resource::broker_listener,
                                         {"azure-iot-operations", "default"}),
                         {"status"}) == "True";
        },
        minutes{1}));
    begin_good();
  }
  void start_service() {
    service = std::make_unique<broker::BrokerService>(
        shards, resources, broker::BrokerServiceOptions{.folder = "/data/broker"});
    service->start();
  }
  void cut_power() {
    heart.cancel();
    good.reset();
    world.power_cut("broker");
    service.reset();
    start_service();
    world.run_for(seconds{1});
  }
  void begin_good() {
    good = std::make_unique<link::MqttClient>(
        good_env, link::MqttClientOptions{.server = {"broker", 1883}, .client_id = "good"},
        [this](const link::MqttState& state) { good_losses += state.connected ? 0 : 1; },
        [this](const flow::Message& message, flow::Ack ack) {
          ++good_received;
          const auto sent = std::stoll(to_text(message.payload));
          good_slowest = std::max(good_slowest, world.now().since_start - Duration{sent});
          ack.settle(flow::Outcome::delivered);
        });
    good->subscribe("good/+", flow::Qos::at_least_once);
    good->start();
    ASSERT_TRUE(world.run_until([this] { return good->state().connected; }, minutes{1}));
    world.run_for(seconds{1});
    good_losses = 0;
    beat();
  }
  void beat() {
    flow::Message message;
    message.topic = "good/beat";
    message.qos = flow::Qos::at_least_once;
    const std::string now = std::to_string(world.now().since_start.count());
    message.payload.assign(now.begin(), now.end());
    if (good) {
      ++good_sent;
      (void)good->publish(std::move(message), flow::Ack([this](flow::Outcome outcome) {
                            if (outcome != flow::Outcome::delivered) ++good_refused;
                          }));
    }
    heart.arm(milliseconds{100}, [this] { beat(); });
  }
  /// Nothing of what happened has reached the good client.
  void expect_good_unharmed() {
    world.run_for(seconds{1});
    EXPECT_EQ(good_losses, 0);
    EXPECT_EQ(good_refused, 0);
    EXPECT_GE(good_received + 1, good_sent);
    EXPECT_LT(good_slowest, milliseconds{20}) << "the worst way there and back";
  }

  std::unique_ptr<Raw> raw(std::uint16_t port = 1883, const std::string& host = "bad") {
    auto out = std::make_unique<Raw>(world.env(host), port);
    EXPECT_TRUE(world.run_until([&] { return out->is_open; }, seconds{5}));
    return out;
  }
  std::unique_ptr<Raw> connected(const mqtt::Connect& packet, const std::string& host = "bad") {
    auto out = raw(1883, host);
    out->write(bytes_of(packet));
    EXPECT_TRUE(world.run_until([&] { return out->connack.has_value(); }, seconds{5}));
    return out;
  }
  bool until(std::move_only_function<bool()> condition, Duration limit = minutes{1}) {
    return world.run_until(std::move(condition), limit);
  }
  /// The sum of a metric over its labels, as a scraper sees it.
  double metric(std::string_view name) {
    world.run_for(seconds{2});  // figures are of the last second
    Scraper scraper(world.env("scraper"));
    EXPECT_TRUE(until([&] { return scraper.is_closed; }));
    double sum = 0;
    bool found = false;
    for (std::size_t at = scraper.text.find(name); at != std::string::npos;
         at = scraper.text.find(name, at + 1)) {
      const char next = scraper.text[at + name.size()];
      if (scraper.text[at - 1] != '\n' || (next != '{' && next != ' ')) continue;
      const std::size_t end = scraper.text.find('\n', at);
      const std::string line = scraper.text.substr(at, end - at);
      sum += std::stod(line.substr(line.rfind(' ')));
      found = true;
    }
    EXPECT_TRUE(found) << name;
    return sum;
  }

  net::SimWorld world{1};
  net::Env broker_env = world.env("broker");
  net::GivenShards shards{{broker_env, world.env("broker/1")}};
  resource::MemoryResources resources{broker_env.loop};
  std::unique_ptr<broker::BrokerService> service;
  std::unique_ptr<link::MqttClient> good;
  net::Env good_env = world.env("good");
  net::Timer heart{good_env.loop};
  int good_losses = 0;
  int good_sent = 0;
  int good_received = 0;
  int good_refused = 0;
  Duration good_slowest{0};
};

/// Subscribers of which none reads, and publishers that send as fast as they are read.
class Backlog : public Door {
 protected:
  static constexpr int publishers = 10;
  static constexpr int messages = 200;
  static constexpr std::size_t payload_bytes = 50'000;

  void start_backlog(const net::DiskFaults& disk) {
    world.set_disk("broker", disk);
    start({{"memoryProfile", "Tiny"}, {"diskBackedMessageBuffer", {{"maxSize", "1G"}}}});
    leave();
  }
  void leave() {
    mqtt::Connect connect = connect_of("away");
    connect.properties.session_expiry_interval_s = 3600;
    const auto away = connected(connect, "away");
    away->write(subscribe_of({"line/#"}, Qos::at_least_once));
    ASSERT_TRUE(until([&] { return away->subscribed == 1; }));
    away->vanish();
  }
  void publish_all(mqtt::Version version = mqtt::Version::v5) {
    const Bytes payload(payload_bytes, 'x');
    for (int i = 0; i < publishers; ++i) {
      mqtt::Connect connect = connect_of(fmt::format("writer-{}", i));
      connect.version = version;
      writers.push_back(connected(connect, fmt::format("writer-{}", i)));
      for (int message = 1; message <= messages; ++message) {
        const std::string topic = fmt::format("line/{}", i);
        Bytes bytes;
        mqtt::append_publish(publish_of(topic, payload, std::uint16_t(message)), version, bytes);
        writers.back()->write(bytes);
      }
    }
  }
  std::size_t count(ReasonCode reason) const {
    std::size_t sum = 0;
    for (const auto& each : writers) sum += std::size_t(std::ranges::count(each->replies, reason));
    return sum;
  }
  bool all_answered() const {
    return count(ReasonCode::success) + count(ReasonCode::quota_exceeded) == publishers * messages;
  }

  std::vector<std::unique_ptr<Raw>> writers;
};

TEST_F(Backlog, slows_publishers_to_the_disk_and_refuses_nothing) {
  start_backlog({.sync_min = milliseconds{20}, .sync_max = milliseconds{200}});
  publish_all();
  ASSERT_TRUE(until([&] { return all_answered(); }));
  EXPECT_EQ(count(ReasonCode::quota_exceeded), 0);
  EXPECT_GT(metric("wireway_broker_publishers_slowed"), 0);
  EXPECT_GT(metric("wireway_broker_buffer_disk_bytes"), 80.0 * mebibyte);
  expect_good_unharmed();
}

TEST_F(Backlog, answers_though_the_disk_hangs) {
  start_backlog({.sync_min = hours{1}, .sync_max = hours{1}});
  publish_all();
  ASSERT_TRUE(until([&] { return all_answered(); }, minutes{5}));
  EXPECT_GT(count(ReasonCode::quota_exceeded), 0);
  EXPECT_GT(count(ReasonCode::success) * payload_bytes, 12 * mebibyte);
  world.run_for(hours{1});
}

TEST_F(Door, ends_slow_connects_at_the_connect_timeout) {
  start();
  const Bytes connect = bytes_of(connect_of("slow-and-with-quite-a-long-name"));
  const std::string handshake =
      wire::websocket::handshake_request("broker", "/", "AAAAAAAAAAAAAAAAAAAAAA==");
  const std::string proxy = "PROXY TCP4 192.0.2.7 198.51.100.1 53312 8883\r\n";
  struct Kind {
    std::uint16_t port;
    ByteView bytes;
    std::string host;
  };
  const Kind kinds[] = {{1883, connect, "bad"},
                        {8083, as_bytes(handshake), "bad"},
                        {1884, as_bytes(proxy), "10.0.0.1"}};
  for (const Kind& kind : kinds) {
    std::vector<std::unique_ptr<Raw>> slow;
    for (int i = 0; i < 200; ++i) slow.push_back(raw(kind.port, kind.host));
    std::size_t sent = 0;
    int seconds_open = 0;
    const auto all_closed = [&slow] {
      return std::ranges::all_of(slow, [](const auto& each) { return each->is_closed; });
    };
    while (!all_closed() && seconds_open < 60) {
      for (const auto& each : slow)
        if (!each->is_closed) each->write(kind.bytes.subspan(sent, 1));
      ++sent;
      world.run_for(seconds{1});
      ++seconds_open;
    }
    EXPECT_LE(seconds_open, 11) << kind.port;
    EXPECT_GE(seconds_open, 4) << kind.port;
  }
  expect_good_unharmed();
}

TEST_F(Door, ends_a_slow_publish_when_the_keep_alive_is_over) {
  start();
  const auto slow = connected(connect_of("slow", 10));
  const Bytes payload(100, 'x');
  const Bytes publish = bytes_of(publish_of("t", payload));
  int seconds_open = 0;
  for (; !slow->is_closed && seconds_open < 60; ++seconds_open) {
    slow->write(ByteView(publish).subspan(std::size_t(seconds_open), 1));
    world.run_for(seconds{1});
  }
  EXPECT_GE(seconds_open, 15) << "one and a half times the keep-alive [MQTT-3.1.2-22]";
  EXPECT_LE(seconds_open, 17);
  EXPECT_EQ(slow->disconnected, ReasonCode::keep_alive_timeout);
  expect_good_unharmed();
}

TEST_F(Door, takes_no_connect_that_is_larger_than_any_is) {
  start();
  const auto huge = raw();
  huge->write(Bytes{0x10, 0xFF, 0xFF, 0xFF, 0x07});  // CONNECT of 16 MiB
  EXPECT_TRUE(until([&] { return huge->is_closed; }, seconds{1}));
  expect_good_unharmed();
}

TEST_F(Door, ends_a_half_open_connection_and_publishes_its_will) {
  start();
  const auto watcher = connected(connect_of("watcher"), "watcher");
  watcher->write(subscribe_of({"wills/#"}));
  mqtt::Connect connect = connect_of("gone", 20);
  connect.will.emplace().topic = "wills/gone";
  const auto gone = connected(connect, "vanished");
  world.partition("vanished", "broker");
  world.run_for(seconds{29});
  EXPECT_TRUE(watcher->topics.empty());
  world.run_for(seconds{2});
  EXPECT_EQ(watcher->topics, std::vector<std::string>{"wills/gone"});
  EXPECT_EQ(metric("aio_broker_connected_sessions"), 2) << "the good one and the watcher";
  expect_good_unharmed();
}

TEST_F(Door, lets_clients_in_through_a_balancer_on_every_shard_and_nobody_past_it) {
  start();
  const std::string header = "PROXY TCP6 2001:db8::7 2001:db8::1 53312 8883\r\n";
  std::vector<std::unique_ptr<Raw>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(raw(1884, "10.0.0.1"));
    clients.back()->write(as_bytes(header));
    clients.back()->write(bytes_of(connect_of(fmt::format("client-{}", i))));
    clients.back()->write(subscribe_of({"all"}));
  }
  ASSERT_TRUE(until([&] {
    return std::ranges::all_of(clients, [](const auto& each) { return each->subscribed == 1; });
  }));
  clients[0]->write(bytes_of(publish_of("all", as_bytes("x"))));
  ASSERT_TRUE(until([&] {
    return std::ranges::all_of(clients, [](const auto& each) { return each->topics.size() == 1; });
  }));
  const auto past = raw(1884, "192.0.2.66");
  past->write(as_bytes(header));
  past->write(bytes_of(connect_of("past")));
  EXPECT_TRUE(until([&] { return past->is_closed; }, seconds{1}));
  EXPECT_FALSE(past->connack);

  json::value behind = manifest(
      "BrokerListener",
      {{"brokerRef", "default"},
       {"ports", {{{"port", 1885}, {"proxyProtocol", {{"trustedSources", {"10.0.0.0/33"}}}}}}}});
  behind.at("metadata").as_object()["name"] = "behind";
  resources.put(behind);
  const auto says = [&](std::string_view field) {
    return text_at(resources.ready(resource::broker_listener, {"azure-iot-operations", "behind"}),
                   {field});
  };
  ASSERT_TRUE(until([&] { return says("reason") == "ConfigurationInvalid"; })) << says("reason");
  EXPECT_TRUE(says("message").contains("\"10.0.0.0/33\" is no network")) << says("message");
}

TEST_F(Door, refuses_a_flood_beyond_the_ports_limit_and_serves_on) {
  start({}, {{"maxConnections", 100}});
  std::vector<std::unique_ptr<Raw>> flood;
  for (int i = 0; i < 2'000; ++i) flood.push_back(std::make_unique<Raw>(world.env("bad"), 1883));
  world.run_for(seconds{1});
  const auto open = std::ranges::count_if(flood, [](const auto& each) { return !each->is_closed; });
  EXPECT_EQ(open, 99) << "one place is the good client's";
  expect_good_unharmed();
  flood.clear();
  world.run_for(seconds{1});
  const auto late = connected(connect_of("late"), "late");
  EXPECT_EQ(late->connack->reason, ReasonCode::success) << "the places are free again";
}

TEST_F(Door, counts_whom_it_refuses) {
  start({}, {{"maxConnectionsPerSecond", 10}});
  std::vector<std::unique_ptr<Raw>> flood;
  for (int i = 0; i < 50; ++i) flood.push_back(std::make_unique<Raw>(world.env("bad"), 1883));
  EXPECT_EQ(metric("wireway_broker_connects_refused"), 40);
}

TEST_F(Door, gives_a_flood_of_retained_messages_its_budget_and_no_more) {
  start({{"memoryProfile", "Tiny"}});
  const auto flood = connected(connect_of("flood"));
  const Bytes payload(64 * 1024, 'x');
  std::size_t sent = 0;
  for (int i = 0; i < 1'600; ++i) {  // 100 MiB
    mqtt::Publish publish = publish_of("", payload, 1);
    const std::string topic = fmt::format("flood/{}", i);
    publish.topic = topic;
    publish.retain = true;
    flood->write(bytes_of(publish));
    ++sent;
    world.run_for(milliseconds{5});
  }
  ASSERT_TRUE(until([&] { return flood->replies.size() == sent; }));
  const auto count = [&](ReasonCode code) { return std::ranges::count(flood->replies, code); };
  const auto refused = count(ReasonCode::quota_exceeded);
  EXPECT_GT(refused, 1'000);
  EXPECT_EQ(refused + count(ReasonCode::success) + count(ReasonCode::no_matching_subscribers),
            1'600);
  const double kept = metric("aio_broker_store_retained_bytes");
  EXPECT_LE(kept, 16 * mebibyte);
  EXPECT_GT(kept, 8 * mebibyte);
  EXPECT_GE(metric("aio_broker_backpressure_packets_rejected"), double(refused));
  EXPECT_EQ(good_losses, 0) << "who is refused stays connected";

  // What frees memory is taken even now.
  flood->replies.clear();
  for (int i = 0; i < 1'600; ++i) {
    const std::string topic = fmt::format("flood/{}", i);
    mqtt::Publish clear = publish_of(topic, {}, 1);
    clear.retain = true;
    flood->write(bytes_of(clear));
  }
  ASSERT_TRUE(until([&] { return flood->replies.size() == sent; }));
  EXPECT_EQ(count(ReasonCode::quota_exceeded), 0);
  EXPECT_LT(metric("aio_broker_store_retained_bytes"), mebibyte);
  flood->replies.clear();
  mqtt::Publish again = publish_of("flood/again", payload, 1);
  again.retain = true;
  flood->write(bytes_of(again));
  ASSERT_TRUE(until([&] { return flood->replies.size() == 1; }));
  EXPECT_FALSE(mqtt::is_error(flood->replies[0]));
}

TEST_F(Door, bounds_what_waits_for_a_subscriber_that_never_reads) {
  start({{"memoryProfile", "Tiny"}});
  const auto deaf = connected(connect_of("deaf"));
  deaf->write(subscribe_of({"noise/#"}));
  ASSERT_TRUE(until([&] { return deaf->subscribed == 1; }));
  deaf->stop_reading();
  const auto loud = connected(connect_of("loud"), "loud");
  const Bytes payload(16 * 1024, 'x');
  constexpr std::size_t count = 4'000;  // 64 MiB
  for (std::size_t i = 0; i < count; ++i) {
    loud->write(bytes_of(publish_of("noise/a", payload)));
    world.run_for(milliseconds{1});
  }
  EXPECT_GT(metric("aio_broker_qos0_messages_dropped"), count / 2);
  EXPECT_LE(metric("wireway_broker_queued_bytes"), 16 * mebibyte);
  expect_good_unharmed();
  deaf->resume_reading();
  world.run_for(seconds{5});
  EXPECT_LT(deaf->bytes_received, 4 * mebibyte) << "what was kept for it";
  EXPECT_FALSE(deaf->is_closed);
}

TEST_F(Door, bounds_what_incomplete_packets_hold_together) {
  start({{"memoryProfile", "Tiny"}});  // 8 MiB a shard, of packets up to 4 MiB
  const Bytes large(3 * mebibyte, 'x');
  const Bytes packet = bytes_of(publish_of("large", large));
  std::vector<std::unique_ptr<Raw>> halves;
  for (int i = 0; i < 40; ++i) {
    halves.push_back(connected(connect_of(fmt::format("half-{}", i))));
    halves.back()->write(ByteView(packet).first(2 * mebibyte));
    world.run_for(milliseconds{100});
  }
  const auto open =
      std::ranges::count_if(halves, [](const auto& each) { return !each->is_closed; });
  EXPECT_LE(open, 8);
  EXPECT_GE(open, 6);
  EXPECT_EQ(std::ranges::count_if(
                halves,
                [](const auto& each) { return each->disconnected == ReasonCode::quota_exceeded; }),
            40 - open);
  expect_good_unharmed();
  halves.clear();
  world.run_for(seconds{1});
  for (int i = 0; i < 8; ++i) {
    const auto whole = connected(connect_of(fmt::format("whole-{}", i)));
    whole->write(subscribe_of({"large"}));
    whole->write(packet);
    EXPECT_TRUE(until([&] { return whole->payloads.size() == 1; }, seconds{5})) << i;
  }
}

TEST_F(Door, reads_no_further_from_a_client_that_asks_and_never_reads) {
  start();
  const auto deaf = connected(connect_of("deaf"));
  deaf->stop_reading();
  const std::uint64_t before = deaf->bytes_received;
  Bytes pings;
  for (int i = 0; i < 100'000; ++i) mqtt::append_pingreq(pings);
  for (int i = 0; i < 200; ++i) {  // answers of 40 MB
    deaf->write(pings);
    world.run_for(milliseconds{10});
  }
  expect_good_unharmed();
  EXPECT_GT(deaf->unsent_bytes(), 20 * mebibyte) << "the broker has stopped reading";
  deaf->resume_reading();
  world.run_for(seconds{60});
  EXPECT_EQ(deaf->bytes_received, before + 200 * 100'000 * 2) << "and loses nothing";
}

TEST_F(Door, takes_a_packet_of_the_largest_size_and_none_that_is_larger) {
  start({{"advanced", {{"clients", {{"maxPacketSizeBytes", 8 * mebibyte}}}}}});
  const auto reader = connected(connect_of("reader"), "reader");
  EXPECT_EQ(reader->connack->properties.maximum_packet_size, 8 * mebibyte);
  reader->write(subscribe_of({"big"}));
  ASSERT_TRUE(until([&] { return reader->subscribed == 1; }));
  const auto writer = connected(connect_of("writer"));
  // 1 + 4 bytes of fixed header, 2 + 3 of topic, 1 of properties, without identifier
  const Bytes largest(8 * mebibyte - 11, 'x');
  const Bytes packet = bytes_of(publish_of("big", largest));
  ASSERT_EQ(packet.size(), 8 * mebibyte);
  writer->write(packet);
  ASSERT_TRUE(until([&] { return reader->payloads.size() == 1; }));
  EXPECT_EQ(reader->payloads[0].size(), largest.size());
  const Bytes larger(8 * mebibyte - 10, 'x');
  writer->write(bytes_of(publish_of("big", larger)));
  ASSERT_TRUE(until([&] { return writer->is_closed; }));
  EXPECT_EQ(writer->disconnected, ReasonCode::packet_too_large);
  EXPECT_EQ(reader->payloads.size(), 1U);
  expect_good_unharmed();
}

TEST_F(Door, keeps_no_more_topic_aliases_than_it_granted) {
  start();
  mqtt::Connect connect = connect_of("aliases");
  connect.properties.topic_alias_maximum = 65535;
  const auto client = connected(connect);
  const std::uint16_t granted = client->connack->properties.topic_alias_maximum.value_or(0);
  EXPECT_GT(granted, 0);
  EXPECT_LE(granted, 64);
  client->write(subscribe_of({"many/#"}));
  ASSERT_TRUE(until([&] { return client->subscribed == 1; }));
  const auto writer = connected(connect_of("writer"), "writer");
  for (int i = 0; i < 70'000; ++i) {  // more topics than there are aliases
    const std::string topic = fmt::format("many/{}", i);
    writer->write(bytes_of(publish_of(topic, {})));
    if (i % 100 == 0) world.run_for(milliseconds{5});
  }
  ASSERT_TRUE(until([&] { return client->topics.size() == 70'000; }));
  mqtt::Publish beyond = publish_of("t", {});
  beyond.topic_alias = 65535;
  client->write(bytes_of(beyond));
  ASSERT_TRUE(until([&] { return client->is_closed; }));
  EXPECT_EQ(client->disconnected, ReasonCode::topic_alias_invalid);
  expect_good_unharmed();
}

TEST_F(Door, serves_a_client_with_100000_subscriptions_and_forgets_them_with_it) {
  constexpr std::size_t count = 100'000;
  start();
  const double before = metric("aio_broker_total_subscriptions");
  const auto client = connected(connect_of("many"));
  for (std::size_t i = 0; i < count; i += 1'000) {
    std::vector<std::string> filters;
    for (std::size_t j = i; j < i + 1'000; ++j)
      filters.push_back(fmt::format("plant/{}/+/{}", j % 317, j));
    client->write(subscribe_of(filters));
    world.run_for(milliseconds{10});
  }
  ASSERT_TRUE(until([&] { return client->subscribed == count; }));
  EXPECT_EQ(metric("aio_broker_total_subscriptions"), before + count);
  const auto writer = connected(connect_of("writer"), "writer");
  for (const std::size_t one : {std::size_t{0}, std::size_t{316}, count - 1}) {
    const std::string topic = fmt::format("plant/{}/x/{}", one % 317, one);
    writer->write(bytes_of(publish_of(topic, {})));
  }
  ASSERT_TRUE(until([&] { return client->topics.size() == 3; }));
  client->vanish();
  EXPECT_EQ(metric("aio_broker_total_subscriptions"), before);
  expect_good_unharmed();
}

/// What counts is how much time passes, not what the wall clock says it is.
TEST_F(Door, lets_nothing_expire_because_the_wall_clock_is_set) {
  start();
  const auto writer = connected(connect_of("writer", 60), "writer");
  mqtt::Connect sleeper_connect = connect_of("sleeper");
  sleeper_connect.clean_start = false;
  sleeper_connect.properties.session_expiry_interval_s = 3'600;
  auto sleeper = connected(sleeper_connect);
  sleeper->write(subscribe_of({"for/sleeper"}, Qos::at_least_once));
  ASSERT_TRUE(until([&] { return sleeper->subscribed == 1; }));
  sleeper->vanish();
  world.run_for(seconds{1});
  const auto put = [&](std::string_view topic, bool retain) {
    mqtt::Publish publish = publish_of(topic, as_bytes("kept"), 1);
    publish.retain = retain;
    publish.message_expiry_interval_s = 1'800;
    writer->write(bytes_of(publish));
    world.run_for(milliseconds{100});
  };
  const auto ping = [&] {
    Bytes bytes;
    mqtt::append_pingreq(bytes);
    writer->write(bytes);
  };
  put("for/sleeper", false);
  put("kept", true);
  const auto day = hours{24};
  for (const Duration step : {Duration(day), Duration(-2 * day), Duration(366 * day),
                              Duration(-732 * day), Duration(367 * day)}) {
    world.step_wall("broker", step);
    for (int i = 0; i < 6; ++i) {
      ping();
      world.run_for(seconds{30});
    }
    EXPECT_EQ(metric("aio_broker_client_removed"), 0) << step.count();
    EXPECT_FALSE(writer->is_closed) << "its keep-alive goes on";
  }
  expect_good_unharmed();
  // 15 minutes have passed: both messages are there, with what is left of their time.
  auto again = connected(sleeper_connect);
  EXPECT_TRUE(again->connack->session_present);
  again->write(subscribe_of({"kept"}));
  ASSERT_TRUE(until([&] { return again->payloads.size() == 2; }));
  again->vanish();
  for (int i = 0; i < 130; ++i) {
    ping();
    world.run_for(seconds{30});
  }
  EXPECT_EQ(metric("aio_broker_client_removed"), 1) << "after an hour it does end";
  const auto late = connected(connect_of("late"));
  late->write(subscribe_of({"kept"}));
  world.run_for(seconds{1});
  EXPECT_TRUE(late->payloads.empty()) << "and so has the retained message";
}

/// A machine without a battery for its clock: it wakes up long ago, hears the time, loses power.
TEST_F(Door, takes_a_clock_that_was_set_for_no_time_that_has_passed_over_a_power_cut) {
  const auto years = hours{24 * 365 * 20};
  start({{"persistence", {{"maxSize", "1Gi"}}}});
  for (const Duration step : {Duration(years), Duration(-years)}) {
    world.step_wall("broker", -step);
    cut_power();
    mqtt::Connect connect = connect_of("sleeper");
    connect.properties.session_expiry_interval_s = 3'600;
    const auto sleeper = connected(connect);
    sleeper->write(subscribe_of({"for/sleeper"}, Qos::at_least_once));
    ASSERT_TRUE(until([&] { return sleeper->subscribed == 1; }));
    sleeper->vanish();
    const auto writer = connected(connect_of("writer"), "writer");
    for (const bool retain : {false, true}) {
      mqtt::Publish publish = publish_of(retain ? "kept" : "for/sleeper", as_bytes("x"), 1);
      publish.retain = retain;
      publish.message_expiry_interval_s = 1'800;
      writer->write(bytes_of(publish));
    }
    ASSERT_TRUE(until([&] { return writer->replies.size() == 2; }));
    world.run_for(seconds{5});
    world.step_wall("broker", step);
    world.run_for(seconds{5});
    cut_power();
    connect.clean_start = false;
    const auto again = connected(connect);
    EXPECT_TRUE(again->connack->session_present) << step.count();
    again->write(subscribe_of({"kept"}));
    EXPECT_TRUE(until([&] { return again->payloads.size() == 2; })) << step.count();
    again->vanish();

    // And it does end, by the time that passes.
    world.run_for(seconds{3'700});
    const auto late = connected(connect);
    EXPECT_FALSE(late->connack->session_present) << step.count();
    late->write(subscribe_of({"kept"}));
    world.run_for(seconds{1});
    EXPECT_TRUE(late->payloads.empty()) << step.count();
  }
}

}  // namespace
}  // namespace wireway
