#pragma once
/// `wireway diff`: what files would change, or what lies between revisions of an object.

#include "app/cli/command.h"

namespace wireway::app::cli {

struct DiffOptions {
  std::vector<std::string> words = {};
  std::vector<std::string> files = {};
  bool recursive = false;
  std::int64_t from = 0;
  std::int64_t to = 0;
  bool status = false;
};

/// Exit::failure (1) means that there are differences, Exit::diff_failed a failure.
int run_diff(Session& session, const DiffOptions& options);
void add_diff(CLI::App& root, Chosen& chosen);

}  // namespace wireway::app::cli
