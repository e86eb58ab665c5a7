#pragma once
/// `wireway snapshot` and `wireway restore`: what people and programs wish, of all kinds as of one
/// revision, into a file and back.
///
/// A snapshot is JSON Lines: first {"kind":"Snapshot","apiVersion":"wireway.io/v1","revision":...},
/// then one object a line. Status, Events and Leases are not in it; Secrets only if asked for.
/// A restore compares with what is there and makes the difference: each step is a change like any
/// other, with a revision of its own. Definitions and namespaces that came later stay.

#include "app/cli/command.h"

namespace wireway::app::cli {

struct SnapshotOptions {
  std::string file = "-";
  std::int64_t revision = 0;
  bool include_secrets = false;
};

struct RestoreOptions {
  std::string file = {};
  std::int64_t revision = 0;
  bool include_secrets = false;
  bool dry_run = false;
  bool yes = false;
};

/// Objects as of one revision, and of which kinds.
struct Snapshot {
  std::int64_t revision = 0;
  std::vector<std::string> resources;
  std::vector<json::value> objects;
};

int run_snapshot(Session& session, const SnapshotOptions& options);
int run_restore(Session& session, const RestoreOptions& options);
void add_snapshot(CLI::App& root, Chosen& chosen);
void add_restore(CLI::App& root, Chosen& chosen);

/// `revision` 0 = now.
Answer<Snapshot> take_snapshot(Session& session, std::int64_t revision, bool include_secrets);
std::string to_text(const Snapshot& snapshot, WallTime now);
/// Errors: the line and what is wrong.
Result<Snapshot> read_snapshot(std::string_view text);

}  // namespace wireway::app::cli
