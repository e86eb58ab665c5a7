#include "resource/manifest_folder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace wireway::resource {
namespace {

bool is_manifest_file(const net::FileEntry& entry) {
  if (entry.is_folder || entry.name.starts_with('.')) return false;
  return entry.name.ends_with(".yaml") || entry.name.ends_with(".yml") ||
         entry.name.ends_with(".json");
}

}  // namespace

ManifestFolder::ManifestFolder(net::Files& files, const KindTable& kinds, std::string folder)
    : files_(files), kinds_(kinds), folder_(std::move(folder)) {}

bool ManifestFolder::scan(WallTime now) {
  new_problems_.clear();
  newly_held_.clear();
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
      changed |= grow_old(known->second, now);
      continue;
    }
    if (now >= entry.modified && now - entry.modified < settle_time) continue;
    File& file = read_[entry.name];
    file.size_bytes = entry.size_bytes;
    file.modified = entry.modified;
    file.seen = now;
    file.young = true;
    read(entry.name, file);
    grow_old(file, now);
    if (!file.held.empty())
      newly_held_.push_back(
          {entry.name,
           fmt::format(
               "no longer names {}{}; it goes when the file has stood unchanged for {} s",
               file.held.begin()->first.to_string(),
               file.held.size() == 1 ? "" : fmt::format(" and {} more", file.held.size() - 1),
               std::chrono::duration_cast<std::chrono::seconds>(quiet_time).count()),
           file.held.begin()->first});
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
  return found == read_.end() || !found->second.problems.empty() || found->second.young;
}

bool ManifestFolder::grow_old(File& file, WallTime now) {
  // Its time tells what happened before we looked; how long we have looked, if that time is wrong.
  if (!file.young || (now - file.modified < quiet_time && now - file.seen < quiet_time))
    return false;
  file.young = false;
  file.held.clear();
  return true;
}

void ManifestFolder::read(const std::string& name, File& file) {
  for (auto& [id, manifest] : file.held) file.manifests.emplace(id, std::move(manifest));
  file.held.clear();
  const auto give_up = [&](std::string sentence) { file.problems = {{name, std::move(sentence)}}; };
  if (file.size_bytes > file_bytes_max)
    return give_up(fmt::format("larger than {} bytes; split it", file_bytes_max));
  auto text = files_.read(folder_ + "/" + name);
  if (!text) return give_up(text.error().message);
  if (is_blank(*text))
    return give_up("is empty; what it named stays: write it, or remove the file");
  ManifestFile next = read_manifests(kinds_, name, *text);
  // Which object a wrong document used to be is not always known: then all of them stay.
  std::map<ManifestId, Manifest>& keep = next.problems.empty() ? file.held : next.manifests;
  for (auto& [id, manifest] : file.manifests)
    if (!next.manifests.contains(id)) keep.emplace(id, std::move(manifest));
  file.manifests = std::move(next.manifests);
  file.problems = std::move(next.problems);
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
  for (const auto& [name, file] : read_)
    for (const auto& [id, manifest] : file.held) manifests_.emplace(id, manifest);
  known_problems_ = std::move(problems_now);
}

}  // namespace wireway::resource
