#include "broker/shared_groups.h"

#include <algorithm>

#include "wire/mqtt/codec.h"
#include "wire/mqtt/topic.h"

namespace wireway::broker {

SharedGroup* SharedGroups::change(const GroupChange& change) {
  auto found = groups_.find(change.shared_filter);
  const bool is_new = found == groups_.end();
  if (is_new) {
    const auto parsed = mqtt::parse_shared_filter(change.shared_filter);
    if (!parsed || change.leave) return nullptr;
    auto group = std::make_unique<SharedGroup>();
    group->shared_filter = change.shared_filter;
    group->filter = parsed->filter;
    group->wildcard = group->filter.find_first_of("+#") != std::string::npos;
    found = groups_.emplace(change.shared_filter, std::move(group)).first;
  }
  SharedGroup& group = *found->second;
  const auto at = std::ranges::find(group.members, change.member.client_identifier,
                                    &GroupMember::client_identifier);
  if (change.leave) {
    if (at != group.members.end()) group.members.erase(at);
    return group.members.empty() ? &group : nullptr;
  }
  if (at != group.members.end())
    *at = change.member;
  else
    group.members.push_back(change.member);
  return is_new ? &group : nullptr;
}

void SharedGroups::forget(const SharedGroup& group) {
  groups_.erase(groups_.find(group.shared_filter));
}

namespace {

/// The connected member with the highest hash of (key, client), else the highest of all.
const GroupMember* by_hash(const SharedGroup& group, std::string_view key) {
  const GroupMember* best = nullptr;
  std::uint64_t best_weight = 0;
  const std::uint64_t key_hash = stable_hash(key);
  for (const GroupMember& member : group.members) {
    const std::uint64_t weight = stable_hash(member.client_identifier, key_hash);
    const bool better = best == nullptr || (member.connected && !best->connected) ||
                        (member.connected == best->connected && weight > best_weight);
    if (!better) continue;
    best = &member;
    best_weight = weight;
  }
  return best;
}

const GroupMember* in_turn(SharedGroup& group) {
  const std::size_t count = group.members.size();
  const GroupMember* waiting = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = (group.next + i) % count;
    if (group.members[at].connected) {
      group.next = at + 1;
      return &group.members[at];
    }
    if (waiting == nullptr) waiting = &group.members[at];
  }
  group.next = group.next + 1;
  return waiting;
}

}  // namespace

const GroupMember* SharedGroups::choose(SharedGroup& group, const MessageView& message) {
  if (const auto key = partition_of(message.forwarded_properties); !key.empty())
    return by_hash(group, key);
  return group.wildcard ? by_hash(group, message.topic) : in_turn(group);
}

const GroupMember* SharedGroups::choose_again(const GroupDelivery& failed) {
  const auto found = groups_.find(failed.shared_filter);
  if (found == groups_.end()) return nullptr;
  SharedGroup& group = *found->second;
  std::erase_if(group.members, [&](const GroupMember& member) {
    return member.client_identifier == failed.member.client_identifier;
  });
  return choose(group, failed.message->view());
}

std::string_view partition_of(ByteView forwarded_properties) {
  return mqtt::user_property(forwarded_properties, "$partition").value_or(std::string_view());
}

}  // namespace wireway::broker
