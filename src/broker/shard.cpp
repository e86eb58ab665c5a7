#include "broker/shard.h"

#include <algorithm>

#include "base/assert.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/topic.h"

namespace wireway::broker {

using mqtt::ReasonCode;

/// A session with all that the shard knows of it.
struct Shard::Entry {
  Entry(std::string identifier, const Settings& settings, Counters& counters)
      : session(std::move(identifier), settings, counters) {}

  Session session;
  std::unique_ptr<Client> client;
  std::uint32_t expiry_s = 0;
  std::optional<MonoTime> expires_at;  ///< while disconnected
  std::optional<mqtt::Will> will;
  std::optional<MonoTime> will_at;  ///< a will that waits for its delay
  std::optional<MonoTime> deadline;
};

std::size_t shard_of(std::string_view name, std::size_t count) {
  std::uint64_t hash = 1469598103934665603ULL;  // FNV-1a: the same on every machine and run
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return std::size_t((hash ^ (hash >> 32)) % count);
}

Shard::Shard(std::size_t index, Mesh& mesh, Settings settings)
    : index_(index), mesh_(mesh), settings_(settings) {}

Shard::~Shard() = default;

Counters Shard::counters() const {
  Counters out = counters_;
  out.sessions = sessions_.size();
  out.subscriptions = tree_.size();
  out.retained = retained_.size();
  out.queued_bytes += retained_.size_bytes();
  return out;
}

bool Shard::busy() const {
  const std::size_t used = counters_.queued_bytes + retained_.size_bytes();
  return others_busy_ || used >= settings_.queued_bytes_max / 100 * Settings::busy_percent;
}

Shard::Entry* Shard::find(const std::string& client_identifier) {
  const auto found = sessions_.find(client_identifier);
  return found == sessions_.end() ? nullptr : found->second.get();
}

namespace {

/// The session expiry that a CONNECT asks for, within the configured cap.
std::uint32_t session_expiry_of(const mqtt::Connect& connect, const Settings& settings) {
  std::uint32_t wanted = connect.properties.session_expiry_interval_s.value_or(0);
  if (connect.version == mqtt::Version::v311)
    wanted = connect.clean_start ? 0 : mqtt::session_never_expires;
  return std::min(wanted, settings.session_expiry_s_max.value_or(mqtt::session_never_expires));
}

std::uint16_t keep_alive_of(const mqtt::Connect& connect, const Settings& settings) {
  if (settings.keep_alive_s_max == 65535) return connect.keep_alive_s;
  if (connect.keep_alive_s == 0) return settings.keep_alive_s_max;
  return std::min(connect.keep_alive_s, settings.keep_alive_s_max);
}

std::optional<mqtt::Refused> verdict(const mqtt::Connect& connect) {
  if (connect.properties.authentication_method)
    return mqtt::Refused{ReasonCode::bad_authentication_method, "MQTT-4.12.0-1"};
  const bool anonymous_session = connect.version == mqtt::Version::v311 &&
                                 connect.client_identifier.empty() && !connect.clean_start;
  if (anonymous_session)
    return mqtt::Refused{ReasonCode::client_identifier_not_valid, "MQTT-3.1.3-8"};
  return std::nullopt;
}

void send_connack(Wire& wire, mqtt::Version version, const mqtt::Connack& connack) {
  Bytes out;
  mqtt::append(connack, version, out);
  wire.send(out);
}

Outlet outlet_of(Wire& wire, const mqtt::Connect& connect, const Settings& settings) {
  Outlet outlet;
  outlet.wire = &wire;
  outlet.version = connect.version;
  outlet.receive_maximum = std::min(connect.properties.receive_maximum.value_or(65535),
                                    settings.client_receive_maximum_max);
  outlet.packet_bytes_max =
      connect.properties.maximum_packet_size.value_or(std::uint32_t(mqtt::packet_bytes_limit));
  return outlet;
}

}  // namespace

Shard::Entry& Shard::session_for(const mqtt::Connect& connect, bool& present, MonoTime now) {
  Entry* entry = find(connect.client_identifier);
  if (entry != nullptr && entry->client) {
    take_over(*entry, now);
    entry = find(connect.client_identifier);  // a session without expiry ended with its connection
  }
  if (entry != nullptr && connect.clean_start) {
    if (entry->will_at) send_will(*entry, now);
    end_session(connect.client_identifier);
    entry = nullptr;
  }
  present = entry != nullptr;
  if (entry == nullptr) {
    auto made = std::make_unique<Entry>(connect.client_identifier, settings_, counters_);
    entry = sessions_.emplace(connect.client_identifier, std::move(made)).first->second.get();
  }
  return *entry;
}

/// The same client connects again: the old connection ends first (MQTT-3.1.4-3).
void Shard::take_over(Entry& entry, MonoTime now) {
  Client& old = *entry.client;
  old.disconnect(ReasonCode::session_taken_over, "the same client identifier connected again");
  old.wire().forget_client();
  closed(old, now);
}

Client* Shard::connect(Wire& wire, mqtt::Connect connect, std::string peer,
                       std::string assigned_identifier, MonoTime now) {
  if (const auto refused = verdict(connect)) {
    send_connack(wire, connect.version, {false, refused->code, {}});
    wire.close();
    return nullptr;
  }
  mqtt::Connack connack;
  if (connect.client_identifier.empty()) {
    connect.client_identifier = std::move(assigned_identifier);
    connack.properties.assigned_client_identifier = connect.client_identifier;
  }
  bool present = false;
  Entry& entry = session_for(connect, present, now);
  entry.expires_at.reset();
  entry.will_at.reset();  // connected again before the delay: the will is not sent (MQTT-3.1.3-9)
  entry.will = std::move(connect.will);
  entry.client = std::make_unique<Client>(*this, entry.session, wire, connect, std::move(peer));
  Client& client = *entry.client;
  client.last_packet_ = now;
  client.keep_alive_s_ = keep_alive_of(connect, settings_);
  entry.expiry_s = client.session_expiry_s_ = session_expiry_of(connect, settings_);
  ++counters_.connections;
  schedule(entry);

  connack.session_present = present;
  mqtt::Properties& p = connack.properties;
  if (entry.expiry_s != connect.properties.session_expiry_interval_s.value_or(0))
    p.session_expiry_interval_s = entry.expiry_s;
  if (client.keep_alive_s_ != connect.keep_alive_s) p.server_keep_alive_s = client.keep_alive_s_;
  p.receive_maximum = settings_.receive_maximum;
  p.topic_alias_maximum = settings_.topic_alias_maximum;
  p.maximum_packet_size = std::uint32_t(settings_.packet_bytes_max);
  send_connack(wire, connect.version, connack);
  entry.session.attach(outlet_of(wire, connect, settings_), now);
  if (present) change_groups_of(entry, false);
  return &client;
}

void Shard::closed(Client& client, MonoTime now) {
  Entry* entry = find(client.session_.client_identifier());
  WIREWAY_ASSERT(entry != nullptr && entry->client.get() == &client,
                 "a Client is closed once, by the shard that made it");
  entry->session.detach();
  entry->expiry_s = client.session_expiry_s_;
  if (!client.will_wanted_) entry->will.reset();
  const std::unique_ptr<Client> ended = std::move(entry->client);
  --counters_.connections;
  if (entry->will) {
    const auto delay = entry->will->properties.will_delay_interval_s.value_or(0);
    const auto at = std::min(delay, entry->expiry_s);  // not after the session's end
    if (at == 0)
      send_will(*entry, now);
    else
      entry->will_at = now + std::chrono::seconds{at};
  }
  if (entry->expiry_s == 0) {
    end_session(ended->session_.client_identifier());
    return;
  }
  if (entry->expiry_s != mqtt::session_never_expires)
    entry->expires_at = now + std::chrono::seconds{entry->expiry_s};
  change_groups_of(*entry, false);
  schedule(*entry);
}

void Shard::end_session(const std::string& client_identifier) {
  const auto found = sessions_.find(client_identifier);
  if (found == sessions_.end()) return;
  const std::unique_ptr<Entry> entry = std::move(found->second);
  sessions_.erase(found);
  set_deadline(*entry, std::nullopt);
  for (const auto& [filter, subscribed] : entry->session.filters) {
    if (mqtt::parse_shared_filter(filter))
      change_group(filter, *entry, true);
    else
      tree_.erase(filter, entry->session);
  }
}

void Shard::send_will(Entry& entry, MonoTime now) {
  if (!entry.will) return;
  mqtt::Will will = std::move(*entry.will);
  entry.will.reset();
  entry.will_at.reset();
  StoredMessage message;
  message.topic = std::move(will.topic);
  message.payload = std::move(will.payload);
  message.qos = will.qos;
  message.retain = will.retain;
  const mqtt::Properties& p = will.properties;
  message.forwarded_properties =
      mqtt::encode_forwarded({.payload_is_utf8 = p.payload_format_indicator.value_or(0) == 1,
                              .content_type = p.content_type.value_or(""),
                              .response_topic = p.response_topic.value_or(""),
                              .correlation_data = p.correlation_data.value_or(Bytes{}),
                              .user_properties = p.user_properties});
  if (p.message_expiry_interval_s)
    message.expires_at = now + std::chrono::seconds{*p.message_expiry_interval_s};
  message.publisher = entry.session.client_identifier();
  publish(std::move(message), now);
}

void Shard::publish(StoredMessage message, MonoTime now) {
  if (settings_.message_expiry_s_max) {
    const MonoTime latest = now + std::chrono::seconds{*settings_.message_expiry_s_max};
    message.expires_at = message.expires_at ? std::min(*message.expires_at, latest) : latest;
  }
  const auto shared = std::make_shared<const StoredMessage>(std::move(message));
  if (shared->retain) {
    const std::size_t owner = shard_of(shared->topic, mesh_.count());
    if (owner == index_)
      retained_.put(shared);
    else
      mesh_.send(owner, RetainedPut{shared});
  }
  deliver_here(shared, now);
  for (std::size_t other = 0; other < mesh_.count(); ++other)
    if (other != index_) mesh_.send(other, Routed{shared});
}

namespace {

/// The one copy that a session gets of a message; false = none of its subscriptions wants it.
bool combine(const MessagePtr& message, const Receiver& receiver, Delivery& out) {
  bool wanted = false;
  auto qos = mqtt::Qos::at_most_once;
  for (const Subscription& one : receiver.subscriptions) {
    if (one.no_local && message->publisher == receiver.session->client_identifier()) continue;
    wanted = true;
    qos = std::max(qos, one.qos);
    out.retain = out.retain || (one.retain_as_published && message->retain);
    if (one.identifier != 0) out.identifiers.push_back(one.identifier);
  }
  out.message = message;
  out.qos = std::min(qos, message->qos);
  return wanted;
}

}  // namespace

void Shard::deliver_here(const MessagePtr& message, MonoTime now) {
  for (const Receiver& receiver : tree_.match(message->topic)) {
    Delivery delivery;
    if (combine(message, receiver, delivery)) receiver.session->deliver(std::move(delivery), now);
  }
  deliver_groups(groups_.choose(message), now);
}

void Shard::deliver_groups(std::vector<GroupDelivery> deliveries, MonoTime now) {
  for (GroupDelivery& delivery : deliveries) {
    if (delivery.member.shard == index_)
      hand_over(delivery, now);
    else
      mesh_.send(delivery.member.shard, std::move(delivery));
  }
}

void Shard::hand_over(const GroupDelivery& delivery, MonoTime now) {
  Entry* entry = find(delivery.member.client_identifier);
  if (entry != nullptr && entry->session.filters.contains(delivery.shared_filter)) {
    Delivery out;
    out.message = delivery.message;
    out.qos = std::min(delivery.member.qos, delivery.message->qos);
    out.retain = delivery.member.retain_as_published && delivery.message->retain;
    if (delivery.member.identifier != 0) out.identifiers.push_back(delivery.member.identifier);
    entry->session.deliver(std::move(out), now);
    return;
  }
  // The member left while the message was on its way: the owner chooses another one.
  const std::size_t owner = shard_of(delivery.shared_filter, mesh_.count());
  if (owner == index_)
    deliver_groups(groups_.choose_again(delivery), now);
  else
    mesh_.send(owner, delivery);
}

void Shard::subscribe(Client& client, const mqtt::SubscribeEntry& wanted, std::uint32_t identifier,
                      MonoTime now) {
  Entry* entry = find(client.session_.client_identifier());
  WIREWAY_ASSERT(entry != nullptr, "a connected client has a session");
  const Subscribed subscribed{wanted, identifier};
  const bool is_new = entry->session.filters.insert_or_assign(wanted.filter, subscribed).second;
  if (mqtt::parse_shared_filter(wanted.filter)) {
    change_group(wanted.filter, *entry, false);  // no retained messages (section 4.8.2)
    return;
  }
  tree_.insert(wanted.filter, {&entry->session, wanted.qos, wanted.no_local,
                               wanted.retain_as_published, identifier});
  want_retained(*entry, subscribed, is_new, now);
}

bool Shard::unsubscribe(Session& session, const std::string& filter) {
  Entry* entry = find(session.client_identifier());
  if (session.filters.erase(filter) == 0) return false;
  if (mqtt::parse_shared_filter(filter))
    change_group(filter, *entry, true);
  else
    tree_.erase(filter, session);
  return true;
}

void Shard::want_retained(Entry& entry, const Subscribed& subscribed, bool is_new, MonoTime now) {
  const auto handling = subscribed.entry.retain_handling;
  if (handling == mqtt::RetainHandling::never) return;
  if (handling == mqtt::RetainHandling::send_if_new && !is_new) return;
  const std::string& identifier = entry.session.client_identifier();
  give_retained(identifier, subscribed, retained_.match(subscribed.entry.filter, now), now);
  for (std::size_t other = 0; other < mesh_.count(); ++other)
    if (other != index_) mesh_.send(other, RetainedWanted{index_, identifier, subscribed});
}

void Shard::give_retained(const std::string& client_identifier, const Subscribed& subscribed,
                          const std::vector<MessagePtr>& messages, MonoTime now) {
  Entry* entry = find(client_identifier);
  if (entry == nullptr || !entry->session.filters.contains(subscribed.entry.filter)) return;
  for (const MessagePtr& message : messages) {
    if (subscribed.entry.no_local && message->publisher == client_identifier) continue;
    Delivery delivery{message, std::min(subscribed.entry.qos, message->qos), true, {}};
    if (subscribed.identifier != 0) delivery.identifiers.push_back(subscribed.identifier);
    entry->session.deliver(std::move(delivery), now);
  }
}

void Shard::change_group(const std::string& filter, Entry& entry, bool leave) {
  const auto found = entry.session.filters.find(filter);
  GroupChange change{filter, {}, leave};
  change.member.shard = index_;
  change.member.client_identifier = entry.session.client_identifier();
  change.member.connected = entry.session.connected();
  if (found != entry.session.filters.end()) {
    change.member.qos = found->second.entry.qos;
    change.member.retain_as_published = found->second.entry.retain_as_published;
    change.member.identifier = found->second.identifier;
  }
  const std::size_t owner = shard_of(filter, mesh_.count());
  if (owner == index_)
    groups_.change(change);
  else
    mesh_.send(owner, std::move(change));
}

void Shard::change_groups_of(Entry& entry, bool leave) {
  for (const auto& [filter, subscribed] : entry.session.filters)
    if (mqtt::parse_shared_filter(filter)) change_group(filter, entry, leave);
}

void Shard::receive(Envelope envelope, MonoTime now) {
  if (auto* routed = std::get_if<Routed>(&envelope)) {
    deliver_here(routed->message, now);
  } else if (auto* put = std::get_if<RetainedPut>(&envelope)) {
    retained_.put(put->message);
  } else if (auto* wanted = std::get_if<RetainedWanted>(&envelope)) {
    auto messages = retained_.match(wanted->subscribed.entry.filter, now);
    if (messages.empty()) return;
    mesh_.send(wanted->from_shard,
               RetainedFound{std::move(wanted->client_identifier), std::move(wanted->subscribed),
                             std::move(messages)});
  } else if (auto* found = std::get_if<RetainedFound>(&envelope)) {
    give_retained(found->client_identifier, found->subscribed, found->messages, now);
  } else if (auto* change = std::get_if<GroupChange>(&envelope)) {
    groups_.change(*change);
  } else if (auto* delivery = std::get_if<GroupDelivery>(&envelope)) {
    // Towards the member, or back to the owner because the member is gone.
    if (delivery->member.shard == index_)
      hand_over(*delivery, now);
    else
      deliver_groups(groups_.choose_again(*delivery), now);
  }
}

void Shard::set_deadline(Entry& entry, std::optional<MonoTime> at) {
  const std::string& identifier = entry.session.client_identifier();
  if (entry.deadline) deadlines_.erase({*entry.deadline, identifier});
  entry.deadline = at;
  if (at) deadlines_.emplace(*at, identifier);
}

void Shard::schedule(Entry& entry) {
  std::optional<MonoTime> at;
  const auto consider = [&at](MonoTime time) { at = at ? std::min(*at, time) : time; };
  if (entry.expires_at) consider(*entry.expires_at);
  if (entry.will_at) consider(*entry.will_at);
  if (entry.client && entry.client->keep_alive_s_ > 0)
    consider(entry.client->last_packet_ +
             std::chrono::milliseconds{1500} * entry.client->keep_alive_s_);
  set_deadline(entry, at);
}

std::optional<MonoTime> Shard::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

void Shard::tick(MonoTime now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Entry* entry = find(deadlines_.begin()->second);
    WIREWAY_ASSERT(entry != nullptr, "a session takes its deadline with it");
    due(*entry, now);
  }
}

void Shard::due(Entry& entry, MonoTime now) {
  set_deadline(entry, std::nullopt);
  if (entry.will_at && *entry.will_at <= now) send_will(entry, now);
  if (entry.expires_at && *entry.expires_at <= now) {
    end_session(std::string(entry.session.client_identifier()));
    return;
  }
  if (Client* client = entry.client.get()) {
    const Duration quiet = now - client->last_packet_;
    const bool late = client->keep_alive_s_ > 0 &&
                      quiet >= std::chrono::milliseconds{1500} * client->keep_alive_s_;
    if (late) {
      client->disconnect(ReasonCode::keep_alive_timeout, "no packet within 1.5 times keep alive");
      return;  // closed() follows and schedules what remains
    }
  }
  schedule(entry);
}

void Shard::shut_down() {
  for (auto& [identifier, entry] : sessions_)
    if (entry->client)
      entry->client->disconnect(ReasonCode::server_shutting_down, "the broker stops");
}

}  // namespace wireway::broker
