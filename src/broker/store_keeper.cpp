#include "broker/store_keeper.h"

#include "broker/shard.h"

namespace wireway::broker {
namespace {

MessageView view_of(const state_store::Message& message) {
  MessageView view;
  view.topic = message.topic;
  view.forwarded_properties = message.forwarded_properties;
  view.payload = as_bytes(message.payload);
  view.qos = mqtt::Qos::at_least_once;
  return view;
}

}  // namespace

void StoreKeeper::on_request(const state_store::Asked& asked, const state_store::Now& now) {
  store_.set_quota(shard_.settings().queued_bytes_max / 2);
  const state_store::Outcome outcome = store_.execute(state_store::request_of(asked), now);
  notify(outcome.notices, now.mono);
  const state_store::Message response = state_store::response_to(asked, outcome);
  MessageView view = view_of(response);
  if (asked.expiry_s) view.expires_at = now.mono + std::chrono::seconds{*asked.expiry_s};
  shard_.publish(view, now.mono);
}

void StoreKeeper::tick(const state_store::Now& now) {
  notify(store_.expire(now).notices, now.mono);
}

void StoreKeeper::notify(const std::vector<state_store::Notice>& notices, MonoTime now) {
  for (const state_store::Notice& notice : notices) {
    const state_store::Message message = state_store::notification_of(notice);
    shard_.send_to_listener(
        {notice.to.client_identifier, notice.to.connection, StoredMessage::make(view_of(message))},
        now);
  }
}

}  // namespace wireway::broker
