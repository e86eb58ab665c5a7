#include "control/git/manifest_files.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "base/yaml.h"

namespace wireway::control {
namespace {

constexpr std::array kustomization_names{"kustomization.yaml", "kustomization.yml",
                                         "Kustomization"};

bool is_manifest(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

std::string below(const std::string& folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

/// `path` from `folder` on; nothing if it leads out of the repository.
Result<std::string> joined(const std::string& folder, std::string_view path) {
  std::vector<std::string> steps;
  const std::string whole = below(folder, path);
  for (std::size_t at = 0; at <= whole.size();) {
    const std::size_t slash = std::min(whole.find('/', at), whole.size());
    const std::string step = whole.substr(at, slash - at);
    at = slash + 1;
    if (step.empty() || step == ".") continue;
    if (step != "..") {
      steps.push_back(step);
      continue;
    }
    if (steps.empty())
      return fail(Errc::invalid, fmt::format("\"{}\" leads out of the repository", path));
    steps.pop_back();
  }
  std::string out;
  for (const std::string& step : steps) out = below(out, step);
  return out;
}

class Walk {
 public:
  explicit Walk(const GitTree& tree) : tree_(tree) {}

  /// A folder with its sub-folders, or by its kustomization.
  void folder(const std::string& path, const std::string& space) {
    if (!folders_.insert(path).second) return;
    if (++depth_ > git_depth_max)
      problem(path, fmt::format("is nested deeper than {} folders", git_depth_max));
    else if (const std::string file = kustomization_of(path); !file.empty())
      kustomization(path, file, space);
    else
      everything(path, space);
    --depth_;
  }

  GitFiles take() { return std::move(out_); }

 private:
  void problem(const std::string& place, std::string sentence) {
    out_.problems.push_back({place.empty() ? "." : place, std::move(sentence)});
  }

  std::string kustomization_of(const std::string& folder) const {
    for (const char* name : kustomization_names)
      if (tree_.kind(below(folder, name)) == GitTree::Kind::file) return below(folder, name);
    return "";
  }

  void everything(const std::string& path, const std::string& space) {
    const auto entries = tree_.list(path);
    if (!entries) return problem(path, entries.error().message);
    for (const GitTree::Entry& entry : *entries) {
      if (entry.name.starts_with('.')) continue;
      const std::string place = below(path, entry.name);
      if (entry.kind == GitTree::Kind::folder)
        folder(place, space);
      else if (entry.kind == GitTree::Kind::link && is_manifest(entry.name))
        problem(place, "is a symbolic link; put the file itself there");
      else if (entry.kind == GitTree::Kind::file && is_manifest(entry.name))
        file(place, space);
    }
  }

  void file(const std::string& path, const std::string& space) {
    if (!seen_.insert(path).second) return;
    if (seen_.size() > git_files_max) {
      if (seen_.size() == git_files_max + 1)
        problem(path, fmt::format("is file {} of this path; more than {} are not read: split the "
                                  "path",
                                  seen_.size(), git_files_max));
      return;
    }
    auto text = tree_.read(path);
    if (!text) return problem(path, text.error().message);
    const std::size_t before = bytes_;
    bytes_ += text->size();
    if (bytes_ <= git_text_bytes_max) return out_.files.push_back({path, std::move(*text), space});
    if (before <= git_text_bytes_max)
      problem(path, fmt::format("with it the files of this path have more than {} bytes; split "
                                "the path",
                                git_text_bytes_max));
  }

  void kustomization(const std::string& folder, const std::string& file,
                     const std::string& space_above) {
    const auto text = tree_.read(file);
    if (!text) return problem(file, text.error().message);
    const auto documents = parse_yaml(*text);
    if (!documents) return problem(file, documents.error().message + "; mend the YAML");
    if (documents->size() != 1 || !documents->front().value.is_object())
      return problem(file, "must be one object, for example \"resources: [line1.yaml]\"");
    const json::value& value = documents->front().value;
    for (const auto& [key, member] : value.get_object()) {
      constexpr std::array known{"apiVersion", "kind", "metadata", "resources", "namespace"};
      const bool is_nothing = member.is_null() ||
                              (member.is_array() && member.get_array().empty()) ||
                              (member.is_object() && member.get_object().empty());
      if (std::ranges::find(known, std::string_view(key)) == known.end() && !is_nothing)
        problem(file, fmt::format("\"{}\" is not supported, only resources and namespace; write "
                                  "its outcome into the manifests",
                                  std::string_view(key)));
    }
    const std::string space = space_above.empty() ? text_at(value, {"namespace"}) : space_above;
    const json::value* resources = find(value, "resources");
    if (resources == nullptr || !resources->is_array())
      return problem(file, "has no list \"resources\"; name the files there");
    for (const json::value& each : resources->get_array())
      if (each.is_string())
        resource(folder, file, std::string_view(each.get_string()), space);
      else
        problem(file, "resources: each must be the name of a file or folder");
  }

  void resource(const std::string& folder, const std::string& file, std::string_view name,
                const std::string& space) {
    if (name.contains("://") || name.starts_with("git@") || name.starts_with("github.com/"))
      return problem(file,
                     fmt::format("resources: {} is not in this repository; copy it into it", name));
    if (name.starts_with('/'))
      return problem(file, fmt::format("resources: {} must be relative to this file", name));
    const auto path = joined(folder, name);
    if (!path) return problem(file, "resources: " + path.error().message);
    switch (tree_.kind(*path)) {
      case GitTree::Kind::file: return this->file(*path, space);
      case GitTree::Kind::folder: return this->folder(*path, space);
      case GitTree::Kind::link:
        return problem(file, fmt::format("resources: {} is a symbolic link; put the file itself "
                                         "there",
                                         name));
      default:
        return problem(file, fmt::format("resources: {} is not there; correct the name", name));
    }
  }

  const GitTree& tree_;
  GitFiles out_;
  std::set<std::string> folders_;
  std::set<std::string> seen_;
  std::size_t bytes_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

Result<std::string> normal_git_path(std::string_view path) {
  if (path.starts_with('/'))
    return fail(Errc::invalid,
                fmt::format("spec.path \"{}\" begins at the repository; write it without the first "
                            "/",
                            path));
  auto out = joined("", path);
  if (!out) return wrap("spec.path", out.error());
  return out;
}

Result<GitFiles> manifest_files(const GitTree& tree, const std::string& path) {
  const GitTree::Kind kind = path.empty() ? GitTree::Kind::folder : tree.kind(path);
  if (kind == GitTree::Kind::none)
    return fail(Errc::not_found, fmt::format("there is no folder \"{}\"; correct spec.path", path));
  if (kind != GitTree::Kind::folder)
    return fail(Errc::not_found, fmt::format("\"{}\" is no folder; correct spec.path", path));
  Walk walk(tree);
  walk.folder(path, "");
  return walk.take();
}

}  // namespace wireway::control
