#include "net/sim/detail/sim_files.h"

#include <filesystem>

namespace wireway::net::detail {
namespace {

std::string normal(const std::string& path) {
  std::string text = std::filesystem::path(path).lexically_normal().string();
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::string parent(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

bool always_there(const std::string& path) { return path.empty() || path == "/" || path == "."; }

}  // namespace

Result<std::string> SimFiles::read(const std::string& path) {
  const auto found = nodes_.find(normal(path));
  if (found == nodes_.end())
    return fail(Errc::not_found, "open " + path + ": No such file or directory");
  if (found->second.is_folder) return fail(Errc::io, "read " + path + ": Is a directory");
  return found->second.content;
}

Result<> SimFiles::check_parent(const std::string& path) const {
  const std::string folder = parent(normal(path));
  if (always_there(folder)) return {};
  const auto found = nodes_.find(folder);
  if (found == nodes_.end())
    return fail(Errc::not_found, "create " + path + ": No such file or directory");
  if (!found->second.is_folder) return fail(Errc::io, "create " + path + ": Not a directory");
  return {};
}

Result<> SimFiles::replace(const std::string& path, std::string_view content, unsigned) {
  if (auto checked = check_parent(path); !checked) return checked;
  Node& node = nodes_[normal(path)];
  if (node.is_folder) return fail(Errc::io, "replace " + path + ": Is a directory");
  node.content = content;
  return {};
}

Result<> SimFiles::create_new(const std::string& path, std::string_view content) {
  if (exists(path)) return fail(Errc::conflict, "create " + path + ": File exists");
  return replace(path, content, 0644);
}

Result<std::vector<FileEntry>> SimFiles::list(const std::string& folder) {
  const std::string name = normal(folder);
  if (!exists(name)) return fail(Errc::not_found, "list " + folder + ": No such file or directory");
  std::vector<FileEntry> entries;
  for (const auto& [path, node] : nodes_) {
    if (path == name || parent(path) != (name == "." ? "" : name)) continue;
    FileEntry entry;
    entry.name = std::filesystem::path(path).filename().string();
    entry.is_folder = node.is_folder;
    entry.size_bytes = node.content.size();
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<> SimFiles::make_folders(const std::string& path) {
  const std::string name = normal(path);
  if (always_there(name)) return {};
  if (auto made = make_folders(parent(name)); !made) return made;
  const auto [place, is_new] = nodes_.try_emplace(name, Node{.is_folder = true});
  if (!is_new && !place->second.is_folder)
    return fail(Errc::conflict, "create folder " + path + ": File exists");
  return {};
}

Result<> SimFiles::remove(const std::string& path) {
  const auto found = nodes_.find(normal(path));
  if (found == nodes_.end())
    return fail(Errc::not_found, "remove " + path + ": No such file or directory");
  if (const auto entries = list(path); found->second.is_folder && !entries->empty())
    return fail(Errc::io, "remove " + path + ": Directory not empty");
  nodes_.erase(found);
  return {};
}

bool SimFiles::exists(const std::string& path) {
  const std::string name = normal(path);
  return always_there(name) || nodes_.contains(name);
}

}  // namespace wireway::net::detail
