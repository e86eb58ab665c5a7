#include "broker/shard.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "broker/detail/shard_entry.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/topic.h"

namespace wireway::broker {

using mqtt::ReasonCode;

std::uint64_t stable_hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = 1469598103934665603ULL ^ seed;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash ^ (hash >> 32);
}

std::size_t shard_of(std::string_view name, std::size_t count) {
  return std::size_t(stable_hash(name) % count);
}

Shard::Shard(std::size_t index, Mesh& mesh, Settings settings)
    : index_(index), mesh_(mesh), settings_(std::move(settings)), origin_(index) {
  WIREWAY_ASSERT(index < shards_max, "a route's set of shards has 64 bits");
}

Shard::~Shard() = default;

Shard::Entry* Shard::find(std::string_view client_identifier) {
  return sessions_.find(client_identifier);
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

std::optional<mqtt::Refused> verdict(const mqtt::Connect& connect, bool authenticated) {
  if (connect.properties.authentication_method && !authenticated)
    return mqtt::Refused{ReasonCode::bad_authentication_method, "MQTT-4.12.0-1"};
  const bool anonymous_session = connect.version == mqtt::Version::v311 &&
                                 connect.client_identifier.empty() && !connect.clean_start;
  if (anonymous_session)
    return mqtt::Refused{ReasonCode::client_identifier_not_valid, "MQTT-3.1.3-8"};
  return std::nullopt;
}

std::uint32_t packet_bytes_max_of(const mqtt::Connect& connect) {
  return connect.properties.maximum_packet_size.value_or(std::uint32_t(mqtt::packet_bytes_limit));
}

/// Says nothing to a client that cannot take even this.
void send_connack(Wire& wire, const mqtt::Connect& connect, const mqtt::Connack& connack) {
  Bytes out;
  mqtt::append(connack, connect.version, out);
  if (out.size() <= packet_bytes_max_of(connect)) wire.send(out);
}

/// The CONNACK that accepts, but for the session that may be there.
mqtt::Connack accepting(const mqtt::Connect& connect, const Settings& settings) {
  mqtt::Connack connack;
  mqtt::Properties& p = connack.properties;
  p.authentication_method = connect.properties.authentication_method;  // MQTT-4.12.0-5
  const std::uint32_t expiry_s = session_expiry_of(connect, settings);
  if (expiry_s != connect.properties.session_expiry_interval_s.value_or(0))
    p.session_expiry_interval_s = expiry_s;
  const std::uint16_t keep_alive_s = keep_alive_of(connect, settings);
  if (keep_alive_s != connect.keep_alive_s) p.server_keep_alive_s = keep_alive_s;
  p.receive_maximum = settings.receive_maximum;
  p.topic_alias_maximum = settings.topic_alias_maximum;
  p.maximum_packet_size = std::uint32_t(settings.packet_bytes_max);
  return connack;
}

bool fits(const mqtt::Connack& connack, const mqtt::Connect& connect) {
  Bytes out;
  mqtt::append(connack, connect.version, out);
  return out.size() <= packet_bytes_max_of(connect);
}

std::unique_ptr<PendingWill> will_of(const mqtt::Will& will, std::string_view publisher) {
  const mqtt::Properties& p = will.properties;
  const Bytes properties = mqtt::forwarded_of(p);
  MessageView message;
  message.topic = will.topic;
  message.forwarded_properties = properties;
  message.payload = will.payload;
  message.publisher = publisher;
  message.qos = will.qos;
  message.retain = will.retain;
  auto out = std::make_unique<PendingWill>();
  out->message = StoredMessage::make(message);
  out->message_expiry_s = p.message_expiry_interval_s;
  out->delay_s = p.will_delay_interval_s.value_or(0);
  return out;
}

Outlet outlet_of(Wire& wire, const mqtt::Connect& connect, const Settings& settings) {
  Outlet outlet;
  outlet.wire = &wire;
  outlet.version = connect.version;
  outlet.receive_maximum = std::min(connect.properties.receive_maximum.value_or(65535),
                                    settings.client_receive_maximum_max);
  outlet.packet_bytes_max = packet_bytes_max_of(connect);
  if (const std::uint16_t aliases = connect.properties.topic_alias_maximum.value_or(0); aliases > 0)
    outlet.aliases = std::make_unique<OutgoingAliases>(aliases);
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
    if (entry->will_at() != never) send_will(*entry, now);
    end_session(*entry);
    entry = nullptr;
  }
  present = entry != nullptr;
  return entry_of(connect.client_identifier);
}

