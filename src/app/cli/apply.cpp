#include "app/cli/apply.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "app/cli/manifests.h"
#include "app/cli/output.h"
#include "app/cli/targets.h"
#include "app/cli/text_diff.h"

namespace wireway::app::cli {
namespace {

/// `conflict with "kubectl" using v1` and the field, as a person would say it.
void tell_conflicts(Session& session, const std::string& title, const ApiFailure& failure) {
  Console& console = session.console;
  console.err(
      fmt::format("{} {} is not applied: other programs own fields that the file changes:\n",
                  console.paint(Colour::red, "Conflict:"), title));
  for (const ApiCause& cause : failure.causes) {
    const auto first = cause.message.find('"');
    const auto last = cause.message.find('"', first + 1);
    const std::string owner = last == std::string::npos
                                  ? cause.message
                                  : cause.message.substr(first + 1, last - first - 1);
    const std::string field = cause.field.starts_with('.') ? cause.field.substr(1) : cause.field;
    console.err(fmt::format("  {}  belongs to {}\n", field, owner));
  }
  console.err(
      "Take these fields out of the file, or take them over with --force-conflicts; `wireway diff "
      "-f` shows what would change.\n");
}

class Apply {
 public:
  Apply(Session& session, const ApplyOptions& options) : session_(session), options_(options) {}

  int run() {
    auto manifests =
        read_manifests({options_.files, options_.recursive}, session_.files, session_.console);
    if (!manifests) return session_.fail(manifests.error());
    sort_for_apply(*manifests);
    for (Manifest& manifest : *manifests) one(manifest);
    if (options_.output == "json" || options_.output == "yaml") {
      const Form form = form_of(options_.output);
      session_.console.out(written_.size() == 1 ? to_text(written_.front(), form)
                                                : to_text(list_of(std::move(written_)), form));
    }
    return worst_;
  }

 private:
  void one(Manifest& manifest) {
    auto placed = place(session_, manifest);
    if (!placed) {
      ApiFailure failure = placed.error();
      failure.message = manifest.where + ": " + failure.message;
      return failed(failure);
    }
    const std::string title = title_of(placed->kind, placed->name);
    auto before = session_.api.get(placed->path);
    if (!before && before.error().code != 404) return failed(before.error());
    ApiRequest request{.method = "PATCH",
                       .path = placed->path,
                       .body = json::serialize(manifest.object),
                       .content_type = "application/apply-patch+yaml"};
    add_query(request.path, "fieldManager", field_manager);
    add_query(request.path, "fieldValidation", "Strict");
    if (options_.force_conflicts) add_query(request.path, "force", "true");
    if (options_.dry_run) add_query(request.path, "dryRun", "All");
    auto after = session_.api.send(request);
    if (!after) {
      const bool owned = std::ranges::any_of(after.error().causes, [](const ApiCause& cause) {
        return cause.reason == "FieldManagerConflict";
      });
      if (!owned) {
        ApiFailure failure = after.error();
        failure.message = fmt::format("{} ({}): {}", title, manifest.where, failure.message);
        return failed(failure);
      }
      tell_conflicts(session_, title, after.error());
      worst_ = std::max(worst_, to_int(Exit::conflict));
      return;
    }
    if (placed->kind.kind == "CustomResourceDefinition") session_.kinds.forget();
    tell(title, before ? &*before : nullptr, *after);
  }

  void tell(const std::string& title, const json::value* before, const json::value& after) {
    if (options_.output == "json" || options_.output == "yaml") {
      written_.push_back(without_managed_fields(after));
      return;
    }
    if (options_.output == "name") return session_.console.out(title + "\n");
    // By what is wished for, not by revision: a service may just have written the status.
    std::string_view what = "created";
    if (before != nullptr)
      what = comparable_yaml(*before) == comparable_yaml(after) ? "unchanged" : "configured";
    session_.console.out(
        fmt::format("{} {}{}\n", title, what, options_.dry_run ? " (dry run)" : ""));
  }

  void failed(const ApiFailure& failure) { worst_ = std::max(worst_, session_.fail(failure)); }

  Session& session_;
  const ApplyOptions& options_;
  json::array written_;
  int worst_ = 0;
};

}  // namespace

Answer<Placed> place(Session& session, Manifest& manifest) {
  auto kind = session.kinds.find(text_at(manifest.object, {"apiVersion"}),
                                 text_at(manifest.object, {"kind"}));
  if (!kind) return std::unexpected(kind.error());
  const std::string name = text_at(manifest.object, {"metadata", "name"});
  if (name.empty())
    return std::unexpected(ApiFailure{422, "Invalid", "metadata.name: is needed", {}});
  std::string space;
  if (kind->namespaced) {
    space = text_at(manifest.object, {"metadata", "namespace"});
    if (!space.empty() && session.space_given && space != session.space)
      return std::unexpected(ApiFailure{
          400,
          "Usage",
          fmt::format("the file names namespace \"{}\", the command line \"{}\"; leave one out",
                      space, session.space),
          {}});
    if (space.empty()) space = session.space;
    manifest.object.as_object()["metadata"].as_object()["namespace"] = space;
  }
  std::string path = kind->path(space, name);
  return Placed{std::move(*kind), name, std::move(path)};
}

int run_apply(Session& session, const ApplyOptions& options) {
  return Apply(session, options).run();
}

void add_apply(CLI::App& root, Chosen& chosen) {
  auto [apply, options] = add_api_command<ApplyOptions>(
      root, chosen, {"apply", "Bring resources to what files say (server-side apply)"}, &run_apply);
  apply.add_option("-f,--filename", options.files, "Files and folders; - is standard input")
      ->required();
  apply.add_flag("-R,--recursive", options.recursive, "Folders below folders too");
  apply.add_flag("--force-conflicts", options.force_conflicts,
                 "Take over fields that belong to other programs");
  apply.add_flag("--dry-run", options.dry_run, "Let the server check all and change nothing");
  apply.add_option("-o,--output", options.output, "yaml, json or name")
      ->check(CLI::IsMember({"yaml", "json", "name"}));
}

}  // namespace wireway::app::cli
