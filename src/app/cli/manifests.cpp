#include "app/cli/manifests.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/yaml.h"

namespace wireway::app::cli {
namespace {

bool is_manifest_name(std::string_view name) {
  return std::ranges::any_of(std::array{".yaml", ".yml", ".json"},
                             [name](std::string_view ending) { return name.ends_with(ending); });
}

class Reader {
 public:
  Reader(const ManifestOptions& options, net::Files& files) : options_(options), files_(files) {}

  Result<> path(const std::string& path, int depth) {
    auto entries = files_.list(path);
    if (!entries) return file(path);
    for (const net::FileEntry& entry : *entries) {
      const std::string inner = path + "/" + entry.name;
      const bool enter = entry.is_folder && options_.recursive && depth < folder_depth_max;
      if (!enter && (entry.is_folder || !is_manifest_name(entry.name))) continue;
      if (auto done = enter ? this->path(inner, depth + 1) : file(inner); !done) return done;
    }
    return {};
  }

  Result<> text(std::string_view text, const std::string& name) {
    auto documents = parse_yaml(text);
    if (!documents) return wrap(name, documents.error());
    for (YamlDocument& document : *documents)
      if (auto done = add(std::move(document.value), fmt::format("{}:{}", name, document.line));
          !done)
        return done;
    return {};
  }

  std::vector<Manifest> found;

 private:
  Result<> file(const std::string& path) {
    auto content = files_.read(path);
    if (!content) return std::unexpected(content.error());
    return text(*content, path);
  }

  Result<> add(json::value object, std::string where) {
    if (object.is_null()) return {};
    const std::string kind = text_at(object, {"kind"});
    if (kind.empty() || text_at(object, {"apiVersion"}).empty())
      return fail(Errc::invalid, fmt::format("{}: this is no resource: apiVersion and kind are "
                                             "needed",
                                             where));
    const json::value* items = find(object, "items");
    if (!kind.ends_with("List") || items == nullptr || !items->is_array()) {
      found.push_back({std::move(object), std::move(where)});
      return {};
    }
    for (const json::value& item : items->get_array())
      if (auto done = add(item, where); !done) return done;
    return {};
  }

  const ManifestOptions& options_;
  net::Files& files_;
};

int rank_of(const Manifest& manifest) {
  const std::string kind = text_at(manifest.object, {"kind"});
  if (kind == "CustomResourceDefinition") return 0;
  return kind == "Namespace" ? 1 : 2;
}

}  // namespace

Result<std::vector<Manifest>> read_manifests(const ManifestOptions& options, net::Files& files,
                                             Console& console) {
  Reader reader(options, files);
  for (const std::string& path : options.files)
    if (auto done = path == "-" ? reader.text(console.in(), "stdin") : reader.path(path, 0); !done)
      return std::unexpected(done.error());
  if (reader.found.empty())
    return fail(Errc::invalid,
                fmt::format("there are no resources in {}",
                            options.files.empty() ? "(nothing)" : options.files.front()));
  return std::move(reader.found);
}

void sort_for_apply(std::vector<Manifest>& manifests) {
  std::ranges::stable_sort(manifests, {}, rank_of);
}

}  // namespace wireway::app::cli
