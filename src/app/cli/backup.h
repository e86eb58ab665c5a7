#pragma once
/// `wireway backup`: a consistent copy of the running server's database, with all of its history.
/// The server writes it below its own data folder, as nobody else can read the locked database;
/// beside the server it is then moved to where it is wanted.

#include "app/cli/command.h"

namespace wireway::app::cli {

struct BackupOptions {
  std::string file = {};
};

int run_backup(Session& session, const BackupOptions& options);
void add_backup(CLI::App& root, Chosen& chosen);

}  // namespace wireway::app::cli
