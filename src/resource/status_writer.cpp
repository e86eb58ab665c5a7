#include "resource/status_writer.h"

#include "base/log.h"

namespace wireway::resource {
namespace {

void fill_generation(Conditions& said, std::int64_t generation) {
  for (Condition* each : {&said.ready, &said.reconciling, &said.degraded})
    if (each->observed_generation == 0) each->observed_generation = generation;
}

/// Whether the status `before` says of this type what `now` says.
bool is_news(const json::value& before, const Condition& now) {
  const json::value object{{"status", before}};
  const json::value* said = condition_of(object, now.type);
  // That nothing is wrong goes without saying.
  if (said == nullptr) return now.type == "Ready" || now.status;
  return text_at(*said, {"status"}) != (now.status ? "True" : "False") ||
         text_at(*said, {"reason"}) != now.reason;
}

}  // namespace

bool StatusWriter::write(const Kind& kind, const json::value& object, Conditions said) {
  const ObjectKey key = key_of(object);
  fill_generation(said, generation_of(object));
  const json::value* status = find(object, "status");
  const auto [place, is_first] = written_.try_emplace(Place{kind.kind, key}, nullptr);
  if (is_first && status != nullptr) place->second = *status;
  const json::value before = std::move(place->second);
  place->second = status_with(said, &before, env_.loop.wall_now());
  // Only before our first write: later the cache may not have seen what we wrote last.
  const json::value* there = find(before, "conditions");
  if (there != nullptr && *there == place->second.at("conditions")) return false;
  resources_.patch_status(kind, key, place->second.get_object());
  return tell(kind, key, said, before);
}

bool StatusWriter::tell(const Kind& kind, const ObjectKey& key, const Conditions& said,
                        const json::value& before) {
  const bool is_ready_new = is_news(before, said.ready);
  const bool is_degraded_new = is_news(before, said.degraded);
  if (is_ready_new && !said.reconciling.status)
    log::emit(said.ready.status ? log::Level::info : log::Level::warn, "{} {}: {}: {}", kind.kind,
              key.name, said.ready.reason, said.ready.message);
  if (is_degraded_new) {
    const bool is_over = !said.degraded.status;
    log::emit(is_over ? log::Level::info : log::Level::warn, "{} {}: {}: {}", kind.kind, key.name,
              said.degraded.reason, said.degraded.message);
    resources_.emit({.kind = kind,
                     .about = key,
                     .warning = !is_over,
                     .reason = said.degraded.reason,
                     .message = is_over ? "everything is as wished again" : said.degraded.message,
                     .component = component_});
  }
  return is_ready_new || is_degraded_new;
}

void StatusWriter::forget(const Kind& kind, const ObjectKey& key) {
  written_.erase(Place{kind.kind, key});
}

}  // namespace wireway::resource
