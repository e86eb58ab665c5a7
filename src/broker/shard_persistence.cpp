// What a shard does for what must survive: recording as it works, holding back acknowledgements
// until it is on disk, and the steps of a checkpoint.

#include <algorithm>
#include <bit>

#include "broker/access/glob.h"
#include "broker/detail/shard_entry.h"
#include "broker/shard.h"
#include "wire/mqtt/topic.h"

namespace wireway::broker {

void Shard::record_to(Journal& journal) {
  recorder_ = std::make_unique<Recorder>(journal, index_);
  host_.recorder = recorder_.get();
  recorder_->set_wall(wall_start_);
  turn_began_ = recorder_->appended();
}

/// Something was recorded in this turn, or sent to a shard that may record it; or an earlier reply
/// of the client waits.
bool Shard::must_hold(const Client& client) const {
  if (!recorder_) return false;
  return client.held_ > 0 || recorder_->appended() != turn_began_ || relayed_[index_] != 0;
}

bool Shard::must_hold_again(const Client& client) const {
  return must_hold(client) ||
         (recorder_ && !(line_.empty() && recorder_->is_durable(recorder_->appended())));
}

void Shard::hold(Client& client, HeldReply reply) {
  reply.client = &client;
  ++client.held_;
  line_.hold(std::move(reply));
  mesh_.want_end_of_turn();
}

void Shard::end_turn(MonoTime now) {
  if (!recorder_) return;
  const std::uint64_t shards = std::exchange(relayed_[index_], 0);
  turn_began_ = recorder_->appended();
  if (!line_.has_open()) return;
  const std::uint64_t ticket = line_.close(turn_began_, shards);
  for (std::uint64_t left = shards; left != 0; left &= left - 1)
    mesh_.send(std::size_t(std::countr_zero(left)), CommitAsk{ticket, index_});
  release(now);
}

void Shard::on_durable(MonoTime now) { release(now); }

void Shard::on_commit_ask(const CommitAsk& ask, MonoTime now) {
  if (!recorder_) return mesh_.send(ask.from, CommitDone{ask.ticket, index_});
  const std::uint64_t shards = std::exchange(relayed_[ask.from], 0);
  const std::uint64_t ticket = line_.add_ask(ask, recorder_->appended(), shards);
  for (std::uint64_t left = shards; left != 0; left &= left - 1)
    mesh_.send(std::size_t(std::countr_zero(left)), CommitAsk{ticket, index_});
  release(now);
}

/// Lets go of everything that is on disk by now.
void Shard::release(MonoTime now) {
  if (!recorder_) return;
  const Journal::Position durable = recorder_->journal().durable();
  for (const CommitAsk& ask : line_.take_asks(durable))
    mesh_.send(ask.from, CommitDone{ask.ticket, index_});
  for (HeldReply& reply : line_.take_replies(durable)) {
    if (reply.client == nullptr) {
      if (reply.session) record_taken(*reply.session, reply.identifier);
      continue;
    }
    --reply.client->held_;
    if (std::exchange(reply.then_record, false)) {
      reply.client->session().record_receiving(reply.identifier);
      hold(*reply.client, std::move(reply));
      continue;
    }
    reply.client->send_now(reply);
  }
  for (Session* session : recorder_->take_waiting()) session->pump(now);
  while (!waiting_responses_.empty() && waiting_responses_.front().first <= durable) {
    const MessagePtr response = std::move(waiting_responses_.front().second);
    waiting_responses_.pop_front();
    publish(response->view(), now);
  }
}

/// Everybody has the message: its publisher has gone meanwhile, but must not double it later.
void Shard::record_taken(const SessionName& name, std::uint16_t identifier) {
  Entry* entry = find(name.client_identifier);
  if (entry != nullptr && entry->session.number() == name.number)
    entry->session.record_receiving(identifier);
}

void Shard::publish_when_durable(MessagePtr message, MonoTime now) {
  if (!recorder_ || recorder_->is_durable(recorder_->appended()))
    return publish(message->view(), now);
  waiting_responses_.push_back({recorder_->appended(), std::move(message)});
}

void Shard::relay(std::size_t shard, Envelope envelope) {
  if (recorder_) relayed_[origin_] |= std::uint64_t{1} << shard;
  mesh_.send(shard, std::move(envelope));
}

bool Shard::keeps_queue_of(std::string_view client_identifier) const {
  const PersistenceSettings& wanted = settings_.persistence;
  if (wanted.queues != PersistenceSettings::Mode::custom)
    return wanted.queues == PersistenceSettings::Mode::all;
  return std::ranges::any_of(wanted.queue_clients, [&](const std::string& pattern) {
    return glob_matches(pattern, client_identifier);
  });
}

bool Shard::keeps_queue_of(const mqtt::Connect& connect) const {
  const PersistenceSettings& wanted = settings_.persistence;
  if (keeps_queue_of(std::string_view(connect.client_identifier))) return true;
  if (wanted.queues != PersistenceSettings::Mode::custom || !wanted.queues_dynamic) return false;
  for (const auto& [key, value] : connect.properties.user_properties)
    if (key == wanted.property && value == wanted.property_value) return true;
  return false;
}

bool Shard::keeps_retained(const MessageView& message) const {
  const PersistenceSettings& wanted = settings_.persistence;
  if (wanted.retained == PersistenceSettings::Mode::all) return true;
  if (wanted.retained == PersistenceSettings::Mode::none) return false;
  for (const std::string& filter : wanted.retained_topics)
    if (mqtt::topic_matches(filter, message.topic)) return true;
  return wanted.retained_dynamic && mqtt::user_property(message.forwarded_properties,
                                                        wanted.property) == wanted.property_value;
}

void Shard::put_retained(const MessagePtr& message) {
  const MessageView view = message->view();
  // $SYS is made anew by every process.
  const bool recorded = recorder_ && !view.topic.starts_with("$SYS") &&
                        (view.payload.empty() || keeps_retained(view));
  if (recorded) recorder_->write(records::RetainedSet{recorder_->data_of(view)});
  retained_.put(message);
}

void Shard::start_recording(Entry& entry, bool keeps_queue) {
  const std::uint64_t number =
      entry.session.number() != 0 ? entry.session.number() : recorder_->new_number();
  entry.session.record_as(number, keeps_queue);
}

void Shard::record_terms(Entry& entry, MonoTime) {
  if (entry.session.number() != 0) recorder_->write(terms_of(entry));
}

records::SessionTerms Shard::terms_of(const Entry& entry) const {
  records::SessionTerms terms;
  terms.number = entry.session.number();
  terms.client_identifier = entry.session.client_identifier();
  terms.expiry_s = entry.expiry_s;
  terms.receive_maximum = entry.session.receive_maximum;
  terms.keeps_queue = entry.session.keeps_queue();
  if (entry.disconnected_at != never)
    terms.disconnected_at = recorder_->wall_of(entry.disconnected_at);
  if (entry.will)
    terms.will = records::WillData{{entry.will->message->view(), std::nullopt},
                                   entry.will->message_expiry_s,
                                   entry.will->delay_s};
  return terms;
}

void Shard::begin_checkpoint() {
  checkpoint_ = std::make_unique<Checkpoint>();
  sessions_.each([this](Entry& entry) {
    if (entry.expiry_s == 0 && entry.session.number() == 0) return;
    // Persistence may just have been turned on, or another mode of it.
    start_recording(entry, keeps_queue_of(entry.session.client_identifier()));
    checkpoint_->clients.emplace_back(entry.session.client_identifier());
  });
}

std::uint64_t Shard::body_of(const MessagePtr& message) {
  // One journal has the bodies of several shards.
  const std::uint64_t next = ((checkpoint_->last_body + 1) << 6) | index_;
  const auto [at, is_new] = checkpoint_->bodies.try_emplace(&*message, message, next);
  if (is_new) {
    ++checkpoint_->last_body;
    recorder_->write(records::Body{next, recorder_->data_of(message->view())});
  }
  return at->second.second;
}

/// As body_of(), of a message that was on disk: two that say the same are the same.
std::uint64_t Shard::body_of_run(const Delivery& one) {
  const std::uint64_t next = ((checkpoint_->last_body + 1) << 6) | index_;
  const records::MessageData data = recorder_->data_of(one.message->view());
  const records::Body body{next, data};
  const auto [at, is_new] = checkpoint_->contents.try_emplace(records::digest_of(data), next);
  if (is_new) {
    ++checkpoint_->last_body;
    recorder_->write(body);
  }
  return at->second;
}

records::QueuedData Shard::queued_data(const Delivery& one, std::uint64_t body) const {
  const auto values = one.identifiers.values();
  return {body, one.sequence, one.qos, one.retain, !one.message, {values.begin(), values.end()}};
}

/// Its bodies, and what the session's record will say of it. False: not now.
bool Shard::checkpoint_run(buffer::Run& run, std::size_t& bytes_left) {
  if (run.last_sequence() < checkpoint_->sequence || run.last_sequence() == 0) return true;
  if (bytes_left == 0) return false;
  if (!run.in_memory()) {
    checkpoint_->waits_for_disk = true;
    run.read();
    return false;
  }
  std::vector<records::QueuedData>& queued = checkpoint_->runs[run.id()];
  for (Delivery& one : run.deliveries()) {
    const bool is_kept = one.sequence != 0;  // QoS 0 is not
    queued.push_back(is_kept ? queued_data(one, body_of_run(one)) : records::QueuedData{});
    if (is_kept && one.position == 0) one.position = 1;
  }
  run.set_recorded();
  checkpoint_->sequence = run.last_sequence() + 1;
  bytes_left -= std::min(bytes_left, run.bytes());
  run.unload();
  return true;
}

/// Bodies first, over several steps; then the state in one record. True when it is written.
bool Shard::checkpoint_session(Entry& entry, std::size_t& bytes_left) {
  Session& session = entry.session;
  if (session.keeps_queue()) {
    bool all = true;
    session.each_delivery(
        checkpoint_->sequence,
        [&](Delivery& one) {
          if (!one.message || one.sequence == 0) return true;
          if (bytes_left == 0) return all = false;
          (void)body_of(one.message);
          checkpoint_->sequence = one.sequence + 1;
          bytes_left -= std::min(bytes_left, one.message->size_bytes());
          return true;
        },
        [&](buffer::Run& run) { return all = checkpoint_run(run, bytes_left); });
    if (!all) return false;
  }
  records::SessionState state;
  state.terms = terms_of(entry);
  state.next_sequence = session.next_sequence();
  state.receiving = session.recorded_receiving();
  state.half_received = session.half_received();
  for (const records::HalfReceived& one : state.half_received)
    if (!session.is_recorded(one.packet_identifier))
      checkpoint_->untaken.push_back(
          {{std::string(session.client_identifier()), session.number()}, one.packet_identifier});
  for (const auto& [filter, one] : *session.filters)
    state.subscriptions.push_back(
        {filter, one.qos, one.no_local, one.retain_as_published, one.identifier});
  if (session.keeps_queue()) add_queued(session, state);
  recorder_->write(state);
  checkpoint_->sequence = 0;
  checkpoint_->runs.clear();
  return true;
}

void Shard::add_queued(Session& session, records::SessionState& state) {
  session.each_delivery(
      0,
      [&](Delivery& one) {
        if (one.sequence == 0) return true;
        state.queued.push_back(queued_data(one, one.message ? body_of(one.message) : 0));
        if (one.position == 0) one.position = 1;
        return true;
      },
      [&](const buffer::Run& run) {
        const std::vector<records::QueuedData>& queued = checkpoint_->runs[run.id()];
        for (std::size_t i = run.skipped; i < queued.size(); ++i)
          if (queued[i].sequence != 0) state.queued.push_back(queued[i]);
        return true;
      });
}

bool Shard::checkpoint_step(std::size_t bytes_max, MonoTime now) {
  checkpoint_->waits_for_disk = false;
  if (!checkpoint_->written && !write_checkpoint(bytes_max, now)) return false;
  checkpoint_->written = true;
  if (waits_for_taken()) return false;
  checkpoint_.reset();
  relieve_if_short();
  return true;
}

bool Shard::checkpoint_waits() const {
  return checkpoint_ && (checkpoint_->written || checkpoint_->waits_for_disk);
}

bool Shard::write_checkpoint(std::size_t bytes_max, MonoTime now) {
  std::size_t left = bytes_max;
  while (left > 0 && !checkpoint_->clients.empty()) {
    Entry* entry = find(checkpoint_->clients.back());
    if (entry != nullptr && entry->session.number() != 0 && !checkpoint_session(*entry, left))
      return false;
    checkpoint_->clients.pop_back();
    left -= std::min<std::size_t>(left, 256);
  }
  if (left == 0) return false;
  checkpoint_->bodies.clear();
  checkpoint_->contents.clear();
  while (left > 0 && !checkpoint_->retained_done) {
    const MessagePtr next = retained_.after(checkpoint_->topic);
    checkpoint_->retained_done = !next;
    if (!next) break;
    checkpoint_->topic = next->topic();
    const MessageView view = next->view();
    if (!view.topic.starts_with("$SYS") && keeps_retained(view))
      recorder_->write(records::RetainedSet{recorder_->data_of(view)});
    left -= std::min(left, next->size_bytes());
  }
  if (left == 0) return false;
  if (store_shard() == index_ && !store_.checkpoint_page(checkpoint_->key, left, wall_and(now)))
    return false;
  return true;
}

/// Copies of a QoS 2 message may be in the old part of the journal alone until its identifier is
/// recorded as taken: the old part must not go before.
bool Shard::waits_for_taken() {
  std::erase_if(checkpoint_->untaken, [this](const auto& one) {
    const auto& [name, identifier] = one;
    const Entry* entry = find(name.client_identifier);
    return entry == nullptr || entry->session.number() != name.number ||
           entry->session.is_recorded(identifier);
  });
  return !checkpoint_->untaken.empty();
}

}  // namespace wireway::broker
