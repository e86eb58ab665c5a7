#pragma once
/// The shared subscriptions that one shard owns, and the choice of the member that gets a message.
///
/// Source:   MQTT 5 section 4.8.2
/// Strategy: round robin over the connected members in order of joining; if none is connected, over
///           all, so that a message waits in a session instead of being lost.
/// Thread:   the shard's

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker/mesh.h"

namespace wireway::broker {

class SharedGroups {
 public:
  void change(const GroupChange& change);
  /// The next member of each group whose filter matches.
  std::vector<GroupDelivery> choose(const MessagePtr& message);
  /// The chosen member's session is gone: the next one, or nothing if there is none left.
  std::vector<GroupDelivery> choose_again(const GroupDelivery& failed);

 private:
  struct Group {
    std::string filter;
    std::vector<GroupMember> members;
    std::size_t next = 0;
  };
  static const GroupMember* next_member(Group& group);

  std::map<std::string, Group, std::less<>> groups_;  // by "$share/group/filter"
};

}  // namespace wireway::broker
