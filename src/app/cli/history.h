#pragma once
/// `wireway history`, `wireway rollback` and the comparison of revisions: the past of one object
/// (docs/reference/history.md).

#include "app/cli/command.h"
#include "app/cli/targets.h"

namespace wireway::app::cli {

struct HistoryOptions {
  std::vector<std::string> words = {};
  std::int64_t limit = 0;
  bool status = false;
  std::string output = "table";
};

struct RollbackOptions {
  std::vector<std::string> words = {};
  std::int64_t to = 0;
  bool yes = false;
  bool dry_run = false;
};

int run_history(Session& session, const HistoryOptions& options);
int run_rollback(Session& session, const RollbackOptions& options);
void add_history(CLI::App& root, Chosen& chosen);
void add_rollback(CLI::App& root, Chosen& chosen);

/// The living object, or as of `revision` if that is not 0.
Answer<json::value> object_at(Session& session, const Target& target, std::int64_t revision);

}  // namespace wireway::app::cli
