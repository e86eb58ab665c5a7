#pragma once
/// What a command works with: the API, its kinds, the console, files, the namespace that was asked
/// for.
///
/// Thread: main's. Errors: with_session() says on the console why there is no connection.

#include <functional>
#include <string>

#include "app/cli/api.h"
#include "app/cli/connection.h"
#include "app/cli/console.h"
#include "app/cli/kinds.h"
#include "net/file.h"

namespace wireway::app::cli {

/// Exit codes of the commands below src/app/cli; documented in docs/reference/cli.md.
enum class Exit : int {
  ok = 0,
  failure = 1,  ///< diff: there are differences
  usage = 2,
  not_found = 3,  ///< an object, kind or revision
  conflict = 4,   ///< fields belong to others, or the object has changed meanwhile
  diff_failed = 5,
};

inline int to_int(Exit code) { return static_cast<int>(code); }

struct Session {
  Session(Transport& transport, Console& its_console, net::Files& its_files, std::string its_space)
      : api(transport, its_console),
        kinds(api),
        console(its_console),
        files(its_files),
        space(std::move(its_space)) {}

  /// One line on `err`, and the exit code that fits.
  int fail(const ApiFailure& failure);
  int fail(const Error& error);
  int usage(std::string_view sentence);

  Api api;
  Kinds kinds;
  Console& console;
  net::Files& files;
  std::string space;         ///< namespace of --namespace, of the context, or the default
  bool space_given = false;  ///< by --namespace: manifests must not name another
  Connection connection;
  WallTime now;
};

int with_session(const ConnectionOptions& options, const std::function<int(Session&)>& run);

Exit exit_of(const ApiFailure& failure);

}  // namespace wireway::app::cli
