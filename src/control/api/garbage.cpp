#include "control/api/garbage.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::control {
namespace {

bool has_text(std::string_view body, std::string_view text) {
  return body.find(text) != std::string_view::npos;
}

bool is_text(const json::value& value, std::string_view text) {
  return value.is_string() && std::string_view(value.get_string()) == text;
}

bool has_finalizer(const json::value& object, std::string_view name) {
  const json::value* list = find(object, "metadata", "finalizers");
  if (list == nullptr || !list->is_array()) return false;
  return std::ranges::any_of(list->get_array(),
                             [name](const json::value& each) { return is_text(each, name); });
}

bool is_leaving(const json::value& object) {
  return !text_at(object, {"metadata", "deletionTimestamp"}).empty();
}

void drop_finalizer(json::object& object, std::string_view name) {
  json::object& metadata = object["metadata"].as_object();
  json::value* list = metadata.if_contains("finalizers");
  if (list == nullptr || !list->is_array()) return;
  json::array kept;
  for (const json::value& each : list->get_array())
    if (!is_text(each, name)) kept.push_back(each);
  *list = std::move(kept);
}

}  // namespace

Result<> Garbage::load() {
  for (const auto& [resource, type] : catalog_.types()) {
    if (type->behaviour == Behaviour::read_only_view) continue;
    auto stored = store_.list(resource, {});
    if (!stored) return std::unexpected(stored.error());
    for (const Revision& each : stored->items) index(each.key, each.body);
  }
  return {};
}

void Garbage::on_committed(const Revision& revision) {
  if (revision.change != Change::deleted) return index(revision.key, revision.body);
  forget(revision.key);
  if (dependents_.empty() && leaving_.empty()) return;
  const std::string uid = text_at(stored_object(revision.body), {"metadata", "uid"});
  leaving_.erase(uid);
  const auto found = dependents_.find(uid);
  if (found == dependents_.end()) return;
  for (const StoreKey& key : found->second) enqueue(key);
}

/// Only objects that own or are about to go are taken apart.
void Garbage::index(const StoreKey& key, std::string_view body) {
  const bool owned = has_text(body, "\"ownerReferences\":[{");
  const bool leaves = has_text(body, "\"deletionTimestamp\"") &&
                      (has_text(body, foreground_finalizer) || has_text(body, orphan_finalizer));
  if (!owned && owned_.contains(key)) forget(key);
  if (!owned && !leaves) return;
  const json::value object(stored_object(body));
  if (leaves && is_leaving(object)) {
    leaving_.insert_or_assign(text_at(object, {"metadata", "uid"}), key);
    enqueue(key);
  }
  const json::value* references = find(object, "metadata", "ownerReferences");
  if (references == nullptr || !references->is_array()) return;
  forget(key);
  std::vector<Reference>& mine = owned_[key];
  for (const json::value& each : references->get_array()) {
    const std::string version = text_at(each, {"apiVersion"});
    const auto slash = version.find('/');
    mine.push_back({slash == std::string::npos ? std::string() : version.substr(0, slash),
                    text_at(each, {"kind"}), text_at(each, {"name"}), text_at(each, {"uid"}),
                    bool_at(each, {"blockOwnerDeletion"}, false)});
    dependents_[mine.back().uid].insert(key);
  }
  enqueue(key);
}

void Garbage::forget(const StoreKey& key) {
  const auto found = owned_.find(key);
  if (found == owned_.end()) return;
  for (const Reference& owner : found->second) {
    const auto entry = dependents_.find(owner.uid);
    if (entry == dependents_.end()) continue;
    entry->second.erase(key);
    if (entry->second.empty()) dependents_.erase(entry);
    if (const auto waits = leaving_.find(owner.uid); waits != leaving_.end())
      enqueue(waits->second);
  }
  owned_.erase(found);
}

void Garbage::enqueue(const StoreKey& key) {
  if (queued_.insert(key).second) queue_.push_back(key);
}

void Garbage::work(WallTime now, std::size_t count) {
  for (; count > 0 && !queue_.empty(); --count) {
    const StoreKey key = std::move(queue_.front());
    queue_.pop_front();
    queued_.erase(key);
    look_at(key, now);
  }
}

