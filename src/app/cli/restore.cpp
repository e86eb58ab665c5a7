#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "app/cli/apply.h"
#include "app/cli/snapshot.h"
#include "app/cli/targets.h"

namespace wireway::app::cli {
namespace {

/// Which object, across versions of its kind.
using Key = std::tuple<std::string, std::string, std::string>;  // resource, namespace, name

struct Step {
  enum class What { create, update, remove };
  What what;
  KindInfo kind;
  std::string space;
  std::string name;
  json::value wish;
};

int rank_of(const json::value& object) {
  const std::string kind = text_at(object, {"kind"});
  if (kind == "CustomResourceDefinition") return 0;
  if (kind == "Namespace") return 1;
  // An owner must have its new uid first.
  return find(object, "metadata", "ownerReferences") != nullptr ? 3 : 2;
}

bool stays_if_newer(const KindInfo& kind) {
  return kind.kind == "CustomResourceDefinition" || kind.kind == "Namespace";
}

json::value without_uids(const json::value& object) {
  json::value out = object;
  json::object& metadata = out.as_object()["metadata"].as_object();
  metadata.erase("uid");
  if (json::value* owners = metadata.if_contains("ownerReferences"); owners && owners->is_array())
    for (json::value& owner : owners->get_array())
      if (owner.is_object()) owner.get_object().erase("uid");
  return out;
}

class Restore {
 public:
  Restore(Session& session, const RestoreOptions& options) : session_(session), options_(options) {}

  int run() {
    auto wanted = source();
    if (!wanted) return to_int(Exit::failure);
    const bool secrets = std::ranges::find(wanted->resources, "secrets") != wanted->resources.end();
    auto living = take_snapshot(session_, 0, secrets);
    if (!living) return session_.fail(living.error());
    if (auto done = plan(*wanted, *living); !done) return session_.fail(done.error());
    tell();
    if (steps_.empty() || options_.dry_run) return to_int(Exit::ok);
    if (!options_.yes) {
      if (!session_.console.is_terminal())
        return session_.usage("there is no terminal to ask on: add --yes to restore");
      if (const auto answer = session_.console.ask("Restore? [y/N] ");
          answer != "y" && answer != "yes") {
        session_.console.err("Nothing was changed.\n");
        return to_int(Exit::failure);
      }
    }
    for (const Step& step : steps_) take(step);
    session_.console.out(
        fmt::format("{} created, {} updated, {} deleted, {} as they were, {} failed\n", done_[0],
                    done_[1], done_[2], unchanged_, failed_));
    return failed_ == 0 ? to_int(Exit::ok) : to_int(Exit::failure);
  }

 private:
  std::optional<Snapshot> source() {
    if (options_.file.empty() == (options_.revision == 0)) {
      session_.usage("name a snapshot's file, or a revision with --revision; not both");
      return std::nullopt;
    }
    if (options_.file.empty()) {
      auto past = take_snapshot(session_, options_.revision, options_.include_secrets);
      if (past) return std::move(*past);
      session_.fail(past.error());
      return std::nullopt;
    }
    auto text = options_.file == "-" ? Result<std::string>(session_.console.in())
                                     : session_.files.read(options_.file);
    Result<Snapshot> snapshot = std::unexpected(text ? Error{} : text.error());
    if (text) snapshot = read_snapshot(*text);
    if (snapshot) return std::move(*snapshot);
    session_.fail(Error{snapshot.error().code,
                        fmt::format("{}: {}", options_.file, snapshot.error().message)});
    return std::nullopt;
  }

  Answer<Key> key_of(const json::value& object, KindInfo& kind) {
    auto found = session_.kinds.find(text_at(object, {"apiVersion"}), text_at(object, {"kind"}));
    if (!found) return std::unexpected(found.error());
    kind = std::move(*found);
    return Key{kind.qualified(), text_at(object, {"metadata", "namespace"}),
               text_at(object, {"metadata", "name"})};
  }

  Answer<> plan(Snapshot& wanted, const Snapshot& living) {
    std::map<Key, const json::value*> there;
    std::map<Key, KindInfo> kinds;
    KindInfo kind;
    for (const json::value& object : living.objects) {
      auto key = key_of(object, kind);
      if (!key) return std::unexpected(key.error());
      there[*key] = &object;
      kinds[*key] = kind;
    }
    std::ranges::stable_sort(wanted.objects, {}, rank_of);
    for (json::value& object : wanted.objects) {
      auto key = key_of(object, kind);
      // A kind whose definition this restore creates is not served yet.
      if (!key) {
        unknown_.push_back(std::move(object));
        continue;
      }
      const auto found = there.find(*key);
      const bool is_new = found == there.end();
      if (!is_new) {
        uids_[text_at(object, {"metadata", "uid"})] = text_at(*found->second, {"metadata", "uid"});
        const bool equal = without_uids(object) == without_uids(*found->second);
        there.erase(found);
        if (equal) {
          ++unchanged_;
          continue;
        }
      }
      const auto& [resource, space, name] = *key;
      steps_.push_back(
          {is_new ? Step::What::create : Step::What::update, kind, space, name, std::move(object)});
    }
    add_removals(there, kinds, {wanted.resources.begin(), wanted.resources.end()});
    return {};
  }

