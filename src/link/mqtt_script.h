#pragma once
/// The other side of a dialogue with an MQTT client, for tests: notes each packet as a line of
/// words and answers only what the test says.

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "net/env.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"

namespace wireway::link {

class MqttScript final : public net::StreamHandler {
 public:
  explicit MqttScript(net::Env env, std::uint16_t port = 1883) {
    auto listener = env.network.listen({.endpoint = {"::", port}}, [this](auto stream) {
      stream_ = std::move(stream);
      stream_->set_handler(*this);
      reader_ = wire::mqtt::FrameReader();
      lines.push_back("-- connection");
    });
    if (listener) listener_ = std::move(*listener);
  }

  std::vector<std::string> lines;

  bool connected() const { return stream_ != nullptr; }
  std::string last() const { return lines.empty() ? "" : lines.back(); }
  /// The lines since the last call.
  std::vector<std::string> take() { return std::exchange(lines, {}); }

  template <class Packet>
  void say(const Packet& packet) {
    Bytes bytes;
    append(packet, wire::mqtt::Version::v5, bytes);
    stream_->write(bytes);
  }
  void say_publish(const wire::mqtt::Publish& packet) {
    Bytes bytes;
    append_publish(packet, wire::mqtt::Version::v5, bytes);
    stream_->write(bytes);
  }
  void say_bytes(ByteView bytes) { stream_->write(bytes); }
  void say_pingresp() {
    Bytes bytes;
    wire::mqtt::append_pingresp(bytes);
    stream_->write(bytes);
  }
  void reply(wire::mqtt::PacketType type, std::uint16_t id,
             wire::mqtt::ReasonCode reason = wire::mqtt::ReasonCode::success) {
    say(wire::mqtt::PublishReply{
        .type = type, .packet_identifier = id, .reason = reason, .properties = {}});
  }
  void accept(bool session_present = false, wire::mqtt::Properties properties = {}) {
    say(wire::mqtt::Connack{.session_present = session_present,
                            .properties = std::move(properties)});
  }
  void hang_up() { stream_.reset(); }

  void on_bytes(ByteView bytes) override {
    const auto refused = reader_.read(bytes, [this](std::uint8_t first, ByteView body) {
      Bytes scratch;
      const auto packet = wire::mqtt::decode(first, body, wire::mqtt::Version::v5, scratch);
      if (!packet)
        lines.push_back("malformed: " + std::string(packet.error().clause));
      else
        std::visit([this](const auto& each) { lines.push_back(words(each)); }, *packet);
      return true;
    });
    if (refused) lines.push_back("malformed: " + std::string(refused->clause));
  }
  void on_close(const Error&) override {
    stream_.reset();
    lines.push_back("-- closed");
  }

 private:
  static std::string words(const wire::mqtt::Connect& p) {
    return fmt::format("CONNECT {} clean={} keep={} expiry={} user={}", p.client_identifier,
                       p.clean_start, p.keep_alive_s,
                       p.properties.session_expiry_interval_s.value_or(0),
                       p.user_name.value_or("-"));
  }
  static std::string words(const wire::mqtt::Publish& p) {
    return fmt::format("PUBLISH {} q{}{}{} {}={}", p.packet_identifier, static_cast<int>(p.qos),
                       p.duplicate ? " dup" : "", p.retain ? " retain" : "", p.topic,
                       as_text(p.payload));
  }
  static std::string words(const wire::mqtt::PublishReply& p) {
    static const char* const names[] = {"PUBACK", "PUBREC", "PUBREL", "PUBCOMP"};
    const auto name =
        names[static_cast<int>(p.type) - static_cast<int>(wire::mqtt::PacketType::puback)];
    if (p.reason == wire::mqtt::ReasonCode::success)
      return fmt::format("{} {}", name, p.packet_identifier);
    return fmt::format("{} {} 0x{:02X}", name, p.packet_identifier, static_cast<int>(p.reason));
  }
  static std::string words(const wire::mqtt::Subscribe& p) {
    std::string text = fmt::format("SUBSCRIBE {}", p.packet_identifier);
    for (const auto& entry : p.entries)
      text += fmt::format(" {}:q{}", entry.filter, static_cast<int>(entry.qos));
    return text;
  }
  static std::string words(const wire::mqtt::Unsubscribe& p) {
    return fmt::format("UNSUBSCRIBE {} {}", p.packet_identifier, fmt::join(p.filters, " "));
  }
  static std::string words(const wire::mqtt::Pingreq&) { return "PINGREQ"; }
  static std::string words(const wire::mqtt::Disconnect& p) {
    return fmt::format("DISCONNECT 0x{:02X}", static_cast<int>(p.reason));
  }
  template <class Other>
  static std::string words(const Other&) {
    return "a packet that only a server sends";
  }

  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Stream> stream_;
  wire::mqtt::FrameReader reader_;
};

}  // namespace wireway::link
