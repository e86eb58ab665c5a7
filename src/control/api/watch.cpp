#include "control/api/watch.h"

#include <charconv>

#include <fmt/format.h>

#include "control/api/objects.h"

namespace wireway::control {

WatchSession::WatchSession(WatchOptions options, Store& store, WallTime now)
    : options_(std::move(options)),
      store_(store),
      renderer_(options_.type, *options_.version, options_.accept, options_.include, now) {}

bool WatchSession::write(std::string_view type, std::string_view object) {
  std::string line;
  line.reserve(object.size() + 32);
  line += "{\"type\":\"";
  line += type;
  line += "\",\"object\":";
  line += object;
  line += "}\n";
  return sink_->write(line);
}

bool WatchSession::write_error(const ApiError& error) {
  write("ERROR", json::serialize(to_status(error)));
  sink_->end();
  return false;
}

bool WatchSession::write_existing() {
  auto page = store_.list(options_.type->stored_as, {.space = options_.space});
  if (!page) return write_error(storage_failed(page.error()));
  for (const Revision& item : page->items) {
    if (!options_.selector.everything() &&
        !options_.selector.matches(stored_object(renderer_.plain(item.body))))
      continue;
    if (!write("ADDED", renderer_.watched(item.body, std::exchange(first_, false)))) return false;
  }
  return true;
}

bool WatchSession::start(std::unique_ptr<WatchSink> sink) {
  sink_ = std::move(sink);
  seen_ = store_.revision();
  const std::string& from = options_.resource_version;
  if (from.empty() || from == "0" || options_.initial_events) {
    if (!write_existing()) return false;
    if (!options_.initial_events) return true;
    return write("BOOKMARK", renderer_.bookmark(seen_, true));
  }
  std::int64_t number = 0;
  std::from_chars(from.data(), from.data() + from.size(), number);
  if (number > seen_)
    return write_error(expired(fmt::format("too large resource version: {} ({})", number, seen_)));
  auto later = store_.since(options_.type->stored_as, number);
  if (!later && later.error().code == Errc::not_found)
    return write_error(expired(later.error().message));
  if (!later) return write_error(storage_failed(later.error()));
  seen_ = number;
  for (const RevisionRef& revision : *later)
    if (!on_revision(revision)) return false;
  return true;
}

/// Whether the client has been told of the object: decides between MODIFIED, ADDED and DELETED.
bool WatchSession::matched_before(const Revision& revision) const {
  if (revision.previous == 0) return false;
  if (options_.selector.everything()) return true;
  auto before = store_.at(revision.previous);
  if (!before || !*before) return true;  // no longer kept: rather tell too much
  return options_.selector.matches(stored_object(renderer_.plain((*before)->body)));
}

bool WatchSession::on_revision(const RevisionRef& revision) {
  if (revision->number <= seen_ || revision->key.resource != options_.type->stored_as) return true;
  seen_ = revision->number;
  if (!options_.space.empty() && revision->key.space != options_.space) return true;
  const bool before = matched_before(*revision);
  const bool now = revision->change != Change::deleted &&
                   (options_.selector.everything() ||
                    options_.selector.matches(stored_object(renderer_.plain(revision->body))));
  if (!before && !now) return true;
  const std::string_view type = !now ? "DELETED" : before ? "MODIFIED" : "ADDED";
  return write(type, renderer_.watched(revision->body, std::exchange(first_, false)));
}

bool WatchSession::bookmark() {
  return write("BOOKMARK", renderer_.bookmark(std::max(seen_, store_.revision()), false));
}

}  // namespace wireway::control
