// What the broker's core costs without a network: decoding, matching, and messages through one
// shard. Figures are CPU time of this thread per operation, the median of five rounds.

#include <algorithm>
#include <array>
#include <functional>
#include <string>

#include <time.h>

#include <fmt/format.h>

#include "broker/shard.h"
#include "conformance/local_mesh.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"

namespace wireway {
namespace {

namespace mqtt = wire::mqtt;
using broker::Shard;
using conformance::LocalMesh;

double thread_cpu_s() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Prints the median cost of one of the `count` operations that `round` does.
void measure(const std::string& name, std::size_t count, const std::function<void()>& round) {
  round();  // warms caches
  std::array<double, 5> seconds{};
  for (double& one : seconds) {
    const double begin = thread_cpu_s();
    round();
    one = thread_cpu_s() - begin;
  }
  std::ranges::sort(seconds);
  const double each = seconds[2] / static_cast<double>(count);
  fmt::print("{:<46} {:>9.1f} ns {:>12.0f} /s\n", name, each * 1e9, 1.0 / each);
}

Bytes publish_packet(const std::string& topic, mqtt::Qos qos, std::size_t payload_bytes) {
  const Bytes payload(payload_bytes, 'x');
  mqtt::Publish publish;
  publish.topic = topic;
  publish.qos = qos;
  publish.packet_identifier = qos == mqtt::Qos::at_most_once ? 0 : 1;
  publish.payload = payload;
  Bytes out;
  mqtt::append_publish(publish, mqtt::Version::v5, out);
  return out;
}

/// Swallows what a client would get and acknowledges QoS 1 as a client would.
class Sink final : public broker::Wire {
 public:
  void send(ByteView bytes) override {
    bytes_ += bytes.size();
    const bool qos1 = (bytes[0] & 0xF6) == 0x32;
    if (!qos1) return;
    // Header of two bytes (small packets), topic, packet identifier.
    const std::size_t at = 4 + std::size_t(bytes[2] << 8 | bytes[3]);
    unacknowledged_.push_back(std::uint16_t(bytes[at] << 8 | bytes[at + 1]));
  }
  std::size_t pending_bytes() const override { return 0; }
  void close() override {}

  void acknowledge(broker::Client& client, MonoTime now) {
    for (const std::uint16_t id : std::exchange(unacknowledged_, {})) {
      const std::array<std::uint8_t, 2> body = {std::uint8_t(id >> 8), std::uint8_t(id)};
      client.on_packet(0x40, body, now);
    }
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
  std::vector<std::uint16_t> unacknowledged_;
};

/// One shard with a publisher and subscribers.
class Scene {
 public:
  Scene(std::size_t subscribers, const std::string& filter, mqtt::Qos qos) {
    publisher_ = &connect("publisher", publisher_sink_);
    sinks_.reserve(subscribers);
    for (std::size_t i = 0; i < subscribers; ++i) {
      Sink& sink = *sinks_.emplace_back(std::make_unique<Sink>());
      broker::Client& client = connect(fmt::format("subscriber-{}", i), sink);
      mqtt::Subscribe subscribe;
      subscribe.packet_identifier = 1;
      subscribe.entries.emplace_back().filter = filter;
      subscribe.entries.back().qos = qos;
      say(client, [&](Bytes& out) { mqtt::append(subscribe, mqtt::Version::v5, out); });
      clients_.push_back(&client);
    }
  }
  ~Scene() {
    shard().closed(*publisher_, now_);
    for (broker::Client* client : clients_) shard().closed(*client, now_);
  }

  void publish(const Bytes& packet) {
    publisher_->on_packet(packet[0], ByteView(packet).subspan(2), now_);
    publisher_sink_.acknowledge(*publisher_, now_);
    for (std::size_t i = 0; i < clients_.size(); ++i) sinks_[i]->acknowledge(*clients_[i], now_);
  }

 private:
  Shard& shard() { return mesh_.shard_for("any"); }

  broker::Client& connect(const std::string& identifier, Sink& sink) {
    mqtt::Connect connect;
    connect.client_identifier = identifier;
    return *shard().connect(sink, std::move(connect), "", now_);
  }
  template <class Put>
  void say(broker::Client& client, Put put) {
    Bytes packet;
    put(packet);
    client.on_packet(packet[0], ByteView(packet).subspan(2), now_);
  }

  LocalMesh mesh_{1};
  MonoTime now_{std::chrono::hours{1}};
  Sink publisher_sink_;
  broker::Client* publisher_ = nullptr;
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::vector<broker::Client*> clients_;
};

void bench_codec() {
  constexpr std::size_t count = 100'000;
  const Bytes packet = publish_packet("plant/line4/oven/temperature", mqtt::Qos::at_least_once, 64);
  Bytes stream;
  for (int i = 0; i < 100; ++i) stream.insert(stream.end(), packet.begin(), packet.end());
  std::size_t seen = 0;
  measure("cut and decode PUBLISH of 64 bytes", count, [&] {
    mqtt::FrameReader reader;
    Bytes scratch;
    for (std::size_t i = 0; i < count / 100; ++i) {
      (void)reader.read(stream, [&](std::uint8_t first_byte, ByteView body) {
        seen += mqtt::decode_publish(first_byte, body, mqtt::Version::v5, scratch).has_value();
        return true;
      });
    }
  });
  if (seen == 0) fmt::print("nothing was decoded\n");
}

void bench_matching() {
  constexpr std::size_t filters = 100'000;
  broker::Counters counters;
  const broker::Settings settings;
  broker::SessionHost host{settings, counters};
  broker::Session session("s", host);
  broker::SubscriptionTree tree;
  broker::Subscription subscription;
  subscription.session = &session;
  for (std::size_t i = 0; i < filters; ++i)
    tree.insert(fmt::format("plant/{}/+/value", i), subscription);
  std::vector<std::string> topics;
  for (std::size_t i = 0; i < filters; ++i) topics.push_back(fmt::format("plant/{}/t/value", i));
  std::size_t found = 0;
  measure("match among 100,000 filters, topic seen before", 100'000, [&] {
    for (std::size_t i = 0; i < 100'000; ++i)
      found += tree.match(topics[i & 255]).subscriptions.size();
  });
  measure("match among 100,000 filters, any topic", filters, [&] {
    for (const std::string& topic : topics) found += tree.match(topic).subscriptions.size();
  });
  if (found == 0) fmt::print("nothing matched\n");
}

void bench_messages() {
  struct Case {
    const char* name;
    std::size_t subscribers;
    mqtt::Qos qos;
    std::size_t messages;
  };
  const Case cases[] = {
      {"one to one, QoS 0, 64 bytes", 1, mqtt::Qos::at_most_once, 100'000},
      {"one to one, QoS 1, 64 bytes", 1, mqtt::Qos::at_least_once, 100'000},
      {"one to 100, QoS 0, per delivery", 100, mqtt::Qos::at_most_once, 2'000},
      {"one to 100, QoS 1, per delivery", 100, mqtt::Qos::at_least_once, 2'000},
  };
  for (const Case& one : cases) {
    Scene scene(one.subscribers, "plant/#", one.qos);
    const Bytes packet = publish_packet("plant/line4/oven/temperature", one.qos, 64);
    measure(one.name, one.messages * one.subscribers, [&] {
      for (std::size_t i = 0; i < one.messages; ++i) scene.publish(packet);
    });
  }
}

}  // namespace
}  // namespace wireway

int main() {
  wireway::bench_codec();
  wireway::bench_matching();
  wireway::bench_messages();
}
