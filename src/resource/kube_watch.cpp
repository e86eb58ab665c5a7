#include "resource/detail/kube_watch.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::resource {
namespace {

constexpr Duration retry_min = std::chrono::milliseconds{200};
constexpr Duration retry_max = std::chrono::seconds{10};
constexpr std::size_t line_bytes_max = 8 * 1024 * 1024;
constexpr unsigned watch_seconds = 240;

std::string revision_of(const json::value& object) {
  return text_at(object, {"metadata", "resourceVersion"});
}

}  // namespace

KubeWatch::KubeWatch(std::shared_ptr<KubeHttp> http, const Kind& kind, std::string space,
                     WatchHandler& handler)
    : http_(std::move(http)), kind_(kind), space_(std::move(space)), handler_(handler),
      retry_(http_->loop()), retry_delay_(retry_min) {
  retry_.arm(Duration{0}, [this] { list(""); });
}

KubeWatch::~KubeWatch() { *alive_ = false; }

void KubeWatch::list(const std::string& continue_token) {
  std::string query = "?limit=500";
  if (!continue_token.empty()) query += "&continue=" + url_encode(continue_token);
  if (continue_token.empty()) listed_.clear();
  http_->send(http_->request("GET", path_of(kind_, space_, "") + query),
              [this, alive = alive_](Result<json::value> answer) {
                if (*alive) on_list(std::move(answer));
              });
}

void KubeWatch::on_list(Result<json::value> answer) {
  if (!answer) {
    trouble(answer.error());
    return;
  }
  const auto alive = alive_;
  const json::value* items = resource_items(*answer);
  for (const json::value& item : items == nullptr ? json::array{} : items->get_array()) {
    json::value object = item;
    // Items of a list do not repeat their type.
    object.as_object()["apiVersion"] = api_version(kind_);
    object.as_object()["kind"] = kind_.kind;
    listed_.insert(key_of(object));
    put(object);
    if (!*alive) return;
  }
  revision_ = revision_of(*answer);
  if (const auto more = text_at(*answer, {"metadata", "continue"}); !more.empty()) {
    list(more);
    return;
  }
  erase_unlisted();
  if (!*alive) return;
  if (!synced_) {
    synced_ = true;
    handler_.on_synced();
    if (!*alive) return;
  }
  recovered();
  watch();
}

const json::value* KubeWatch::resource_items(const json::value& list) {
  const json::value* items = find(list, "items");
  return items != nullptr && items->is_array() ? items : nullptr;
}

void KubeWatch::erase_unlisted() {
  std::vector<ObjectKey> gone;
  std::ranges::set_difference(known_, listed_, std::back_inserter(gone));
  const auto alive = alive_;
  for (const ObjectKey& key : gone) {
    known_.erase(key);
    handler_.on_erase(key);
    if (!*alive) return;
  }
}

void KubeWatch::put(const json::value& object) {
  known_.insert(key_of(object));
  handler_.on_put(object);
}

void KubeWatch::watch() {
  lines_.clear();
  auto request = http_->request(
      "GET", fmt::format("{}?watch=1&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}",
                         path_of(kind_, space_, ""), watch_seconds, url_encode(revision_)));
  request.total_timeout = Duration{0};
  call_ = http_->stream(
      std::move(request),
      [this](unsigned status, std::string_view chunk) {
        if (status == 200) on_chunk(chunk);
      },
      [this](Result<link::HttpClientResponse> end) { on_end(std::move(end)); });
}

/// Chunks end anywhere; each line is one event. Handlers run from the loop, not inside the call.
void KubeWatch::on_chunk(std::string_view chunk) {
  lines_.append(chunk);
  if (lines_.size() > line_bytes_max) lines_.clear(), relist_ = true;
  if (lines_.find('\n') == std::string::npos || reading_) return;
  reading_ = true;
  http_->loop().defer([this, alive = alive_] {
    if (*alive) read_lines();
  });
}

void KubeWatch::read_lines() {
  reading_ = false;
  const auto alive = alive_;
  for (;;) {
    const auto end = lines_.find('\n');
    if (end == std::string::npos) return;
    const std::string line = lines_.substr(0, end);
    lines_.erase(0, end + 1);
    on_line(line);
    if (!*alive) return;
  }
}

void KubeWatch::on_line(std::string_view line) {
  if (line.find_first_not_of(" \r\t") == std::string_view::npos) return;
  const auto message = parse_json(line);
  const json::value* object = message ? find(*message, "object") : nullptr;
  if (object == nullptr) {
    relist_ = true;
    return;
  }
  const std::string type = text_at(*message, {"type"});
  if (type == "ERROR") {
    relist_ = true;  // 410: the revision is too old
    return;
  }
  revision_ = revision_of(*object);
  recovered();
  if (type == "BOOKMARK") return;
  if (type == "DELETED") {
    known_.erase(key_of(*object));
    handler_.on_erase(key_of(*object));
    return;
  }
  put(*object);
}

void KubeWatch::on_end(Result<link::HttpClientResponse> end) {
  // From the loop, because this may destroy the call that is ending.
  http_->loop().defer([this, alive = alive_, end = std::move(end)]() mutable {
    if (!*alive) return;
    read_lines();
    if (!*alive) return;
    call_.reset();
    if (!end) {
      relist_ = true;
      trouble(end.error());
      return;
    }
    if (end->status == 410 || relist_ || end->status >= 400) {
      relist_ = false;
      retry_.arm(end->status >= 500 ? retry_delay_ : Duration{0}, [this] { list(""); });
      return;
    }
    watch();  // ended in time: go on from the last revision
  });
}

void KubeWatch::trouble(const Error& error) {
  if (!in_trouble_)
    log::warn("watch of {}: {}; trying again until it works", kind_.plural, error.message);
  in_trouble_ = true;
  retry_.arm(retry_delay_, [this] { list(""); });
  retry_delay_ = std::min(retry_delay_ * 2, retry_max);
}

void KubeWatch::recovered() {
  if (in_trouble_) log::info("watch of {}: connected again", kind_.plural);
  in_trouble_ = false;
  relist_ = false;
  retry_delay_ = retry_min;
}

}  // namespace wireway::resource
