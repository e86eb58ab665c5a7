#pragma once
/// libgit2 as this process uses it: nothing is taken from the configuration of the user or the
/// machine (insteadOf, proxies, credential helpers), everything is checked.
///
/// Thread: any; the first call prepares the library for the life of the process.

#include <memory>
#include <string>

#include <git2.h>

#include "base/result.h"

namespace wireway::control {

/// Errors: Errc::internal if the library cannot begin.
Result<> prepare_libgit2();

/// What the last call of this thread says went wrong.
std::string git_error_text();

/// Frees what libgit2 made: `GitPointer<git_tree, git_tree_free> tree;`
template <class T, void (*Free)(T*)>
struct GitFree {
  void operator()(T* pointer) const { Free(pointer); }
};
template <class T, void (*Free)(T*)>
using GitPointer = std::unique_ptr<T, GitFree<T, Free>>;

}  // namespace wireway::control
