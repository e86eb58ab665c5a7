#pragma once
/// A client of the session core without a network: what it says goes to its shard, what the shard
/// writes waits to be read.

#include <optional>
#include <string>
#include <utility>

#include "conformance/local_mesh.h"
#include "conformance/packets.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"

namespace wireway::conformance {

namespace mqtt = wire::mqtt;

/// One network connection of the dialogue, seen from both ends.
class Peer final : public broker::Wire {
 public:
  explicit Peer(LocalMesh& mesh)
      : mesh_(mesh), reader_(mesh.shard(0).settings().packet_bytes_max) {}

  void send(ByteView bytes) override {
    if (!closed_) received_.insert(received_.end(), bytes.begin(), bytes.end());
  }
  std::size_t pending_bytes() const override { return 0; }
  void close() override { closed_ = true; }
  void forget_client() override { client_ = nullptr; }

  /// What the client says.
  void say(ByteView bytes, MonoTime now) {
    const auto refused = reader_.read(bytes, [&](std::uint8_t first_byte, ByteView body) {
      on_packet(first_byte, body, now);
      return !closed_;
    });
    if (refused && client_ != nullptr) client_->on_refused(*refused);
    mesh_.settle(now);
    if (closed_) leave(now);
  }
  /// The connection has ended, by whichever side.
  void leave(MonoTime now) {
    closed_ = true;
    broker::Client* client = std::exchange(client_, nullptr);
    if (client == nullptr) return;
    shard_->closed(*client, now);
    mesh_.settle(now);
  }

  /// Takes the next packet that has come for the client.
  std::optional<Shown> next() {
    if (received_.empty()) return std::nullopt;
    const std::size_t whole = whole_packet();
    if (whole == 0) return Shown{{"", "bytes that are no packet"}};
    const ByteView body = ByteView(received_).subspan(header_.header_bytes, header_.body_bytes);
    Shown shown = shown_packet(header_.first_byte, body, version_);
    received_.erase(received_.begin(), received_.begin() + std::ptrdiff_t(whole));
    return shown;
  }
  /// The same as it came over the wire; empty if nothing has come.
  Bytes next_bytes() {
    const auto end = received_.begin() + std::ptrdiff_t(whole_packet());
    Bytes packet(received_.begin(), end);
    received_.erase(received_.begin(), end);
    return packet;
  }
  bool closed() const { return closed_; }
  void set_version(mqtt::Version version) { version_ = version; }
  mqtt::Version version() const { return version_; }

 private:
  /// Its size, with its header in header_; 0 if there is none.
  std::size_t whole_packet() {
    const auto refused = mqtt::read_frame_header(received_, mqtt::packet_bytes_limit, header_);
    const std::size_t whole = header_.header_bytes + header_.body_bytes;
    const bool here = !refused && header_.header_bytes > 0 && whole <= received_.size();
    return here ? whole : 0;
  }
  void on_packet(std::uint8_t first_byte, ByteView body, MonoTime now) {
    if (client_ != nullptr) {
      client_->on_packet(first_byte, body, now);
      return;
    }
    Bytes scratch;
    auto packet = mqtt::decode(first_byte, body, version_, scratch);
    auto* connect = packet ? std::get_if<mqtt::Connect>(&*packet) : nullptr;
    if (connect == nullptr) {  // MQTT-3.1.0-1
      const bool is_connect = mqtt::type_of(first_byte) == mqtt::PacketType::connect;
      if (is_connect) mqtt::append_refusal(body, packet.error(), received_);
      return close();
    }
    client_identifier_ = connect->client_identifier.empty()
                             ? "assigned-" + std::to_string(mesh_.next_number())
                             : connect->client_identifier;
    shard_ = &mesh_.shard_for(client_identifier_);
    client_ = shard_->connect(*this, std::move(*connect), client_identifier_, now);
  }

  LocalMesh& mesh_;
  mqtt::Version version_ = mqtt::Version::v5;
  mqtt::FrameReader reader_;
  broker::Shard* shard_ = nullptr;
  broker::Client* client_ = nullptr;
  std::string client_identifier_;
  mqtt::FrameHeader header_;
  Bytes received_;
  bool closed_ = false;
};

}  // namespace wireway::conformance
