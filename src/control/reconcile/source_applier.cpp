#include "control/reconcile/source_applier.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "control/reconcile/source_diff.h"

namespace wireway::control {
namespace {

using resource::Manifest;
using resource::ManifestId;
using resource::ManifestProblem;

/// What nobody but the system writes: users and their passwords are there.
constexpr std::string_view system_space = "wireway-system";

/// The manifest with the mark of where it came from.
json::value marked(const Manifest& manifest, const std::string& source) {
  json::value object = manifest.object;
  json::value& annotations = object.as_object()["metadata"].as_object()["annotations"];
  if (!annotations.is_object()) annotations = json::object{};
  annotations.get_object()[source_annotation] = SourceMark{source, manifest.file}.to_string();
  object.as_object().erase("status");
  return object;
}

/// Repeating cannot help as long as the object and its manifest stay as they are.
bool is_final(const Error& error) {
  return error.code == Errc::invalid || error.code == Errc::unsupported ||
         error.code == Errc::exhausted;
}

std::string place_of(const Manifest& manifest) {
  return fmt::format("{}:{}", manifest.file, manifest.line);
}

std::string version_of(const SourceObjects::Living* living) {
  return living == nullptr ? "" : living->version;
}

resource::ObjectKey key_of(const ManifestId& id) { return {id.space, id.name}; }

/// True if `manager` wrote its fields by hand: by an edit or a replace, not by an apply.
bool is_by_hand(const json::value& object, const std::string& manager) {
  const json::value* entries = find(object, "metadata", "managedFields");
  if (entries == nullptr || !entries->is_array()) return false;
  return std::ranges::none_of(entries->get_array(), [&](const json::value& entry) {
    return text_at(entry, {"manager"}) == manager && text_at(entry, {"operation"}) == "Apply";
  });
}

std::string conflict_sentence(const std::vector<FieldConflict>& conflicts) {
  std::vector<std::string> paths;
  for (const FieldConflict& each : conflicts) paths.push_back(each.path);
  return fmt::format(
      "{} is set by \"{}\" with another value; take the field out of one of them, or give it up "
      "there with `kubectl apply --server-side --field-manager={}`",
      joined_paths(paths), conflicts.front().manager, conflicts.front().manager);
}

}  // namespace

SourceApplier::SourceApplier(net::Env& env, resource::Resources& resources, SourceObjects& objects,
                             Options options)
    : env_(env),
      resources_(resources),
      objects_(objects),
      options_(std::move(options)),
      turn_(env.loop),
      retry_(env.loop) {
  objects_.add_source(options_.source,
                      [this](const Id& id, const std::string& source) { on_change(id, source); });
}

SourceApplier::~SourceApplier() { objects_.drop_source(options_.source); }

void SourceApplier::want(const Wishes& wishes, Wish wish) {
  std::erase_if(items_, [&](const auto& each) {
    if (wishes.contains(each.first)) return false;
    objects_.release(each.first, options_.source);
    return true;
  });
  for (const auto& [id, manifest] : wishes) {
    Item& item = items_[id];
    json::value object = marked(manifest, options_.source);
    item.manifest = {manifest.id, nullptr, manifest.file, manifest.line};
    if (item.object == object) continue;
    const bool under_way = item.under_way;
    item = {};
    item.manifest = {manifest.id, nullptr, manifest.file, manifest.line};
    item.object = std::move(object);
    item.under_way = item.outdated = under_way;
    item.in_force = wish == Wish::in_force;
    open(id);
  }
  look();
}

void SourceApplier::set_policy(const Policy& policy) {
  if (policy_ == policy) return;
  policy_ = policy;
  for (auto& [id, item] : items_) {
    item.drift.clear();
    item.drift_content.reset();
    open(id);
  }
  look();
}

void SourceApplier::look() {
  if (!turn_.armed()) turn_.arm(Duration{0}, [this] { reconcile(); });
}

void SourceApplier::on_change(const Id& id, const std::string& source) {
  if (id.kind.empty()) {  // kinds or sources have come or gone
    for (auto& [each, item] : items_) {
      if (objects_.find(each) == nullptr) item.refused_at.reset();
      open(each);
    }
    return look();
  }
  const auto found = items_.find(id);
  if (found == items_.end() && source != options_.source) return;
  const SourceObjects::Living* living = objects_.find(id);
  if (living == nullptr || living->going) removing_.erase(id);
  if (found == items_.end()) return look();
  Item& item = found->second;
  if (living == nullptr && !item.under_way) item.version.reset();  // it is gone, not yet to come
  const bool is_open = open_.at(static_cast<std::size_t>(source_rank(id))).contains(id);
  if (!is_open && is_right(item, living)) return;  // its status has changed, or nothing
  open(id);
  look();
}

void SourceApplier::open(const Id& id) {
  open_.at(static_cast<std::size_t>(source_rank(id))).insert(id);
}

void SourceApplier::reconcile() {
  if (!objects_.synced()) return;
  if (!policy_.rests) {
    const bool finished =
        std::ranges::all_of(open_, [this](std::set<Id>& ids) { return finish_rank(ids); });
    left_to_remove_ = false;
    if (finished) remove_what_left();
  }
  options_.changed();
}

bool SourceApplier::finish_rank(std::set<Id>& ids) {
  for (auto id = ids.begin(); id != ids.end();) {
    if (under_way_ >= applies_max) return false;
    const auto found = items_.find(*id);
    const bool is_done = found == items_.end() || consider(found->second);
    id = is_done ? ids.erase(id) : std::next(id);
  }
  return ids.empty();
}

/// Why no object of this name may be applied by this source; "" if it may.
std::string SourceApplier::misplacement(const Id& id) const {
  if (options_.source != "folder" && id.space == system_space)
    return fmt::format("namespace {} is not for objects of a repository; take it out",
                       system_space);
  const OwnedKind* kind = objects_.kind(id.group, id.kind);
  if (kind == nullptr || kind->namespaced == !id.space.empty()) return "";
  return kind->namespaced ? "names no namespace; write metadata.namespace"
                          : "is of no namespace; take metadata.namespace out";
}

/// True if there is nothing to be done about it now.
bool SourceApplier::consider(Item& item) {
  if (item.under_way || item.waits) return false;
  const Id& id = item.manifest.id;
  const SourceObjects::Living* living = objects_.find(id);
  if (living != nullptr && living->going) return false;
  if (const std::string misplaced = misplacement(id); !misplaced.empty()) {
    refuse(item, {Errc::invalid, misplaced});
    return true;
  }
  if (const std::string holder = objects_.claim(id, options_.source); !holder.empty()) {
    const std::string where = living == nullptr || living->mark.file.empty()
                                  ? ""
                                  : fmt::format(" ({})", living->mark.file);
    refuse(item, {Errc::conflict,
                  fmt::format("belongs to {}{}; remove it there or here", holder, where)});
    return true;
  }
  if (is_right(item, living)) return true;
  if (item.refused_at == version_of(living)) return true;
  if (item.version && (living == nullptr || living->version != *item.version)) {
    // Our own write has not been seen yet, or somebody has written since.
    const bool is_older =
        living == nullptr || living->version.size() < item.version->size() ||
        (living->version.size() == item.version->size() && living->version < *item.version);
    if (is_older) return false;
  }
  if (under_way_ < applies_max) begin(item, living);
  return false;
}

bool SourceApplier::is_right(Item& item, const SourceObjects::Living* living) const {
  if (!policy_.corrects && item.drift_content)
    return *item.drift_content == (living == nullptr ? 0 : living->content);
  if (living == nullptr || !item.in_force) return false;
  const bool is_ours =
      living->mark.source == options_.source && living->mark.file == item.manifest.file;
  if (!is_ours) return false;
  if (!living->version.empty() && item.version == living->version) item.content = living->content;
  if (item.content == 0 || item.content != living->content) return false;
  item.version.reset();
  item.drift.clear();
  return true;
}

void SourceApplier::begin(Item& item, const SourceObjects::Living* living) {
  item.under_way = true;
  ++under_way_;
  const Id id = item.manifest.id;
  if (!item.in_force) return send({id, options_.takes});
  if (living != nullptr)
    return fetch(id, [this, id](Item&, json::value object) {
      if (!policy_.corrects) return list_drift(id, object);
      send({id, options_.takes, std::move(object)});
    });
  if (policy_.corrects) {
    note_drift(id, {"removed"});
    return send({id, options_.takes});
  }
  item.drift = {"removed"};
  item.drift_content = 0;
  end_request(id);
}

/// Reads the living object; what is gone meanwhile is looked at anew.
void SourceApplier::fetch(const Id& id, std::function<void(Item&, json::value)> then) {
  const OwnedKind* kind = objects_.kind(id.group, id.kind);
  if (kind == nullptr) return send({id, options_.takes});
  resources_.get(
      kind->view(), key_of(id),
      answers_.while_alive([this, id, then = std::move(then)](const Result<json::value>& result) {
        const auto found = items_.find(id);
        if (found != items_.end() && result && !found->second.outdated)
          return then(found->second, stored_form(objects_.kinds(), *result));
        Item* item = end_request(id);
        if (item == nullptr || result) return;
        if (result.error().code != Errc::not_found) retry(*item, retry_interval);
      }));
}

void SourceApplier::list_drift(const Id& id, const json::value& living) {
  const auto take = [this, id, living](const Result<json::value>& result) {
    Item* item = end_request(id);
    if (item == nullptr) return;
    if (!result && !is_final(result.error())) return retry(*item, retry_interval);
    if (!result) return refuse(*item, result.error());
    item->drift = changed_fields(stored_form(objects_.kinds(), *result), living);
    item->drift_content.reset();
    if (item->drift.empty()) {
      item->content = source_content(living);
      return;
    }
    item->drift_content = source_content(living);
    log::warn("{} differs from {} by hand: {}", id.to_string(),
              SourceMark{options_.source, item->manifest.file}.to_string(),
              joined_paths(item->drift));
  };
  resources_.apply(items_.at(id).object,
                   {.manager = options_.manager, .force = true, .dry_run = true},
                   answers_.while_alive(take));
}

void SourceApplier::send(Attempt attempt) {
  const json::value object = items_.at(attempt.id).object;
  const resource::ApplyOptions how{.manager = options_.manager, .force = attempt.force};
  resources_.apply(
      object, how,
      answers_.while_alive([this, attempt = std::move(attempt)](const Result<json::value>& result) {
        answered(attempt, result);
      }));
}

/// The item, unless it has changed or left since the request was sent: then the answer is nothing.
SourceApplier::Item* SourceApplier::end_request(const Id& id) {
  --under_way_;
  look();
  const auto found = items_.find(id);
  if (found == items_.end()) return nullptr;
  found->second.under_way = false;
  return std::exchange(found->second.outdated, false) ? nullptr : &found->second;
}

void SourceApplier::answered(const Attempt& attempt, const Result<json::value>& result) {
  if (!result && result.error().code == Errc::conflict && !attempt.force)
    return contested(attempt, result.error());
  Item* item = end_request(attempt.id);
  if (item == nullptr) return;
  if (!result) {
    if (is_final(result.error())) return refuse(*item, result.error());
    const bool denied = result.error().code == Errc::denied;
    if (item->refusal != result.error().message) refuse(*item, result.error());
    item->refused_at.reset();
    return retry(*item, denied ? denied_interval : retry_interval);
  }
  const json::value stored = stored_form(objects_.kinds(), *result);
  if (!attempt.drifted.is_null()) {
    if (auto paths = changed_fields(attempt.drifted, stored); !paths.empty())
      note_drift(attempt.id, std::move(paths));
  } else {
    log::info("{}: {} applied", place_of(item->manifest), attempt.id.to_string());
  }
  item->in_force = true;
  item->refusal.clear();
  item->refused_at.reset();
  item->drift.clear();
  item->drift_content.reset();
  item->content = source_content(stored);
  item->version = text_at(stored, {"metadata", "resourceVersion"});
}

/// Others have fields that we name. Those that were ours, or that somebody changed by hand in an
/// object of ours, are put back; all else is for people.
void SourceApplier::contested(const Attempt& attempt, const Error& error) {
  const std::vector<FieldConflict> conflicts = conflicts_of(error.message);
  const auto found = items_.find(attempt.id);
  if (conflicts.empty() || found == items_.end() || found->second.outdated) {
    Item* item = end_request(attempt.id);
    if (item == nullptr) return;
    if (item->refusal != error.message) refuse(*item, error);
    item->refused_at.reset();
    return retry(*item, retry_interval);
  }
  if (found->second.in_force) return send({attempt.id, true, attempt.drifted});
  const SourceObjects::Living* living = objects_.find(attempt.id);
  const bool is_ours = living != nullptr && living->mark.source == options_.source;
  // What a source that is no longer there has left behind may be taken.
  const bool is_left = living != nullptr && !living->mark.source.empty() && !is_ours;
  fetch(
      attempt.id, [this, id = attempt.id, conflicts, is_ours, is_left](Item&, json::value object) {
        const bool by_hand = std::ranges::all_of(
            conflicts, [&](const FieldConflict& each) { return is_by_hand(object, each.manager); });
        if (is_left || (is_ours && by_hand)) return send({id, true, std::move(object)});
        if (Item* item = end_request(id); item != nullptr)
          refuse(*item, {Errc::conflict, conflict_sentence(conflicts)});
      });
}

void SourceApplier::refuse(Item& item, const Error& error) {
  item.refused_at = version_of(objects_.find(item.manifest.id));
  if (item.refusal == error.message) return;
  item.refusal = error.message;
  say({place_of(item.manifest), item.manifest.id.to_string() + ": " + error.message,
       item.manifest.id});
}

void SourceApplier::retry(Item& item, Duration delay) {
  item.waits = true;
  try_again_after(delay);
}

void SourceApplier::try_again_after(Duration delay) {
  if (retry_.armed()) return;
  retry_.arm(delay, [this] {
    for (auto& [id, each] : items_) each.waits = false;
    removal_waits_.clear();
    look();
  });
}

void SourceApplier::note_drift(const Id& id, std::vector<std::string> paths) {
  log::warn("{} was changed by hand and is put back as {} says: {}", id.to_string(),
            options_.source, joined_paths(paths));
  resource::EventRecord event;
  if (const OwnedKind* kind = objects_.kind(id.group, id.kind)) {
    event.kind = kind->view();
    event.about = key_of(id);
    event.reason = "DriftCorrected";
    event.message = fmt::format("changed by hand and put back as {} says: {}", options_.source,
                                joined_paths(paths));
    event.component = options_.manager;
    resources_.emit(std::move(event));
  }
  corrected_ = DriftCorrected{env_.loop.wall_now(), id, std::move(paths)};
}

bool SourceApplier::is_held(const std::string& file) const {
  return !options_.may_remove(file) || std::ranges::any_of(items_, [&](const auto& each) {
    return each.second.manifest.file == file && !each.second.refusal.empty();
  });
}

void SourceApplier::remove_what_left() {
  std::vector<std::pair<Id, std::string>> leaving;
  std::map<std::string, bool> held;
  int last_rank = 0;
  for (const Id& id : objects_.owned_by(options_.source)) {
    if (items_.contains(id)) continue;
    const std::string& file = objects_.find(id)->mark.file;
    const auto [found, fresh] = held.emplace(file, false);
    if (fresh) found->second = is_held(file);
    if (found->second) continue;
    leaving.emplace_back(id, file);
    last_rank = std::max(last_rank, source_rank(id));
  }
  left_to_remove_ = !leaving.empty();
  for (const auto& [id, file] : leaving) {
    const bool waits = objects_.find(id)->going || removal_waits_.contains(id);
    if (source_rank(id) == last_rank && !waits && removing_.insert(id).second) let_go(id, file);
  }
}

void SourceApplier::let_go(const Id& id, const std::string& file) {
  const resource::Kind kind = objects_.kind(id.group, id.kind)->view();
  const auto done = answers_.while_alive(
      [this, id, file](const Result<json::value>& result) { removed(id, file, result); });
  if (policy_.prunes) return resources_.remove(kind, key_of(id), done);
  const json::object no_mark{{"annotations", json::object{{source_annotation, nullptr}}}};
  resources_.patch(kind, key_of(id), {{"metadata", no_mark}}, done);
}

void SourceApplier::removed(const Id& id, const std::string& file,
                            const Result<json::value>& result) {
  look();
  if (result || result.error().code == Errc::not_found) {
    log::info("{}: {} {}", file, id.to_string(), policy_.prunes ? "removed" : "released");
    removal_refused_.erase(id);
    if (!policy_.prunes) removing_.erase(id);
    return;
  }
  removing_.erase(id);
  removal_waits_.insert(id);
  try_again_after(retry_interval);
  std::string sentence =
      fmt::format("{} is not removed: {}", id.to_string(), result.error().message);
  std::string& said = removal_refused_[id];
  if (said == sentence) return;
  said = std::move(sentence);
  say({file, said, id});
}

bool SourceApplier::settled() const {
  return objects_.synced() && under_way_ == 0 && !turn_.armed() && !left_to_remove_ &&
         std::ranges::all_of(open_, [](const std::set<Id>& ids) { return ids.empty(); });
}

std::vector<ManifestProblem> SourceApplier::problems() const {
  std::vector<ManifestProblem> out;
  for (const auto& [id, item] : items_)
    if (!item.refusal.empty())
      out.push_back({place_of(item.manifest), id.to_string() + ": " + item.refusal, id});
  for (const auto& [id, sentence] : removal_refused_)
    if (const auto* living = objects_.find(id)) out.push_back({living->mark.file, sentence, id});
  return out;
}

std::map<ManifestId, std::vector<std::string>> SourceApplier::drift() const {
  std::map<ManifestId, std::vector<std::string>> out;
  for (const auto& [id, item] : items_)
    if (!item.drift.empty()) out.emplace(id, item.drift);
  return out;
}

void SourceApplier::say(const ManifestProblem& problem) {
  log::error("{}; the last good state stays", problem.to_string());
  resource::EventRecord event;
  event.kind = resource::namespace_kind;
  event.about = {"", std::string(resource::default_namespace)};
  const OwnedKind* kind = objects_.kind(problem.id.group, problem.id.kind);
  if (kind != nullptr && !problem.id.name.empty()) {
    event.kind = kind->view();
    event.about = key_of(problem.id);
  }
  event.warning = true;
  event.reason = "ManifestRefused";
  event.message = problem.to_string();
  event.component = options_.manager;
  resources_.emit(std::move(event));
}

}  // namespace wireway::control