/// Made if it is not there.
Shard::Entry& Shard::entry_of(std::string_view client_identifier) {
  if (Entry* entry = find(client_identifier)) return *entry;
  return sessions_.insert(std::make_unique<Entry>(client_identifier, host_));
}

/// The same client connects again: the old connection ends first (MQTT-3.1.4-3).
void Shard::take_over(Entry& entry, MonoTime now) {
  Client& old = *entry.client;
  old.disconnect(ReasonCode::session_taken_over, "the same client identifier connected again");
  old.wire().forget_client();
  closed(old, now);
}

Client* Shard::connect(Wire& wire, mqtt::Connect connect, std::string assigned_identifier,
                       MonoTime now) {
  auto refused = verdict(connect, wire.authenticated());
  // A session that is there may always be taken up again: it drains what waits in it.
  const bool new_session = cannot_record() && find(connect.client_identifier) == nullptr;
  if (!refused && new_session && session_expiry_of(connect, settings_) > 0)
    refused = mqtt::Refused{ReasonCode::quota_exceeded, "the journal cannot be written"};
  mqtt::Connack connack = accepting(connect, settings_);
  if (connect.client_identifier.empty())
    connack.properties.assigned_client_identifier = assigned_identifier;
  if (!refused && !fits(connack, connect))
    refused = mqtt::Refused{ReasonCode::implementation_specific_error, "MQTT-3.1.2-24"};
  if (refused) {
    ++counters_.connects_refused;
    send_connack(wire, connect, {false, refused->code, {}});
    wire.close();
    return nullptr;
  }
  if (connect.client_identifier.empty()) connect.client_identifier = std::move(assigned_identifier);
  bool present = false;
  Entry& entry = session_for(connect, present, now);
  // Connected again before the delay: the will that waits is not sent (MQTT-3.1.3-9).
  entry.will = connect.will ? will_of(*connect.will, connect.client_identifier) : nullptr;
  entry.client = std::make_unique<Client>(*this, entry.session, wire, connect);
  Client& client = *entry.client;
  client.last_packet_ = client.connected_at_ = now;
  entry.session.category = category_of(connect);
  client.number_ = ++connections_made_;
  client.keep_alive_s_ = keep_alive_of(connect, settings_);
  entry.expiry_s = client.session_expiry_s_ = session_expiry_of(connect, settings_);
  entry.session.receive_maximum = connect.properties.receive_maximum.value_or(65535);
  entry.disconnected_at = never;
  ++counters_.connections;
  ++counters_.connects;
  schedule(entry);
  if (recorder_ && (entry.expiry_s > 0 || entry.session.number() != 0)) {
    start_recording(entry, keeps_queue_of(connect));
    record_terms(entry, now);
  }

  connack.session_present = present;
  send_connack(wire, connect, connack);
  if (client.permissions_ != nullptr) withdraw(entry, *client.permissions_);
  entry.session.attach(outlet_of(wire, connect, settings_), now);
  if (present) change_groups_of(entry);
  return &client;
}

/// What a session had subscribed to and may not hear any more ends, with what waits of it.
void Shard::withdraw(Entry& entry, const Permissions& permissions) {
  std::vector<std::string> lost;
  for (const auto& [filter, subscribed] : *entry.session.filters)
    if (!permissions.may_subscribe(filter)) lost.push_back(filter);
  if (lost.empty()) return;
  for (const std::string& filter : lost) unsubscribe(entry.session, filter);
  entry.session.keep_queued(
      [&permissions](std::string_view topic) { return permissions.may_subscribe(topic); });
}