Call Garbage::call_for(const StoreKey& key, WallTime now) const {
  Call call;
  call.type = catalog_.find_stored(key.resource);
  if (call.type) call.version = &call.type->storage_version();
  call.space = key.space;
  call.name = key.name;
  call.author = call.manager = "garbage-collector";
  call.validation = FieldValidation::ignore;
  call.now = now;
  return call;
}

Garbage::Owner Garbage::state_of(const Reference& owner, const std::string& space) const {
  for (const auto& [resource, type] : catalog_.types()) {
    if (type->name.group != owner.group || type->name.kind != owner.kind ||
        type->behaviour == Behaviour::read_only_view)
      continue;
    // An owner in another namespace cannot be; nothing is deleted because of it.
    if (type->namespaced && space.empty()) return Owner::lives;
    auto found = store_.get({type->stored_as, type->namespaced ? space : "", owner.name});
    if (!found) return Owner::lives;
    if (!*found) return Owner::gone;
    const json::value object(stored_object((*found)->body));
    if (text_at(object, {"metadata", "uid"}) != owner.uid) return Owner::gone;
    return is_leaving(object) && has_finalizer(object, foreground_finalizer) ? Owner::waits
                                                                             : Owner::lives;
  }
  return Owner::lives;  // of a kind that is not known here: somebody else's to judge
}

void Garbage::look_at(const StoreKey& key, WallTime now) {
  const Call call = call_for(key, now);
  if (!call.type) return;
  auto living = objects_.get(call);
  if (!living) return;
  json::value object(stored_object(living->body));
  if (is_leaving(object)) finish_owner(key, object.get_object(), now);
  const auto mine = owned_.find(key);
  if (mine == owned_.end()) return;
  std::set<std::string> lost;
  bool held = false;
  bool waited_for = false;
  for (const Reference& owner : mine->second) {
    const Owner state = state_of(owner, key.space);
    held = held || state == Owner::lives;
    waited_for = waited_for || state == Owner::waits;
    if (state != Owner::lives) lost.insert(owner.uid);
  }
  if (lost.empty() || is_leaving(object)) return;
  if (held) return let_go(key, lost, now);
  Call removal = call;
  const bool owns = dependents_.contains(text_at(object, {"metadata", "uid"}));
  const DeleteOptions how{.propagation = waited_for && owns ? Propagation::foreground
                                                            : Propagation::background};
  if (auto done = objects_.remove(removal, how); !done)
    log::warn("{} {}: not removed with its owner: {}", key.resource, key.name,
              done.error().message);
}

/// An owner that waits for what it owns.
void Garbage::finish_owner(const StoreKey& key, json::object object, WallTime now) {
  const json::value whole(object);
  const std::string uid = text_at(whole, {"metadata", "uid"});
  const auto mine = dependents_.find(uid);
  std::string_view done_with;
  if (has_finalizer(whole, orphan_finalizer)) {
    if (mine != dependents_.end())
      for (const StoreKey& each : std::set<StoreKey>(mine->second)) let_go(each, {uid}, now);
    done_with = orphan_finalizer;
  } else if (has_finalizer(whole, foreground_finalizer)) {
    bool blocked = false;
    if (mine != dependents_.end())
      for (const StoreKey& each : mine->second) {
        enqueue(each);
        for (const Reference& owner : owned_.at(each))
          blocked = blocked || (owner.uid == uid && owner.blocks);
      }
    if (!blocked) done_with = foreground_finalizer;
  }
  if (done_with.empty()) return;
  drop_finalizer(object, done_with);
  Call call = call_for(key, now);
  if (auto done = objects_.replace(call, std::move(object)); !done)
    log::warn("{} {}: its deletion waits: {}", key.resource, key.name, done.error().message);
}

/// Takes references out of an object that stays.
void Garbage::let_go(const StoreKey& key, const std::set<std::string>& uids, WallTime now) {
  Call call = call_for(key, now);
  auto living = objects_.get(call);
  if (!living) return;
  json::object object = stored_object(living->body);
  json::value* list = object["metadata"].as_object().if_contains("ownerReferences");
  if (list == nullptr || !list->is_array()) return;
  json::array kept;
  for (const json::value& each : list->get_array())
    if (!uids.contains(text_at(each, {"uid"}))) kept.push_back(each);
  *list = std::move(kept);
  if (auto done = objects_.replace(call, std::move(object)); !done)
    log::warn("{} {}: keeps a reference to an owner that is gone: {}", key.resource, key.name,
              done.error().message);
}

}  // namespace wireway::control
