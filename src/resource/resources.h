#pragma once
/// The door to resources: list, watch, status and events, the same over a Kubernetes API
/// (KubeResources) and over a folder of manifests (FolderResources). A service cannot tell which
/// one it talks to.
///
/// Thread: the Loop's; callbacks come from the loop, never inside the call that asked.
/// Errors: a watch never ends: it relists with back-off after any failure and reports by
///         on_trouble.

#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "resource/conditions.h"
#include "resource/kind.h"

namespace wireway::resource {

/// Receives one kind's objects. After a reconnect every living object may be put again and the
/// missing ones are erased: the receiver acts on the state, not on the event.
class WatchHandler {
 public:
  virtual ~WatchHandler() = default;
  virtual void on_put(const json::value& object) = 0;
  virtual void on_erase(const ObjectKey& key) = 0;
  /// The first whole list has been put; comes once.
  virtual void on_synced() = 0;
};

/// Ends with its destruction.
class Watch {
 public:
  virtual ~Watch() = default;
};

/// A Kubernetes Event about an object: what happened, for people and for the UI.
struct EventRecord {
  Kind kind;
  ObjectKey about;
  bool warning = false;
  std::string reason;     ///< one PascalCase word: "ChildExited"
  std::string message;    ///< one sentence
  std::string component;  ///< who says it: "supervisor", "opcua"
};

/// How an object is applied.
struct ApplyOptions {
  std::string manager;   ///< in whose name: who owns the fields
  bool force = true;     ///< take fields from other managers; else Errc::conflict names them
  bool dry_run = false;  ///< only the answer: what it would be
};

class Resources {
 public:
  using Done = std::function<void(Result<json::value>)>;

  virtual ~Resources() = default;

  /// `space` empty = all namespaces.
  [[nodiscard]] virtual std::unique_ptr<Watch> watch(const Kind& kind, const std::string& space,
                                                     WatchHandler& handler) = 0;
  virtual void get(const Kind& kind, const ObjectKey& key, Done done) = 0;
  /// Creates or replaces as server-side apply would. The object names its own apiVersion and kind.
  virtual void apply(const json::value& object, const ApplyOptions& how, Done done) = 0;
  /// JSON merge patch of the object itself.
  virtual void patch(const Kind& kind, const ObjectKey& key, const json::object& changes,
                     Done done) = 0;
  virtual void create(const json::value& object, Done done) = 0;
  virtual void remove(const Kind& kind, const ObjectKey& key, Done done) = 0;
  /// JSON merge patch of the status subresource: {"conditions":[...]}. Lost writes are retried
  /// until a newer patch of the same object replaces them or the object is gone.
  virtual void patch_status(const Kind& kind, const ObjectKey& key, json::object status) = 0;
  /// Repeats of the same event raise its count.
  virtual void emit(EventRecord record) = 0;
};

/// RFC 7386: null removes, objects merge, everything else replaces.
void merge_patch(json::value& target, const json::value& patch);

}  // namespace wireway::resource