void Shard::closed(Client& client, MonoTime now) {
  Entry* entry = find(client.session_.client_identifier());
  WIREWAY_ASSERT(entry != nullptr && entry->client.get() == &client,
                 "a Client is closed once, by the shard that made it");
  entry->session.detach();
  if (client.held_ > 0)
    line_.forget(client,
                 {std::string(entry->session.client_identifier()), entry->session.number()});
  if (client.listens_)
    mesh_.send(store_shard(),
               ListenerGone{std::string(entry->session.client_identifier()), client.number_});
  entry->expiry_s = client.session_expiry_s_;
  if (!client.will_wanted_) entry->will.reset();
  const std::unique_ptr<Client> ended = std::move(entry->client);
  --counters_.connections;
  if (entry->will) {
    const auto at = std::min(entry->will->delay_s, entry->expiry_s);  // not after the session's end
    if (at == 0)
      send_will(*entry, now);
    else
      entry->will->at = now + std::chrono::seconds{at};
  }
  if (entry->expiry_s == 0) return end_session(*entry);
  entry->disconnected_at = now;
  record_terms(*entry, now);
  change_groups_of(*entry);
  schedule(*entry);
}

void Shard::end_session(Entry& entry) {
  deadlines_.set(entry, never);
  if (entry.session.number() != 0) recorder_->write(records::SessionEnded{entry.session.number()});
  for (const auto& [filter, subscribed] : *entry.session.filters) take_subscription(entry, filter);
  departed_[entry.session.category] += entry.session.traffic;
  sessions_.erase(entry);
}

void Shard::send_will(Entry& entry, MonoTime now) {
  const std::unique_ptr<PendingWill> will = std::move(entry.will);
  if (!will) return;
  MessageView message = will->message->view();
  if (will->message_expiry_s)
    message.expires_at = now + std::chrono::seconds{*will->message_expiry_s};
  publish(message, now);
}

const Route& Shard::route_of(std::string_view topic, RouteMemo* memo) {
  if (memo == nullptr) return tree_.match(topic);
  const bool fresh = memo->cache_age == tree_.cache_age() && tree_.current(*memo->route);
  if (!fresh) {
    memo->route = &tree_.match(topic);
    memo->cache_age = tree_.cache_age();
  }
  return *memo->route;
}

void Shard::publish(MessageView message, MonoTime now, RouteMemo* memo) {
  if (settings_.message_expiry_s_max)
    message.expires_at =
        std::min(message.expires_at, now + std::chrono::seconds{*settings_.message_expiry_s_max});
  Passage passage(message, packets_);
  if (message.retain) {
    const std::size_t owner = shard_of(message.topic, mesh_.count());
    if (owner == index_)
      put_retained(passage.stored());
    else
      relay(owner, RetainedPut{passage.stored()});
  }
  const Route& route = route_of(message.topic, memo);
  deliver_here(passage, route, now);
  for (std::uint64_t left = route.shards; left != 0; left &= left - 1)
    relay(std::size_t(std::countr_zero(left)),
          Routed{passage.stored(), message.origin == nullptr ? Origin{} : *message.origin});
  if (buffer_ != nullptr && route.shards != 0) [[unlikely]]
    count_on_way(route.shards, passage.stored()->size_bytes());
}

void Shard::deliver_here(Passage& message, const Route& route, MonoTime now) {
  const MessageView& view = message.view();
  const std::span all = route.subscriptions;
  for (auto one = all.begin(); one != all.end();) {
    Session& session = *one->session;
    bool wanted = false;
    Shape shape;
    identifiers_.clear();
    for (; one != all.end() && one->session == &session; ++one) {
      if (one->no_local && view.publisher == session.client_identifier()) continue;
      wanted = true;
      shape.qos = std::max(shape.qos, one->qos);
      shape.retain = shape.retain || (one->retain_as_published && view.retain);
      if (one->identifier != 0) identifiers_.push_back(one->identifier);
    }
    if (!wanted) continue;
    shape.qos = std::min(shape.qos, view.qos);
    shape.identifiers = identifiers_;
    if (view.was_had_by(session.number(), false)) [[unlikely]]
      continue;
    session.deliver(message, shape, now);
  }
  for (SharedGroup* group : route.groups) deliver_group(*group, message, now);
  if (recorder_) recorder_->end_message(view);
  on_memory_taken();
}

void Shard::deliver_group(SharedGroup& group, Passage& message, MonoTime now) {
  const GroupMember* member = groups_.choose(group, message.view());
  if (member == nullptr) return;
  if (member->shard != index_) {
    relay(member->shard, group_delivery(group, *member, message));
    return;
  }
  Entry* entry = find(member->client_identifier);
  if (entry == nullptr || !entry->session.filters->contains(group.shared_filter)) {
    hand_over(group_delivery(group, *member, message), now);
    return;
  }
  Shape shape;
  shape.qos = std::min(member->qos, message.view().qos);
  shape.retain = member->retain_as_published && message.view().retain;
  if (member->identifier != 0) shape.identifiers = {&member->identifier, 1};
  deliver_to_member(entry->session, message, shape, now);
}

