#pragma once
/// `wireway apply`: files into resources by server-side apply, in the name of field manager
/// `wireway`. What others own is not taken from them unasked: conflicts are told in words.

#include "app/cli/command.h"

namespace wireway::app::cli {

inline constexpr const char* field_manager = "wireway";

struct ApplyOptions {
  std::vector<std::string> files = {};
  bool recursive = false;
  bool force_conflicts = false;
  bool dry_run = false;
  std::string output = {};
};

int run_apply(Session& session, const ApplyOptions& options);
void add_apply(CLI::App& root, Chosen& chosen);

struct Manifest;

/// Where a manifest goes: its kind and path. Its namespace is filled in. Errors: 404 for an unknown
/// kind, 400 for another namespace than --namespace.
struct Placed {
  KindInfo kind;
  std::string name;
  std::string path;
};
Answer<Placed> place(Session& session, Manifest& manifest);

}  // namespace wireway::app::cli
