#pragma once
/// A request's path and query taken apart: which resource, which object, how to write.

#include <optional>
#include <string>
#include <string_view>

#include "control/api/catalog.h"
#include "control/api/objects.h"
#include "control/api/table.h"
#include "link/http_server.h"

namespace wireway::control {

/// Names in a path: /apis/<group>/<version>/namespaces/<space>/<plural>/<name>/<subresource>; below
/// the subresource `history` one more, a revision.
struct ObjectPath {
  std::string group;
  std::string version;
  std::string space;
  std::string plural;
  std::string name;
  std::string subresource;
  std::string revision;  ///< of <object>/history/<revision>
  bool watch = false;    ///< the old form with /watch/ in it
};

/// nullopt if the path names no resource.
std::optional<ObjectPath> read_path(std::string_view path);

/// The Call of a request: names, manager, dry run and validation. Errors: 400, 404.
ApiResult<Call> read_call(const link::HttpRequest& request, const ObjectPath& path,
                          const Catalog& catalog, WallTime now);

bool query_flag(const link::HttpRequest& request, std::string_view name);
ApiResult<std::int64_t> query_number(const link::HttpRequest& request, std::string_view name);
IncludeObject read_include(const link::HttpRequest& request);

}  // namespace wireway::control
