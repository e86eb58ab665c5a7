#pragma once
/// One MQTT client of a run: connects, subscribes, and then hands on what comes at the least cost.
/// Acknowledgements of what it receives are its own business; they leave once a turn.
///
/// Thread: the loop's.
/// Owns:   its stream. May be destroyed at any time but within its handler's calls.
/// Errors: PeerHandler::on_lost with a sentence, once; then nothing more happens.

#include <memory>
#include <string>
#include <vector>

#include "app/bench/ground.h"
#include "wire/mqtt/codec.h"

namespace wireway::app::bench {

class Peer;

/// A PUBLISH as far as a run needs it.
struct Received {
  bool retain = false;
  bool duplicate = false;
  ByteView payload;
};

class PeerHandler {
 public:
  virtual ~PeerHandler() = default;
  /// Connected, and every filter is granted.
  virtual void on_ready(Peer& peer) = 0;
  virtual void on_publish(Peer&, const Received&) {}
  /// A message of ours is done: PUBACK at QoS 1, PUBCOMP at QoS 2.
  virtual void on_done(Peer&) {}
  /// All that had been written has left after there had been a backlog.
  virtual void on_drain(Peer&) {}
  virtual void on_lost(Peer& peer, const std::string& why) = 0;
};

struct PeerPlan {
  std::string client_identifier;
  std::uint32_t index = 0;  ///< the owner's own
  std::vector<std::string> filters = {};
  wire::mqtt::Qos qos = wire::mqtt::Qos::at_most_once;  ///< of the filters
  bool clean = true;
  bool persistent = false;  ///< the session outlives the connection
};

class Peer final : public net::StreamHandler {
 public:
  static constexpr std::size_t filters_per_packet = 100;
  static constexpr std::uint32_t session_expiry_s = 3600;

  Peer(const Ground& ground, PeerPlan plan, PeerHandler& handler)
      : ground_(ground), plan_(std::move(plan)), handler_(handler) {}

  void open();
  /// DISCONNECT, then the end of the connection; no call of the handler follows.
  void leave();
  void write(ByteView bytes) { stream_->write(bytes); }
  /// A further subscription, granted with on_ready again.
  void subscribe(std::vector<std::string> filters);

  std::uint32_t index() const { return plan_.index; }
  bool session_present() const { return session_present_; }
  /// How many acknowledged messages the broker lets a client have on the way.
  std::uint32_t receive_maximum() const { return receive_maximum_; }
  std::size_t pending_bytes() const { return stream_->pending_bytes(); }

  void on_open() override;
  void on_bytes(ByteView bytes) override;
  void on_drain() override { handler_.on_drain(*this); }
  void on_close(const Error& reason) override;

 private:
  void take(std::uint8_t first_byte, ByteView body);
  void take_publish(std::uint8_t first_byte, ByteView body);
  void take_reply(wire::mqtt::PacketType type, ByteView body);
  void take_rare(std::uint8_t first_byte, ByteView body);
  void take_connack(const wire::mqtt::Connack& connack);
  void take_suback(const wire::mqtt::SubscribeReply& reply);
  void reply(std::uint8_t first_byte, ByteView body);
  void subscribe_next();
  void lose(std::string why);

  const Ground& ground_;
  PeerPlan plan_;
  PeerHandler& handler_;
  std::unique_ptr<net::Stream> stream_;
  Bytes rest_;     ///< the beginning of a packet that is not whole yet
  Bytes replies_;  ///< acknowledgements of this call of on_bytes
  std::size_t filters_granted_ = 0;
  std::uint32_t receive_maximum_ = 65535;
  bool session_present_ = false;
  bool lost_ = false;
};

}  // namespace wireway::app::bench
