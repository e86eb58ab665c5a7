#include "control/git/settings.h"

namespace wireway::control {
namespace {

bool prepare() {
  if (git_libgit2_init() < 0) return false;
  for (const int level : {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL,
                          GIT_CONFIG_LEVEL_PROGRAMDATA})
    if (git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "") < 0) return false;
  return git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1) == 0;
}

}  // namespace

Result<> prepare_libgit2() {
  static const bool is_ready = prepare();
  if (is_ready) return {};
  return fail(Errc::internal, "libgit2 cannot begin: " + git_error_text());
}

std::string git_error_text() {
  const git_error* error = git_error_last();
  return error == nullptr || error->message == nullptr ? "unknown error" : error->message;
}

}  // namespace wireway::control
