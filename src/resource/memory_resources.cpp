#include "resource/memory_resources.h"

#include <fmt/format.h>

namespace wireway::resource {
namespace {

/// Objects are filed by group and kind; the version does not matter (crds share one schema).
struct TypeName {
  std::string group;
  std::string kind;
  friend auto operator<=>(const TypeName&, const TypeName&) = default;
};

TypeName type_of(const Kind& kind) { return {std::string(kind.group), std::string(kind.kind)}; }

TypeName type_of(const json::value& object) {
  const std::string version = text_at(object, {"apiVersion"});
  const auto slash = version.find('/');
  return {slash == std::string::npos ? "" : version.substr(0, slash), text_at(object, {"kind"})};
}

}  // namespace

struct MemoryResources::State {
  explicit State(net::Loop& its_loop) : loop(its_loop) {}

  net::Loop& loop;
  std::map<std::pair<TypeName, ObjectKey>, json::value> objects;
  std::set<MemoryWatch*> watches;
  std::vector<EventRecord> events;
  std::int64_t uid_last = 0;
};

/// One watcher. Deliveries are posted; a posted delivery finds out whether its watch still lives by
/// looking for it in the set.
class MemoryResources::MemoryWatch final : public Watch {
 public:
  MemoryWatch(std::shared_ptr<State> state, TypeName type, std::string space, WatchHandler& handler)
      : state_(std::move(state)),
        type_(std::move(type)),
        space_(std::move(space)),
        handler_(handler) {
    state_->watches.insert(this);
    deliver([this] { list(); });
  }
  ~MemoryWatch() override { state_->watches.erase(this); }

  void changed(const TypeName& type, const ObjectKey& key) {
    if (type != type_ || (!space_.empty() && key.space != space_)) return;
    deliver([this, key] { show(key); });
  }

 private:
  template <class Call>
  void deliver(Call call) {
    state_->loop.post([state = state_, self = this, call]() mutable {
      if (state->watches.contains(self)) call();
    });
  }

  void list() {
    // The handler may put or erase objects, so the keys are taken first.
    std::vector<ObjectKey> keys;
    for (const auto& [id, object] : state_->objects)
      if (id.first == type_ && (space_.empty() || id.second.space == space_))
        keys.push_back(id.second);
    for (const ObjectKey& key : keys) show(key);
    handler_.on_synced();
  }

  void show(const ObjectKey& key) {
    const auto found = state_->objects.find({type_, key});
    if (found == state_->objects.end()) {
      handler_.on_erase(key);
      return;
    }
    const json::value copy = found->second;
    handler_.on_put(copy);
  }

  std::shared_ptr<State> state_;
  TypeName type_;
  std::string space_;
  WatchHandler& handler_;
};

MemoryResources::MemoryResources(net::Loop& loop) : state_(std::make_shared<State>(loop)) {}
MemoryResources::~MemoryResources() = default;

std::unique_ptr<Watch> MemoryResources::watch(const Kind& kind, const std::string& space,
                                              WatchHandler& handler) {
  return std::make_unique<MemoryWatch>(state_, type_of(kind), space, handler);
}

void MemoryResources::get(const Kind& kind, const ObjectKey& key, Done done) {
  const json::value* found = object(kind, key);
  Result<json::value> result =
      found != nullptr
          ? Result<json::value>(*found)
          : fail(Errc::not_found, fmt::format("{} \"{}\" not found", kind.plural, key.to_string()));
  state_->loop.post([done = std::move(done), result = std::move(result)] { done(result); });
}

void MemoryResources::apply(const json::value& object, const ApplyOptions& how, Done done) {
  if (!how.dry_run) put(object);
  state_->loop.post([done = std::move(done), object] { done(object); });
}

void MemoryResources::patch(const Kind& kind, const ObjectKey& key, const json::object& changes,
                            Done done) {
  const json::value* found = object(kind, key);
  if (found == nullptr) return get(kind, key, std::move(done));
  json::value next = *found;
  merge_patch(next, changes);
  put(next);
  state_->loop.post([done = std::move(done), next = std::move(next)] { done(next); });
}

void MemoryResources::create(const json::value& object, Done done) {
  const ObjectKey key = key_of(object);
  if (state_->objects.contains({type_of(object), key})) {
    state_->loop.post([done = std::move(done), key] {
      done(fail(Errc::conflict, fmt::format("\"{}\" already exists", key.to_string())));
    });
    return;
  }
  apply(object, {}, std::move(done));
}

void MemoryResources::remove(const Kind& kind, const ObjectKey& key, Done done) {
  erase(kind, key);
  state_->loop.post([done = std::move(done)] { done(json::value(nullptr)); });
}

void MemoryResources::patch_status(const Kind& kind, const ObjectKey& key, json::object status) {
  const auto found = state_->objects.find({type_of(kind), key});
  if (found == state_->objects.end()) return;
  json::value& current = found->second.as_object()["status"];
  const json::value before = current;
  merge_patch(current, status);
  if (before == current) return;
  on_status(kind, found->second);
  for (MemoryWatch* watch : state_->watches) watch->changed(type_of(kind), key);
}

void MemoryResources::emit(EventRecord record) {
  on_event(record);
  state_->events.push_back(std::move(record));
}

void MemoryResources::put(json::value object) {
  const TypeName type = type_of(object);
  const ObjectKey key = key_of(object);
  json::value& stored = state_->objects[{type, key}];
  json::object& metadata = object.as_object()["metadata"].as_object();
  const json::value* spec_before = find(stored, "spec");
  const json::value* spec_now = find(object, "spec");
  const bool same_spec = (spec_before == nullptr) == (spec_now == nullptr) &&
                         (spec_now == nullptr || *spec_before == *spec_now);
  metadata["generation"] = generation_of(stored) + (stored.is_null() || !same_spec ? 1 : 0);
  const std::string uid = text_at(stored, {"metadata", "uid"});
  metadata["uid"] = uid.empty() ? fmt::format("memory-{}", ++state_->uid_last) : uid;
  if (const json::value* status = find(stored, "status")) object.as_object()["status"] = *status;
  stored = std::move(object);
  for (MemoryWatch* watch : state_->watches) watch->changed(type, key);
}

void MemoryResources::erase(const Kind& kind, const ObjectKey& key) {
  if (state_->objects.erase({type_of(kind), key}) == 0) return;
  for (MemoryWatch* watch : state_->watches) watch->changed(type_of(kind), key);
}

const json::value* MemoryResources::object(const Kind& kind, const ObjectKey& key) const {
  const auto found = state_->objects.find({type_of(kind), key});
  return found == state_->objects.end() ? nullptr : &found->second;
}

json::value MemoryResources::ready(const Kind& kind, const ObjectKey& key) const {
  const json::value* found = object(kind, key);
  const json::value* ready = found == nullptr ? nullptr : condition_of(*found, "Ready");
  return ready == nullptr ? json::value() : *ready;
}

const std::vector<EventRecord>& MemoryResources::events() const { return state_->events; }

void MemoryResources::on_status(const Kind&, const json::value&) {}
void MemoryResources::on_event(const EventRecord&) {}

}  // namespace wireway::resource
