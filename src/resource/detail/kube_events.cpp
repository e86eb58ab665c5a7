#include "resource/detail/kube_events.h"

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::resource::detail {
namespace {

std::string id_of(const EventRecord& record) {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", record.kind.plural, record.about.to_string(),
                     record.warning, record.reason, record.component, record.message);
}

std::string space_of(const EventRecord& record) {
  if (record.kind == namespace_kind) return record.about.name;
  return record.about.space.empty() ? "default" : record.about.space;
}

}  // namespace

void KubeEvents::emit(const EventRecord& record) {
  const std::string id = id_of(record);
  const auto [found, fresh] = entries_.try_emplace(id, record, client_.loop(), client_.random());
  Entry& entry = found->second;
  if (fresh) {
    // Kind holds views: what they show must not be needed later.
    entry.api_version = api_version(record.kind);
    entry.kind = record.kind.kind;
    order_.push_back(id);
  }
  ++entry.count;
  if (!entry.busy && !entry.retry.armed()) write(id);
  if (order_.size() > remembered_max) forget_oldest();
}

void KubeEvents::forget_oldest() {
  const auto oldest = entries_.find(order_.front());
  if (oldest != entries_.end() && oldest->second.busy) return;  // next time
  if (oldest != entries_.end()) entries_.erase(oldest);
  order_.pop_front();
}

void KubeEvents::write(const std::string& id) {
  Entry& entry = entries_.at(id);
  entry.busy = true;
  if (!entry.name.empty()) return raise_count(id, entry);
  // The uid ties the Event to this object: `kubectl describe` asks for it.
  const EventRecord& record = entry.record;
  client_.send_detached(
      {.path = KubeClient::path_of(record.kind, record.about.space, record.about.name)},
      [this, id](const Result<json::value>& about) {
        const auto found = entries_.find(id);
        if (found != entries_.end())
          create(id, found->second, about ? *about : json::value(nullptr));
      });
}

void KubeEvents::create(const std::string& id, Entry& entry, const json::value& about) {
  const EventRecord& record = entry.record;
  const std::string now = to_rfc3339(client_.loop().wall_now());
  if (entry.first_time.empty()) entry.first_time = now;
  const std::string name = fmt::format("{}.{:016x}", record.about.name, client_.random().next());
  const std::int64_t count = entry.count;
  json::object involved{
      {"apiVersion", entry.api_version}, {"kind", entry.kind}, {"name", record.about.name}};
  if (!record.about.space.empty()) involved["namespace"] = record.about.space;
  const std::string uid = text_at(about, {"metadata", "uid"});
  if (!uid.empty()) involved["uid"] = uid;
  const std::string& component = record.component.empty() ? client_.component() : record.component;
  const json::object body{{"apiVersion", "v1"},
                          {"kind", "Event"},
                          {"metadata", {{"name", name}, {"namespace", space_of(record)}}},
                          {"involvedObject", std::move(involved)},
                          {"type", record.warning ? "Warning" : "Normal"},
                          {"reason", record.reason},
                          {"message", record.message},
                          {"count", count},
                          {"firstTimestamp", entry.first_time},
                          {"lastTimestamp", now},
                          {"reportingComponent", component},
                          {"reportingInstance", component},
                          {"source", {{"component", component}}}};
  client_.send_detached({.method = "POST",
                         .path = KubeClient::path_of(event, space_of(record), ""),
                         .body = json::serialize(body)},
                        [this, id, name, count](const Result<json::value>& result) {
                          const auto found = entries_.find(id);
                          if (found == entries_.end()) return;
                          if (result) found->second.name = name;
                          settled(id, count, result);
                        });
}

void KubeEvents::raise_count(const std::string& id, Entry& entry) {
  const std::int64_t count = entry.count;
  const json::object patch{{"count", count},
                           {"lastTimestamp", to_rfc3339(client_.loop().wall_now())}};
  client_.send_detached({.method = "PATCH",
                         .path = KubeClient::path_of(event, space_of(entry.record), entry.name),
                         .content_type = "application/merge-patch+json",
                         .body = json::serialize(patch)},
                        [this, id, count](const Result<json::value>& result) {
                          const auto found = entries_.find(id);
                          if (found == entries_.end()) return;
                          // Events live an hour: the next repeat makes a new one.
                          if (!result && result.error().code == Errc::not_found) {
                            found->second.name.clear();
                            found->second.first_time.clear();
                          }
                          settled(id, count, result);
                        });
}

void KubeEvents::settled(const std::string& id, std::int64_t count,
                         const Result<json::value>& result) {
  Entry& entry = entries_.at(id);
  entry.busy = false;
  if (result) {
    entry.count_written = count;
    entry.attempts = 0;
    entry.backoff.reset();
    if (entry.count > count) write(id);
    return;
  }
  if (++entry.attempts < attempts_max && result.error().code != Errc::invalid) {
    entry.retry.arm(entry.backoff.take(), [this, id] { write(id); });
    return;
  }
  log::debug("event {} of {} is lost: {}", entry.record.reason, entry.record.about.to_string(),
             result.error().message);
  entry.attempts = 0;
}

}  // namespace wireway::resource::detail
