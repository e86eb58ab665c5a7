#include "link/detail/mqtt_subscriptions.h"

#include <algorithm>

#include <fmt/format.h>

namespace wireway::link::detail {

namespace mqtt = wire::mqtt;

void MqttSubscriptions::subscribe(const std::string& filter, flow::Qos qos) {
  wishes_[filter] = {.qos = qos};
  if (out_.is_open()) send({filter}, true);
}

void MqttSubscriptions::unsubscribe(const std::string& filter) {
  const auto found = wishes_.find(filter);
  if (found == wishes_.end() || !found->second.wanted) return;
  found->second = {.wanted = false};
  if (out_.is_open()) send({filter}, false);
}

void MqttSubscriptions::connected(bool session_present) {
  std::vector<std::string> wanted;
  std::vector<std::string> unwanted;
  for (auto each = wishes_.begin(); each != wishes_.end();) {
    auto& [filter, wish] = *each;
    wish.confirmed = wish.confirmed && session_present;
    if (!wish.wanted && !session_present) {
      each = wishes_.erase(each);
      continue;
    }
    if (!wish.confirmed) (wish.wanted ? wanted : unwanted).push_back(filter);
    ++each;
  }
  send(wanted, true);
  send(unwanted, false);
}

void MqttSubscriptions::disconnected() {
  under_way_.clear();
  ids_.forget_control_identifiers();
}

void MqttSubscriptions::send(const std::vector<std::string>& filters, bool wanted) {
  for (std::size_t begin = 0; begin < filters.size(); begin += filters_max) {
    const std::size_t end = std::min(begin + filters_max, filters.size());
    const std::uint16_t id = ids_.new_packet_identifier();
    auto& batch = under_way_[id];
    for (std::size_t i = begin; i < end; ++i) batch.push_back(filters[i]);
    if (wanted) {
      mqtt::Subscribe packet{.packet_identifier = id, .entries = {}, .properties = {}};
      for (const auto& filter : batch) {
        mqtt::SubscribeEntry entry;
        entry.filter = filter;
        entry.qos = static_cast<mqtt::Qos>(wishes_[filter].qos);
        entry.retain_as_published = true;  // the RETAIN flag reaches the application as it was sent
        packet.entries.push_back(std::move(entry));
      }
      out_.send(packet);
    } else {
      out_.send(mqtt::Unsubscribe{.packet_identifier = id, .filters = batch, .properties = {}});
    }
  }
}

std::vector<std::string> MqttSubscriptions::on_reply(const mqtt::SubscribeReply& reply) {
  std::vector<std::string> refusals;
  const auto found = under_way_.find(reply.packet_identifier);
  if (found == under_way_.end()) return refusals;
  const auto filters = std::move(found->second);
  under_way_.erase(found);
  ids_.release_packet_identifier(reply.packet_identifier);
  const bool subscribed = reply.type == mqtt::PacketType::suback;
  for (std::size_t i = 0; i < filters.size() && i < reply.reasons.size(); ++i) {
    const auto wish = wishes_.find(filters[i]);
    if (mqtt::is_error(reply.reasons[i])) {
      const std::string_view said = mqtt::to_string(reply.reasons[i]);
      refusals.push_back(fmt::format("the {} \"{}\": {} (0x{:02X})",
                                     subscribed ? "subscription to" : "end of the subscription to",
                                     filters[i], said, static_cast<unsigned>(reply.reasons[i])));
    } else if (wish != wishes_.end() && wish->second.wanted == subscribed) {
      if (subscribed)
        wish->second.confirmed = true;
      else
        wishes_.erase(wish);
    }
  }
  return refusals;
}

}  // namespace wireway::link::detail
