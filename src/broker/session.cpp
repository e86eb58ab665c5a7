#include "broker/session.h"

#include <algorithm>

#include "wire/mqtt/codec.h"

namespace wireway::broker {
namespace {

constexpr std::size_t identifiers_max = 65535;

std::size_t bytes_of(const Delivery& delivery) {
  return delivery.message ? delivery.message->size_bytes() : 0;
}

std::uint32_t seconds_left(const StoredMessage& message, MonoTime now) {
  const auto left = std::chrono::ceil<std::chrono::seconds>(*message.expires_at - now).count();
  return std::uint32_t(std::clamp<std::int64_t>(left, 1, UINT32_MAX));
}

}  // namespace

Session::Session(std::string client_identifier, const Settings& settings, Counters& counters)
    : client_identifier_(std::move(client_identifier)), settings_(settings), counters_(counters) {}

Session::~Session() { counters_.queued_bytes -= queued_bytes_; }

void Session::attach(const Outlet& outlet, MonoTime now) {
  outlet_ = outlet;
  outstanding_ = 0;
  resend_from_ = 0;
  for (InFlight& entry : window_) entry.sent = false;
  pump(now);
}

void Session::detach() { outlet_.wire = nullptr; }

void Session::deliver(Delivery delivery, MonoTime now) {
  if (delivery.qos == mqtt::Qos::at_most_once) {
    if (!connected()) return;  // a client that is away has not asked for QoS 0
    const bool room = outlet_.wire->pending_bytes() < settings_.output_bytes_max;
    if (room && queue_.empty()) send_publish(delivery, 0, false, now);
    // Order among what this client gets; and a burst of retained messages is not a slow client.
    else if (room || delivery.retain)
      enqueue(std::move(delivery));
    else
      ++counters_.dropped;
    return;
  }
  enqueue(std::move(delivery));
  pump(now);
}

void Session::enqueue(Delivery delivery) {
  const bool full = settings_.queue_messages_max && queue_.size() >= *settings_.queue_messages_max;
  if (full && settings_.drop_oldest && !queue_.empty()) {
    const std::size_t oldest = bytes_of(queue_.front());
    queued_bytes_ -= oldest;
    counters_.queued_bytes -= oldest;
    queue_.pop_front();
    ++counters_.dropped;
  }
  const std::size_t bytes = bytes_of(delivery);
  queued_bytes_ += bytes;
  counters_.queued_bytes += bytes;
  queue_.push_back(std::move(delivery));
}

bool Session::may_send() const {
  return connected() && outstanding_ < outlet_.receive_maximum &&
         outlet_.wire->pending_bytes() < settings_.output_bytes_max;
}

void Session::pump(MonoTime now) {
  resend(now);
  if (resend_from_ == window_.size()) take_from_queue(now);
}

void Session::resend(MonoTime now) {
  for (; resend_from_ < window_.size() && may_send(); ++resend_from_) {
    InFlight& entry = window_[resend_from_];
    if (entry.stage == Stage::done || entry.sent) continue;
    const std::uint16_t identifier = identifier_at(resend_from_);
    if (entry.stage == Stage::await_pubcomp) {
      send_pubrel(identifier);
    } else if (!send_publish(entry.delivery, identifier, entry.sent_before, now)) {
      entry.stage = Stage::done;
      continue;
    }
    entry.sent = entry.sent_before = true;
    ++outstanding_;
  }
  trim_window();
}

void Session::take_from_queue(MonoTime now) {
  while (!queue_.empty() && may_send() && window_.size() < identifiers_max) {
    Delivery next = std::move(queue_.front());
    queue_.pop_front();
    const std::size_t bytes = bytes_of(next);
    queued_bytes_ -= bytes;
    counters_.queued_bytes -= bytes;
    if (next.message->expired(now)) continue;  // expiry is noticed at the head (broker.md 2.3)
    if (next.qos == mqtt::Qos::at_most_once) {
      send_publish(next, 0, false, now);
      continue;
    }
    if (!send_publish(next, identifier_at(window_.size()), false, now)) continue;
    InFlight entry;
    entry.stage = next.qos == mqtt::Qos::at_least_once ? Stage::await_puback : Stage::await_pubrec;
    entry.delivery = std::move(next);
    entry.sent = entry.sent_before = true;
    window_.push_back(std::move(entry));
    resend_from_ = window_.size();
    ++outstanding_;
  }
}

std::uint16_t Session::identifier_at(std::size_t index) const {
  return std::uint16_t((front_identifier_ - 1U + index) % identifiers_max + 1U);
}

Session::InFlight* Session::find(std::uint16_t packet_identifier) {
  if (packet_identifier == 0) return nullptr;
  const std::size_t index =
      (packet_identifier + identifiers_max - front_identifier_) % identifiers_max;
  if (index >= window_.size()) return nullptr;
  InFlight& entry = window_[index];
  return entry.sent && entry.stage != Stage::done ? &entry : nullptr;
}

void Session::finish(InFlight& entry) {
  entry.stage = Stage::done;
  entry.delivery = {};
  --outstanding_;
  trim_window();
}

void Session::trim_window() {
  while (!window_.empty() && window_.front().stage == Stage::done) {
    window_.pop_front();
    front_identifier_ = front_identifier_ == identifiers_max ? 1 : front_identifier_ + 1;
    if (resend_from_ > 0) --resend_from_;
  }
}

bool Session::on_puback(std::uint16_t packet_identifier, MonoTime now) {
  InFlight* entry = find(packet_identifier);
  if (entry == nullptr || entry->stage != Stage::await_puback) return false;
  finish(*entry);
  pump(now);
  return true;
}

bool Session::on_pubrec(std::uint16_t packet_identifier, mqtt::ReasonCode reason, MonoTime now) {
  InFlight* entry = find(packet_identifier);
  if (entry == nullptr || entry->stage == Stage::await_puback) return false;
  if (mqtt::is_error(reason)) {  // the receiver does not want it: the exchange ends (MQTT-4.3.3-4)
    finish(*entry);
    pump(now);
    return true;
  }
  entry->stage = Stage::await_pubcomp;
  entry->delivery = {};
  send_pubrel(packet_identifier);
  return true;
}

bool Session::on_pubcomp(std::uint16_t packet_identifier, MonoTime now) {
  InFlight* entry = find(packet_identifier);
  if (entry == nullptr || entry->stage != Stage::await_pubcomp) return false;
  finish(*entry);
  pump(now);
  return true;
}

bool Session::begin_receive(std::uint16_t packet_identifier) {
  return receiving_.insert(packet_identifier).second;
}

bool Session::end_receive(std::uint16_t packet_identifier) {
  return receiving_.erase(packet_identifier) > 0;
}

bool Session::send_publish(const Delivery& delivery, std::uint16_t identifier, bool duplicate,
                           MonoTime now) {
  const StoredMessage& message = *delivery.message;
  mqtt::Publish publish;
  publish.duplicate = duplicate;
  publish.qos = delivery.qos;
  publish.retain = delivery.retain;
  publish.packet_identifier = identifier;
  publish.topic = message.topic;
  publish.forwarded_properties = message.forwarded_properties;
  publish.subscription_identifiers = delivery.identifiers;
  if (message.expires_at) publish.message_expiry_interval_s = seconds_left(message, now);
  publish.payload = message.payload;
  if (mqtt::publish_bytes(publish, outlet_.version) > outlet_.packet_bytes_max) {
    // The client cannot take it: as if it had been delivered (MQTT-3.1.2-25).
    ++counters_.dropped;
    return false;
  }
  packet_.clear();
  mqtt::append_publish(publish, outlet_.version, packet_);
  outlet_.wire->send(packet_);
  ++counters_.messages_out;
  counters_.bytes_out += packet_.size();
  return true;
}

void Session::send_pubrel(std::uint16_t identifier) {
  packet_.clear();
  const mqtt::PublishReply pubrel{
      mqtt::PacketType::pubrel, identifier, mqtt::ReasonCode::success, {}};
  mqtt::append(pubrel, outlet_.version, packet_);
  outlet_.wire->send(packet_);
}

}  // namespace wireway::broker
