#pragma once
/// `wireway get`: objects in the server's own columns, or as YAML, JSON or names.

#include "app/cli/command.h"

namespace wireway::app::cli {

struct GetOptions {
  std::vector<std::string> words = {};
  std::string selector = {};
  std::string output = "table";
  bool all_namespaces = false;
  bool show_managed_fields = false;
};

int run_get(Session& session, const GetOptions& options);
void add_get(CLI::App& root, Chosen& chosen);

}  // namespace wireway::app::cli
