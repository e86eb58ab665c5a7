// Reading a shard's state back from the journal.

#include "base/assert.h"
#include "broker/detail/shard_entry.h"
#include "broker/shard.h"
#include "wire/mqtt/topic.h"

namespace wireway::broker {

MessageView Shard::view_of(const records::MessageData& data) const {
  MessageView view = data.view;
  view.expires_at = recorder_->mono_of(data.expires_at);
  return view;
}

void Shard::apply(const records::SessionTerms& terms, MonoTime) {
  recorder_->saw_number(terms.number);
  const std::string identifier(terms.client_identifier);
  if (shard_of(identifier, mesh_.count()) != index_) return;
  Entry* entry = find(identifier);
  if (entry != nullptr && entry->session.number() != terms.number) {
    end_restored(entry->session.number());
    entry = nullptr;
  }
  if (entry == nullptr) entry = &entry_of(identifier);
  entry->session.record_as(terms.number, terms.keeps_queue);
  restoring_->sessions.insert_or_assign(terms.number, entry);
  entry->expiry_s = terms.expiry_s;
  entry->session.receive_maximum = terms.receive_maximum;
  entry->disconnected_at =
      terms.disconnected_at ? recorder_->mono_of(terms.disconnected_at) : never;
  entry->will.reset();
  if (!terms.will) return;
  entry->will = std::make_unique<PendingWill>();
  entry->will->message = StoredMessage::make(terms.will->message.view);
  entry->will->message_expiry_s = terms.will->message_expiry_s;
  entry->will->delay_s = terms.will->delay_s;
}

/// Without a trace: nothing of it is known outside yet.
void Shard::end_restored(std::uint64_t number) {
  const auto found = restoring_->sessions.find(number);
  if (found == restoring_->sessions.end()) return;
  const Entry& entry = *found->second;
  restoring_->sessions.erase(found);
  sessions_.erase(entry);
}

void Shard::restore_subscription(Entry& entry, const records::SubscriptionData& one) {
  entry.session.filters.made().insert_or_assign(
      std::string(one.filter),
      Subscribed{one.qos, one.no_local, one.retain_as_published, one.identifier});
}

void Shard::apply(const records::SessionState& state, MonoTime now) {
  std::vector<records::HalfReceived> half = state.half_received;
  if (Entry* before = restoring_->find(state.terms.number); before != nullptr)
    for (records::HalfReceived& one : half) {
      records::HalfReceived known = before->session.take_half_received(one.packet_identifier);
      if (one.content != 0 && one.content != known.content) continue;
      one.content = known.content;
      std::ranges::move(known.receivers, std::back_inserter(one.receivers));
    }
  end_restored(state.terms.number);
  apply(state.terms, now);
  Entry* entry = restoring_->find(state.terms.number);
  if (entry == nullptr) return;
  for (const records::HalfReceived& one : half) entry->session.restore_half_received(one);
  entry->session.restore_sequence(state.next_sequence);
  for (const records::SubscriptionData& one : state.subscriptions)
    restore_subscription(*entry, one);
  for (const std::uint16_t identifier : state.receiving)
    (void)entry->session.restore_receiving(identifier, true);
  for (const records::QueuedData& one : state.queued) {
    Delivery delivery;
    if (const auto body = restoring_->bodies.find(one.body); body != restoring_->bodies.end())
      delivery.message = body->second;
    if (!delivery.message && !one.received) continue;
    delivery.identifiers = Identifiers(one.identifiers);
    delivery.qos = one.qos;
    delivery.retain = one.retain;
    delivery.stage = one.received ? Delivery::Stage::await_pubcomp : Delivery::Stage::waiting;
    delivery.sequence = one.sequence;
    delivery.position = 1;  // durable, as all that is read
    delivery.since = now;
    entry->session.restore_delivery(std::move(delivery));
  }
}

void Shard::apply(const records::MessageQueued& record, MonoTime now) {
  if (Entry* publisher = restoring_->find(record.publisher); publisher != nullptr) {
    records::HalfReceived half{record.packet_identifier, content_of(record.message.view), {}};
    for (const records::ReceiverData& one : record.receivers)
      half.receivers.push_back(Origin::receiver(one.number, one.by_group));
    publisher->session.restore_half_received(half);
  }
  MessagePtr message;
  for (const records::ReceiverData& one : record.receivers) {
    Entry* entry = restoring_->find(one.number);
    if (entry == nullptr) continue;
    if (!message) message = StoredMessage::make(view_of(record.message));
    Delivery delivery;
    delivery.message = message;
    delivery.identifiers = Identifiers(one.identifiers);
    delivery.qos = one.qos;
    delivery.retain = one.retain;
    delivery.stage = Delivery::Stage::waiting;
    delivery.sequence = one.sequence;
    delivery.position = 1;
    delivery.since = now;
    entry->session.restore_delivery(std::move(delivery));
  }
}

Result<> Shard::restore(ByteView bytes, MonoTime now) {
  WIREWAY_ASSERT(recorder_ != nullptr, "record_to() comes before restore()");
  if (!restoring_) restoring_ = std::make_unique<Restoring>();
  auto decoded = records::decode(bytes);
  if (!decoded) return std::unexpected(decoded.error());
  const auto session = [this](std::uint64_t number) -> Session* {
    Entry* entry = restoring_->find(number);
    return entry == nullptr ? nullptr : &entry->session;
  };
  if (const auto* queued = std::get_if<records::MessageQueued>(&*decoded)) {
    apply(*queued, now);
  } else if (const auto* done = std::get_if<records::DeliveryDone>(&*decoded)) {
    if (Session* of = session(done->number)) of->restore_done(done->sequence);
  } else if (const auto* received = std::get_if<records::DeliveryReceived>(&*decoded)) {
    if (Session* of = session(received->number)) of->restore_received(received->sequence);
  } else if (const auto* state = std::get_if<records::ReceiveState>(&*decoded)) {
    if (Session* of = session(state->number))
      of->restore_receiving(state->packet_identifier, !state->ended);
  } else if (const auto* terms = std::get_if<records::SessionTerms>(&*decoded)) {
    apply(*terms, now);
  } else if (const auto* ended = std::get_if<records::SessionEnded>(&*decoded)) {
    end_restored(ended->number);
  } else if (const auto* added = std::get_if<records::SubscriptionAdded>(&*decoded)) {
    if (Entry* entry = restoring_->find(added->number))
      restore_subscription(*entry, added->subscription);
  } else if (const auto* removed = std::get_if<records::SubscriptionRemoved>(&*decoded)) {
    if (Session* of = session(removed->number))
      of->filters.made().erase(std::string(removed->filter));
  } else if (const auto* retained = std::get_if<records::RetainedSet>(&*decoded)) {
    if (shard_of(retained->message.view.topic, mesh_.count()) == index_)
      retained_.put(StoredMessage::make(view_of(retained->message)));
  } else if (const auto* change = std::get_if<records::StoreChanged>(&*decoded)) {
    if (store_shard() == index_) return store_.restore(change->change, wall_and(now));
  } else if (const auto* body = std::get_if<records::Body>(&*decoded)) {
    restoring_->bodies.insert_or_assign(body->body, StoredMessage::make(view_of(body->message)));
  } else if (const auto* whole = std::get_if<records::SessionState>(&*decoded)) {
    apply(*whole, now);
  }
  return {};
}

void Shard::finish_restore(MonoTime now) {
  restoring_.reset();
  std::vector<Entry*> all;
  sessions_.each([&all](Entry& entry) { all.push_back(&entry); });
  for (Entry* entry : all) finish_restore(*entry, now);
  turn_began_ = recorder_->appended();
}

/// The process ended, and with it every connection.
void Shard::finish_restore(Entry& entry, MonoTime now) {
  Session& session = entry.session;
  session.restore_end();
  for (const auto& [filter, one] : *session.filters) {
    if (mqtt::parse_shared_filter(filter)) {
      change_group(filter, entry, Membership::joins);
      continue;
    }
    Subscription subscription;
    subscription.session = &session;
    subscription.qos = one.qos;
    subscription.no_local = one.no_local;
    subscription.retain_as_published = one.retain_as_published;
    subscription.identifier = one.identifier;
    add_to_tree(filter, subscription);
  }
  const bool was_connected = entry.disconnected_at == never;
  // Not in the future, whatever the wall clock says now: else the session would outlive its terms.
  const MonoTime gone = entry.disconnected_at = std::min(entry.disconnected_at, now);
  if (entry.will)
    entry.will->at =
        std::max(now, gone + std::chrono::seconds{std::min(entry.will->delay_s, entry.expiry_s)});
  const bool keeps_now = !session.keeps_queue() && keeps_queue_of(session.client_identifier());
  if (keeps_now) start_recording(entry, true);  // another mode than before the restart
  if (was_connected || keeps_now) record_terms(entry, now);
  schedule(entry);
}

}  // namespace wireway::broker
