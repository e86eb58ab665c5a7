#include "app/cli/diff.h"

#include <algorithm>

#include <fmt/format.h>

#include "app/cli/apply.h"
#include "app/cli/history.h"
#include "app/cli/manifests.h"
#include "app/cli/text_diff.h"

namespace wireway::app::cli {
namespace {

constexpr int differences = static_cast<int>(Exit::failure);

/// 1 is taken: it says that there are differences.
int failed(int code) { return code == differences ? to_int(Exit::diff_failed) : code; }

int show(Session& session, const std::string& diff) {
  if (diff.empty()) return to_int(Exit::ok);
  session.console.out(coloured_diff(session.console, diff));
  return differences;
}

int diff_revisions(Session& session, const DiffOptions& options) {
  auto target = read_target(session.kinds, options.words);
  if (!target) return failed(session.fail(target.error()));
  if (options.to == 0 && options.from == 0)
    return session.usage("name a revision with --to or --from; `wireway history` lists them");
  auto before = object_at(session, *target, options.from);
  const bool gone = !before && before.error().code == 404 && options.from == 0;
  if (!before && !gone) return failed(session.fail(before.error()));
  auto after = object_at(session, *target, options.to);
  if (!after) return failed(session.fail(after.error()));
  const std::string title = title_of(target->kind, target->name);
  const auto name = [&title](std::int64_t revision) {
    return revision == 0 ? title + " now" : fmt::format("{} as of revision {}", title, revision);
  };
  return show(session, unified_diff(gone ? "" : comparable_yaml(*before, options.status),
                                    comparable_yaml(*after, options.status),
                                    gone ? "/dev/null" : name(options.from), name(options.to)));
}

/// What the server would make of the file, without a write. Conflicts do not hide the difference.
Answer<std::string> diff_manifest(Session& session, Manifest& manifest) {
  auto placed = place(session, manifest);
  if (!placed) return std::unexpected(placed.error());
  auto living = session.api.get(placed->path);
  if (!living && living.error().code != 404) return std::unexpected(living.error());
  ApiRequest request{.method = "PATCH",
                     .path = placed->path,
                     .body = json::serialize(manifest.object),
                     .content_type = "application/apply-patch+yaml"};
  add_query(request.path, "fieldManager", field_manager);
  add_query(request.path, "force", "true");
  add_query(request.path, "dryRun", "All");
  auto would = session.api.send(request);
  if (!would) return std::unexpected(would.error());
  const std::string title = title_of(placed->kind, placed->name);
  return unified_diff(living ? comparable_yaml(*living) : "", comparable_yaml(*would),
                      living ? title + " now" : "/dev/null", title + " by " + manifest.where);
}

int diff_files(Session& session, const DiffOptions& options) {
  auto manifests =
      read_manifests({options.files, options.recursive}, session.files, session.console);
  if (!manifests) return failed(session.fail(manifests.error()));
  sort_for_apply(*manifests);
  int worst = 0;
  for (Manifest& manifest : *manifests) {
    auto diff = diff_manifest(session, manifest);
    if (!diff) {
      ApiFailure failure = diff.error();
      failure.message = manifest.where + ": " + failure.message;
      worst = std::max(worst, failed(session.fail(failure)));
    } else {
      worst = std::max(worst, show(session, *diff));
    }
  }
  return worst;
}

}  // namespace

int run_diff(Session& session, const DiffOptions& options) {
  if (options.words.empty() == options.files.empty())
    return session.usage("name files with -f, or an object with --to REVISION; not both");
  return options.files.empty() ? diff_revisions(session, options) : diff_files(session, options);
}

void add_diff(CLI::App& root, Chosen& chosen) {
  auto [diff, options] = add_api_command<DiffOptions>(
      root, chosen, {"diff", "What files would change, or what lies between two revisions"},
      &run_diff);
  diff.add_option("object", options.words, "KIND/NAME or KIND NAME");
  diff.add_option("-f,--filename", options.files, "Files and folders; - is standard input");
  diff.add_flag("-R,--recursive", options.recursive, "Folders below folders too");
  diff.add_option("--to", options.to, "Revision to compare with; without it: now")
      ->check(CLI::PositiveNumber);
  diff.add_option("--from", options.from, "Revision to compare from; without it: now")
      ->check(CLI::PositiveNumber);
  diff.add_flag("--status", options.status, "Status too");
}

}  // namespace wireway::app::cli
