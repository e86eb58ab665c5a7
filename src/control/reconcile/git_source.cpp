#include "control/reconcile/git_source.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "control/reconcile/source_diff.h"

namespace wireway::control {
namespace {

using resource::ManifestProblem;

std::string short_id(const std::string& commit) { return commit.substr(0, 10); }

std::string ref_of(const GitRequest& request) {
  if (!request.commit.empty()) return "spec.ref.commit";
  return request.tag.empty() ? "branch " + request.branch : "tag " + request.tag;
}

bool has_finalizer(const json::value& repository) {
  const json::value* list = find(repository, "metadata", "finalizers");
  return list != nullptr && list->is_array() &&
         std::ranges::find(list->get_array(), json::value(git_finalizer)) !=
             list->get_array().end();
}

std::string_view action_of(std::string_view reason) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> actions{{
      {"FetchFailed", "Look at the URL, the server and the network; it is tried again by itself."},
      {"AuthenticationFailed", "Correct the Secret of spec.secretRef, or the trust in the server."},
      {"SecretMissing", "Create the Secret with the documented keys, or correct spec.secretRef."},
      {"RefMissing", "Correct spec.ref, or push what it names."},
      {"CommitMissing", "Correct spec.ref.commit, or push a branch that has it."},
      {"PathMissing", "Correct spec.path, or restore the folder in the repository."},
      {"InvalidSpec", "Correct the field that the message names."},
      {"InvalidManifests",
       "Mend the files in status.errors and commit, or take it back with git "
       "revert."},
      {"ManifestsMissing", "Restore the manifests, or delete this GitRepository if all shall go."},
      {"ApplyFailed", "Settle what status.errors names, in the repository or in the cluster."},
      {"TooLarge", "Use a smaller repository, or split its files."},
      {"ReadFailed", "Look at the disk and the permissions of the data folder."},
  }};
  const auto found =
      std::ranges::find(actions, reason, [](const auto& each) { return each.first; });
  return found == actions.end() ? "" : found->second;
}

/// Status without what changes by itself: the times.
json::object without_times(json::object status) {
  if (json::value* conditions = status.if_contains("conditions"))
    for (json::value& each : conditions->as_array()) each.as_object().erase("lastTransitionTime");
  return status;
}

}  // namespace

GitSource::GitSource(net::Env& env, resource::Resources& resources, SourceObjects& objects,
                     resource::ObjectKey key, const std::string& data_folder)
    : env_(env),
      resources_(resources),
      objects_(objects),
      key_(std::move(key)),
      mirror_(fmt::format("{}/git/{}/{}", data_folder, key_.space, key_.name)),
      source_(fmt::format("git:{}/{}", key_.space, key_.name)),
      applier_(env, resources, objects,
               {.source = source_,
                .manager = "git:" + key_.name,
                .takes = false,
                .changed = [this] { applier_changed(); },
                .may_remove =
                    [this](const std::string&) {
                      return leaving_ || (has_wishes_ && applier_.problems().empty());
                    }}),
      pull_(env.loop),
      tell_(env.loop),
      worker_("git") {}

void GitSource::take(const json::value& repository) {
  repository_ = repository;
  if (!text_at(repository, {"metadata", "deletionTimestamp"}).empty()) return leave();
  keep_finalizer();
  configure(repository);
  tell();
}

void GitSource::configure(const json::value& repository) {
  const json::value* spec = find(repository, "spec");
  const std::string request =
      text_at(repository, {"metadata", "annotations", git_request_annotation});
  const bool same_spec = configured_ && spec != nullptr && *spec == former_spec_;
  const bool same_request = request == former_request_;
  if (same_spec && same_request) return;
  former_spec_ = spec == nullptr ? json::value(nullptr) : *spec;
  former_request_ = request;
  const bool first = !std::exchange(configured_, true);
  if (!same_spec) {
    spec_ = GitSpec::parse(repository);
    unreachable_.reset();
    unusable_.reset();
    attempted_.clear();  // the path or the namespace may be another
  }
  applier_.set_policy({.prunes = !spec_ || spec_->prunes,
                       .corrects = !spec_ || spec_->corrects,
                       .rests = !spec_ || spec_->suspended});
  pull_.cancel();
  if (!spec_ || spec_->suspended) return;
  if (first)
    restore();
  else
    pull();
}

