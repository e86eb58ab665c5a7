#pragma once
/// The state of one MQTT client that outlives its connections: subscriptions, messages that wait,
/// messages in flight both ways. It says what to send; it neither sends nor knows the time but by
/// argument.
///
/// Source:  MQTT 5 sections 4.1, 4.3, 4.4, 4.9; CRD Broker, spec.advanced.clients
/// Thread:  lives on shard_of(client identifier); every call from that shard
/// Owns:    its queue and windows
/// Limits:  see Settings; the window holds at most 65,535 packet identifiers
/// Cost:    deliver() with room in the window appends to the connection's output; nothing else

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "broker/message.h"
#include "broker/settings.h"

namespace wireway::broker {

/// Where a connected client's bytes go: a Connection, or a test's recorder.
class Wire {
 public:
  virtual ~Wire() = default;
  /// Appends to this turn's output.
  virtual void send(ByteView bytes) = 0;
  virtual std::size_t pending_bytes() const = 0;
  /// Sends what is pending, then closes; the shard is told by Shard::closed() later, never inside.
  virtual void close() = 0;
  /// Another connection took the session over: the shard has closed this one's Client itself.
  virtual void forget_client() {}
};

/// What a connected client may receive, settled by CONNECT.
struct Outlet {
  Wire* wire = nullptr;
  mqtt::Version version = mqtt::Version::v5;
  std::uint16_t receive_maximum = 65535;
  std::size_t packet_bytes_max = mqtt::packet_bytes_limit;
  bool problem_information = true;
};

/// How one message goes to one session.
struct Delivery {
  MessagePtr message;
  mqtt::Qos qos = mqtt::Qos::at_most_once;
  bool retain = false;
  std::vector<std::uint32_t> identifiers;
};

class Session {
 public:
  Session(std::string client_identifier, const Settings& settings, Counters& counters);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::string& client_identifier() const { return client_identifier_; }
  bool connected() const { return outlet_.wire != nullptr; }

  /// A connection takes over; unacknowledged messages are sent again with DUP, in order.
  void attach(const Outlet& outlet, MonoTime now);
  void detach();

  void deliver(Delivery delivery, MonoTime now);
  /// The socket has drained or the window has opened: sends what may be sent.
  void pump(MonoTime now);

  /// PUBACK, PUBREC, PUBCOMP from the client; false = the identifier is not in flight.
  bool on_puback(std::uint16_t packet_identifier, MonoTime now);
  bool on_pubrec(std::uint16_t packet_identifier, mqtt::ReasonCode reason, MonoTime now);
  bool on_pubcomp(std::uint16_t packet_identifier, MonoTime now);

  /// QoS 2 from the client: true if this identifier is new and the message must be routed.
  bool begin_receive(std::uint16_t packet_identifier);
  bool end_receive(std::uint16_t packet_identifier);
  std::size_t receiving() const { return receiving_.size(); }
  bool is_receiving(std::uint16_t packet_identifier) const {
    return receiving_.contains(packet_identifier);
  }

  std::size_t queued_bytes() const { return queued_bytes_; }
  std::size_t queued_messages() const { return queue_.size(); }

  /// Filters as the client wrote them, with what was granted; kept by the shard.
  std::map<std::string, struct Subscribed, std::less<>> filters;

 private:
  enum class Stage : std::uint8_t { await_puback, await_pubrec, await_pubcomp, done };
  struct InFlight {
    Delivery delivery;  ///< message is null once PUBREC has come
    Stage stage = Stage::await_puback;
    bool sent = false;         ///< on this connection
    bool sent_before = false;  ///< on any: the next time with DUP
  };

  InFlight* find(std::uint16_t packet_identifier);
  std::uint16_t identifier_at(std::size_t index) const;
  void finish(InFlight& entry);
  void trim_window();
  void enqueue(Delivery delivery);
  bool may_send() const;
  void resend(MonoTime now);
  void take_from_queue(MonoTime now);
  /// False if the client cannot take a packet of that size: it is then done, and counted as
  /// dropped.
  bool send_publish(const Delivery& delivery, std::uint16_t identifier, bool duplicate,
                    MonoTime now);
  void send_pubrel(std::uint16_t identifier);

  std::string client_identifier_;
  const Settings& settings_;
  Counters& counters_;
  Outlet outlet_;
  std::deque<Delivery> queue_;
  std::size_t queued_bytes_ = 0;
  // Packet identifiers rise by one with each message, so the window's front identifier and an index
  // name an entry; entries that are done leave from the front.
  std::deque<InFlight> window_;
  std::uint16_t front_identifier_ = 1;
  std::size_t outstanding_ = 0;  ///< sent on this connection and not done
  std::size_t resend_from_ = 0;  ///< entries before it have been sent on this connection
  std::set<std::uint16_t> receiving_;
  Bytes packet_;  ///< reused for encoding
};

/// What a session has subscribed to under one filter.
struct Subscribed {
  mqtt::SubscribeEntry entry;
  std::uint32_t identifier = 0;
};

}  // namespace wireway::broker
