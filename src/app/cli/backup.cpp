#include "app/cli/backup.h"

#include <filesystem>

#include <fmt/format.h>

namespace wireway::app::cli {
namespace {

constexpr int attempts_max = 20;

/// A server in the middle of writes asks to be asked again.
Answer<json::value> ask(Session& session) {
  Answer<json::value> answer;
  for (int i = 0; i < attempts_max; ++i) {
    answer = session.api.send({.method = "POST", .path = "/wireway/v1/backups", .body = "{}"});
    if (answer || answer.error().code != 429) break;
  }
  if (!answer && answer.error().code == 404)
    answer.error().message = "this server makes no backups: only Wireway's own API server does";
  return answer;
}

}  // namespace

int run_backup(Session& session, const BackupOptions& options) {
  // Before the work: a name that is taken would be found out too late.
  if (std::filesystem::exists(options.file))
    return session.usage(options.file + " is there already; choose another name");
  auto made = ask(session);
  if (!made) return session.fail(made.error());
  std::string path = text_at(*made, {"path"});
  if (!options.file.empty()) {
    std::error_code error;
    std::filesystem::copy_file(path, options.file, error);
    if (!error) std::filesystem::remove(path, error);
    if (error)
      return session.fail(Error{
          Errc::io, fmt::format("the backup is on the server at {} and cannot be moved to {}: {}",
                                path, options.file, error.message())});
    path = options.file;
  }
  session.console.out(path + "\n");
  session.console.err(fmt::format("{} bytes, up to revision {}\n", int_at(*made, {"bytes"}, 0),
                                  int_at(*made, {"revision"}, 0)));
  return to_int(Exit::ok);
}

void add_backup(CLI::App& root, Chosen& chosen) {
  auto [backup, options] = add_api_command<BackupOptions>(
      root, chosen, {"backup", "Copy the running server's database, history and all"}, &run_backup);
  backup.add_option("file", options.file, "Where to (default: <data>/backups of the server)");
}

}  // namespace wireway::app::cli
