#include "broker/shared_groups.h"

#include <algorithm>

#include "wire/mqtt/topic.h"

namespace wireway::broker {

void SharedGroups::change(const GroupChange& change) {
  const auto parsed = mqtt::parse_shared_filter(change.shared_filter);
  if (!parsed) return;
  Group& group = groups_[change.shared_filter];
  group.filter = parsed->filter;
  const auto at = std::ranges::find(group.members, change.member.client_identifier,
                                    &GroupMember::client_identifier);
  if (change.leave) {
    if (at != group.members.end()) group.members.erase(at);
    if (group.members.empty()) groups_.erase(change.shared_filter);
    return;
  }
  if (at != group.members.end())
    *at = change.member;
  else
    group.members.push_back(change.member);
}

const GroupMember* SharedGroups::next_member(Group& group) {
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

std::vector<GroupDelivery> SharedGroups::choose(const MessagePtr& message) {
  std::vector<GroupDelivery> out;
  for (auto& [name, group] : groups_) {
    if (!mqtt::topic_matches(group.filter, message->topic)) continue;
    if (const GroupMember* member = next_member(group)) out.push_back({name, *member, message});
  }
  return out;
}

std::vector<GroupDelivery> SharedGroups::choose_again(const GroupDelivery& failed) {
  const auto found = groups_.find(failed.shared_filter);
  if (found == groups_.end()) return {};
  change({failed.shared_filter, failed.member, true});
  const auto still = groups_.find(failed.shared_filter);
  if (still == groups_.end()) return {};
  if (const GroupMember* member = next_member(still->second))
    return {{failed.shared_filter, *member, failed.message}};
  return {};
}

}  // namespace wireway::broker
