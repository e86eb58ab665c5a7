#include "resource/detail/kube_status.h"

#include <utility>

#include "base/log.h"

namespace wireway::resource::detail {

json::value join_patches(json::value first, const json::value& second) {
  if (!first.is_object() || !second.is_object()) return second;
  json::object& object = first.get_object();
  for (const auto& [key, value] : second.get_object()) {
    json::value& member = object[key];
    member = join_patches(std::move(member), value);
  }
  return first;
}

void KubeStatus::patch(const Kind& kind, const ObjectKey& key, json::object status) {
  const std::string path = KubeClient::path_of(kind, key.space, key.name) +
                           "/status?fieldManager=" + client_.component();
  Target& target = targets_.try_emplace(path, client_.loop(), client_.random()).first->second;
  target.waiting = join_patches(std::move(target.waiting), status);
  if (!target.call && !target.retry.armed()) send(path, target);
}

void KubeStatus::send(const std::string& path, Target& target) {
  target.sent = std::exchange(target.waiting, nullptr);
  target.call =
      client_.send({.method = "PATCH",
                    .path = path,
                    .content_type = "application/merge-patch+json",
                    .body = json::serialize(json::object{{"status", target.sent}})},
                   [this, path](const Result<json::value>& result) { settled(path, result); });
}

void KubeStatus::settled(const std::string& path, const Result<json::value>& result) {
  const auto found = targets_.find(path);
  Target& target = found->second;
  target.call.reset();
  const bool transient =
      !result && (result.error().code == Errc::unavailable ||
                  result.error().code == Errc::timed_out || result.error().code == Errc::conflict);
  if (transient) {
    target.waiting =
        join_patches(std::move(target.sent),
                     target.waiting.is_null() ? json::value(json::object{}) : target.waiting);
    target.retry.arm(target.backoff.take(), [this, path] {
      const auto again = targets_.find(path);
      if (again != targets_.end()) send(path, again->second);
    });
    return;
  }
  if (!result && result.error().code != Errc::not_found)
    log::warn("status of {} is not written: {}", path, result.error().message);
  target.backoff.reset();
  if (target.waiting.is_null())
    targets_.erase(found);
  else
    send(path, target);
}

}  // namespace wireway::resource::detail
