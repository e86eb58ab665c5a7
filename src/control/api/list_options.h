#pragma once
/// As of which moment a list is asked for, and which page of it: `limit`, `continue`,
/// `resourceVersion`, `resourceVersionMatch`.
///
/// Source: Kubernetes API concepts, "Resource versions" (the table of semantics for lists) and
///         "Retrieving large results sets in chunks".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/api/status.h"
#include "link/http_server.h"

namespace wireway::control {

/// Where the next page begins: behind an object, as of a revision.
struct ContinueToken {
  std::int64_t revision = 0;
  std::int64_t remaining = -1;  ///< objects behind it; below 0: not counted
  std::string space;
  std::string name;
};

std::string to_text(const ContinueToken& token);
std::optional<ContinueToken> read_token(std::string_view text);

struct ListOptions {
  std::int64_t limit = 0;           ///< 0 = all
  std::int64_t exact_revision = 0;  ///< 0 = now, which is as new as anybody can ask for
  std::optional<ContinueToken> page;
};

/// `current` is the newest revision. Errors: 400 and 422 in the words of the real server; 504 for a
/// revision that is still to come: clients take that as "list again".
ApiResult<ListOptions> read_list_options(const link::HttpRequest& request, std::int64_t current);

/// The same rules for a watch. Whether its revision is too old or too new shows when it begins.
ApiResult<> check_watch_options(const link::HttpRequest& request);

/// For reads that must not be older than a revision.
ApiResult<> require_revision(std::int64_t asked, std::int64_t current);

}  // namespace wireway::control