void GitSource::keep_finalizer() {
  if (has_finalizer(repository_) || std::exchange(finalizing_, true)) return;
  json::array list;
  if (const json::value* others = find(repository_, "metadata", "finalizers"))
    list = others->as_array();
  list.emplace_back(git_finalizer);
  const json::object metadata{
      {"finalizers", std::move(list)},
      {"resourceVersion", text_at(repository_, {"metadata", "resourceVersion"})}};
  resources_.patch(resource::git_repository, key_, {{"metadata", metadata}},
                   answers_.while_alive([this](const Result<json::value>& result) {
                     finalizing_ = false;
                     // A conflict comes with a newer object, which is taken in its turn.
                     if (!result && result.error().code != Errc::conflict)
                       log::warn("{}: its finalizer: {}", source_, result.error().message);
                   }));
}

/// The GitRepository is being deleted: its objects go, or lose their mark; then it may.
void GitSource::leave() {
  leaving_ = true;
  pull_.cancel();
  if (!configured_) {
    configured_ = true;
    spec_ = GitSpec::parse(repository_);
  }
  applier_.set_policy({.prunes = !spec_ || spec_->prunes, .corrects = false, .rests = false});
  applier_.want({});
}

void GitSource::schedule() {
  if (leaving_ || !spec_ || spec_->suspended) return;
  const bool failed = unreachable_.has_value();
  pull_.arm(failed ? std::min(spec_->interval, failed_interval) : spec_->interval,
            [this] { pull(); });
}

/// After a start: what was in force, out of the mirror, so that drift is seen and put back before,
/// and whether or not, the repository can be reached.
void GitSource::restore() {
  const bool is_same = int_at(repository_, {"status", "observedGeneration"}, 0) ==
                       resource::generation_of(repository_);
  applied_ = text_at(repository_, {"status", "appliedCommit"});
  applied_time_ = text_at(repository_, {"status", "lastAppliedTime"});
  if (applied_.empty() || !is_same) return pull();
  pulling_ = true;
  GitRequest request = spec_->request;
  request.commit = applied_;
  run(std::move(request), true);
}

void GitSource::pull() {
  if (leaving_ || !spec_ || spec_->suspended) return;
  if (pulling_) {
    pull_again_ = true;
    return;
  }
  pulling_ = true;
  pull_.cancel();
  GitRequest request = spec_->request;
  request.known_commit = attempted_;
  if (spec_->secret.empty()) return run(std::move(request), false);
  resources_.get(
      resource::secret, {key_.space, spec_->secret},
      answers_.while_alive(
          [this, request, name = spec_->secret](const Result<json::value>& secret) mutable {
            auto credentials = secret ? git_credentials(*secret)
                                      : Result<GitCredentials>(std::unexpected(secret.error()));
            if (!credentials) {
              GitFailure failure{"SecretMissing",
                                 {credentials.error().code,
                                  fmt::format("Secret \"{}\": {}; correct it or spec.secretRef",
                                              name, credentials.error().message)}};
              return pulled({std::unexpected(std::move(failure)), {}});
            }
            request.credentials = std::move(*credentials);
            run(std::move(request), false);
          }));
}

void GitSource::run(GitRequest request, bool from_mirror) {
  request.mirror = mirror_;
  const auto answer = answers_.while_alive([this, from_mirror](Outcome outcome) {
    if (from_mirror)
      restored(std::move(outcome));
    else
      pulled(std::move(outcome));
  });
  const auto queued = worker_.run([&loop = env_.loop, &worker = worker_, &kinds = objects_.kinds(),
                                   request = std::move(request), space = spec_->space, answer,
                                   from_mirror]() mutable {
    Outcome out{from_mirror ? read_mirror(request, request.commit)
                            : control::pull(request, [&worker] { return worker.stop_requested(); }),
                {}};
    if (out.commit && !out.commit->is_known)
      out.manifests = read_git_manifests(kinds, std::exchange(out.commit->files, {}), space);
    loop.post(
        [answer = std::move(answer), out = std::move(out)]() mutable { answer(std::move(out)); });
  });
  if (!queued) pulled({std::unexpected(GitFailure{"ReadFailed", queued.error()}), {}});
}

void GitSource::restored(Outcome outcome) {
  pulling_ = false;
  const bool is_whole = outcome.commit && outcome.manifests.problems.empty();
  if (is_whole && !leaving_) {
    has_wishes_ = true;
    attempted_ = outcome.commit->id;
    applier_.want(outcome.manifests.manifests, SourceApplier::Wish::in_force);
  }
  pull();
}

