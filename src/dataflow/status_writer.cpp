#include "dataflow/status_writer.h"

namespace wireway::dataflow {
namespace {

/// True if the object's status says all of this already (we have restarted).
bool says(const json::value& object, const flow::Health& ready, std::int64_t generation) {
  const json::value* conditions = find(object, "status", "conditions");
  if (conditions == nullptr || !conditions->is_array()) return false;
  for (const json::value& condition : conditions->get_array()) {
    if (text_at(condition, {"type"}) != "Ready") continue;
    return text_at(condition, {"status"}) == (ready.ready ? "True" : "False") &&
           text_at(condition, {"reason"}) == ready.reason &&
           text_at(condition, {"message"}) == ready.message &&
           int_at(condition, {"observedGeneration"}, 0) == generation;
  }
  return false;
}

}  // namespace

void StatusWriter::write(const resource::Kind& kind, const json::value& object,
                         const flow::Health& ready) {
  const resource::ObjectKey key = resource::key_of(object);
  const Written wish{ready, resource::generation_of(object)};
  const auto [place, first] = written_.try_emplace(Place{kind.kind, key}, wish);
  if (!first && place->second == wish) return;
  place->second = wish;
  // Only before our first write: later the cache may not have seen what we wrote last.
  if (first && says(object, ready, wish.generation)) return;
  const resource::Condition condition{"Ready", ready.ready, ready.reason, ready.message,
                                      wish.generation};
  resources_.patch_status(kind, key,
                          status_with(condition, find(object, "status"), env_.loop.wall_now()));
}

void StatusWriter::forget(const resource::Kind& kind, const resource::ObjectKey& key) {
  written_.erase(Place{kind.kind, key});
}

}  // namespace wireway::dataflow
