#include "app/cli/history.h"

#include <fmt/format.h>

#include "app/cli/apply.h"
#include "app/cli/output.h"
#include "app/cli/text_diff.h"

namespace wireway::app::cli {
namespace {

std::string path_of(const Session& session, const Target& target) {
  return target.kind.path(session.space, target.name);
}

/// A server without our extension knows no such path and says so without naming the object.
ApiFailure explained(ApiFailure failure) {
  const bool bare = failure.code == 404 && failure.message.contains("requested resource");
  if (bare) failure.message = "this server keeps no history: only Wireway's own API server does";
  return failure;
}

Answer<json::value> roll_back(Session& session, const Target& target, json::object body,
                              bool dry_run) {
  body["dryRun"] = dry_run;
  ApiRequest request{.method = "POST",
                     .path = path_of(session, target) + "/rollback",
                     .body = json::serialize(body)};
  add_query(request.path, "fieldManager", field_manager);
  auto answer = session.api.send(request);
  if (!answer) return std::unexpected(explained(answer.error()));
  return answer;
}

}  // namespace

Answer<json::value> object_at(Session& session, const Target& target, std::int64_t revision) {
  const std::string path = path_of(session, target);
  if (revision == 0) return session.api.get(path);
  auto answer = session.api.get(fmt::format("{}/history/{}", path, revision));
  if (!answer) return std::unexpected(explained(answer.error()));
  return answer;
}

int run_history(Session& session, const HistoryOptions& options) {
  auto target = read_target(session.kinds, options.words);
  if (!target) return session.fail(target.error());
  std::string path = path_of(session, *target) + "/history";
  auto answer = session.api.get(path);
  if (!answer) return session.fail(explained(answer.error()));
  json::array shown;
  for (json::value& item : answer->at("items").as_array()) {
    const bool hidden = !options.status && text_at(item, {"change"}) == "status";
    const bool full = options.limit > 0 && std::ssize(shown) >= options.limit;
    if (!hidden && !full) shown.push_back(std::move(item));
  }
  const Form form = form_of(options.output);
  if (form == Form::json || form == Form::yaml) {
    answer->as_object()["items"] = std::move(shown);
    session.console.out(to_text(*answer, form));
    return to_int(Exit::ok);
  }
  TextTable table({"REVISION", "WHEN", "WHO", "PROGRAM", "CHANGE", "WHAT CHANGED"});
  for (const json::value& item : shown)
    table.add({std::to_string(int_at(item, {"revision"}, 0)), text_at(item, {"time"}),
               text_at(item, {"author"}), text_at(item, {"manager"}), text_at(item, {"change"}),
               text_at(item, {"summary"})});
  session.console.out(table.to_text(session.console));
  return to_int(Exit::ok);
}

int run_rollback(Session& session, const RollbackOptions& options) {
  auto target = read_target(session.kinds, options.words);
  if (!target) return session.fail(target.error());
  const std::string title = title_of(target->kind, target->name);
  json::object body{{"toRevision", options.to}};
  auto living = object_at(session, *target, 0);
  if (!living && living.error().code != 404) return session.fail(living.error());
  auto would = roll_back(session, *target, body, true);
  if (!would) return session.fail(would.error());
  const std::string diff =
      unified_diff(living ? comparable_yaml(*living) : "", comparable_yaml(*would),
                   living ? title + " now" : "/dev/null",
                   fmt::format("{} as of revision {}", title, options.to));
  if (diff.empty()) {
    session.console.out(fmt::format("{} is already as it was in revision {}\n", title, options.to));
    return to_int(Exit::ok);
  }
  session.console.out(coloured_diff(session.console, diff));
  if (options.dry_run) return to_int(Exit::ok);
  if (!options.yes) {
    if (!session.console.is_terminal())
      return session.usage("there is no terminal to ask on: add --yes to roll back");
    const std::string answer = session.console.ask(fmt::format("Roll {} back? [y/N] ", title));
    if (answer != "y" && answer != "Y" && answer != "yes") {
      session.console.err("Nothing was changed.\n");
      return to_int(Exit::failure);
    }
  }
  // What was shown is what happens: if somebody has written meanwhile, the server refuses.
  if (living) body["resourceVersion"] = text_at(*living, {"metadata", "resourceVersion"});
  auto done = roll_back(session, *target, body, false);
  if (!done) return session.fail(done.error());
  session.console.out(fmt::format("{} rolled back to revision {}; it is now revision {}\n", title,
                                  options.to, text_at(*done, {"metadata", "resourceVersion"})));
  return to_int(Exit::ok);
}

void add_history(CLI::App& root, Chosen& chosen) {
  auto [history, options] = add_api_command<HistoryOptions>(
      root, chosen, {"history", "Who changed an object, when and what; deleted ones too"},
      &run_history);
  history.add_option("object", options.words, "KIND/NAME or KIND NAME")->required();
  history.add_option("--limit", options.limit, "The newest N only")->check(CLI::PositiveNumber);
  history.add_flag("--status", options.status, "Changes of status too");
  history.add_option("-o,--output", options.output, "table, yaml or json")
      ->check(CLI::IsMember({"table", "yaml", "json"}));
}

void add_rollback(CLI::App& root, Chosen& chosen) {
  auto [rollback, options] = add_api_command<RollbackOptions>(
      root, chosen, {"rollback", "Bring an object back to a former revision, also a deleted one"},
      &run_rollback);
  rollback.add_option("object", options.words, "KIND/NAME or KIND NAME")->required();
  rollback.add_option("--to", options.to, "The revision; see `wireway history`")
      ->required()
      ->check(CLI::PositiveNumber);
  rollback.add_flag("-y,--yes", options.yes, "Do not ask");
  rollback.add_flag("--dry-run", options.dry_run, "Show what would change and change nothing");
}

}  // namespace wireway::app::cli
