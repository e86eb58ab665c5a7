#pragma once
/// Who gets a topic, as one shard knows it: its sessions' subscriptions, the shared groups that it
/// owns, and the other shards that have subscribers. A tree of levels with `+` and `#`, and a cache
/// of whole answers, because a plant publishes to the same topics again and again.
///
/// Source: MQTT 5 section 4.7
/// Thread: the shard's
/// Limits: a cache of cache_topics_min answers, or twice the subscriptions up to cache_topics_max;
///         it is dropped whole when it is full
/// Cost:   a cached match is one hash look-up, or none for a caller that remembers its last one
///         (current()); an uncached one walks the levels

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
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

/// A session and where its subscriptions that match begin: it gets one copy (section 3.3.4).
struct Receiver {
  Session* session = nullptr;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

/// All who get one topic.
struct Route {
  std::vector<Receiver> receivers;
  std::vector<Subscription> subscriptions;  ///< of the receivers, one after the other
  std::vector<SharedGroup*> groups;
  std::uint64_t shards = 0;  ///< bit i: shard i has subscribers
  std::uint64_t epoch = 0;   ///< of the tree when it was found
};

/// So that string_view finds string keys without a copy.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

class SubscriptionTree {
 public:
  static constexpr std::size_t cache_topics_min = 16 * 1024;
  static constexpr std::size_t cache_topics_max = 256 * 1024;

  SubscriptionTree();
  ~SubscriptionTree();

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
  struct Node;
  void collect(std::string_view topic, Route& out) const;

  std::unique_ptr<Node> root_;
  std::size_t size_ = 0;
  std::uint64_t epoch_ = 1;
  std::uint64_t cache_age_ = 1;
  std::unordered_map<std::string, Route, TextHash, std::equal_to<>> cache_;
};

}  // namespace wireway::broker
