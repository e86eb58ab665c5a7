#pragma once
/// One network connection of a client: bytes of a stream, through WebSocket where the port asks for
/// it, to MQTT packets and back. Lives until its stream has closed, or until it moves to another
/// shard.
///
/// Thread: its node's loop
/// Owns:   its stream; its Client is the shard's
/// Limits: connect_timeout from the first byte to CONNECT; Settings::packet_bytes_max
/// Errors: one log line with the peer's address and the reason; nobody else notices

#include <memory>
#include <string>

#include "broker/node.h"

namespace wireway::broker {

class Connection final : public net::StreamHandler, public Wire {
 public:
  /// A client that sends and never reads its answers is not read any further beyond this.
  static constexpr std::size_t unread_bytes_max = 16 * 1024 * 1024;

  /// A fresh one from a listener.
  Connection(Node& node, std::unique_ptr<net::Stream> stream, Carrier carrier);
  /// One that has moved here.
  Connection(Node& node, Arrival arrival);
  ~Connection() override;

  /// Continues a moved connection: connects its client and handles what came behind CONNECT.
  void settle_in(mqtt::Connect connect, const Bytes& rest);
  /// For the shard's end: says DISCONNECT or just closes.
  void end();

  void on_bytes(ByteView bytes) override;
  void on_drain() override;
  void on_close(const Error& reason) override;

  void send(ByteView bytes) override;
  std::size_t pending_bytes() const override;
  void close() override;
  void forget_client() override { client_ = nullptr; }

 private:
  void feed(ByteView bytes);
  void after_send();
  void relieve();
  bool on_packet(std::uint8_t first_byte, ByteView body);
  void on_first_packet(std::uint8_t first_byte, ByteView body);
  void move_or_connect();
  void connect(mqtt::Connect packet);
  void give_up(const std::string& why);

  Node& node_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<wire::websocket::Server> web_;
  mqtt::FrameReader reader_;
  Client* client_ = nullptr;
  std::unique_ptr<mqtt::Connect> first_packet_;  ///< CONNECT, until the client has a home
  std::string peer_;
  bool closing_ = false;
  bool paused_ = false;
  net::Timer patience_;  ///< for CONNECT; from then on, for the end of a turn that wrote much
  Bytes frame_;
};

}  // namespace wireway::broker
