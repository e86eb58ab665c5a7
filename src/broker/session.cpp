#include "broker/session.h"

#include <algorithm>
#include <functional>

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

Session::Session(std::string client_identifier, const Settings& settings, Counters& counters)
    : client_identifier_(std::move(client_identifier)), settings_(settings), counters_(counters) {}

Session::~Session() {
  counters_.queued_bytes -= queued_bytes_ - queue_.disk_bytes();
  counters_.queued_messages -= queue_.size();
  if (recorder_ != nullptr) recorder_->forget(*this);
}

void Session::record_with(Recorder& recorder, std::uint64_t number, bool keeps_queue) {
  recorder_ = &recorder;
  number_ = number;
  keeps_queue_ = keeps_queue_ || keeps_queue;
}

void Session::record(Delivery& delivery) {
  recorder_->receiver(number_, delivery.sequence, delivery.shape());
  delivery.position = recorder_->next_position();
}

void Session::record_done(const Delivery& delivery) {
  if (delivery.position != 0) recorder_->write(records::DeliveryDone{number_, delivery.sequence});
}

/// A QoS 2 message must not reach the client before it is certain that it would have the same
/// packet identifier after a crash.
bool Session::must_wait(const Delivery& delivery) {
  if (delivery.qos != mqtt::Qos::exactly_once || delivery.position == 0) return false;
  if (recorder_->is_durable(delivery.position)) return false;
  recorder_->wait(*this);
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
    const bool room = outlet_.wire->pending_bytes() < settings_.output_bytes_max;
    if (room && queue_.empty()) {
      send_publish(message, shape, 0, now);
      return;
    }
    // Order among what this client gets; and a burst of retained messages is not a slow client.
    if (!room && !shape.retain) {
      ++counters_.dropped;
      ++counters_.qos0_dropped_out;
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
  const bool full = settings_.queue_messages_max && queue_.size() >= *settings_.queue_messages_max;
  if (full && settings_.drop_oldest && !queue_.empty()) drop_oldest();
  const std::size_t bytes = delivery.size_bytes();
  queued_bytes_ += bytes;
  counters_.queued_bytes += bytes;
  ++counters_.queued_messages;
  queue_.push(std::move(delivery));
}

void Session::drop_oldest() {
  ++counters_.dropped;
  if (queue_.front_in_memory()) {
    record_done(take_queued());
    return finish_skipped();
  }
  --counters_.queued_messages;
  const auto gone = queue_.skip_front();
  if (!gone) return;
  queued_bytes_ -= gone->bytes;
  if (!keeps_queue_ || gone->first_sequence == 0) return;
  for (std::uint64_t one = gone->first_sequence; one <= gone->last_sequence; ++one)
    recorder_->write(records::DeliveryDone{number_, one});
}

/// What was dropped while it was on disk.
void Session::finish_skipped() {
  for (const Delivery& one : queue_.take_skipped()) {
    queued_bytes_ -= one.size_bytes();
    counters_.queued_bytes -= one.size_bytes();
    record_done(one);
  }
}

void Session::count_dequeued(const Delivery& delivery) {
  const std::size_t bytes = delivery.size_bytes();
  queued_bytes_ -= bytes;
  counters_.queued_bytes -= bytes;
  --counters_.queued_messages;
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
         outlet_.wire->pending_bytes() < settings_.output_bytes_max;
}

bool Session::window_takes(std::uint64_t sequence) const {
  return window_.empty() || sequence - front_sequence_ < identifiers_max;
}

void Session::enter_window(Delivery delivery) {
  if (window_.empty()) front_sequence_ = delivery.sequence;
  while (front_sequence_ + window_.size() < delivery.sequence) window_.push_back({});
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
    const std::uint16_t identifier = identifier_of(front_sequence_ + resend_from_);
    if (entry.stage == Delivery::Stage::await_pubcomp) {
      const std::uint8_t pubrel[] = {0x62, 2, std::uint8_t(identifier >> 8),
                                     std::uint8_t(identifier)};
      outlet_.wire->send(pubrel);
      ++counters_.packets_out;
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
    if (!may) ++counters_.dropped;
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
      (packet_identifier + identifiers_max - identifier_of(front_sequence_)) % identifiers_max;
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
    ++front_sequence_;
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
    entry->position = recorder_->next_position();
    recorder_->write(records::DeliveryReceived{number_, entry->sequence});
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
  return std::ranges::binary_search(*receiving_, packet_identifier);
}

void Session::restore_receiving(std::uint16_t packet_identifier, bool taken) {
  std::vector<std::uint16_t>& all = receiving_.made();
  const auto at = std::ranges::lower_bound(all, packet_identifier);
  const bool there = at != all.end() && *at == packet_identifier;
  if (taken && !there) all.insert(at, packet_identifier);
  if (!taken && there) all.erase(at);
  if (half_received_) half_received_->erase(packet_identifier);
}

void Session::restore_half_received(const records::HalfReceived& half) {
  if (half.content == 0) return;
  if (!half_received_) half_received_ = std::make_unique<decltype(half_received_)::element_type>();
  records::HalfReceived& known = (*half_received_)[half.packet_identifier];
  if (known.content != half.content) known = {half.packet_identifier, half.content, {}};
  for (const std::uint64_t receiver : half.receivers)
    if (std::ranges::find(known.receivers, receiver) == known.receivers.end())
      known.receivers.push_back(receiver);
}

records::HalfReceived Session::take_half_received(std::uint16_t packet_identifier) {
  if (!half_received_) return {};
  const auto node = half_received_->extract(packet_identifier);
  if (half_received_->empty()) half_received_.reset();
  return node.empty() ? records::HalfReceived{} : std::move(node.mapped());
}

std::vector<std::uint64_t> Session::begin_half(std::uint16_t packet_identifier,
                                               const MessageView& message) {
  records::HalfReceived half = take_half_received(packet_identifier);
  if (half.content == 0) return {};
  if (half.content == content_of(message)) return std::move(half.receivers);
  recorder_->write(records::ReceiveState{number_, packet_identifier, true});
  return {};
}

std::vector<records::HalfReceived> Session::half_received() const {
  std::vector<records::HalfReceived> out;
  for (const std::uint16_t one : *receiving_unrecorded_) out.push_back({one, 0, {}});
  if (!half_received_) return out;
  for (const auto& [identifier, half] : *half_received_) out.push_back(half);
  return out;
}

bool Session::begin_receive(std::uint16_t packet_identifier) {
  std::vector<std::uint16_t>& all = receiving_.made();
  const auto at = std::ranges::lower_bound(all, packet_identifier);
  if (at != all.end() && *at == packet_identifier) return false;
  all.insert(at, packet_identifier);
  if (number_ != 0) receiving_unrecorded_.made().push_back(packet_identifier);
  return true;
}

void Session::record_receiving(std::uint16_t packet_identifier) {
  if (number_ == 0 || !is_receiving(packet_identifier)) return;
  std::erase(receiving_unrecorded_.made(), packet_identifier);
  recorder_->write(records::ReceiveState{number_, packet_identifier, false});
}

std::vector<std::uint16_t> Session::recorded_receiving() const {
  std::vector<std::uint16_t> out = *receiving_;
  for (const std::uint16_t one : *receiving_unrecorded_) std::erase(out, one);
  return out;
}

bool Session::end_receive(std::uint16_t packet_identifier) {
  std::vector<std::uint16_t>& all = receiving_.made();
  const auto at = std::ranges::lower_bound(all, packet_identifier);
  if (at == all.end() || *at != packet_identifier) return false;
  all.erase(at);
  std::erase(receiving_unrecorded_.made(), packet_identifier);
  if (number_ != 0) recorder_->write(records::ReceiveState{number_, packet_identifier, true});
  return true;
}

bool Session::send_publish(Passage& message, const Shape& shape, std::uint16_t identifier,
                           MonoTime now) {
  if (!shape.identifiers.empty() || outlet_.aliases)
    return send_special(message.view(), shape, identifier, false, now);
  PacketCache::Packet& packet = message.packet(outlet_.version, shape, now);
  if (packet.bytes.size() > outlet_.packet_bytes_max) {
    // The client cannot take it: as if it had been delivered (MQTT-3.1.2-25).
    ++counters_.dropped;
    if (shape.qos == mqtt::Qos::at_most_once) ++counters_.qos0_dropped_out;
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
    ++counters_.dropped;
    if (shape.qos == mqtt::Qos::at_most_once) ++counters_.qos0_dropped_out;
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
  counters_.queued_bytes += bytes;
  ++counters_.queued_messages;
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
    --counters_.queued_messages;
  }
}

void Session::restore_received(std::uint64_t sequence) {
  Delivery* entry = find_queued(sequence);
  if (entry == nullptr) return;
  const std::size_t bytes = entry->size_bytes();
  queued_bytes_ -= bytes;
  counters_.queued_bytes -= bytes;
  entry->message = {};
  entry->stage = Delivery::Stage::await_pubcomp;
}

void Session::restore_end(std::uint16_t receive_maximum) {
  Ring<Delivery> all = std::exchange(queue_.all_in_memory(), {});
  std::size_t last_received = 0;  // + 1; everything up to it had been sent
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].stage == Delivery::Stage::await_pubcomp) last_received = i + 1;
  counters_.queued_messages -= all.size();
  std::size_t sent = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Delivery& one = all[i];
    if (one.stage == Delivery::Stage::done) continue;
    const bool was_sent = i < last_received || sent < receive_maximum;
    if (!was_sent || !queue_.empty() || !window_takes(one.sequence)) {
      queue_.all_in_memory().push_back(std::move(one));
      ++counters_.queued_messages;
      continue;
    }
    const std::size_t bytes = one.size_bytes();
    queued_bytes_ -= bytes;
    counters_.queued_bytes -= bytes;
    enter_window(std::move(one));
    ++sent;
  }
  outstanding_ = 0;
  resend_from_ = 0;
  for (std::size_t i = 0; i < window_.size(); ++i) window_[i].sent = false;
}

}  // namespace wireway::broker