void GitSource::pulled(Outcome outcome) {
  pulling_ = false;
  if (leaving_) return;
  if (std::exchange(pull_again_, false)) return pull();  // what was asked for is another by now
  if (!outcome.commit) {
    GitFailure& failure = outcome.commit.error();
    if (!unreachable_ || unreachable_->message != failure.error.message)
      log::warn("{}: {}", source_, failure.error.message);
    unreachable_ = Trouble{std::move(failure.reason), std::move(failure.error.message)};
  } else {
    unreachable_.reset();
    if (!outcome.commit->is_known) accept(std::move(outcome));
  }
  schedule();
  tell();
}

/// A commit comes into force as a whole or not at all.
void GitSource::accept(Outcome outcome) {
  attempted_ = outcome.commit->id;
  unusable_.reset();
  problems_ = std::move(outcome.manifests.problems);
  const std::size_t owned = objects_.owned_by(source_).size();
  if (!problems_.empty()) {
    unusable_ = Trouble{
        "InvalidManifests",
        fmt::format("commit {}: {}{}", short_id(attempted_), problems_.front().to_string(),
                    problems_.size() == 1
                        ? ""
                        : fmt::format(" (and {} more in status.errors)", problems_.size() - 1))};
  } else if (outcome.manifests.manifests.empty() && (owned > 0 || applied_.empty())) {
    unusable_ = Trouble{
        "ManifestsMissing",
        fmt::format("commit {} has no manifest in \"{}\"{}; correct spec.path, or "
                    "delete this GitRepository if all shall go",
                    short_id(attempted_), spec_->request.path,
                    owned == 0 ? "" : fmt::format(", and {} objects would be removed", owned))};
  }
  if (unusable_) return log::error("{}: {}", source_, unusable_->message);
  log::info("{}: commit {} of {}: {} manifests", source_, short_id(attempted_),
            ref_of(spec_->request), outcome.manifests.manifests.size());
  has_wishes_ = true;
  pending_ = attempted_;
  applier_.want(outcome.manifests.manifests);
}

void GitSource::applier_changed() {
  if (!configured_) return;
  if (applier_.settled()) {
    inventory_ = inventory();
    if (!pending_.empty() && applier_.problems().empty()) {
      applied_ = std::exchange(pending_, "");
      applied_time_ = to_rfc3339(env_.loop.wall_now());
      log::info("{}: commit {} is in force", source_, short_id(applied_));
    }
    if (leaving_ && objects_.owned_by(source_).empty()) return let_go();
  }
  tell();
}

/// Nothing is owned any more: the mirror goes, then the GitRepository.
void GitSource::let_go() {
  if (!has_finalizer(repository_) || std::exchange(finalizing_, true)) return;
  auto then = answers_.while_alive([this] {
    json::array list;
    for (const json::value& each : repository_.at("metadata").at("finalizers").as_array())
      if (each != json::value(git_finalizer)) list.push_back(each);
    resources_.patch(resource::git_repository, key_,
                     {{"metadata", json::object{{"finalizers", std::move(list)}}}},
                     answers_.while_alive([this](const Result<json::value>& result) {
                       finalizing_ = false;
                       if (!result)
                         log::warn("{}: its finalizer: {}", source_, result.error().message);
                     }));
  });
  const auto queued = worker_.run([&loop = env_.loop, mirror = mirror_, then]() mutable {
    std::error_code ignored;  // what stays is of no harm, and made anew if it comes back
    std::filesystem::remove_all(mirror, ignored);
    loop.post([then]() mutable { then(); });
  });
  if (!queued) finalizing_ = false;
}

void GitSource::tell() {
  if (!tell_.armed()) tell_.arm(status_delay, [this] { write_status(); });
}

void GitSource::write_status() {
  json::object next = status();
  // What the API has may have been changed or lost; what was told twice is told once.
  json::object told = without_times(next);
  if (told == told_) return;
  told_ = std::move(told);
  resources_.patch_status(resource::git_repository, key_, std::move(next));
}

std::string GitSource::in_force() const {
  return applied_.empty() ? "no commit is in force yet"
                          : fmt::format("commit {} stays in force", short_id(applied_));
}

