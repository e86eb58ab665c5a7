#include "broker/retained_store.h"

#include "wire/mqtt/topic.h"

namespace wireway::broker {
namespace {

/// The literal beginning of a filter: every match starts with it. "a/b/#" also matches "a/b", so
/// the separator before a wildcard is left out.
std::string_view literal_prefix(std::string_view filter) {
  const auto wildcard = filter.find_first_of("+#");
  if (wildcard == std::string_view::npos) return filter;
  return filter.substr(0, wildcard == 0 ? 0 : wildcard - 1);
}

}  // namespace

RetainedStore::Messages::iterator RetainedStore::remove(Messages::iterator at) {
  size_bytes_ -= (*at)->size_bytes();
  return messages_.erase(at);
}

void RetainedStore::put(const MessagePtr& message) {
  auto next = messages_.lower_bound(message->topic());
  if (next != messages_.end() && (*next)->topic() == message->topic()) next = remove(next);
  if (message->view().payload.empty()) return;
  messages_.emplace_hint(next, message);
  size_bytes_ += message->size_bytes();
}

std::vector<MessagePtr> RetainedStore::match(std::string_view filter, MonoTime now) {
  std::vector<MessagePtr> out;
  const std::string_view prefix = literal_prefix(filter);
  for (auto at = messages_.lower_bound(prefix);
       at != messages_.end() && (*at)->topic().starts_with(prefix);) {
    if ((*at)->expired(now)) {
      at = remove(at);
      continue;
    }
    if (wire::mqtt::topic_matches(filter, (*at)->topic())) out.push_back(*at);
    ++at;
  }
  return out;
}

RetainedPage RetainedStore::page(std::string_view filter, const PageQuery& query,
                                 MonoTime now) const {
  RetainedPage out;
  const std::string_view prefix = literal_prefix(filter);
  auto at = query.after < prefix ? messages_.lower_bound(prefix)
                                 : messages_.upper_bound(std::string_view(query.after));
  for (std::size_t visits = 0; at != messages_.end(); ++at, ++visits) {
    const StoredMessage& message = **at;
    if (!message.topic().starts_with(prefix)) break;
    if (visits == visits_max || out.messages.size() == query.limit) {
      out.next = std::string((*std::prev(at))->topic());
      break;
    }
    const bool wanted = !message.expired(now) &&
                        wire::mqtt::topic_matches(filter, message.topic()) &&
                        message.topic().contains(query.search);
    if (wanted)
      out.messages.push_back(
          {std::string(message.topic()), message.view().payload.size(), message.qos()});
  }
  return out;
}

}  // namespace wireway::broker
