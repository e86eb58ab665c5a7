#pragma once
/// One client's watch: which changes it gets, in which form, from which revision on.
///
/// Thread: the server's. Owns: its sink. Errors: a revision that is too old is told as an ERROR
/// event with code 410, after which the client lists again.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/api/render.h"
#include "control/api/selector.h"
#include "control/store/store.h"

namespace wireway::control {

/// Where the lines of a watch go.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  /// False if the client is gone.
  virtual bool write(std::string_view line) = 0;
  virtual void end() = 0;
};

struct WatchOptions {
  ResourceTypeRef type;
  const ServedVersion* version = nullptr;
  std::string space;
  Selector selector;
  std::string resource_version;  ///< "" or "0": begin with what is there now
  bool initial_events = false;   ///< sendInitialEvents: end them with a bookmark
  bool bookmarks = false;
  Accept accept;
  IncludeObject include = IncludeObject::metadata;
  WallTime deadline;
  std::function<bool()> still_allowed = {};  ///< asked once a second; empty = always
};

class WatchSession {
 public:
  WatchSession(WatchOptions options, Store& store, WallTime now);

  /// Writes what is due at the beginning. False if the watch is over at once.
  bool start(std::unique_ptr<WatchSink> sink);
  /// A committed change. False if the client is gone.
  bool on_revision(const RevisionRef& revision);
  bool bookmark();
  void end() { sink_->end(); }

  WallTime deadline() const { return options_.deadline; }
  bool still_allowed() const { return !options_.still_allowed || options_.still_allowed(); }
  bool wants_bookmarks() const { return options_.bookmarks; }
  const std::string& resource() const { return options_.type->stored_as; }

 private:
  bool matched_before(const Revision& revision) const;
  bool write(std::string_view type, std::string_view object);
  bool write_existing();
  bool write_error(const ApiError& error);

  WatchOptions options_;
  Store& store_;
  Renderer renderer_;
  std::unique_ptr<WatchSink> sink_;
  std::int64_t seen_ = 0;  ///< everything up to this revision has been told
  bool first_ = true;
};

}  // namespace wireway::control
