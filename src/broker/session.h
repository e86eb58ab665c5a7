#pragma once
/// The state of one MQTT client that outlives its connections: subscriptions, messages that wait,
/// messages in flight both ways. It says what to send; it neither sends nor knows the time but by
/// argument.
///
/// Source:  MQTT 5 sections 4.1, 4.3, 4.4, 4.9; CRD Broker, spec.advanced.clients
/// Thread:  lives on shard_of(client identifier); every call from that shard
/// Owns:    its queue and windows
/// Limits:  see Settings; the window spans at most 65,535 packet identifiers
/// Cost:    deliver() with room in the window appends to the connection's output; QoS 0 allocates
///          nothing, QoS 1 and 2 share one block with all other receivers

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/lazy.h"
#include "base/ring.h"
#include "broker/buffer/delivery_queue.h"
#include "broker/client_trace.h"
#include "broker/delivery.h"
#include "broker/message.h"
#include "broker/recorder.h"
#include "broker/settings.h"

namespace wireway::broker {

class Permissions;

/// Where a connected client's bytes go: a Connection, or a test's recorder.
class Wire {
 public:
  virtual ~Wire() = default;
  /// Appends to this turn's output.
  virtual void send(ByteView bytes) = 0;
  virtual std::size_t pending_bytes() const = 0;
  /// Sends what is pending, then closes; the shard is told by Shard::closed() later, never inside.
  virtual void close() = 0;
  /// Where it comes from, for people.
  virtual std::string peer() const { return {}; }
  /// Another connection took the session over: the shard has closed this one's Client itself.
  virtual void forget_client() {}
  /// Its CONNECT was accepted with the authentication method that it names.
  virtual bool authenticated() const { return false; }
  /// What its client may do, as long as the Wire lives; null = everything.
  virtual const Permissions* permissions() const { return nullptr; }
};

/// Topic aliases that we assign towards one client: as many slots as it allows, a topic's slot is
/// its hash; a topic that comes to a taken slot takes it over.
class OutgoingAliases {
 public:
  static constexpr std::uint16_t aliases_max = 64;

  explicit OutgoingAliases(std::uint16_t maximum) : topics_(std::min(maximum, aliases_max)) {}
  /// The alias for `topic`; `known` tells whether the client has heard of it.
  std::uint16_t alias_of(std::string_view topic, bool& known) const;
  /// From now on the client knows.
  void told(std::uint16_t alias, std::string_view topic) { topics_[alias - 1U] = topic; }

 private:
  std::vector<std::string> topics_;
};

/// What a connected client may receive, settled by CONNECT.
struct Outlet {
  Wire* wire = nullptr;
  mqtt::Version version = mqtt::Version::v5;
  std::uint16_t receive_maximum = 65535;
  std::uint32_t packet_bytes_max = std::uint32_t(mqtt::packet_bytes_limit);
  std::unique_ptr<OutgoingAliases> aliases;
};

/// What a session has subscribed to under one filter.
struct Subscribed {
  mqtt::Qos qos = mqtt::Qos::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  std::uint32_t identifier = 0;
};

/// What all sessions of a shard share.
struct SessionHost {
  const Settings& settings;
  Counters& counters;
  Recorder* recorder = nullptr;  ///< none without persistence
};

class Session {
 public:
  Session(std::string_view client_identifier, SessionHost& host);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::string_view client_identifier() const {
    return {client_identifier_.get(), client_identifier_bytes_};
  }
  bool connected() const { return outlet_.wire != nullptr; }

  /// A connection takes over; unacknowledged messages are sent again with DUP, in order.
  void attach(Outlet outlet, MonoTime now);
  void detach();
  /// While nobody is attached: what waits and `may(topic)` not be sent is dropped and counted.
  template <class May>
  void keep_queued(May&& may);

