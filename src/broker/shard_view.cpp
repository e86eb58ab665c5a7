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
  for (const auto& [identifier, entry] : sessions_) {
    CategoryFigures& one = figures[entry->session.category];
    const std::size_t filters = entry->session.filters.size();
    one.traffic += entry->session.traffic;
    one.subscriptions += filters;
    one.wills += entry->will ? 1 : 0;
    if (entry->will) one.will_bytes += entry->will->topic.size() + entry->will->payload.size();
    one.persistent += entry->expiry_s > 0 ? 1 : 0;
    if (!entry->client) continue;
    ++one.connected;
    ++(entry->client->version() == mqtt::Version::v5 ? one.sessions_v5 : one.sessions_v311);
    one.subscriptions_connected += filters;
  }
  std::map<std::string, CategoryFigures> out;
  for (std::size_t at = 0; at < figures.size(); ++at) out.emplace(categories_[at], figures[at]);
  return out;
}

}  // namespace wireway::broker
