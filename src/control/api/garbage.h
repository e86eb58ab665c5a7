#pragma once
/// What goes because something else has gone: objects whose owners are all gone, and the three ways
/// in which an owner is deleted.
///
///   Background   the owner goes at once, what it owned follows
///   Foreground   what it owned goes first (finalizer foregroundDeletion)
///   Orphan       what it owned stays and forgets it (finalizer orphan)
///
/// Source: Kubernetes "Garbage Collection", metadata.ownerReferences.
/// Thread: the server's. Owns: an index of owner references, made anew at each start.
/// Limits: as many objects a call of work() as its caller says.
/// Errors: logged; what could not be done is looked at again with the next change or start.

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/api/objects.h"

namespace wireway::control {

inline constexpr std::string_view foreground_finalizer = "foregroundDeletion";
inline constexpr std::string_view orphan_finalizer = "orphan";

class Garbage {
 public:
  Garbage(Store& store, const Catalog& catalog, Objects& objects)
      : store_(store), catalog_(catalog), objects_(objects) {}

  /// Builds the index of what is stored.
  Result<> load();
  /// A committed change.
  void on_committed(const Revision& revision);
  bool due() const { return !queue_.empty(); }
  /// Looks at up to `count` objects. The caller commits.
  void work(WallTime now, std::size_t count);

 private:
  struct Reference {
    std::string group;
    std::string kind;
    std::string name;
    std::string uid;
    bool blocks = false;
  };
  enum class Owner { lives, waits, gone };

  void index(const StoreKey& key, std::string_view body);
  void forget(const StoreKey& key);
  void enqueue(const StoreKey& key);
  void look_at(const StoreKey& key, WallTime now);
  void finish_owner(const StoreKey& key, json::object object, WallTime now);
  void let_go(const StoreKey& key, const std::set<std::string>& uids, WallTime now);
  Owner state_of(const Reference& owner, const std::string& space) const;
  Call call_for(const StoreKey& key, WallTime now) const;

  Store& store_;
  const Catalog& catalog_;
  Objects& objects_;
  std::map<StoreKey, std::vector<Reference>> owned_;
  std::map<std::string, std::set<StoreKey>, std::less<>> dependents_;  ///< by the owner's uid
  std::map<std::string, StoreKey> leaving_;  ///< uid -> owner that waits for its dependents
  std::deque<StoreKey> queue_;
  std::set<StoreKey> queued_;
};

}  // namespace wireway::control