  void deliver(Passage& message, const Shape& shape, MonoTime now);
  /// The socket has drained or the window has opened: sends what may be sent.
  void pump(MonoTime now);
  /// What its queue waited for has come from the disk.
  void on_buffer_read(MonoTime now) {
    if (connected()) pump(now);
  }
  /// Memory is short: begins to move about as many bytes of its queue to disk, and returns how
  /// many.
  std::size_t spill(buffer::DiskBuffer& buffer, std::size_t wanted) {
    return queue_.spill(buffer, *this, wanted);
  }

  /// PUBACK, PUBREC, PUBCOMP from the client; false = the identifier is not in flight.
  bool on_puback(std::uint16_t packet_identifier, MonoTime now);
  enum class Pubrec { unknown, ended, release };  ///< release: PUBREL is to be sent
  Pubrec on_pubrec(std::uint16_t packet_identifier, mqtt::ReasonCode reason, MonoTime now);
  bool on_pubcomp(std::uint16_t packet_identifier, MonoTime now);

  /// QoS 2 from the client: true if this identifier is new and the message must be routed.
  bool begin_receive(std::uint16_t packet_identifier);
  /// So that it is known after a crash.
  void record_receiving(std::uint16_t packet_identifier);
  bool end_receive(std::uint16_t packet_identifier);
  std::size_t receiving() const { return receiving_->all.size(); }
  bool is_receiving(std::uint16_t packet_identifier) const;
  /// Who has had this message under this identifier before a crash.
  std::vector<std::uint64_t> begin_half(std::uint16_t packet_identifier,
                                        const MessageView& message);
  /// Content 0 = it is not half received.
  records::HalfReceived take_half_received(std::uint16_t packet_identifier);

  /// The largest packet that the connected client takes.
  std::size_t packet_bytes_max() const { return outlet_.packet_bytes_max; }
  std::size_t queued_bytes() const { return queued_bytes_; }
  /// Of these, on disk alone.
  std::size_t buffered_bytes() const { return queue_.disk_bytes(); }
  std::size_t queued_messages() const { return queue_.size(); }
  std::size_t in_flight() const { return outstanding_; }
  std::size_t unsent_bytes() const { return connected() ? outlet_.wire->pending_bytes() : 0; }
  /// Since when the oldest message waits or is in flight.
  std::optional<MonoTime> oldest_since() const;

  Traffic traffic;
  std::unique_ptr<ClientTrace> trace;  ///< if somebody looks at this client
  /// From now on what happens is recorded under `number`; the messages too if `keeps_queue`, which
  /// once set stays.
  void record_as(std::uint64_t number, bool keeps_queue);
  /// 0 = nothing is recorded.
  std::uint64_t number() const { return number_; }
  bool keeps_queue() const { return keeps_queue_; }

  // Reading back, before anything else happens to the session; restore_end() is last.
  void restore_delivery(Delivery delivery);
  void restore_done(std::uint64_t sequence);
  void restore_received(std::uint64_t sequence);
  void restore_receiving(std::uint16_t packet_identifier, bool taken);
  /// Of what is another message than was known, nothing of that one counts any more.
  void restore_half_received(const records::HalfReceived& half);
  void restore_sequence(std::uint64_t next) { next_sequence_ = std::max(next_sequence_, next); }
  /// What may have been sent before is to be sent with DUP: as much as the client took at once.
  void restore_end();

  // For a checkpoint.
  std::uint64_t next_sequence() const { return next_sequence_; }
  /// Of the identifiers that are being received, those that record_receiving() was called for.
  std::vector<std::uint16_t> recorded_receiving() const;
  /// The others: not recorded yet, or half received before a crash.
  std::vector<records::HalfReceived> half_received() const;
  bool is_recorded(std::uint16_t packet_identifier) const {
    const std::vector<std::uint16_t>& others = receiving_->unrecorded;
    return std::ranges::find(others, packet_identifier) == others.end();
  }
  /// Calls `take(Delivery&)` for each unfinished QoS 1 and 2 delivery from `sequence` on, and
  /// `take_run(Run&)` for each stretch of the queue that is or was on disk, in order, until one
  /// returns false.
  template <class Take, class TakeRun>
  void each_delivery(std::uint64_t sequence, Take&& take, TakeRun&& take_run);

