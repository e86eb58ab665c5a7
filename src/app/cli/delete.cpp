#include "app/cli/delete.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "app/cli/apply.h"
#include "app/cli/manifests.h"
#include "app/cli/targets.h"

namespace wireway::app::cli {
namespace {

class Delete {
 public:
  Delete(Session& session, const DeleteOptions& options) : session_(session), options_(options) {}

  int run() {
    if (options_.words.empty() == options_.files.empty())
      return session_.usage("name objects, or files with -f; not both");
    if (!options_.files.empty()) return files();
    auto targets = read_targets(session_.kinds, options_.words);
    if (!targets) return session_.fail(targets.error());
    for (const Target& target : *targets) {
      if (!target.name.empty()) {
        one(target.kind, target.name, target.kind.path(session_.space, target.name));
      } else if (options_.all || !options_.selector.empty()) {
        all_of(target.kind);
      } else {
        return session_.usage("name objects, choose them with -l, or say --all");
      }
    }
    return worst_;
  }

 private:
  int files() {
    auto manifests =
        read_manifests({options_.files, options_.recursive}, session_.files, session_.console);
    if (!manifests) return session_.fail(manifests.error());
    sort_for_apply(*manifests);
    // What others stand on goes last.
    std::ranges::reverse(*manifests);
    for (Manifest& manifest : *manifests) {
      auto placed = place(session_, manifest);
      if (placed)
        one(placed->kind, placed->name, placed->path);
      else
        failed(placed.error());
    }
    return worst_;
  }

  void all_of(const KindInfo& kind) {
    std::string path = kind.path(session_.space);
    if (!options_.selector.empty()) add_query(path, "labelSelector", options_.selector);
    auto list = session_.api.get(path);
    if (!list) return failed(list.error());
    const json::array none;
    const json::value* items = find(*list, "items");
    const bool some = items != nullptr && items->is_array() && !items->get_array().empty();
    if (!some) session_.console.err("No resources found\n");
    for (const json::value& item : some ? items->get_array() : none) {
      const std::string name = text_at(item, {"metadata", "name"});
      one(kind, name, kind.path(session_.space, name));
    }
  }

  void one(const KindInfo& kind, const std::string& name, std::string path) {
    static const std::map<std::string, std::string> policies{
        {"background", "Background"}, {"foreground", "Foreground"}, {"orphan", "Orphan"}};
    json::object body{{"kind", "DeleteOptions"},
                      {"apiVersion", "v1"},
                      {"propagationPolicy", policies.at(options_.cascade)}};
    if (options_.dry_run) add_query(path, "dryRun", "All");
    auto answer = session_.api.send(
        {.method = "DELETE", .path = std::move(path), .body = json::serialize(body)});
    if (!answer) {
      if (options_.ignore_not_found && answer.error().code == 404) return;
      return failed(answer.error());
    }
    const json::value* waits = find(*answer, "metadata", "deletionTimestamp");
    session_.console.out(
        fmt::format("{} {}{}\n", title_of(kind, name),
                    waits != nullptr ? "is being deleted: finalizers still hold it" : "deleted",
                    options_.dry_run ? " (dry run)" : ""));
  }

  void failed(const ApiFailure& failure) { worst_ = std::max(worst_, session_.fail(failure)); }

  Session& session_;
  const DeleteOptions& options_;
  int worst_ = 0;
};

}  // namespace

int run_delete(Session& session, const DeleteOptions& options) {
  return Delete(session, options).run();
}

void add_delete(CLI::App& root, Chosen& chosen) {
  auto [remove, options] =
      add_api_command<DeleteOptions>(root, chosen, {"delete", "Delete resources"}, &run_delete);
  remove.add_option("objects", options.words, "KIND/NAME, KIND NAME..., or KIND with -l or --all");
  remove.add_option("-f,--filename", options.files, "Files and folders; - is standard input");
  remove.add_option("-l,--selector", options.selector, "Labels: line=1,zone!=b");
  remove
      .add_option("--cascade", options.cascade,
                  "What becomes of objects that it owns: background, foreground or orphan")
      ->check(CLI::IsMember({"background", "foreground", "orphan"}));
  remove.add_flag("-R,--recursive", options.recursive, "Folders below folders too");
  remove.add_flag("--all", options.all, "All objects of the kind in the namespace");
  remove.add_flag("--ignore-not-found", options.ignore_not_found, "Gone already is fine");
  remove.add_flag("--dry-run", options.dry_run, "Let the server check and change nothing");
}

}  // namespace wireway::app::cli
