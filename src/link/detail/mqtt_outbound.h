#pragma once
/// What an MQTT client has been given to publish and the server has not taken yet: a queue in
/// order, and a window of messages under way. Both survive reconnects.
///
/// Source:  MQTT 5 sections 4.3, 4.4, 4.9
/// Limits:  queue_max messages wait; window = the server's Receive Maximum, at most window_max
/// Errors:  a message that the server refuses, that is too large for it or that has expired is
///          settled `dead_lettered` and logged
/// Thread:  the Loop's

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "base/time.h"
#include "flow/message.h"
#include "link/detail/mqtt_packet_out.h"

namespace wireway::link::detail {

/// What the server allows, from its CONNACK.
struct MqttServerLimits {
  std::size_t receive_maximum = 65'535;
  std::size_t packet_bytes_max = wire::mqtt::packet_bytes_limit;
  flow::Qos qos_max = flow::Qos::exactly_once;
  bool retain_available = true;
};

class MqttOutbound {
 public:
  static constexpr std::size_t window_max = 4096;

  MqttOutbound(MqttPacketOut& out, std::string server, std::size_t queue_max)
      : out_(out), server_(std::move(server)), queue_max_(queue_max) {}
  ~MqttOutbound();

  Result<> offer(flow::Message message, flow::Ack ack, MonoTime now);
  /// A connection stands: sends what was under way again (with DUP if the session was resumed).
  void connected(const MqttServerLimits& limits, bool session_present);
  /// Sends what the window and the stream allow. Settling may call offer() from within.
  void pump(MonoTime now);

  void on_reply(const wire::mqtt::PublishReply& reply);
  /// An identifier that is in use nowhere; also for SUBSCRIBE and UNSUBSCRIBE.
  std::uint16_t new_packet_identifier();
  void release_packet_identifier(std::uint16_t id) { control_ids_.erase(id); }
  void forget_control_identifiers() { control_ids_.clear(); }

  std::size_t unacknowledged() const { return queue_.size() + in_flight_.size(); }

 private:
  struct Entry {
    flow::Message message;
    flow::Ack ack;
    MonoTime queued;
    std::uint64_t sequence = 0;
    bool released = false;        ///< QoS 2: PUBREL was sent
    bool sent_before = false;     ///< on an earlier connection
    bool awaiting_reply = false;  ///< on this connection
  };

  bool send_first(MonoTime now);
  bool send_again(MonoTime now);
  bool can_never_go(const Entry& entry, MonoTime now) const;
  void send_publish(const Entry& entry, flow::Qos qos, std::uint16_t id, MonoTime now);
  void finish(std::unordered_map<std::uint16_t, Entry>::iterator found, flow::Outcome outcome);
  void warn_refused(const Entry& entry, const wire::mqtt::PublishReply& reply) const;

  MqttPacketOut& out_;
  std::string server_;
  std::size_t queue_max_;
  MqttServerLimits limits_;
  bool session_present_ = false;
  bool pumping_ = false;
  std::deque<Entry> queue_;
  std::unordered_map<std::uint16_t, Entry> in_flight_;
  std::deque<std::uint16_t> again_;  ///< of in_flight_, to be sent again on this connection
  std::unordered_map<std::uint16_t, bool> control_ids_;
  std::size_t awaiting_ = 0;
  std::uint16_t last_id_ = 0;
  std::uint64_t next_sequence_ = 0;
  bool* destroyed_ = nullptr;  ///< set by the destructor while pump() runs
};

}  // namespace wireway::link::detail
