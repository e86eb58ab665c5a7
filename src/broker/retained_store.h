#pragma once
/// The retained messages that one shard keeps: those whose topic it owns (shard_of(topic)). One
/// message a topic, found by name or by filter.
///
/// Source: MQTT 5 section 3.3.1.3
/// Thread: the shard's
/// Limits: retained_bytes counts against Settings::queued_bytes_max through the shard

#include <set>
#include <string_view>
#include <vector>

#include "broker/client_view.h"
#include "broker/message.h"

namespace wireway::broker {

class RetainedStore {
 public:
  /// An empty payload removes what stands there (MQTT-3.3.1-6).
  void put(const MessagePtr& message);
  /// Not expired ones that match a filter without `$share`, in order of topic; expired ones are
  /// removed.
  std::vector<MessagePtr> match(std::string_view filter, MonoTime now);

  /// At most `visits_max` messages are looked at; `next` says where to go on.
  static constexpr std::size_t visits_max = 100'000;
  RetainedPage page(std::string_view filter, const PageQuery& query, MonoTime now) const;
  /// The one with the next topic; none at the end.
  MessagePtr after(std::string_view topic) const {
    const auto next = messages_.upper_bound(topic);
    return next == messages_.end() ? MessagePtr() : *next;
  }

  std::size_t size() const { return messages_.size(); }
  std::size_t size_bytes() const { return size_bytes_; }

 private:
  /// By topic, which is in the message itself.
  struct ByTopic {
    using is_transparent = void;
    static std::string_view topic(const MessagePtr& message) { return message->topic(); }
    static std::string_view topic(std::string_view text) { return text; }
    bool operator()(const auto& a, const auto& b) const { return topic(a) < topic(b); }
  };
  using Messages = std::set<MessagePtr, ByTopic>;
  Messages::iterator remove(Messages::iterator at);

  Messages messages_;  // ordered: a filter's literal prefix bounds the search
  std::size_t size_bytes_ = 0;
};

}  // namespace wireway::broker
