#pragma once
/// What the broker writes into its journal, record by record, and reads back at its start.
///
/// Way:     Recorder writes them while the shard works (recorder.h); Restorer reads them
///          (restorer.h)
/// Source:  docs/formats/broker-records.md has every field
/// Rules:   a record means the same whatever stands before it; a reader skips records of a session
///          that it does not know (its state comes later, or it has ended) and bytes at the end of
///          a record that it does not know (a newer minor version wrote them)
/// Errors:  decode() refuses a record that is cut short or of an unknown type
/// Thread:  any; no state

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "broker/message.h"

namespace wireway::broker::records {

/// A message with its expiry on the wall clock; views into the record or into whoever writes it.
struct MessageData {
  MessageView view;  ///< expires_at unused
  std::optional<WallTime> expires_at;
};

/// A will as it waits in a session.
struct WillData {
  MessageData message;
  std::optional<std::uint32_t> message_expiry_s;
  std::uint32_t delay_s = 0;
};

/// A session has begun or its terms have changed. A number is never used again; another session of
/// the same client identifier that stood before has ended.
struct SessionTerms {
  std::uint64_t number = 0;
  std::string_view client_identifier;
  std::uint32_t expiry_s = 0;
  std::uint16_t receive_maximum = 65535;
  bool keeps_queue = true;                  ///< its messages are recorded, not only its terms
  std::optional<WallTime> disconnected_at;  ///< none = connected
  std::optional<WillData> will;
};
struct SessionEnded {
  std::uint64_t number = 0;
};

struct SubscriptionData {
  std::string_view filter;
  mqtt::Qos qos = mqtt::Qos::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  std::uint32_t identifier = 0;
};
struct SubscriptionAdded {
  std::uint64_t number = 0;
  SubscriptionData subscription;
};
struct SubscriptionRemoved {
  std::uint64_t number = 0;
  std::string_view filter;
};

/// One receiver of a message.
struct ReceiverData {
  std::uint64_t number = 0;
  std::uint64_t sequence = 0;
  mqtt::Qos qos = mqtt::Qos::at_least_once;
  bool retain = false;
  bool by_group = false;  ///< as the member that a shared subscription has chosen
  std::vector<std::uint32_t> identifiers;
};
/// A message has been queued for sessions of this shard.
struct MessageQueued {
  MessageData message;
  std::vector<ReceiverData> receivers;
  std::uint64_t publisher = 0;  ///< of QoS 2: its session's number; 0 = it has none
  std::uint16_t packet_identifier = 0;
};
/// The session's delivery is over: acknowledged, refused, expired or dropped.
struct DeliveryDone {
  std::uint64_t number = 0;
  std::uint64_t sequence = 0;
};
/// QoS 2: the receiver has the message (PUBREC), PUBCOMP is still to come.
struct DeliveryReceived {
  std::uint64_t number = 0;
  std::uint64_t sequence = 0;
};
/// QoS 2 from the client: the identifier is taken, or (ended) free again.
struct ReceiveState {
  std::uint64_t number = 0;
  std::uint16_t packet_identifier = 0;
  bool ended = false;
};

/// The topic's retained message; an empty payload takes it away.
struct RetainedSet {
  MessageData message;
};
/// A change of the state store, in its own encoding.
struct StoreChanged {
  ByteView change;
};

/// Checkpoint: a message that SessionStates refer to.
struct Body {
  std::uint64_t body = 0;
  MessageData message;
};
struct QueuedData {
  std::uint64_t body = 0;  ///< 0 = the message is not needed any more (received is set)
  std::uint64_t sequence = 0;
  mqtt::Qos qos = mqtt::Qos::at_least_once;
  bool retain = false;
  bool received = false;
  std::vector<std::uint32_t> identifiers;
};
/// QoS 2 from the client: the identifier is not recorded as taken, and some receivers have the
/// message already.
struct HalfReceived {
  std::uint16_t packet_identifier = 0;
  std::uint64_t content = 0;             ///< content_of(); 0 = as known so far
  std::vector<std::uint64_t> receivers;  ///< Origin::receiver(); besides what is known of it so far
};
/// Checkpoint: all of a session; replaces whatever is known of that number.
struct SessionState {
  SessionTerms terms;
  std::uint64_t next_sequence = 1;
  std::vector<SubscriptionData> subscriptions;
  std::vector<std::uint16_t> receiving;
  std::vector<QueuedData> queued;
  std::vector<HalfReceived> half_received;
};

using Record = std::variant<SessionTerms, SessionEnded, SubscriptionAdded, SubscriptionRemoved,
                            MessageQueued, DeliveryDone, DeliveryReceived, ReceiveState,
                            RetainedSet, StoreChanged, Body, SessionState>;

/// Appends the record's bytes to `out`; for each type of Record.
template <class One>
void encode(const One& record, Bytes& out);
/// Two messages with the same one say the same in every field (SHA-256).
std::array<std::uint8_t, 32> digest_of(const MessageData& message);
/// Views into `bytes`.
Result<Record> decode(ByteView bytes);

}  // namespace wireway::broker::records
