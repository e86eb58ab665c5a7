#include <algorithm>

#include "broker/detail/shard_entry.h"
#include "wire/mqtt/topic.h"

namespace wireway::broker {

Counters Shard::counters() const {
  Counters out = counters_;
  out.sessions = sessions_.size();
  out.subscriptions = tree_.size() + counters_.shared_subscriptions;
  out.routes = tree_.size();
  out.retained = retained_.size();
  out.retained_bytes = retained_.size_bytes();
  out.queued_bytes += out.retained_bytes;
  out.store = store_.counters();
  return out;
}

std::uint8_t Shard::category_of(const mqtt::Connect& connect) {
  for (const auto& [name, value] : connect.properties.user_properties) {
    if (name != "metriccategory") continue;
    const auto known = std::ranges::find(categories_, value);
    if (known != categories_.end()) return std::uint8_t(known - categories_.begin());
    if (categories_.size() == categories_max || value.size() > 64) return 0;
    categories_.push_back(value);
    return std::uint8_t(categories_.size() - 1);
  }
  return 0;
}

std::map<std::string, CategoryFigures> Shard::categories() const {
  std::vector<CategoryFigures> figures(categories_.size());
  for (std::size_t at = 0; at < figures.size(); ++at) figures[at].traffic = departed_[at];
  sessions_.each([&figures](const Entry& entry) {
    CategoryFigures& one = figures[entry.session.category];
    const std::size_t filters = entry.session.filters->size();
    one.traffic += entry.session.traffic;
    one.subscriptions += filters;
    one.wills += entry.will ? 1 : 0;
    if (entry.will) one.will_bytes += entry.will->message->size_bytes();
    one.persistent += entry.expiry_s > 0 ? 1 : 0;
    if (!entry.client) return;
    ++one.connected;
    ++(entry.client->version() == mqtt::Version::v5 ? one.sessions_v5 : one.sessions_v311);
    one.subscriptions_connected += filters;
  });
  std::map<std::string, CategoryFigures> out;
  for (std::size_t at = 0; at < figures.size(); ++at) out.emplace(categories_[at], figures[at]);
  return out;
}

ClientView Shard::view_of(const Entry& entry, MonoTime now) const {
  const Session& session = entry.session;
  ClientView out;
  out.client_identifier = session.client_identifier();
  out.category = categories_[session.category];
  out.session_expiry_s = entry.expiry_s;
  out.subscriptions = session.filters->size();
  out.queued_messages = session.queued_messages();
  out.queued_bytes = session.queued_bytes();
  out.buffered_bytes = session.buffered_bytes();
  out.in_flight = session.in_flight();
  out.unsent_bytes = session.unsent_bytes();
  if (const auto since = session.oldest_since()) out.oldest_message_age = now - *since;
  out.traffic = session.traffic;
  if (!entry.client) return out;
  out.connected = true;
  out.version = entry.client->version();
  out.peer = entry.client->wire().peer();
  out.connected_since = wall_at(entry.client->connected_at_);
  out.slow = out.unsent_bytes >= settings_.output_bytes_max ||
             out.oldest_message_age.value_or(Duration{0}) > ClientView::slow_after;
  return out;
}

std::vector<ClientView> Shard::clients(const PageQuery& query, MonoTime now) const {
  std::vector<std::string_view> names;
  sessions_.each([&](const Entry& entry) {
    const std::string_view name = entry.session.client_identifier();
    if (name > query.after && name.contains(query.search)) names.push_back(name);
  });
  const std::size_t count = std::min(query.limit, names.size());
  std::ranges::partial_sort(names, names.begin() + std::ptrdiff_t(count));
  std::vector<ClientView> out;
  for (std::size_t at = 0; at < count; ++at)
    out.push_back(view_of(*sessions_.find(names[at]), now));
  return out;
}

std::optional<ClientView> Shard::client(std::string_view client_identifier, MonoTime now) const {
  const Entry* const found = sessions_.find(client_identifier);
  if (found == nullptr) return std::nullopt;
  ClientView out = view_of(*found, now);
  for (const auto& [filter, subscribed] : *found->session.filters) out.filters.push_back(filter);
  return out;
}

bool Shard::kick(std::string_view client_identifier) {
  const Entry* entry = find(client_identifier);
  if (entry == nullptr || !entry->client) return false;
  entry->client->disconnect(mqtt::ReasonCode::administrative_action, "ended by an administrator");
  return true;
}

const ClientTrace* Shard::trace(std::string_view client_identifier, MonoTime now) {
  Entry* entry = find(client_identifier);
  if (entry == nullptr) return nullptr;
  auto& trace = entry->session.trace;
  if (!trace || trace->over(now)) trace = std::make_unique<ClientTrace>(now);
  return trace.get();
}

RetainedPage Shard::retained(std::string_view filter, const PageQuery& query, MonoTime now) const {
  return retained_.page(filter, query, now);
}

RetainedPage Shard::erase_retained(std::string_view filter, const PageQuery& query, MonoTime now) {
  RetainedPage page = retained_.page(filter, query, now);
  for (const RetainedView& one : page.messages) {
    MessageView nothing;
    nothing.topic = one.topic;
    nothing.qos = one.qos;
    nothing.retain = true;
    publish(nothing, now);
  }
  return page;
}

}  // namespace wireway::broker
