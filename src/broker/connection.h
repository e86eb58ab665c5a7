#pragma once
/// One network connection of a client: bytes of a stream, through WebSocket where the port asks for
/// it, to MQTT packets and back. Lives until its stream has closed, or until it moves to another
/// shard.
///
/// Thread: its node's loop
/// Owns:   its stream; its Client is the shard's
/// Limits: connect_timeout from the first byte to CONNECT, and again to the gate's verdict; what
///         comes meanwhile: held_bytes_max; CONNECT: connect_bytes_max, the others:
///         Settings::packet_bytes_max
/// Errors: one log line with the peer's address and the reason; nobody else notices

#include <memory>
#include <string>

#include "broker/node.h"

namespace wireway::broker {

class Connection final : public net::StreamHandler, public Wire {
 public:
  /// Nobody is known before CONNECT, and many may claim that theirs is large.
  static constexpr std::size_t connect_bytes_max = 1024 * 1024;
  /// Who holds no more than this of an incomplete packet is not the one that goes for want of
  /// memory.
  static constexpr std::size_t small_bytes_max = 64 * 1024;
  static constexpr std::size_t trickle_bytes_max = 1024;
  /// A client that sends and never reads its answers is not read any further beyond this.
  static constexpr std::size_t unread_bytes_max = 16 * 1024 * 1024;

  static constexpr std::size_t held_bytes_max = 256 * 1024;

  /// A fresh one from a listener.
  Connection(Node& node, std::unique_ptr<net::Stream> stream, Carrier carrier,
             std::shared_ptr<const Guard> guard);
  /// One that has moved here.
  Connection(Node& node, Arrival arrival);
  ~Connection() override;

  /// Continues a moved connection: connects its client and handles what came behind CONNECT.
  void settle_in(mqtt::Connect connect, const Bytes& rest);
  /// The gate's answer to CONNECT or to AUTH.
  void on_admission(Admission admission);
  void on_policy(const std::string& name, const Policy& policy);
  void on_vouchers(const std::string& authentication, const std::set<std::uint64_t>& vouchers);
  void on_guard(const Guard& guard, bool is_open);
  void on_account(const std::string& username, const std::optional<Attributes>& attributes);
  /// 0 = it asks nobody.
  std::uint64_t visit_number() const { return visit() == nullptr ? 0 : visit()->number; }
  /// How long it may be left unread, at most `limit`: its client must not seem to be silent.
  Duration unread_max(Duration limit) const;
  /// Memory has room again: what the client sends is read.
  void go_on();
  /// For the shard's end: says DISCONNECT or just closes.
  void end();

  void on_bytes(ByteView bytes) override;
  void on_drain() override;
  void on_close(const Error& reason) override;

  void send(ByteView bytes) override;
  std::size_t pending_bytes() const override;
  void close() override;
  void forget_client() override { client_ = nullptr; }
  const Permissions* permissions() const override {
    const Visit* const of = visit();
    return of != nullptr && of->admission.permissions ? &*of->admission.permissions : nullptr;
  }
  std::string peer() const override { return stream_ ? stream_->peer() : std::string{}; }
  bool authenticated() const override { return visit() != nullptr && !visit()->is_knocking; }

 private:
  friend class Node;

  /// What a connection needs until its client has a home; and for its whole life, if it is one
  /// through WebSocket or if the gate was asked.
  struct Extras {
    explicit Extras(net::Loop& loop) : patience(loop) {}

    std::unique_ptr<wire::websocket::Server> web;
    std::unique_ptr<mqtt::Connect> first_packet;  ///< CONNECT, until the client has a home
    std::unique_ptr<Visit> visit;
    net::Timer patience;  ///< for CONNECT; from then on, for the end of a turn that wrote much
  };

  Extras& extras();
  void drop_extras();
  wire::websocket::Server* web() const { return extras_ ? extras_->web.get() : nullptr; }
  const mqtt::Connect* first_packet() const {
    return extras_ ? extras_->first_packet.get() : nullptr;
  }
  Visit* visit() const { return extras_ ? extras_->visit.get() : nullptr; }
  void on_special_bytes(ByteView bytes);
  void feed(ByteView bytes);
  std::optional<mqtt::Refused> read(ByteView bytes);
  Bytes take_rest();
  void after_send();
  void relieve();
  void resume_reading() {
    if (!paused_ && !waits_for_memory_ && !closing_) stream_->resume_reading();
  }
  bool on_packet(std::uint8_t first_byte, ByteView body);
  void on_first_packet(std::uint8_t first_byte, ByteView body);
  void knock();
  Credentials credentials() const;
  void count_in(const Admission& admission);
  std::string why_unauthorized(const Permissions& permissions) const;
  void refuse_connect(mqtt::Version version, mqtt::ReasonCode reason, const std::string& why);
  void on_auth(const mqtt::Auth& packet);
  void on_renewal(Admission admission);
  void limit_to_credentials();
  void send_back(mqtt::ReasonCode reason);
  void move_or_connect();
  void connect(mqtt::Connect packet);
  const Principal* principal() const;
  void give_up(const std::string& why);

  Node& node_;
  std::unique_ptr<net::Stream> stream_;
  mqtt::FrameReader reader_;
  Client* client_ = nullptr;
  std::unique_ptr<Extras> extras_;
  std::shared_ptr<const Guard> guard_;  ///< of its port
  std::uint32_t place_ = 0;             ///< in the node's list, which keeps it
  bool closing_ = false;
  bool paused_ = false;            ///< until the client has read what waits for it
  bool waits_for_memory_ = false;  ///< until the node goes on with it
};

}  // namespace wireway::broker
