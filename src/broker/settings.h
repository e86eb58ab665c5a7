#pragma once
/// The limits and choices of a broker, from the Broker resource; every queue and buffer of a shard
/// has its bound here.
///
/// Source: broker.md 2.2, 2.3 (spec.memoryProfile, spec.advanced.clients)

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "broker/state_store/store.h"
#include "wire/mqtt/packet.h"

namespace wireway::broker {

/// What of a Broker's state is recorded; sessions' terms and subscriptions always are.
///
/// Source: broker.md 7.2; a section that is absent means All, because who asks for persistence
///         wants to lose nothing
struct PersistenceSettings {
  enum class Mode : std::uint8_t { all, none, custom };

  bool enabled = false;
  std::uint64_t bytes_max = 0;
  bool encrypted = true;
  /// The user property by which a client asks for it, where `dynamic` allows.
  std::string property = "aio-persistence";
  std::string property_value = "true";
  Mode retained = Mode::all;
  std::vector<std::string> retained_topics = {};  ///< filters
  bool retained_dynamic = true;
  Mode queues = Mode::all;
  std::vector<std::string> queue_clients = {};  ///< with `*`
  bool queues_dynamic = true;
  Mode keys = Mode::all;
  std::vector<std::string> key_names = {};     ///< exact
  std::vector<std::string> key_patterns = {};  ///< with `*`, `?` and `[0-9]`
  bool keys_dynamic = true;

  /// Nothing that was promised is in memory alone.
  bool keeps_all() const {
    return enabled && retained == Mode::all && queues == Mode::all && keys == Mode::all;
  }

  friend bool operator==(const PersistenceSettings&, const PersistenceSettings&) = default;
};

struct Settings {
  /// Larger packets are refused with 0x95 (memory profile, capped by maxPacketSizeBytes).
  std::size_t packet_bytes_max = 64 * 1024 * 1024;
  /// Unacknowledged QoS 1/2 PUBLISHes that a client may send us (our Receive Maximum).
  std::uint16_t receive_maximum = 1024;
  /// Cap on the Receive Maximum that a client may ask for.
  std::uint16_t client_receive_maximum_max = 65535;
  /// Topic aliases that a client may use.
  std::uint16_t topic_alias_maximum = 64;
  std::uint16_t keep_alive_s_max = 65535;
  std::optional<std::uint32_t> session_expiry_s_max;
  std::optional<std::uint32_t> message_expiry_s_max;
  /// Messages that wait for one subscriber; with drop_oldest the oldest goes, else it grows until
  /// queued_bytes_max of the shard is reached.
  std::optional<std::uint64_t> queue_messages_max;
  bool drop_oldest = false;
  /// Of all sessions of one shard together. From 75 % on, QoS 1/2 PUBLISHes are refused with 0x97
  /// and QoS 0 is dropped and counted: what was acknowledged is never dropped for want of memory.
  std::size_t queued_bytes_max = 576 * 1024 * 1024;
  /// Bytes that wait for one client's socket. Beyond it QoS 0 is dropped and counted, QoS 1/2 waits
  /// in the session's queue.
  std::size_t output_bytes_max = 1024 * 1024;
  PersistenceSettings persistence = {};
  /// Of the disk-backed message buffers of all shards together; 0 = there is none.
  std::uint64_t buffer_bytes_max = 0;
  /// From the first byte of a connection to its CONNECT.
  Duration connect_timeout = std::chrono::seconds{10};

  /// Of one shard's packets that have not come whole yet, together; beyond it who adds to them is
  /// disconnected with 0x97.
  std::size_t incoming_bytes_max() const {
    return std::max(packet_bytes_max, queued_bytes_max / 2);
  }

  static constexpr unsigned busy_percent = 75;
  /// With a disk-backed message buffer that takes more: from busy_percent on it relieves memory,
  /// and publishers are refused only if it does not keep up.
  static constexpr unsigned busy_percent_buffered = 95;
};

/// Counters of one shard since its start; added up for $SYS and metrics.
struct Counters {
  std::uint64_t messages_in = 0;   ///< PUBLISH
  std::uint64_t messages_out = 0;  ///< PUBLISH
  std::uint64_t packets_in = 0;    ///< of every type, PUBLISH too
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t payload_in = 0;
  std::uint64_t payload_out = 0;
  std::uint64_t dropped = 0;
  std::uint64_t qos0_dropped_in = 0;   ///< of `dropped`
  std::uint64_t qos0_dropped_out = 0;  ///< of `dropped`
  std::uint64_t refused_busy = 0;      ///< PUBLISHes answered with 0x97
  std::uint64_t connects = 0;          ///< CONNECTs that were accepted
  std::uint64_t connects_refused = 0;
  std::uint64_t sessions_expired = 0;
  // Of ports that ask who comes:
  std::uint64_t authenticated = 0;  ///< CONNECT and AUTH
  std::uint64_t authentications_denied = 0;
  std::uint64_t authentications_failed = 0;  ///< nobody could be asked
  std::uint64_t authorized = 0;              ///< CONNECTs that a policy lets in
  std::uint64_t unauthorized = 0;            ///< CONNECT, PUBLISH, a filter of SUBSCRIBE
  std::uint64_t connections = 0;             ///< now
  std::uint64_t sessions = 0;                ///< now
  std::uint64_t subscriptions = 0;           ///< now
  std::uint64_t shared_subscriptions = 0;    ///< now, of `subscriptions`
  std::uint64_t retained = 0;                ///< now
  std::uint64_t retained_bytes = 0;          ///< now
  std::uint64_t routes = 0;                  ///< now: filters, without shared ones
  std::uint64_t queued_messages = 0;         ///< now
  std::uint64_t queued_bytes = 0;            ///< now, in memory
  // Of the disk-backed message buffer:
  std::uint64_t buffered_messages = 0;  ///< now, of queued_messages
  std::uint64_t buffered_bytes = 0;     ///< now; what they would take in memory
  std::uint64_t buffer_disk_bytes = 0;  ///< now
  std::uint64_t buffer_bytes_max = 0;   ///< now
  std::uint64_t buffer_transfers = 0;   ///< stretches of queues that were written or read
  std::uint64_t buffer_transfers_failed = 0;
  std::uint64_t publishers_slowed = 0;  ///< times that one was not read until queues were on disk
  state_store::StoreCounters store;

  Counters& operator+=(const Counters& other);
};

/// What came from and went to one session.
struct Traffic {
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t payload_in = 0;
  std::uint64_t payload_out = 0;

  Traffic& operator+=(const Traffic& other) {
    messages_in += other.messages_in;
    messages_out += other.messages_out;
    payload_in += other.payload_in;
    payload_out += other.payload_out;
    return *this;
  }
};

/// Sessions that say of themselves that they belong together (`metriccategory` in CONNECT).
struct CategoryFigures {
  Traffic traffic;  ///< also of sessions that have ended
  std::uint64_t sessions_v311 = 0;
  std::uint64_t sessions_v5 = 0;
  std::uint64_t connected = 0;
  std::uint64_t persistent = 0;  ///< with an expiry, connected or not
  std::uint64_t wills = 0;
  std::uint64_t will_bytes = 0;
  std::uint64_t subscriptions_connected = 0;
  std::uint64_t subscriptions = 0;

  CategoryFigures& operator+=(const CategoryFigures& other);
};

}  // namespace wireway::broker