/// What a person has to mend, the first thing first.
std::optional<GitSource::Trouble> GitSource::trouble() const {
  if (!spec_) return Trouble{"InvalidSpec", spec_.error().message};
  if (unreachable_) return unreachable_;
  if (unusable_) return unusable_;
  const std::vector<ManifestProblem> refused = applier_.problems();
  if (refused.empty()) return std::nullopt;
  return Trouble{"ApplyFailed",
                 fmt::format("{}{}", refused.front().to_string(),
                             refused.size() == 1 ? ""
                                                 : fmt::format(" (and {} more in status.errors)",
                                                               refused.size() - 1))};
}

json::object GitSource::status() const {
  const auto wrong = trouble();
  const auto drifted = applier_.drift();
  const bool suspended = spec_ && spec_->suspended;
  const bool working = !wrong && !suspended && (applied_.empty() || !pending_.empty());
  const std::int64_t generation = resource::generation_of(repository_);
  resource::Conditions said;
  resource::Condition& ready = said.ready;
  ready.status = !wrong && !working && !applied_.empty();
  ready.reason = "Applied";
  ready.message = fmt::format(
      "commit {} is in force: {} objects{}", short_id(applied_), applier_.size(),
      drifted.empty() ? "" : fmt::format("; {} differ by hand (status.drift)", drifted.size()));
  if (wrong) {
    ready.reason = wrong->reason;
    ready.message = fmt::format("{}; {}", wrong->message, in_force());
    ready.action = action_of(wrong->reason);
    said.degraded = ready;
    said.degraded.type = "Degraded";
    said.degraded.status = true;
  } else if (suspended) {
    ready.reason = "Suspended";
    ready.message = fmt::format("nothing is pulled or put back; {}", in_force());
  } else if (working) {
    ready.reason = "Progressing";
    ready.message = pending_.empty()
                        ? fmt::format("pulling {}", shown_url(spec_->request.url))
                        : fmt::format("commit {} is being applied", short_id(pending_));
    said.reconciling = ready;
    said.reconciling.type = "Reconciling";
    said.reconciling.status = true;
  }
  for (resource::Condition* each : {&ready, &said.reconciling, &said.degraded})
    each->observed_generation = generation;
  json::object conditions =
      resource::status_with(said, find(repository_, "status"), env_.loop.wall_now());
  const auto text = [](const std::string& value) {
    return value.empty() ? json::value(nullptr) : json::value(value);
  };
  json::object out{{"conditions", std::move(conditions["conditions"])},
                   {"observedGeneration", generation},
                   {"lastAttemptedCommit", text(attempted_)},
                   {"appliedCommit", text(applied_)},
                   {"lastAppliedTime", text(applied_time_)},
                   {"errors", errors()},
                   {"drift", drift()},
                   {"inventory", json::object{{"count", objects_.owned_by(source_).size()},
                                              {"entries", inventory_}}}};
  if (const auto& corrected = applier_.last_corrected()) {
    json::array paths;
    for (const std::string& path : corrected->paths) paths.emplace_back(path);
    out["lastDrift"] = json::object{{"time", to_rfc3339(corrected->time)},
                                    {"object", corrected->id.to_string()},
                                    {"paths", std::move(paths)}};
  }
  return out;
}

json::array GitSource::inventory() const {
  json::array out;
  for (const resource::ManifestId& id : objects_.owned_by(source_)) {
    if (out.size() == entries_max) break;
    const OwnedKind* kind = objects_.kind(id.group, id.kind);
    json::object entry{
        {"apiVersion", kind == nullptr ? id.group : resource::api_version(kind->view())},
        {"kind", id.kind},
        {"name", id.name},
        {"file", objects_.find(id)->mark.file}};
    if (!id.space.empty()) entry["namespace"] = id.space;
    out.push_back(std::move(entry));
  }
  return out;
}

json::array GitSource::errors() const {
  json::array out;
  const auto add = [&](const ManifestProblem& problem) {
    if (out.size() < listed_max)
      out.push_back(json::object{{"file", problem.place}, {"message", problem.sentence}});
  };
  if (unusable_) std::ranges::for_each(problems_, add);
  std::ranges::for_each(applier_.problems(), add);
  return out;
}

json::array GitSource::drift() const {
  json::array out;
  for (const auto& [id, paths] : applier_.drift()) {
    if (out.size() == listed_max) break;
    json::object entry{{"kind", id.kind}, {"name", id.name}};
    if (!id.space.empty()) entry["namespace"] = id.space;
    json::array fields;
    for (const std::string& path : paths) fields.emplace_back(path);
    entry["paths"] = std::move(fields);
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace wireway::control
