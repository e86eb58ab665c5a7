#pragma once
/// What shards say to each other. A publish crosses once to each other shard that has subscribers
/// for it; retained messages and shared subscriptions have one owner shard each, so that two shards
/// never disagree about them.
///
/// Order: envelopes from one shard to another arrive in the order in which they were sent, and
///        before any byte that the sender writes in the same turn has left the process: a client
///        that has its SUBACK can rely on the subscription being known wherever it matters. A loop
///        handles its mail before bytes that it has received later.

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/commit_line.h"
#include "broker/session.h"
#include "broker/state_store/service.h"

namespace wireway::broker {

/// To a shard that has subscribers: deliver to them.
struct Routed {
  MessagePtr message;
  Origin origin = {};  ///< of session 0: none
};
/// To every other shard: the first subscription to the filter has come to the shard, or the last
/// has gone.
struct RouteChange {
  std::string filter;
  std::size_t shard = 0;
  bool remove = false;
};
/// To the topic's owner: this is retained now.
struct RetainedPut {
  MessagePtr message;
};
/// To every shard: send what you keep under this filter to a new subscription.
struct RetainedWanted {
  std::size_t from_shard = 0;
  std::string client_identifier;
  std::string filter;
  Subscribed subscribed;
};
/// The answer, to the subscriber's shard.
struct RetainedFound {
  std::string client_identifier;
  std::string filter;
  Subscribed subscribed;
  std::vector<MessagePtr> messages;
};

/// A member of a shared subscription, wherever its session lives.
struct GroupMember {
  std::size_t shard = 0;
  std::string client_identifier;
  mqtt::Qos qos = mqtt::Qos::at_most_once;
  bool retain_as_published = false;
  std::uint32_t identifier = 0;
  bool connected = true;
};
/// To every shard: the member joins, changes, or (leave) goes. The group's owner keeps the members,
/// the others learn where to send what the filter matches.
struct GroupChange {
  std::string shared_filter;  ///< "$share/group/filter"
  GroupMember member;
  bool join = false;  ///< the subscription is new
  bool leave = false;
};
/// From the group's owner to the member that was chosen.
struct GroupDelivery {
  std::string shared_filter;
  GroupMember member;
  MessagePtr message;
  Origin origin = {};
};

/// To the state store's shard: a client asks.
struct StoreRequest {
  state_store::Asked asked;
};
/// To the state store's shard: a connection that asked for notifications has ended.
struct ListenerGone {
  std::string client_identifier;
  std::uint64_t connection = 0;
};
/// From the state store to a connection that asked, whatever it has subscribed to; nothing if the
/// connection has ended.
struct StoreNotification {
  std::string client_identifier;
  std::uint64_t connection = 0;
  MessagePtr message;
};

/// To every other shard: so many bytes of queues and retained messages are in this one's memory.
struct MemoryUsed {
  std::size_t bytes = 0;
  bool is_relieved = false;  ///< some of them are on their way to disk
  bool is_stuck = false;     ///< no more of them can go there
  bool operator==(const MemoryUsed&) const = default;
};

using Envelope = std::variant<Routed, RouteChange, RetainedPut, RetainedWanted, RetainedFound,
                              GroupChange, GroupDelivery, StoreRequest, ListenerGone,
                              StoreNotification, CommitAsk, CommitDone, MemoryUsed>;

class Mesh {
 public:
  virtual ~Mesh() = default;
  virtual std::size_t count() const = 0;
  /// To the caller's own shard only what is for the state store; it comes in a later turn.
  virtual void send(std::size_t shard, Envelope envelope) = 0;
  /// Shard::end_turn() is to be called at the end of this turn, before the mail leaves.
  virtual void want_end_of_turn() = 0;
};

/// The same on every machine and run (FNV-1a with a final mix).
std::uint64_t stable_hash(std::string_view text, std::uint64_t seed = 0);
/// The shard that owns a client, a retained topic or a shared filter; the same on every run.
std::size_t shard_of(std::string_view name, std::size_t count);

}  // namespace wireway::broker
