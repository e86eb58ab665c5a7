#include "broker/store_keeper.h"

#include <algorithm>

#include "broker/access/glob.h"
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
  record(outcome.changes);
  notify(outcome.notices, now.mono);
  const state_store::Message response = state_store::response_to(asked, outcome);
  MessageView view = view_of(response);
  if (asked.expiry_s) view.expires_at = now.mono + std::chrono::seconds{*asked.expiry_s};
  shard_.publish_when_durable(StoredMessage::make(view), now.mono);
}

void StoreKeeper::tick(const state_store::Now& now) {
  const state_store::Outcome outcome = store_.expire(now);
  record(outcome.changes);
  notify(outcome.notices, now.mono);
}

/// A key that has gone is always recorded: its record may be there from before.
bool StoreKeeper::keeps(const state_store::Change& change) const {
  const PersistenceSettings& wanted = shard_.settings().persistence;
  if (!change.value || wanted.keys == PersistenceSettings::Mode::all) return true;
  if (wanted.keys == PersistenceSettings::Mode::none) return false;
  if (wanted.keys_dynamic && change.keep_asked) return true;
  if (std::ranges::find(wanted.key_names, change.key) != wanted.key_names.end()) return true;
  return std::ranges::any_of(wanted.key_patterns, [&](const std::string& pattern) {
    return glob_matches(pattern, change.key);
  });
}

void StoreKeeper::record(const std::vector<state_store::Change>& changes) {
  if (shard_.recorder() == nullptr) return;
  for (const state_store::Change& change : changes) {
    if (!keeps(change)) continue;
    Bytes bytes;
    state_store::append(change, bytes);
    shard_.recorder()->write(records::StoreChanged{bytes});
  }
}

Result<> StoreKeeper::restore(ByteView change, const state_store::Now& now) {
  auto decoded = state_store::decode_change(change);
  if (!decoded) return std::unexpected(decoded.error());
  store_.restore(std::move(*decoded), now);
  return {};
}

bool StoreKeeper::checkpoint_page(std::string& after, std::size_t bytes_max,
                                  const state_store::Now& now) {
  const auto page = store_.page(after, bytes_max, now);
  if (page.empty()) return true;
  record(page);
  after = page.back().key;
  return after.empty();  // nothing but the clock: there are no keys
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
