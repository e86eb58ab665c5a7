#pragma once
/// Which files of a folder in a repository are manifests: all *.yaml, *.yml and *.json below it, or
/// what its kustomization.yaml lists.
///
/// Source: kustomize's `resources` and `namespace`; anything else in a kustomization.yaml that
///         would change the objects is a problem, never silently left out.
/// Thread: any.
/// Errors: Errc::not_found if the path is not there; what else is wrong is one of `problems`.
/// Limits: git_*_max. Symbolic links are refused, and so is a way out of the repository.

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace wireway::control {

inline constexpr std::size_t git_files_max = 5'000;
inline constexpr std::size_t git_file_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t git_text_bytes_max = 64 * 1024 * 1024;
inline constexpr std::size_t git_depth_max = 32;

/// The tree of one commit. Paths are relative to its root, without "." and ".."; "" is the root.
class GitTree {
 public:
  enum class Kind { none, file, folder, link, submodule };
  struct Entry {
    std::string name;
    Kind kind = Kind::none;
  };
  virtual ~GitTree() = default;
  virtual Kind kind(const std::string& path) const = 0;
  virtual Result<std::vector<Entry>> list(const std::string& folder) const = 0;  ///< by name
  /// Errors: Errc::exhausted if larger than git_file_bytes_max.
  virtual Result<std::string> read(const std::string& file) const = 0;
};

struct GitFile {
  std::string path;
  std::string text;
  std::string space;  ///< of a kustomization: the namespace of all its objects; "" = as written
};

struct GitProblem {
  std::string place;  ///< "line1/kustomization.yaml"
  std::string sentence;
};

struct GitFiles {
  std::vector<GitFile> files;
  std::vector<GitProblem> problems;
};

/// `path` as a repository has it: "" for ".", without slashes at its ends. Errors: Errc::invalid if
/// it leads out of the repository.
Result<std::string> normal_git_path(std::string_view path);

Result<GitFiles> manifest_files(const GitTree& tree, const std::string& path);

}  // namespace wireway::control
