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
#include "broker/client_trace.h"
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
  std::size_t packet_bytes_max = mqtt::packet_bytes_limit;
  std::unique_ptr<OutgoingAliases> aliases;
};

/// Subscription identifiers of one delivery: usually none or one.
class Identifiers {
 public:
  Identifiers() = default;
  explicit Identifiers(std::span<const std::uint32_t> values) {
    if (values.size() == 1) one_ = values[0];
    if (values.size() > 1)
      many_ = std::make_unique<std::vector<std::uint32_t>>(values.begin(), values.end());
  }
  std::span<const std::uint32_t> values() const {
    if (many_) return *many_;
    return {&one_, one_ == 0 ? 0U : 1U};
  }

 private:
  std::uint32_t one_ = 0;
  std::unique_ptr<std::vector<std::uint32_t>> many_;
};

/// A message that waits for one session, or is in flight to it.
struct Delivery {
  enum class Stage : std::uint8_t { waiting, await_puback, await_pubrec, await_pubcomp, done };

  MessagePtr message;  ///< none once PUBREC has come
  Identifiers identifiers;
  mqtt::Qos qos = mqtt::Qos::at_most_once;
  bool retain = false;
  Stage stage = Stage::done;
  bool sent = false;         ///< on this connection
  bool sent_before = false;  ///< on any: the next time with DUP
  /// Of QoS 1 and 2: rises by one with each delivery to the session; names its packet identifier.
  std::uint64_t sequence = 0;
  MonoTime since;                  ///< when it came to the session
  Journal::Position position = 0;  ///< of its record; 0 = it has none

  Shape shape() const { return {qos, retain, identifiers.values()}; }
};

/// What a session has subscribed to under one filter.
struct Subscribed {
  mqtt::Qos qos = mqtt::Qos::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  std::uint32_t identifier = 0;
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
  void attach(Outlet outlet, MonoTime now);
  void detach();
  /// While nobody is attached: what waits and `may(topic)` not be sent is dropped and counted.
  template <class May>
  void keep_queued(May&& may);

  void deliver(Passage& message, const Shape& shape, MonoTime now);
  /// The socket has drained or the window has opened: sends what may be sent.
  void pump(MonoTime now);

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
  std::size_t receiving() const { return receiving_->size(); }
  bool is_receiving(std::uint16_t packet_identifier) const;
  /// Who has had this message under this identifier before a crash.
  std::vector<std::uint64_t> begin_half(std::uint16_t packet_identifier,
                                        const MessageView& message);
  /// Content 0 = it is not half received.
  records::HalfReceived take_half_received(std::uint16_t packet_identifier);

  /// The largest packet that the connected client takes.
  std::size_t packet_bytes_max() const { return outlet_.packet_bytes_max; }
  std::size_t queued_bytes() const { return queued_bytes_; }
  std::size_t queued_messages() const { return queue_.size(); }
  std::size_t in_flight() const { return outstanding_; }
  std::size_t unsent_bytes() const { return connected() ? outlet_.wire->pending_bytes() : 0; }
  /// Since when the oldest message waits or is in flight.
  std::optional<MonoTime> oldest_since() const;

  Traffic traffic;
  std::unique_ptr<ClientTrace> trace;  ///< if somebody looks at this client
  std::uint8_t category = 0;           ///< the shard's number for its `metriccategory`
  /// From now on what happens is recorded under `number`; the messages too if `keeps_queue`, which
  /// once set stays.
  void record_with(Recorder& recorder, std::uint64_t number, bool keeps_queue);
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
  void restore_end(std::uint16_t receive_maximum);

  // For a checkpoint.
  std::uint64_t next_sequence() const { return next_sequence_; }
  /// Of the identifiers that are being received, those that record_receiving() was called for.
  std::vector<std::uint16_t> recorded_receiving() const;
  /// The others: not recorded yet, or half received before a crash.
  std::vector<records::HalfReceived> half_received() const;
  bool is_recorded(std::uint16_t packet_identifier) const {
    return std::ranges::find(*receiving_unrecorded_, packet_identifier) ==
           receiving_unrecorded_->end();
  }
  /// Calls `take(Delivery&)` for each unfinished QoS 1 and 2 delivery from `sequence` on, in order,
  /// until it returns false.
  template <class Take>
  void each_delivery(std::uint64_t sequence, Take&& take);

  /// Filters as the client wrote them, with what was granted; kept by the shard.
  Lazy<std::map<std::string, Subscribed, std::less<>>> filters;

 private:
  Delivery* find(std::uint16_t packet_identifier);
  Delivery* find_queued(std::uint64_t sequence);
  void record(Delivery& delivery);
  void record_done(const Delivery& delivery);
  bool must_wait(const Delivery& delivery);
  void finish(Delivery& entry);
  void trim_window();
  void enqueue(Delivery delivery);
  Delivery take_queued();
  bool may_send() const;
  bool window_takes(std::uint64_t sequence) const;
  void enter_window(Delivery delivery);
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
    ++counters_.messages_out;
    ++counters_.packets_out;
    counters_.bytes_out += bytes;
    counters_.payload_out += payload_bytes;
    ++traffic.messages_out;
    traffic.payload_out += payload_bytes;
  }

  std::string client_identifier_;
  const Settings& settings_;
  Counters& counters_;
  Outlet outlet_;
  Ring<Delivery> queue_;
  std::size_t queued_bytes_ = 0;
  // Entry i of the window has the sequence front_sequence_ + i; what expired in the queue stands in
  // it as done. Entries that are done leave from the front.
  Ring<Delivery> window_;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t front_sequence_ = 1;
  std::uint32_t outstanding_ = 0;  ///< sent on this connection and not done
  std::uint32_t resend_from_ = 0;  ///< entries before it have been sent on this connection
  Lazy<std::vector<std::uint16_t>> receiving_;             ///< sorted
  Lazy<std::vector<std::uint16_t>> receiving_unrecorded_;  ///< of these, while number_ is set
  /// Identifiers whose message some receivers have, and whose publisher has to send it again.
  std::unique_ptr<std::map<std::uint16_t, records::HalfReceived>> half_received_;
  Recorder* recorder_ = nullptr;
  std::uint64_t number_ = 0;
  bool keeps_queue_ = false;
};

template <class May>
void Session::keep_queued(May&& may) {
  for (std::size_t left = queue_.size(); left > 0; --left) {
    Delivery next = take_queued();
    if (may(next.message->topic())) {
      enqueue(std::move(next));
    } else {
      record_done(next);
      ++counters_.dropped;
    }
  }
}

template <class Take>
void Session::each_delivery(std::uint64_t sequence, Take&& take) {
  for (Ring<Delivery>* ring : {&window_, &queue_}) {
    for (std::size_t i = 0; i < ring->size(); ++i) {
      Delivery& one = (*ring)[i];
      if (one.sequence < sequence || one.stage == Delivery::Stage::done) continue;
      if (!take(one)) return;
    }
  }
}

}  // namespace wireway::broker
