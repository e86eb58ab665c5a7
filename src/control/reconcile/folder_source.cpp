#include "control/reconcile/folder_source.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::control {
namespace {

using resource::Manifest;
using resource::ManifestId;

const resource::ObjectKey everything{"", "folder"};

resource::Kind kind_of(const resource::KindEntry& entry) {
  return {entry.group, entry.storage_version, entry.kind, entry.plural, entry.namespaced};
}

/// The manifest with the mark of where it came from.
json::value marked(const Manifest& manifest) {
  json::value object = manifest.object;
  json::object& metadata = object.as_object()["metadata"].as_object();
  json::value& annotations = metadata["annotations"];
  if (!annotations.is_object()) annotations = json::object{};
  annotations.get_object()[FolderSource::annotation] = "folder:" + manifest.file;
  object.as_object().erase("status");
  return object;
}

/// The file that an object came from, or "".
std::string file_of(const json::value& object) {
  const std::string source = text_at(object, {"metadata", "annotations", FolderSource::annotation});
  return source.starts_with("folder:") ? source.substr(7) : "";
}

bool is_final(const Error& error) {
  return error.code == Errc::invalid || error.code == Errc::unsupported ||
         error.code == Errc::exhausted;
}

/// What others live in or are described by is applied before them.
int rank(const ManifestId& id) {
  if (id.kind == "Namespace") return 0;
  if (id.kind == "CustomResourceDefinition") return 1;
  return 2;
}

}  // namespace

FolderSource::FolderSource(net::Env& env, resource::Resources& resources, std::string folder)
    : env_(env),
      resources_(resources),
      path_(folder),
      folder_(env.files, kinds_, std::move(folder)),
      controller_(env, resources, "folder", [this](const auto&) { return reconcile(); }),
      poll_(env.loop),
      retry_(env.loop) {
  const auto to_everything = [](const json::value&) { return std::vector{everything}; };
  for (const auto& [name, entry] : kinds_.all())
    caches_[name] = &controller_.watch(kind_of(entry), "", to_everything);
}

void FolderSource::start() {
  look();
  log::info("folder {}: {} manifests", path_, folder_.manifests().size());
  controller_.enqueue(everything);
  controller_.start();
}

void FolderSource::look() {
  if (folder_.scan(env_.loop.wall_now())) {
    for (const auto& problem : folder_.new_problems()) complain(problem);
    controller_.enqueue(everything);
  }
  poll_.arm(poll_interval, [this] { look(); });
}

const json::value* FolderSource::living(const ManifestId& id) const {
  const auto cache = caches_.find({id.group, id.kind});
  return cache == caches_.end() ? nullptr : cache->second->find({id.space, id.name});
}

resource::Step FolderSource::reconcile() {
  std::vector<const Manifest*> manifests;
  for (const auto& [id, manifest] : folder_.manifests()) manifests.push_back(&manifest);
  std::ranges::stable_sort(manifests, {}, [](const Manifest* each) { return rank(each->id); });
  for (const Manifest* manifest : manifests) {
    Applied& applied = applied_[manifest->id];
    const bool lives = living(manifest->id) != nullptr;
    if (applied.seen && !lives) applied.object = nullptr;  // somebody removed it
    applied.seen = lives;
    if (!applied.under_way && under_way_ < applies_max) apply(*manifest, applied);
  }
  std::erase_if(applied_, [this](const auto& each) {
    return !each.second.under_way && !folder_.manifests().contains(each.first);
  });
  remove_what_left();
  return {};
}

void FolderSource::apply(const Manifest& manifest, Applied& applied) {
  json::value object = marked(manifest);
  if (applied.object == object) return;
  applied.object = std::move(object);
  applied.under_way = true;
  ++under_way_;
  resources_.apply(applied.object, "folder", [this, manifest](const Result<json::value>& result) {
    settled(manifest, result);
  });
}

void FolderSource::settled(const Manifest& manifest, const Result<json::value>& result) {
  --under_way_;
  Applied& applied = applied_[manifest.id];
  applied.under_way = false;
  controller_.enqueue(everything);  // there is room for the next
  if (result) {
    applied.complaint.clear();
    log::info("{}:{}: {} applied", manifest.file, manifest.line, manifest.id.to_string());
    return;
  }
  if (applied.complaint != result.error().message) {
    applied.complaint = result.error().message;
    complain({fmt::format("{}:{}", manifest.file, manifest.line),
              manifest.id.to_string() + ": " + result.error().message, manifest.id});
  }
  if (is_final(result.error())) return;
  retries_.insert(manifest.id);
  if (retry_.armed()) return;
  retry_.arm(retry_interval, [this] {
    for (const ManifestId& id : std::exchange(retries_, {})) {
      const auto found = applied_.find(id);
      if (found != applied_.end() && !found->second.under_way) found->second.object = nullptr;
    }
    controller_.enqueue(everything);
  });
}

void FolderSource::remove_what_left() {
  if (!folder_.readable()) return;
  for (const auto& [name, cache] : caches_) {
    const resource::KindEntry& entry = *kinds_.find(name.first, name.second);
    for (const auto& [key, object] : cache->all()) {
      const std::string file = file_of(object);
      const ManifestId id{entry.group, entry.kind, key.space, key.name};
      if (file.empty() || folder_.manifests().contains(id) || folder_.uncertain(file)) continue;
      if (!removing_.insert(id).second) continue;
      resources_.remove(kind_of(entry), key, [this, id, file](const Result<json::value>& result) {
        removing_.erase(id);
        const bool gone = result || result.error().code == Errc::not_found;
        if (gone)
          log::info("{}: {} removed", file, id.to_string());
        else
          log::warn("{}: {} is not removed: {}", file, id.to_string(), result.error().message);
      });
    }
  }
}

void FolderSource::complain(const resource::ManifestProblem& problem) {
  log::error("{}; the last good state stays", problem.to_string());
  const resource::KindEntry* entry = kinds_.find(problem.id.group, problem.id.kind);
  resource::EventRecord event;
  event.kind = resource::namespace_kind;
  event.about = {"", std::string(resource::default_namespace)};
  if (entry != nullptr && !problem.id.name.empty()) {
    event.kind = kind_of(*entry);
    event.about = {problem.id.space, problem.id.name};
  }
  event.warning = true;
  event.reason = "ManifestRefused";
  event.message = problem.to_string();
  event.component = "folder";
  resources_.emit(std::move(event));
}

}  // namespace wireway::control
