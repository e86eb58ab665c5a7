#pragma once
/// Resources that live in this process: what tests of services drive, and what FolderResources
/// keeps its objects in. A real implementation of the door, with nothing behind it.
///
/// Thread: the Loop's; as the door promises, callbacks come from the loop, never inside a call.
/// Differs from an API server: no validation, and apply() replaces the object as a whole.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "net/loop.h"
#include "resource/resources.h"

namespace wireway::resource {

class MemoryResources : public Resources {
 public:
  explicit MemoryResources(net::Loop& loop);
  ~MemoryResources() override;

  std::unique_ptr<Watch> watch(const Kind& kind, const std::string& space,
                               WatchHandler& handler) override;
  void get(const Kind& kind, const ObjectKey& key, Done done) override;
  void apply(const json::value& object, const ApplyOptions& how, Done done) override;
  void patch(const Kind& kind, const ObjectKey& key, const json::object& changes,
             Done done) override;
  void create(const json::value& object, Done done) override;
  void remove(const Kind& kind, const ObjectKey& key, Done done) override;
  void patch_status(const Kind& kind, const ObjectKey& key, json::object status) override;
  void emit(EventRecord record) override;

  /// Adds or replaces an object, found by its apiVersion's group and its kind. `generation` rises
  /// when the spec differs; the status that services wrote stays.
  void put(json::value object);
  void erase(const Kind& kind, const ObjectKey& key);
  /// The object with its status, or nullptr.
  const json::value* object(const Kind& kind, const ObjectKey& key) const;
  /// The Ready condition of an object, or null.
  json::value ready(const Kind& kind, const ObjectKey& key) const;
  const std::vector<EventRecord>& events() const;

 protected:
  /// For FolderResources: called after each change of an object's status.
  virtual void on_status(const Kind& kind, const json::value& object);
  virtual void on_event(const EventRecord& record);

 private:
  class MemoryWatch;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace wireway::resource
