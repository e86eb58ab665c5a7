#pragma once
/// Stored objects in the version and form that a client asked for: plain JSON, Table row or
/// metadata only.

#include <string>
#include <string_view>
#include <vector>

#include "control/api/catalog.h"
#include "control/api/negotiate.h"
#include "control/api/table.h"
#include "control/store/store.h"

namespace wireway::control {

class Renderer {
 public:
  Renderer(ResourceTypeRef type, const ServedVersion& version, Accept accept, IncludeObject include,
           WallTime now);

  /// The text of one stored object in the asked version, plain form. Cost: no parsing, unless the
  /// type is a view or the version has names of its own (resource/dialect.h).
  std::string plain(std::string_view body) const;
  /// One object as the whole answer.
  std::string object(std::string_view body) const;
  std::string list(const std::vector<Revision>& items, json::object list_metadata) const;
  /// What a watch sends as `object`. A Table names its columns only in the first.
  std::string watched(std::string_view body, bool first) const;
  /// The object that a bookmark carries.
  std::string bookmark(std::int64_t revision, bool initial_events_end) const;

 private:
  ResourceTypeRef type_;
  const ServedVersion& version_;
  Accept accept_;
  TableMaker tables_;
  std::string stored_prefix_;
  std::string wanted_prefix_;
  bool speaks_;  ///< the version has names of its own
};

/// A core Event in the shape of events.k8s.io/v1.
json::object event_view(const json::object& event);

}  // namespace wireway::control
