#pragma once
/// Who gets a topic, as one shard knows it: its sessions' subscriptions, the shared groups that it
/// owns, and the other shards that have subscribers. A tree of levels with `+` and `#`, whose nodes
/// lie in few blocks of memory and find their children in one flat table; and a cache of whole
/// answers, each in one piece, because a plant publishes to the same topics again and again.
///
/// Source: MQTT 5 section 4.7
/// Thread: the shard's
/// Limits: a cache of cache_topics_min answers, or twice the subscriptions up to cache_topics_max,
///         and of cache_bytes_max; it is dropped whole when it is full. The tree's memory is as
///         much as it ever needed, until it is empty
/// Cost:   a cached match is one hash look-up, or none for a caller that remembers its last one
///         (current()); an uncached one walks the levels

#include <cstdint>
#include <deque>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/mqtt/packet.h"

namespace wireway::broker {

class Session;
struct SharedGroup;

/// One subscription of one session, as SUBSCRIBE asked for it, or a stand-in for several: a shared
/// group, or another shard. Exactly one of session, group and shard is set.
struct Subscription {
  static constexpr std::uint8_t no_shard = 255;

  Session* session = nullptr;
  SharedGroup* group = nullptr;
  std::uint8_t shard = no_shard;
  wire::mqtt::Qos qos = wire::mqtt::Qos::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  std::uint32_t identifier = 0;  ///< 0 = none

  bool same_target(const Subscription& other) const {
    return session == other.session && group == other.group && shard == other.shard;
  }
};

/// All who get one topic. It lies in the tree's cache, its lists and its topic right behind it.
struct Route {
  std::uint64_t epoch = 0;   ///< of the tree when it was found
  std::uint64_t shards = 0;  ///< bit i: shard i has subscribers
  /// Those of one session stand together: it gets one copy (section 3.3.4).
  std::span<const Subscription> subscriptions;
  std::span<SharedGroup* const> groups;
  std::string_view topic;
};

class SubscriptionTree {
 public:
  static constexpr std::size_t cache_topics_min = 16 * 1024;
  static constexpr std::size_t cache_topics_max = 256 * 1024;
  static constexpr std::size_t cache_bytes_max = 64 * 1024 * 1024;

  SubscriptionTree();
  ~SubscriptionTree();
  SubscriptionTree(const SubscriptionTree&) = delete;
  SubscriptionTree& operator=(const SubscriptionTree&) = delete;

  enum class Change { none, first_of_filter, another };
  /// Replaces the target's subscription to the same filter (none); else tells whether another local
  /// target (not a shard) has the filter already. A shard counts how often it was inserted.
  Change insert(std::string_view filter, const Subscription& subscription);
  /// first_of_filter: no local target has it any more.
  Change erase(std::string_view filter, const Subscription& target);
  /// Sessions' subscriptions.
  std::size_t size() const { return size_; }

  /// Valid until the next call that is not const.
  const Route& match(std::string_view topic);
  /// Whether a route that match() gave, and its memory, is still what match() would give. Routes
  /// live until `cache_age()` changes.
  bool current(const Route& route) const { return route.epoch == epoch_; }
  std::uint64_t cache_age() const { return cache_age_; }

 private:
  using NodeId = std::uint32_t;
  static constexpr NodeId root = 0;
  static constexpr NodeId none = 0;  ///< the root is nobody's child

  struct Node;
  /// A place in the table of all children; `node` is none where it is free.
  struct Edge {
    std::uint32_t hash = 0;  ///< of the parent and the level
    NodeId node = none;
  };
  struct Cached {
    std::uint64_t hash = 0;
    const Route* route = nullptr;
  };
  struct Place {
    NodeId node;
    std::string_view rest;
    bool last;
  };

  std::size_t edge_of(NodeId parent, std::string_view level, std::uint32_t hash) const;
  NodeId child(NodeId parent, std::string_view level) const;
  NodeId make_child(NodeId parent, std::string_view level);
  void widen_edges();
  void remove(NodeId id);
  void take(const Node& node);
  void collect(std::string_view topic);
  Cached& cached(std::uint64_t hash, std::string_view topic);
  void drop_cache();
  void widen_cache();
  const Route* keep(std::string_view topic);

  std::deque<Node> nodes_;  ///< by NodeId
  std::vector<NodeId> free_nodes_;
  std::vector<Edge> edges_;
  std::size_t size_ = 0;
  std::uint64_t epoch_ = 1;
  std::uint64_t cache_age_ = 1;
  std::vector<Cached> cache_;  ///< by hash
  std::size_t cache_topics_ = 0;
  std::size_t cache_made_ = 0;  ///< also those that newer ones have replaced
  std::size_t cache_bytes_ = 0;
  std::pmr::monotonic_buffer_resource memory_;  ///< the routes'
  // Of the answer that is being found.
  std::vector<Place> open_;
  std::vector<Subscription> found_;
  std::vector<SharedGroup*> found_groups_;
  std::uint64_t found_shards_ = 0;
};

}  // namespace wireway::broker
