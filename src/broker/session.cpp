#include "broker/session.h"

#include <algorithm>
#include <functional>

#include "base/assert.h"
#include "broker/access/policy.h"
#include "wire/mqtt/codec.h"

namespace wireway::broker {
namespace {

constexpr std::size_t identifiers_max = 65535;

std::uint16_t identifier_of(std::uint64_t sequence) {
  return std::uint16_t((sequence - 1) % identifiers_max + 1);
}

/// Encoding memory of the thread, for what only one receiver gets.
Bytes& scratch() {
  thread_local Bytes bytes;
  bytes.clear();
  return bytes;
}

}  // namespace

std::uint16_t OutgoingAliases::alias_of(std::string_view topic, bool& known) const {
  const std::size_t slot = std::hash<std::string_view>{}(topic) % topics_.size();
  known = topics_[slot] == topic;
  return std::uint16_t(slot + 1);
}

Session::Session(std::string_view client_identifier, SessionHost& host)
    : client_identifier_bytes_(std::uint16_t(client_identifier.size())),
      client_identifier_(std::make_unique_for_overwrite<char[]>(client_identifier.size())),
      host_(host) {
  WIREWAY_ASSERT(client_identifier.size() <= UINT16_MAX, "MQTT has no longer strings");
  std::ranges::copy(client_identifier, client_identifier_.get());
}

Session::~Session() {
  host_.counters.queued_bytes -= queued_bytes_ - queue_.disk_bytes();
  host_.counters.queued_messages -= queue_.size();
  if (number_ != 0 && host_.recorder != nullptr) host_.recorder->forget(*this);
}

void Session::record_as(std::uint64_t number, bool keeps_queue) {
  number_ = number;
  keeps_queue_ = keeps_queue_ || keeps_queue;
}

void Session::record(Delivery& delivery) {
  host_.recorder->receiver(number_, delivery.sequence, delivery.shape());
  delivery.position = host_.recorder->next_position();
}

void Session::record_done(const Delivery& delivery) {
  if (delivery.position != 0)
    host_.recorder->write(records::DeliveryDone{number_, delivery.sequence});
}

/// A QoS 2 message must not reach the client before it is certain that it would have the same
/// packet identifier after a crash.
bool Session::must_wait(const Delivery& delivery) {
  if (delivery.qos != mqtt::Qos::exactly_once || delivery.position == 0) return false;
  if (host_.recorder->is_durable(delivery.position)) return false;
  host_.recorder->wait(*this);
  return true;
}

void Session::attach(Outlet outlet, MonoTime now) {
  outlet_ = std::move(outlet);
  outstanding_ = 0;
  resend_from_ = 0;
  for (std::size_t i = 0; i < window_.size(); ++i) window_[i].sent = false;
  pump(now);
}

void Session::detach() { outlet_ = {}; }

void Session::deliver(Passage& message, const Shape& shape, MonoTime now) {
  if (shape.qos == mqtt::Qos::at_most_once) {
    if (!connected()) return;  // a client that is away has not asked for QoS 0
    const bool room = outlet_.wire->pending_bytes() < host_.settings.output_bytes_max;
    if (room && queue_.empty()) {
      send_publish(message, shape, 0, now);
      return;
    }
    // Order among what this client gets; and a burst of retained messages is not a slow client.
    if (!room && !shape.retain) {
      ++host_.counters.dropped;
      ++host_.counters.qos0_dropped_out;
      return;
    }
  }
  Delivery delivery;
  delivery.identifiers = Identifiers(shape.identifiers);
  delivery.qos = shape.qos;
  delivery.retain = shape.retain;
  delivery.stage = Delivery::Stage::waiting;
  delivery.since = now;
  if (shape.qos != mqtt::Qos::at_most_once) {
    delivery.sequence = next_sequence_++;
    const bool waits = keeps_queue_ && shape.qos == mqtt::Qos::exactly_once;
    const bool at_once = !waits && queue_.empty() && resend_from_ == window_.size() && may_send() &&
                         window_takes(delivery.sequence);
    if (at_once && !send_publish(message, shape, identifier_of(delivery.sequence), now)) return;
    if (keeps_queue_) record(delivery);
    if (at_once) {
      delivery.message = message.stored();
      enter_window(std::move(delivery));
      return;
    }
  }
  delivery.message = message.stored();
  enqueue(std::move(delivery));
  pump(now);
}

void Session::enqueue(Delivery delivery) {
  const bool full =
      host_.settings.queue_messages_max && queue_.size() >= *host_.settings.queue_messages_max;
  if (full && host_.settings.drop_oldest && !queue_.empty()) drop_oldest();
  const std::size_t bytes = delivery.size_bytes();
  queued_bytes_ += bytes;
  host_.counters.queued_bytes += bytes;
  ++host_.counters.queued_messages;
  queue_.push(std::move(delivery));
}

void Session::drop_oldest() {
  ++host_.counters.dropped;
  if (queue_.front_in_memory()) {
    record_done(take_queued());
    return finish_skipped();
  }
  --host_.counters.queued_messages;
  const auto gone = queue_.skip_front();
  if (!gone) return;
  queued_bytes_ -= gone->bytes;
  if (!keeps_queue_ || gone->first_sequence == 0) return;
  for (std::uint64_t one = gone->first_sequence; one <= gone->last_sequence; ++one)
    host_.recorder->write(records::DeliveryDone{number_, one});
}

/// What was dropped while it was on disk.
void Session::finish_skipped() {
  for (const Delivery& one : queue_.take_skipped()) {
    queued_bytes_ -= one.size_bytes();
    host_.counters.queued_bytes -= one.size_bytes();
    record_done(one);
  }
}

void Session::count_dequeued(const Delivery& delivery) {
  const std::size_t bytes = delivery.size_bytes();
  queued_bytes_ -= bytes;
  host_.counters.queued_bytes -= bytes;
  --host_.counters.queued_messages;
}

Delivery Session::take_queued() {
  Delivery front = queue_.pop();
  count_dequeued(front);
  return front;
}

/// Of what has come from the disk: the client may have lost the right to it meanwhile.
bool Session::may_have(const Delivery& delivery) const {
  const Permissions* permissions = looks_again_ ? outlet_.wire->permissions() : nullptr;
  return permissions == nullptr || permissions->may_subscribe(delivery.message->topic());
}

bool Session::may_send() const {
  return connected() && outstanding_ < outlet_.receive_maximum &&
         outlet_.wire->pending_bytes() < host_.settings.output_bytes_max;
}

bool Session::window_takes(std::uint64_t sequence) const {
  return window_.empty() || sequence - front_sequence() < identifiers_max;
}

void Session::enter_window(Delivery delivery) {
  if (!window_.empty())
    while (front_sequence() + window_.size() < delivery.sequence) window_.push_back({});
  if (delivery.stage == Delivery::Stage::waiting)
    delivery.stage = delivery.qos == mqtt::Qos::at_least_once ? Delivery::Stage::await_puback
                                                              : Delivery::Stage::await_pubrec;
  delivery.sent = delivery.sent_before = true;
  window_.push_back(std::move(delivery));
  resend_from_ = std::uint32_t(window_.size());
  ++outstanding_;
}

void Session::pump(MonoTime now) {
  if (resend_from_ < window_.size()) resend(now);
  if (resend_from_ == window_.size() && !queue_.empty()) take_from_queue(now);
}

void Session::resend(MonoTime now) {
  for (; resend_from_ < window_.size() && may_send(); ++resend_from_) {
    Delivery& entry = window_[resend_from_];
    if (entry.stage == Delivery::Stage::done || entry.sent) continue;
    if (must_wait(entry)) return;
    const std::uint16_t identifier = identifier_of(front_sequence() + resend_from_);
    if (entry.stage == Delivery::Stage::await_pubcomp) {
      const std::uint8_t pubrel[] = {0x62, 2, std::uint8_t(identifier >> 8),
                                     std::uint8_t(identifier)};
      outlet_.wire->send(pubrel);
      ++host_.counters.packets_out;
    } else if (!send_special(entry.message->view(), entry.shape(), identifier, entry.sent_before,
                             now)) {
      record_done(entry);
      entry.stage = Delivery::Stage::done;
      continue;
    }
    entry.sent = entry.sent_before = true;
    ++outstanding_;
  }
  trim_window();
}

void Session::take_from_queue(MonoTime now) {
  while (may_send()) {
    const Delivery* const front = queue_.front();
    finish_skipped();
    if (front == nullptr) return;
    const bool qos0 = front->qos == mqtt::Qos::at_most_once;
    if (!qos0 && !window_takes(front->sequence)) return;
    if (must_wait(*front)) return;
    Delivery next = take_queued();
    const std::uint16_t identifier = qos0 ? 0 : identifier_of(next.sequence);
    const bool may = may_have(next);
    if (!may) ++host_.counters.dropped;
    // Expiry is noticed at the head (broker.md 2.3).
    const bool sent = may && !next.message->expired(now) &&
                      send_special(next.message->view(), next.shape(), identifier, false, now);
    if (!sent)
      record_done(next);
    else if (!qos0)
      enter_window(std::move(next));
  }
}

Delivery* Session::find(std::uint16_t packet_identifier) {
  if (packet_identifier == 0 || window_.empty()) return nullptr;
  const std::size_t index =
      (packet_identifier + identifiers_max - identifier_of(front_sequence())) % identifiers_max;
  if (index >= window_.size()) return nullptr;
  Delivery& entry = window_[index];
  return entry.sent && entry.stage != Delivery::Stage::done ? &entry : nullptr;
}

void Session::finish(Delivery& entry) {
  record_done(entry);
  entry.stage = Delivery::Stage::done;
  entry.message = {};
  --outstanding_;
  trim_window();
}

void Session::trim_window() {
  while (!window_.empty() && window_.front().stage == Delivery::Stage::done) {
    window_.pop_front();
    if (resend_from_ > 0) --resend_from_;
  }
}

bool Session::on_puback(std::uint16_t packet_identifier, MonoTime now) {
  Delivery* entry = find(packet_identifier);
  if (entry == nullptr || entry->stage != Delivery::Stage::await_puback) return false;
  finish(*entry);
  pump(now);
  return true;
}

Session::Pubrec Session::on_pubrec(std::uint16_t packet_identifier, mqtt::ReasonCode reason,
                                   MonoTime now) {
  Delivery* entry = find(packet_identifier);
  if (entry == nullptr || entry->stage == Delivery::Stage::await_puback) return Pubrec::unknown;
  if (mqtt::is_error(reason)) {  // the receiver does not want it: the exchange ends (MQTT-4.3.3-4)
    finish(*entry);
    pump(now);
    return Pubrec::ended;
  }
  if (entry->stage == Delivery::Stage::await_pubrec && entry->position != 0) {
    entry->position = host_.recorder->next_position();
    host_.recorder->write(records::DeliveryReceived{number_, entry->sequence});
  }
  entry->stage = Delivery::Stage::await_pubcomp;
  entry->message = {};
  return Pubrec::release;
}

bool Session::on_pubcomp(std::uint16_t packet_identifier, MonoTime now) {
  Delivery* entry = find(packet_identifier);
  if (entry == nullptr || entry->stage != Delivery::Stage::await_pubcomp) return false;
  finish(*entry);
  pump(now);
  return true;
}

bool Session::is_receiving(std::uint16_t packet_identifier) const {
  return std::ranges::binary_search(receiving_->all, packet_identifier);
}

void Session::restore_receiving(std::uint16_t packet_identifier, bool taken) {
  std::vector<std::uint16_t>& all = receiving_.made().all;
  const auto at = std::ranges::lower_bound(all, packet_identifier);
  const bool there = at != all.end() && *at == packet_identifier;
  if (taken && !there) all.insert(at, packet_identifier);
  if (!taken && there) all.erase(at);
  receiving_.made().half.erase(packet_identifier);
}

void Session::restore_half_received(const records::HalfReceived& half) {
  if (half.content == 0) return;
  records::HalfReceived& known = receiving_.made().half[half.packet_identifier];
  if (known.content != half.content) known = {half.packet_identifier, half.content, {}};
  for (const std::uint64_t receiver : half.receivers)
    if (std::ranges::find(known.receivers, receiver) == known.receivers.end())
      known.receivers.push_back(receiver);
}

records::HalfReceived Session::take_half_received(std::uint16_t packet_identifier) {
  if (receiving_->half.empty()) return {};
  const auto node = receiving_.made().half.extract(packet_identifier);
  return node.empty() ? records::HalfReceived{} : std::move(node.mapped());
}

std::vector<std::uint64_t> Session::begin_half(std::uint16_t packet_identifier,
                                               const MessageView& message) {
  records::HalfReceived half = take_half_received(packet_identifier);
  if (half.content == 0) return {};
  if (half.content == content_of(message)) return std::move(half.receivers);
  host_.recorder->write(records::ReceiveState{number_, packet_identifier, true});
  return {};
}

std::vector<records::HalfReceived> Session::half_received() const {
  std::vector<records::HalfReceived> out;
  for (const std::uint16_t one : receiving_->unrecorded) out.push_back({one, 0, {}});
  for (const auto& [identifier, half] : receiving_->half) out.push_back(half);
  return out;
}

bool Session::begin_receive(std::uint16_t packet_identifier) {
  std::vector<std::uint16_t>& all = receiving_.made().all;
  const auto at = std::ranges::lower_bound(all, packet_identifier);
  if (at != all.end() && *at == packet_identifier) return false;
  all.insert(at, packet_identifier);
  if (number_ != 0) receiving_.made().unrecorded.push_back(packet_identifier);
  return true;
}

void Session::record_receiving(std::uint16_t packet_identifier) {
  if (number_ == 0 || !is_receiving(packet_identifier)) return;
  std::erase(receiving_.made().unrecorded, packet_identifier);
  host_.recorder->write(records::ReceiveState{number_, packet_identifier, false});
}

std::vector<std::uint16_t> Session::recorded_receiving() const {
  std::vector<std::uint16_t> out = receiving_->all;
  for (const std::uint16_t one : receiving_->unrecorded) std::erase(out, one);
  return out;
}

bool Session::end_receive(std::uint16_t packet_identifier) {
  std::vector<std::uint16_t>& all = receiving_.made().all;
  const auto at = std::ranges::lower_bound(all, packet_identifier);
  if (at == all.end() || *at != packet_identifier) return false;
  all.erase(at);
  std::erase(receiving_.made().unrecorded, packet_identifier);
  if (number_ != 0 && host_.recorder != nullptr)
    host_.recorder->write(records::ReceiveState{number_, packet_identifier, true});
  return true;
}

bool Session::send_publish(Passage& message, const Shape& shape, std::uint16_t identifier,
                           MonoTime now) {
  if (!shape.identifiers.empty() || outlet_.aliases)
    return send_special(message.view(), shape, identifier, false, now);
  PacketCache::Packet& packet = message.packet(outlet_.version, shape, now);
  if (packet.bytes.size() > outlet_.packet_bytes_max) {
    // The client cannot take it: as if it had been delivered (MQTT-3.1.2-25).
    ++host_.counters.dropped;
    if (shape.qos == mqtt::Qos::at_most_once) ++host_.counters.qos0_dropped_out;
    return false;
  }
  if (identifier != 0) {
    packet.bytes[packet.identifier_at] = std::uint8_t(identifier >> 8);
    packet.bytes[packet.identifier_at + 1] = std::uint8_t(identifier);
  }
  outlet_.wire->send(packet.bytes);
  count_out(message.view(), packet.bytes.size(), now);
  return true;
}

bool Session::fits(const mqtt::Publish& publish) const {
  return mqtt::publish_bytes(publish, outlet_.version) <= outlet_.packet_bytes_max;
}

bool Session::send_special(const MessageView& message, const Shape& shape, std::uint16_t identifier,
                           bool duplicate, MonoTime now) {
  mqtt::Publish publish = publish_of(message, shape, now);
  publish.duplicate = duplicate;
  publish.packet_identifier = identifier;
  if (outlet_.version == mqtt::Version::v5)
    publish.subscription_identifiers.assign(shape.identifiers.begin(), shape.identifiers.end());
  if (outlet_.aliases) {
    bool known = false;
    publish.topic_alias = outlet_.aliases->alias_of(publish.topic, known);
    if (known)
      publish.topic = {};
    else if (!fits(publish))
      publish.topic_alias.reset();
  }
  if (!fits(publish)) {
    ++host_.counters.dropped;
    if (shape.qos == mqtt::Qos::at_most_once) ++host_.counters.qos0_dropped_out;
    return false;
  }
  if (publish.topic_alias && !publish.topic.empty())
    outlet_.aliases->told(*publish.topic_alias, publish.topic);
  Bytes& packet = scratch();
  mqtt::append_publish(publish, outlet_.version, packet);
  outlet_.wire->send(packet);
  count_out(message, packet.size(), now);
  return true;
}

void Session::trace_out(const MessageView& message, std::size_t bytes, MonoTime now) {
  trace->note({.at = now,
               .to_client = true,
               .bytes = bytes,
               .topic = std::string(message.topic.substr(0, ClientTrace::topic_bytes_max))});
}

std::optional<MonoTime> Session::oldest_since() const {
  for (std::size_t i = 0; i < window_.size(); ++i)
    if (window_[i].stage != Delivery::Stage::done) return window_[i].since;
  if (!queue_.empty()) return queue_.since();
  return std::nullopt;
}

void Session::restore_delivery(Delivery delivery) {
  next_sequence_ = std::max(next_sequence_, delivery.sequence + 1);
  const std::size_t bytes = delivery.size_bytes();
  queued_bytes_ += bytes;
  host_.counters.queued_bytes += bytes;
  ++host_.counters.queued_messages;
  queue_.all_in_memory().push_back(std::move(delivery));
}

/// By halving: what is read back is in the order of its sequence.
Delivery* Session::find_queued(std::uint64_t sequence) {
  Ring<Delivery>& all = queue_.all_in_memory();
  std::size_t low = 0;
  for (std::size_t high = all.size(); low < high;) {
    const std::size_t middle = (low + high) / 2;
    if (all[middle].sequence < sequence)
      low = middle + 1;
    else
      high = middle;
  }
  const bool found = low < all.size() && all[low].sequence == sequence;
  return found ? &all[low] : nullptr;
}

void Session::restore_done(std::uint64_t sequence) {
  restore_received(sequence);
  if (Delivery* done = find_queued(sequence)) done->stage = Delivery::Stage::done;
  Ring<Delivery>& all = queue_.all_in_memory();
  while (!all.empty() && all.front().stage == Delivery::Stage::done) {
    all.pop_front();
    --host_.counters.queued_messages;
  }
}

void Session::restore_received(std::uint64_t sequence) {
  Delivery* entry = find_queued(sequence);
  if (entry == nullptr) return;
  const std::size_t bytes = entry->size_bytes();
  queued_bytes_ -= bytes;
  host_.counters.queued_bytes -= bytes;
  entry->message = {};
  entry->stage = Delivery::Stage::await_pubcomp;
}

void Session::restore_end() {
  Ring<Delivery> all = std::exchange(queue_.all_in_memory(), {});
  std::size_t last_received = 0;  // + 1; everything up to it had been sent
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].stage == Delivery::Stage::await_pubcomp) last_received = i + 1;
  host_.counters.queued_messages -= all.size();
  std::size_t sent = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Delivery& one = all[i];
    if (one.stage == Delivery::Stage::done) continue;
    const bool was_sent = i < last_received || sent < receive_maximum;
    if (!was_sent || !queue_.empty() || !window_takes(one.sequence)) {
      queue_.all_in_memory().push_back(std::move(one));
      ++host_.counters.queued_messages;
      continue;
    }
    const std::size_t bytes = one.size_bytes();
    queued_bytes_ -= bytes;
    host_.counters.queued_bytes -= bytes;
    enter_window(std::move(one));
    ++sent;
  }
  outstanding_ = 0;
  resend_from_ = 0;
  for (std::size_t i = 0; i < window_.size(); ++i) window_[i].sent = false;
}

}  // namespace wireway::broker