  void add_removals(const std::map<Key, const json::value*>& there,
                    const std::map<Key, KindInfo>& kinds, const std::set<std::string>& resources) {
    for (const auto& [key, object] : there) {
      const auto& [resource, space, name] = key;
      const KindInfo& kind = kinds.at(key);
      if (!resources.contains(resource) || stays_if_newer(kind)) continue;
      steps_.push_back({Step::What::remove, kind, space, name, {}});
    }
  }

  void tell() {
    constexpr std::array words{"create", "update", "delete"};
    for (const Step& step : steps_)
      session_.console.out(fmt::format("{} {}{}\n", words[static_cast<std::size_t>(step.what)],
                                       title_of(step.kind, step.name),
                                       step.space.empty() ? "" : " in " + step.space));
    for (const json::value& object : unknown_)
      session_.console.out(fmt::format("create {}/{}, once its kind is served\n",
                                       text_at(object, {"kind"}),
                                       text_at(object, {"metadata", "name"})));
    if (steps_.empty()) session_.console.out("Everything is as in the snapshot.\n");
  }

  void take(const Step& step) {
    auto done = step.what == Step::What::create   ? create(step)
                : step.what == Step::What::update ? update(step)
                                                  : remove(step);
    if (done) {
      ++done_[static_cast<std::size_t>(step.what)];
    } else {
      ++failed_;
      ApiFailure failure = done.error();
      failure.message = title_of(step.kind, step.name) + ": " + failure.message;
      session_.fail(failure);
    }
    if (step.kind.kind != "CustomResourceDefinition" || unknown_.empty()) return;
    session_.kinds.forget();
    for (const json::value& object : std::exchange(unknown_, {})) {
      KindInfo kind;
      if (auto key = key_of(object, kind); key)
        later(Step{Step::What::create, kind, std::get<1>(*key), std::get<2>(*key), object});
      else
        unknown_.push_back(object);
    }
  }

  void later(const Step& step) {
    if (auto done = create(step); done)
      ++done_[0];
    else
      ++failed_, session_.fail(done.error());
  }

  json::value draft_of(const Step& step) {
    json::value draft = step.wish;
    json::object& metadata = draft.as_object()["metadata"].as_object();
    metadata.erase("uid");
    json::value* owners = metadata.if_contains("ownerReferences");
    if (owners == nullptr || !owners->is_array()) return draft;
    json::array kept;
    for (json::value& owner : owners->get_array()) {
      const auto now = uids_.find(text_at(owner, {"uid"}));
      if (now == uids_.end()) continue;
      owner.as_object()["uid"] = now->second;
      kept.push_back(std::move(owner));
    }
    *owners = std::move(kept);
    return draft;
  }

  Answer<> create(const Step& step) {
    std::string path = step.kind.path(step.space);
    add_query(path, "fieldManager", field_manager);
    auto made = session_.api.send(
        {.method = "POST", .path = path, .body = json::serialize(draft_of(step))});
    if (!made) return std::unexpected(made.error());
    uids_[text_at(step.wish, {"metadata", "uid"})] = text_at(*made, {"metadata", "uid"});
    return {};
  }

  Answer<> update(const Step& step) {
    std::string path = step.kind.path(step.space, step.name);
    auto living = session_.api.get(path);
    if (!living) return std::unexpected(living.error());
    json::value draft = draft_of(step);
    draft.as_object()["metadata"].as_object()["resourceVersion"] =
        text_at(*living, {"metadata", "resourceVersion"});
    // Kinds without a status subresource would lose it.
    if (const json::value* status = find(*living, "status")) draft.as_object()["status"] = *status;
    add_query(path, "fieldManager", field_manager);
    auto written =
        session_.api.send({.method = "PUT", .path = path, .body = json::serialize(draft)});
    if (!written) return std::unexpected(written.error());
    return {};
  }

  Answer<> remove(const Step& step) {
    auto gone = session_.api.send(
        {.method = "DELETE", .path = step.kind.path(step.space, step.name), .body = "{}"});
    // What it owned may have gone before it.
    if (!gone && gone.error().code != 404) return std::unexpected(gone.error());
    return {};
  }

  Session& session_;
  const RestoreOptions& options_;
  std::vector<Step> steps_;
  std::vector<json::value> unknown_;
  std::map<std::string, std::string> uids_;  ///< of the snapshot -> of now
  std::array<int, 3> done_{};
  int unchanged_ = 0;
  int failed_ = 0;
};

}  // namespace

int run_restore(Session& session, const RestoreOptions& options) {
  return Restore(session, options).run();
}

void add_restore(CLI::App& root, Chosen& chosen) {
  auto [restore, options] = add_api_command<RestoreOptions>(
      root, chosen,
      {"restore", "Make all resources what a snapshot says, or what a past revision was"},
      &run_restore);
  restore.add_option("file", options.file, "A file of `wireway snapshot`; - is standard input");
  restore.add_option("--revision", options.revision, "The state as of this revision instead")
      ->check(CLI::PositiveNumber);
  restore.add_flag("--include-secrets", options.include_secrets, "Secrets too, with --revision");
  restore.add_flag("--dry-run", options.dry_run, "Show the plan and change nothing");
  restore.add_flag("-y,--yes", options.yes, "Do not ask");
}

}  // namespace wireway::app::cli
