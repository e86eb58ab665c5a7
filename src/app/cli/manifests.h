#pragma once
/// Objects from files, folders and standard input, in the order in which they can be applied:
/// definitions and namespaces first.
///
/// Limits: folder_depth_max below a folder with `recursive`, else the folder alone.
/// Errors: the file, the line and what is wrong; nothing is returned by halves.

#include <string>
#include <vector>

#include "app/cli/console.h"
#include "base/json.h"
#include "base/result.h"
#include "net/file.h"

namespace wireway::app::cli {

inline constexpr int folder_depth_max = 16;

struct Manifest {
  json::value object;
  std::string where = {};  ///< "flow.yaml:12"
};

struct ManifestOptions {
  std::vector<std::string> files = {};  ///< files and folders; "-" is standard input
  bool recursive = false;
};

Result<std::vector<Manifest>> read_manifests(const ManifestOptions& options, net::Files& files,
                                             Console& console);

/// Definitions, then namespaces, then the rest, each in their own order.
void sort_for_apply(std::vector<Manifest>& manifests);

}  // namespace wireway::app::cli
