#pragma once
/// `wireway delete`: objects by name, by label, by kind or by file.

#include "app/cli/command.h"

namespace wireway::app::cli {

struct DeleteOptions {
  std::vector<std::string> words = {};
  std::vector<std::string> files = {};
  std::string selector = {};
  std::string cascade = "background";
  bool recursive = false;
  bool all = false;
  bool ignore_not_found = false;
  bool dry_run = false;
};

int run_delete(Session& session, const DeleteOptions& options);
void add_delete(CLI::App& root, Chosen& chosen);

}  // namespace wireway::app::cli
