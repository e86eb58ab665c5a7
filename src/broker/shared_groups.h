#pragma once
/// The shared subscriptions that one shard owns, and the choice of the member that gets a message.
///
/// Source:   MQTT 5 section 4.8.2; broker.md 6.4 ($partition)
/// Strategy: a message with the user property `$partition` goes to the member that the property's
///           value hashes to; without it, a filter with wildcards goes by the hash of the topic and
///           one without goes round robin. Hashes are of value and member (rendezvous), so that a
///           member that comes or goes moves only its own share. Only connected members are chosen;
///           if none is, among all, so that a message waits in a session instead of being lost.
/// Thread:   the shard's

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/mesh.h"

namespace wireway::broker {

/// "$share/group/filter" with its members in order of joining.
struct SharedGroup {
  std::string shared_filter;
  std::string filter;
  bool wildcard = false;
  std::vector<GroupMember> members;
  std::size_t next = 0;
};

class SharedGroups {
 public:
  /// A member joins, changes or leaves. The group if it is new or has lost its last member: the
  /// caller puts it into its tree, or takes it out and calls forget().
  SharedGroup* change(const GroupChange& change);
  void forget(const SharedGroup& group);

  /// The member that gets the message; nullptr without members.
  const GroupMember* choose(SharedGroup& group, const MessageView& message);
  /// The chosen member's session is gone: the next one, or nullptr if there is none left.
  const GroupMember* choose_again(const GroupDelivery& failed);

 private:
  std::map<std::string, std::unique_ptr<SharedGroup>, std::less<>> groups_;
};

/// The value of the user property `$partition`; empty if there is none.
std::string_view partition_of(ByteView forwarded_properties);

}  // namespace wireway::broker