  /// Filters as the client wrote them, with what was granted; kept by the shard.
  Lazy<std::map<std::string, Subscribed, std::less<>>> filters;
  std::uint16_t receive_maximum = 65535;  ///< of the last connection, as the client said
  std::uint8_t category = 0;              ///< the shard's number for its `metriccategory`

 private:
  /// Packet identifiers of QoS 2 messages from the client.
  struct Receiving {
    std::vector<std::uint16_t> all;         ///< sorted
    std::vector<std::uint16_t> unrecorded;  ///< of these, while number_ is set
    /// Identifiers whose message some receivers have, and whose publisher has to send it again.
    std::map<std::uint16_t, records::HalfReceived> half;
  };

  Delivery* find(std::uint16_t packet_identifier);
  Delivery* find_queued(std::uint64_t sequence);
  void record(Delivery& delivery);
  void record_done(const Delivery& delivery);
  bool must_wait(const Delivery& delivery);
  void finish(Delivery& entry);
  void trim_window();
  void enqueue(Delivery delivery);
  void drop_oldest();
  void finish_skipped();
  void count_dequeued(const Delivery& delivery);
  Delivery take_queued();
  bool may_have(const Delivery& delivery) const;
  bool may_send() const;
  bool window_takes(std::uint64_t sequence) const;
  void enter_window(Delivery delivery);
  std::uint64_t front_sequence() const { return window_.front().sequence; }
  void resend(MonoTime now);
  void take_from_queue(MonoTime now);
  /// False if the client cannot take a packet of that size: it is then done, and counted as
  /// dropped.
  bool send_publish(Passage& message, const Shape& shape, std::uint16_t identifier, MonoTime now);
  bool fits(const mqtt::Publish& publish) const;
  bool send_special(const MessageView& message, const Shape& shape, std::uint16_t identifier,
                    bool duplicate, MonoTime now);
  void trace_out(const MessageView& message, std::size_t bytes, MonoTime now);
  void count_out(const MessageView& message, std::size_t bytes, MonoTime now) {
    const std::size_t payload_bytes = message.payload.size();
    if (trace) [[unlikely]]
      trace_out(message, bytes, now);
    ++host_.counters.messages_out;
    ++host_.counters.packets_out;
    host_.counters.bytes_out += bytes;
    host_.counters.payload_out += payload_bytes;
    ++traffic.messages_out;
    traffic.payload_out += payload_bytes;
  }

  bool keeps_queue_ = false;
  bool looks_again_ = false;  ///< at what comes from the disk, whether it may still be sent
  std::uint16_t client_identifier_bytes_;
  std::unique_ptr<char[]> client_identifier_;
  SessionHost& host_;
  Outlet outlet_;
  buffer::DeliveryQueue queue_;
  std::size_t queued_bytes_ = 0;
  // Entry i of the window has the sequence front_sequence() + i; what expired in the queue stands
  // in it as done. Entries that are done leave from the front.
  Ring<Delivery> window_;
  std::uint64_t next_sequence_ = 1;
  std::uint32_t outstanding_ = 0;  ///< sent on this connection and not done
  std::uint32_t resend_from_ = 0;  ///< entries before it have been sent on this connection
  Lazy<Receiving> receiving_;
  std::uint64_t number_ = 0;
};

template <class May>
void Session::keep_queued(May&& may) {
  looks_again_ = queue_.filter([&may](const Delivery& one) { return may(one.message->topic()); },
                               [this](const Delivery& one) {
                                 count_dequeued(one);
                                 record_done(one);
                                 ++host_.counters.dropped;
                               });
}

template <class Take, class TakeRun>
void Session::each_delivery(std::uint64_t sequence, Take&& take, TakeRun&& take_run) {
  const auto take_unfinished = [&](Delivery& one) {
    return one.sequence < sequence || one.stage == Delivery::Stage::done || take(one);
  };
  for (std::size_t i = 0; i < window_.size(); ++i)
    if (!take_unfinished(window_[i])) return;
  queue_.each(take_unfinished, take_run);
}

}  // namespace wireway::broker
