#pragma once
/// A client of the session core for tests in C++: it subscribes, publishes, asks the state store,
/// and reads the PUBLISHes that come for it.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/state_store/service.h"
#include "conformance/local_mesh.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"

namespace wireway::conformance {

namespace mqtt = wire::mqtt;
namespace state_store = broker::state_store;

/// A client that subscribes, asks, and reads the PUBLISHes that come.
class User final : public broker::Wire {
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
    client_ = shard_.connect(*this, std::move(packet), "", now);
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

  void publish(std::string_view topic, std::string_view payload) {
    mqtt::Publish packet;
    packet.qos = mqtt::Qos::at_least_once;
    packet.packet_identifier = 8;
    packet.topic = topic;
    packet.payload = as_bytes(payload);
    Bytes bytes;
    mqtt::append_publish(packet, mqtt::Version::v5, bytes);
    say_bytes(bytes);
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
  broker::Shard& shard_;
  broker::Client* client_ = nullptr;
  Bytes received_;
};

}  // namespace wireway::conformance
