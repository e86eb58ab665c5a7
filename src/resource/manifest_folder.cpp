#include "resource/manifest_folder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/yaml.h"
#include "resource/kind.h"

namespace wireway::resource {
namespace {

bool is_manifest_file(const net::FileEntry& entry) {
  if (entry.is_folder || entry.name.starts_with('.')) return false;
  return entry.name.ends_with(".yaml") || entry.name.ends_with(".yml") ||
         entry.name.ends_with(".json");
}

ManifestId id_of(const json::value& object) {
  return {split_api_version(text_at(object, {"apiVersion"})).first, text_at(object, {"kind"}),
          text_at(object, {"metadata", "namespace"}), text_at(object, {"metadata", "name"})};
}

}  // namespace

std::string ManifestId::to_string() const { return fmt::format("{} \"{}\"", kind, name); }

ManifestFolder::ManifestFolder(net::Files& files, const KindTable& kinds, std::string folder)
    : files_(files), kinds_(kinds), folder_(std::move(folder)) {}

bool ManifestFolder::scan(WallTime now) {
  new_problems_.clear();
  auto listed = files_.list(folder_);
  const bool was_unreadable = std::exchange(unreadable_, !listed.has_value());
  if (!listed) {
    if (was_unreadable) return false;
    new_problems_.push_back(
        {folder_, listed.error().message + "; create the folder or name another"});
    return true;
  }
  bool changed = was_unreadable;
  present_.clear();
  for (const net::FileEntry& entry : *listed) {
    if (!is_manifest_file(entry)) continue;
    present_.insert(entry.name);
    const auto known = read_.find(entry.name);
    if (known != read_.end() && known->second.size_bytes == entry.size_bytes &&
        known->second.modified == entry.modified) {
      changed |= still_empty(known->second);
      continue;
    }
    if (now >= entry.modified && now - entry.modified < settle_time) continue;
    File& file = read_[entry.name];
    file.size_bytes = entry.size_bytes;
    file.modified = entry.modified;
    read(entry.name, file);
    changed = true;
  }
  const auto gone = [&](const auto& each) { return !present_.contains(each.first); };
  changed |= std::erase_if(read_, gone) > 0;
  if (changed) join();
  return changed;
}

bool ManifestFolder::uncertain(const std::string& file) const {
  if (!present_.contains(file)) return false;
  const auto found = read_.find(file);
  return found == read_.end() || !found->second.problems.empty() || found->second.empty_looks > 0;
}

bool ManifestFolder::still_empty(File& file) {
  if (file.empty_looks == 0 || ++file.empty_looks < empty_looks_max) return false;
  file.empty_looks = 0;
  file.manifests.clear();
  return true;
}

void ManifestFolder::read(const std::string& name, File& file) {
  file.empty_looks = 0;
  const auto give_up = [&](std::string sentence) { file.problems = {{name, std::move(sentence)}}; };
  if (file.size_bytes > file_bytes_max)
    return give_up(fmt::format("larger than {} bytes; split it", file_bytes_max));
  auto text = files_.read(folder_ + "/" + name);
  if (!text) return give_up(text.error().message);
  auto documents = parse_yaml(*text);
  if (!documents) return give_up(documents.error().message + "; mend the YAML");
  if (documents->empty()) {
    file.problems.clear();
    file.empty_looks = 1;
    return;
  }
  File next{file.size_bytes, file.modified, {}, {}};
  for (YamlDocument& document : *documents)
    take({{}, std::move(document.value), name, document.line}, file, next);
  if (!next.problems.empty())  // which object a wrong document used to be is not always known
    for (auto& [id, manifest] : file.manifests) next.manifests.emplace(id, std::move(manifest));
  file = std::move(next);
}

void ManifestFolder::take(const Manifest& document, const File& before, File& next) const {
  const json::value* items = find(document.object, "items");
  const bool is_list = text_at(document.object, {"kind"}).ends_with("List");
  if (is_list && items != nullptr && items->is_array()) {
    for (const json::value& item : items->get_array())
      take({{}, item, document.file, document.line}, before, next);
    return;
  }
  const std::string place = fmt::format("{}:{}", document.file, document.line);
  Manifest manifest = document;
  const auto refuse = [&](const std::string& problem) {
    const bool named = !manifest.id.kind.empty() && !manifest.id.name.empty();
    next.problems.push_back(
        {place, named ? manifest.id.to_string() + ": " + problem : problem, manifest.id});
  };
  if (manifest.object.is_object()) manifest.id = id_of(manifest.object);
  const std::vector<std::string> problems = kinds_.problems(manifest.object);
  const KindEntry* entry = kinds_.find(manifest.id.group, manifest.id.kind);
  if (entry != nullptr && entry->namespaced && manifest.id.space.empty()) {
    manifest.id.space = default_namespace;
    if (problems.empty())
      manifest.object.as_object()["metadata"].as_object()["namespace"] = default_namespace;
  }
  for (const std::string& problem : problems) refuse(problem);
  if (!problems.empty()) {
    const auto last_good = before.manifests.find(manifest.id);
    if (last_good != before.manifests.end()) next.manifests.insert(*last_good);
    return;
  }
  if (next.manifests.contains(manifest.id)) return refuse("is there twice; remove one of them");
  next.manifests.emplace(manifest.id, std::move(manifest));
}

void ManifestFolder::join() {
  manifests_.clear();
  std::set<std::string> problems_now;
  const auto report = [&](const ManifestProblem& problem) {
    const std::string text = problem.to_string();
    if (!known_problems_.contains(text) && !problems_now.contains(text))
      new_problems_.push_back(problem);
    problems_now.insert(text);
  };
  for (const auto& [name, file] : read_) {
    for (const ManifestProblem& problem : file.problems) report(problem);
    for (const auto& [id, manifest] : file.manifests) {
      const auto [other, fresh] = manifests_.emplace(id, manifest);
      if (fresh) continue;
      report({fmt::format("{}:{}", name, manifest.line),
              fmt::format("{} is already defined at {}:{}; remove one of them", id.to_string(),
                          other->second.file, other->second.line),
              id});
    }
  }
  known_problems_ = std::move(problems_now);
}

}  // namespace wireway::resource
