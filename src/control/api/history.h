#pragma once
/// The past of one object over the API, of a deleted one too: a list of its revisions, the object
/// as of one of them, and the way back.
///
///   GET  <object>/history?limit=N      RevisionList, newest first
///   GET  <object>/history/<revision>   the object as of then
///   POST <object>/rollback             {"toRevision": N, "dryRun": bool, "resourceVersion": "..."}
///
/// A rollback writes the former wish (labels, annotations, spec, data; never status or uid) as a
/// new revision, so that it can be undone like any other change.
///
/// Thread: the server's. Owns: nothing. Limits: Store::limits_of(); list_items_max an answer;
///         paths_max of each kind a revision.
/// Errors: 404 with the kept range for a revision that is not kept; 409 if the object is not the
///         one that `resourceVersion` names; 422 if today's schema refuses the former wish.

#include <cstdint>
#include <string>
#include <string_view>

#include "control/api/objects.h"

namespace wireway::control {

/// "history" or "rollback": subresources that every kind has.
bool is_of_the_past(std::string_view subresource);

class ObjectHistory {
 public:
  static constexpr std::int64_t list_items_max = 200;
  static constexpr std::size_t paths_max = 32;

  ObjectHistory(Store& store, const Catalog& catalog) : store_(store), catalog_(catalog) {}

  /// `limit` 0 = list_items_max.
  ApiResult<json::object> list(const Call& call, std::int64_t limit) const;
  ApiResult<Revision> at(const Call& call, std::string_view revision) const;
  /// The revision that a rollback goes back to. `body` is the request's.
  ApiResult<Revision> target(const Call& call, const json::value& body) const;

 private:
  ApiResult<std::vector<Revision>> kept(const Call& call, std::int64_t limit) const;
  ApiError not_kept(const Call& call, std::string_view revision,
                    const std::vector<Revision>& kept) const;
  json::object item(const Revision& revision, const Revision* older) const;

  Store& store_;
  const Catalog& catalog_;
};

}  // namespace wireway::control
