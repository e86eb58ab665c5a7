#include "resource/detail/kube_watch.h"

#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::resource::detail {

KubeWatch::KubeWatch(KubeClient& client, Subject subject, WatchHandler& handler)
    : client_(client),
      kind_(subject.kind),
      space_(std::move(subject.space)),
      dialects_(subject.dialects),
      handler_(handler),
      backoff_(client.random(), retry_min, retry_max),
      turn_(client.loop()),
      lines_(client.loop()),
      silence_(client.loop()) {
  turn_.arm(Duration{0}, [this] { list(); });
}

KubeWatch::~KubeWatch() {
  if (destroyed_ != nullptr) *destroyed_ = true;
}

void KubeWatch::list() {
  call_ = client_.send({.path = KubeClient::path_of(kind_, space_, "")},
                       [this](Result<json::value> result) { take_list(std::move(result)); });
}

void KubeWatch::take_list(Result<json::value> result) {
  if (!result) return retry(result.error());
  revision_ = text_at(*result, {"metadata", "resourceVersion"});
  bool destroyed = false;
  destroyed_ = &destroyed;
  std::set<ObjectKey> present;
  json::value* items = result->is_object() ? result->get_object().if_contains("items") : nullptr;
  if (items != nullptr && items->is_array()) {
    for (json::value& item : items->get_array()) {
      if (!item.is_object()) continue;
      // Items of a list do not repeat what the list says.
      item.get_object()["apiVersion"] = api_version(kind_);
      item.get_object()["kind"] = kind_.kind;
      present.insert(key_of(item));
      show(item);
      if (destroyed) return;
    }
  }
  std::vector<ObjectKey> gone;
  for (const ObjectKey& key : known_)
    if (!present.contains(key)) gone.push_back(key);
  for (const ObjectKey& key : gone) {
    known_.erase(key);
    handler_.on_erase(key);
    if (destroyed) return;
  }
  if (!std::exchange(synced_, true)) handler_.on_synced();
  if (destroyed) return;
  destroyed_ = nullptr;
  backoff_.reset();
  if (!last_error_.empty()) log::info("{}: listed again", kind_.plural);
  last_error_.clear();
  turn_.arm(Duration{0}, [this] { follow(); });
}

/// Equal revisions are shown again too: after a server lost its history they may mean another
/// object. A real API server keeps older spellings as they were written.
void KubeWatch::show(json::value& object) {
  if (dialects_ != nullptr) (void)dialects_->to_stored(object, kind_.version);
  known_.insert(key_of(object));
  handler_.on_put(object);
}

void KubeWatch::follow() {
  buffer_.clear();
  opened_ = client_.loop().now();
  const std::string path =
      fmt::format("{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}",
                  KubeClient::path_of(kind_, space_, ""), watch_seconds, revision_);
  silence_.arm(silence_max, [this] {
    call_.reset();
    follow();
  });
  call_ = client_.stream(
      {.path = path},
      [this](unsigned status, std::string_view chunk) { take_chunk(status, chunk); },
      [this](const Result<json::value>& result) { ended(result); });
}

void KubeWatch::take_chunk(unsigned status, std::string_view chunk) {
  if (status != 200) return;  // ended() says why
  buffer_.append(chunk);
  silence_.arm(silence_max, [this] {
    call_.reset();
    follow();
  });
  // Handlers run outside of the client's callback, so that they may end this watch.
  if (!lines_.armed()) lines_.arm(Duration{0}, [this] { take_lines(); });
}

void KubeWatch::take_lines() {
  bool destroyed = false;
  destroyed_ = &destroyed;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = buffer_.find('\n', begin);
    if (end == std::string::npos) break;
    const std::string line = buffer_.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty()) continue;
    auto event = parse_json(line);
    const bool go_on = event && take_event(*event);
    if (destroyed) return;
    if (go_on) continue;
    destroyed_ = nullptr;
    buffer_.clear();
    call_.reset();
    if (!event) revision_.clear();
    return retry(event ? Error{Errc::unavailable, "the server ended the watch"} : event.error());
  }
  destroyed_ = nullptr;
  buffer_.erase(0, begin);
}

bool KubeWatch::take_event(json::value& event) {
  const std::string type = text_at(event, {"type"});
  json::value* object = event.is_object() ? event.get_object().if_contains("object") : nullptr;
  if (object == nullptr) return true;
  if (type == "ERROR") {
    // The revision is too old to go on from (410), or the server has trouble: begin with a list.
    revision_.clear();
    return false;
  }
  const std::string revision = text_at(*object, {"metadata", "resourceVersion"});
  if (!revision.empty()) revision_ = revision;
  backoff_.reset();
  if (type == "ADDED" || type == "MODIFIED") {
    show(*object);
  } else if (type == "DELETED") {
    const ObjectKey key = key_of(*object);
    known_.erase(key);
    handler_.on_erase(key);
  }
  return true;
}

void KubeWatch::ended(const Result<json::value>& result) {
  silence_.cancel();
  if (lines_.armed()) {  // what came last is taken first
    turn_.arm(Duration{0}, [this, result] { ended(result); });
    return;
  }
  if (client_.loop().now() - opened_ > retry_max) backoff_.reset();
  if (result) {
    turn_.arm(backoff_.take(), [this] { follow(); });
    return;
  }
  if (result.error().code == Errc::conflict) revision_.clear();
  retry(result.error());
}

void KubeWatch::retry(const Error& error) {
  silence_.cancel();
  const bool unreachable = error.code == Errc::unavailable || error.code == Errc::timed_out;
  if (!unreachable && error.code != Errc::conflict && error.message != last_error_) {
    log::warn("{}: {}; trying again", kind_.plural, error.message);
    last_error_ = error.message;
  }
  turn_.arm(backoff_.take(), [this] {
    if (revision_.empty())
      list();
    else
      follow();
  });
}

}  // namespace wireway::resource::detail
