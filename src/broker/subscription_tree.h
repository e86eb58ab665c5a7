#pragma once
/// The subscriptions of one shard's sessions, found by topic: a tree of levels with `+` and `#`,
/// and a cache of whole answers, because a plant publishes to the same topics again and again.
///
/// Source: MQTT 5 section 4.7
/// Thread: the shard's
/// Limits: cache_topics_max answers; the cache is dropped whole when it is full or a subscription
///         changes
/// Cost:   a cached match is one hash look-up; an uncached one walks the levels

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "wire/mqtt/packet.h"

namespace wireway::broker {

class Session;

/// One subscription of one session, as SUBSCRIBE asked for it.
struct Subscription {
  Session* session = nullptr;
  wire::mqtt::Qos qos = wire::mqtt::Qos::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  std::uint32_t identifier = 0;  ///< 0 = none
};

/// A session and all of its subscriptions that match: it gets one copy (section 3.3.4).
struct Receiver {
  Session* session = nullptr;
  std::vector<Subscription> subscriptions;
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
  static constexpr std::size_t cache_topics_max = 16 * 1024;

  SubscriptionTree();
  ~SubscriptionTree();

  /// Replaces the session's subscription to the same filter; true if it is new.
  bool insert(std::string_view filter, const Subscription& subscription);
  bool erase(std::string_view filter, const Session& session);
  std::size_t size() const { return size_; }

  /// Valid until the next insert or erase.
  const std::vector<Receiver>& match(std::string_view topic);

 private:
  struct Node;
  std::vector<Receiver> collect(std::string_view topic) const;

  std::unique_ptr<Node> root_;
  std::size_t size_ = 0;
  std::unordered_map<std::string, std::vector<Receiver>, TextHash, std::equal_to<>> cache_;
};

}  // namespace wireway::broker