GroupDelivery Shard::group_delivery(const SharedGroup& group, const GroupMember& member,
                                    Passage& message) {
  GroupDelivery out{group.shared_filter, member, message.stored(), {}};
  if (message.view().origin != nullptr) out.origin = *message.view().origin;
  return out;
}

void Shard::deliver_to_member(Session& session, Passage& message, const Shape& shape,
                              MonoTime now) {
  if (message.view().was_had_by(session.number(), true)) return;
  if (recorder_) recorder_->set_by_group(true);
  session.deliver(message, shape, now);
  if (recorder_) recorder_->set_by_group(false);
}

void Shard::send_to_member(GroupDelivery delivery, MonoTime now) {
  if (delivery.member.shard == index_)
    hand_over(delivery, now);
  else
    relay(delivery.member.shard, std::move(delivery));
}

void Shard::hand_over(const GroupDelivery& delivery, MonoTime now) {
  const GroupMember& member = delivery.member;
  Entry* entry = find(member.client_identifier);
  if (entry != nullptr && entry->session.filters->contains(delivery.shared_filter)) {
    Passage message(delivery.message, packets_, &delivery.origin);
    Shape shape;
    shape.qos = std::min(member.qos, delivery.message->qos());
    shape.retain = member.retain_as_published && delivery.message->retain();
    if (member.identifier != 0) shape.identifiers = {&member.identifier, 1};
    deliver_to_member(entry->session, message, shape, now);
    if (recorder_) recorder_->end_message(message.view());
    return;
  }
  // The member left while the message was on its way: the owner chooses another one.
  const std::size_t owner = shard_of(delivery.shared_filter, mesh_.count());
  if (owner != index_) return relay(owner, delivery);
  if (const GroupMember* next = groups_.choose_again(delivery))
    send_to_member({delivery.shared_filter, *next, delivery.message, delivery.origin}, now);
}

void Shard::subscribe(Client& client, const mqtt::SubscribeEntry& wanted, std::uint32_t identifier,
                      MonoTime now) {
  Entry* entry = find(client.session_.client_identifier());
  WIREWAY_ASSERT(entry != nullptr, "a connected client has a session");
  const Subscribed subscribed{wanted.qos, wanted.no_local, wanted.retain_as_published, identifier};
  const bool is_new =
      entry->session.filters.made().insert_or_assign(wanted.filter, subscribed).second;
  if (const std::uint64_t number = entry->session.number(); number != 0)
    recorder_->write(records::SubscriptionAdded{
        number,
        {wanted.filter, wanted.qos, wanted.no_local, wanted.retain_as_published, identifier}});
  if (mqtt::parse_shared_filter(wanted.filter)) {
    // no retained messages (section 4.8.2)
    change_group(wanted.filter, *entry, is_new ? Membership::joins : Membership::changes);
    return;
  }
  Subscription subscription;
  subscription.session = &entry->session;
  subscription.qos = wanted.qos;
  subscription.no_local = wanted.no_local;
  subscription.retain_as_published = wanted.retain_as_published;
  subscription.identifier = identifier;
  add_to_tree(wanted.filter, subscription);
  const bool quiet = wanted.retain_handling == mqtt::RetainHandling::never ||
                     (wanted.retain_handling == mqtt::RetainHandling::send_if_new && !is_new);
  if (!quiet) want_retained(*entry, wanted.filter, subscribed, now);
}

bool Shard::unsubscribe(Session& session, const std::string& filter) {
  if (!session.filters->contains(filter)) return false;
  take_subscription(*find(session.client_identifier()), filter);
  if (session.number() != 0)
    recorder_->write(records::SubscriptionRemoved{session.number(), filter});
  session.filters.made().erase(filter);
  return true;
}

/// Out of tree and groups; the session's own list is the caller's.
void Shard::take_subscription(Entry& entry, const std::string& filter) {
  if (mqtt::parse_shared_filter(filter)) return change_group(filter, entry, Membership::leaves);
  Subscription target;
  target.session = &entry.session;
  remove_from_tree(filter, target);
}

