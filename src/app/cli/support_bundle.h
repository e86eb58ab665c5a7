#pragma once
/// `wireway support-bundle`: what somebody needs to help, in one zip file: resources with status,
/// Events, logs of the services, versions, findings of `check`, facts about the machine. Never a
/// secret (redact.h).
///
/// Source: operations.md section 2.4 (options and layout).
/// Limits: log_bytes_max of each log, its end.
/// Errors: best effort: what cannot be had is named in manifest.yaml, and the rest goes on.

#include <map>

#include "app/cli/command.h"

namespace wireway::app::cli {

struct BundleOptions {
  std::vector<std::string> services = {};
  std::int64_t log_age_s = 86400;
  std::string folder = ".";
  std::string name = {};
};

/// Path in the zip -> content.
using BundleParts = std::map<std::string, std::string>;

BundleParts collect_bundle(Session& session, const BundleOptions& options);
/// Errors: of the file system, with the path.
Result<> write_zip(const std::string& path, const BundleParts& parts);

int run_support_bundle(Session& session, const BundleOptions& options);
void add_support_bundle(CLI::App& root, Chosen& chosen);

}  // namespace wireway::app::cli