/// The other shards learn of the first local target of a filter, and of the last one's end.
void Shard::add_to_tree(std::string_view filter, const Subscription& subscription) {
  if (tree_.insert(filter, subscription) == SubscriptionTree::Change::first_of_filter)
    tell_others(RouteChange{std::string(filter), index_, false});
}

void Shard::remove_from_tree(std::string_view filter, const Subscription& target) {
  if (tree_.erase(filter, target) == SubscriptionTree::Change::first_of_filter)
    tell_others(RouteChange{std::string(filter), index_, true});
}

void Shard::on_route_change(const RouteChange& change) {
  Subscription target;
  target.shard = std::uint8_t(change.shard);
  if (change.remove)
    (void)tree_.erase(change.filter, target);
  else
    (void)tree_.insert(change.filter, target);
}

void Shard::tell_others(const Envelope& envelope) {
  for (std::size_t other = 0; other < mesh_.count(); ++other)
    if (other != index_) mesh_.send(other, envelope);
}

void Shard::want_retained(Entry& entry, const std::string& filter, const Subscribed& subscribed,
                          MonoTime now) {
  const std::string identifier(entry.session.client_identifier());
  give_retained({identifier, filter, subscribed, retained_.match(filter, now)}, now);
  tell_others(RetainedWanted{index_, identifier, filter, subscribed});
}

void Shard::give_retained(const RetainedFound& found, MonoTime now) {
  Entry* entry = find(found.client_identifier);
  if (entry == nullptr || !entry->session.filters->contains(found.filter)) return;
  const Subscribed& subscribed = found.subscribed;
  for (const MessagePtr& message : found.messages) {
    Passage passage(message, packets_);
    if (subscribed.no_local && passage.view().publisher == found.client_identifier) continue;
    Shape shape{std::min(subscribed.qos, message->qos()), true, {}};
    if (subscribed.identifier != 0) shape.identifiers = {&subscribed.identifier, 1};
    entry->session.deliver(passage, shape, now);
    if (recorder_) recorder_->end_message(passage.view());
  }
}

void Shard::change_group(const std::string& filter, Entry& entry, Membership membership) {
  const auto found = entry.session.filters->find(filter);
  GroupChange change;
  change.shared_filter = filter;
  change.join = membership == Membership::joins;
  change.leave = membership == Membership::leaves;
  if (change.join) ++counters_.shared_subscriptions;
  if (change.leave) --counters_.shared_subscriptions;
  change.member.shard = index_;
  change.member.client_identifier = entry.session.client_identifier();
  change.member.connected = entry.session.connected();
  if (found != entry.session.filters->end()) {
    change.member.qos = found->second.qos;
    change.member.retain_as_published = found->second.retain_as_published;
    change.member.identifier = found->second.identifier;
  }
  on_group_change(change);
  tell_others(change);
}

void Shard::change_groups_of(Entry& entry) {
  for (const auto& [filter, subscribed] : *entry.session.filters)
    if (mqtt::parse_shared_filter(filter)) change_group(filter, entry, Membership::changes);
}

void Shard::on_group_change(const GroupChange& change) {
  const auto parsed = mqtt::parse_shared_filter(change.shared_filter);
  if (!parsed) return;
  const std::size_t owner = shard_of(change.shared_filter, mesh_.count());
  Subscription target;
  if (owner != index_) {
    target.shard = std::uint8_t(owner);
    if (change.join) (void)tree_.insert(parsed->filter, target);
    if (change.leave) (void)tree_.erase(parsed->filter, target);
    return;
  }
  SharedGroup* const group = groups_.change(change);
  if (group == nullptr) return;
  target.group = group;
  // Every shard heard of the change itself, so that nobody need be told of the group's filter.
  if (change.leave) {
    (void)tree_.erase(parsed->filter, target);
    groups_.forget(*group);
  } else {
    (void)tree_.insert(parsed->filter, target);
  }
}

void Shard::receive(std::size_t from, Envelope envelope, MonoTime now) {
  origin_ = from;
  handle(std::move(envelope), now);
  origin_ = index_;
}

void Shard::handle(Envelope envelope, MonoTime now) {
  if (auto* routed = std::get_if<Routed>(&envelope)) {
    arrived_bytes_ += routed->message->size_bytes();
    Passage message(std::move(routed->message), packets_, &routed->origin);
    deliver_here(message, tree_.match(message.view().topic), now);
  } else if (auto* put = std::get_if<RetainedPut>(&envelope)) {
    put_retained(put->message);
  } else if (auto* wanted = std::get_if<RetainedWanted>(&envelope)) {
    auto messages = retained_.match(wanted->filter, now);
    if (messages.empty()) return;
    mesh_.send(wanted->from_shard,
               RetainedFound{std::move(wanted->client_identifier), std::move(wanted->filter),
                             wanted->subscribed, std::move(messages)});
  } else if (auto* found = std::get_if<RetainedFound>(&envelope)) {
    give_retained(*found, now);
  } else if (auto* change = std::get_if<RouteChange>(&envelope)) {
    on_route_change(*change);
  } else if (auto* group = std::get_if<GroupChange>(&envelope)) {
    on_group_change(*group);
  } else if (auto* delivery = std::get_if<GroupDelivery>(&envelope)) {
    // Towards the member, or back to the owner because the member is gone: hand_over() knows.
    hand_over(*delivery, now);
  } else if (auto* request = std::get_if<StoreRequest>(&envelope)) {
    store_.on_request(request->asked, wall_and(now));
  } else if (auto* gone = std::get_if<ListenerGone>(&envelope)) {
    store_.on_listener_gone(*gone);
  } else if (auto* notification = std::get_if<StoreNotification>(&envelope)) {
    send_to_listener(std::move(*notification), now);
  } else if (auto* ask = std::get_if<CommitAsk>(&envelope)) {
    on_commit_ask(*ask, now);
  } else if (auto* done = std::get_if<CommitDone>(&envelope)) {
    line_.on_done(*done);
    release(now);
  } else if (const auto* memory = std::get_if<MemoryUsed>(&envelope)) {
    others_memory_ += memory->bytes - std::exchange(memory_of_[origin_], memory->bytes);
    if (memory->is_relieved) relief_stalls_ = false;
    const std::uint64_t bit = std::uint64_t{1} << origin_;
    stuck_ = memory->is_stuck ? stuck_ | bit : stuck_ & ~bit;
  }
}

void Shard::ask_store(state_store::Asked asked) {
  mesh_.send(store_shard(), StoreRequest{std::move(asked)});
}

std::size_t Shard::store_shard() const {
  return shard_of(state_store::request_topic, mesh_.count());
}

void Shard::send_to_listener(StoreNotification notification, MonoTime now) {
  const std::size_t home = shard_of(notification.client_identifier, mesh_.count());
  if (home != index_) {
    mesh_.send(home, std::move(notification));
    return;
  }
  Entry* entry = find(notification.client_identifier);
  if (entry == nullptr || !entry->client || entry->client->number_ != notification.connection)
    return;
  Passage message(std::move(notification.message), packets_);
  entry->session.deliver(message, {mqtt::Qos::at_least_once, false, {}}, now);
  if (recorder_) recorder_->end_message(message.view());
}

state_store::Now Shard::wall_and(MonoTime now) const {
  return {now, wall_start_ + now.since_start};
}

void Shard::schedule(Entry& entry) {
  MonoTime at = std::min(entry.expires_at(), entry.will_at());
  if (entry.client && entry.client->keep_alive_s_ > 0)
    at = std::min(at, entry.client->last_packet_ +
                          std::chrono::milliseconds{1500} * entry.client->keep_alive_s_);
  deadlines_.set(entry, at);
}

std::optional<MonoTime> Shard::next_deadline() const {
  const auto of_store = store_.next_deadline();
  const Entry* const next = deadlines_.next();
  return next == nullptr ? of_store : std::min(next->deadline, of_store.value_or(never));
}

void Shard::tick(MonoTime now) {
  while (Entry* const next = deadlines_.next()) {
    if (next->deadline > now) break;
    due(*next, now);
  }
  store_.tick(wall_and(now));
}

void Shard::due(Entry& entry, MonoTime now) {
  deadlines_.set(entry, never);
  if (entry.will_at() <= now) {
    send_will(entry, now);
    record_terms(entry, now);
  }
  if (entry.expires_at() <= now) {
    ++counters_.sessions_expired;
    return end_session(entry);
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
  sessions_.each([](Entry& entry) {
    if (entry.client)
      entry.client->disconnect(ReasonCode::server_shutting_down, "the broker stops");
  });
}

}  // namespace wireway::broker
