#include "resource/folder_resources.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "resource/manifest_folder.h"
#include "resource/memory_resources.h"

namespace wireway::resource {
namespace {

/// The Ready condition in one line: "True Running runs"; "" without one.
std::string ready_line(const json::value& object) {
  const json::value* ready = condition_of(object, "Ready");
  if (ready == nullptr) return "";
  return fmt::format("Ready={} {}: {}", text_at(*ready, {"status"}), text_at(*ready, {"reason"}),
                     text_at(*ready, {"message"}));
}

class FolderResources final : public MemoryResources {
 public:
  FolderResources(net::Env& env, std::string folder, const std::string& component)
      : MemoryResources(env.loop), env_(env), folder_(env.files, kinds_, folder), poll_(env.loop) {
    look();
    log::info("{}: {} objects from the manifests in {}", component, in_force_.size(), folder);
  }

 protected:
  void on_status(const Kind& kind, const json::value& object) override {
    const std::string line = ready_line(object);
    std::string& last = ready_lines_[{std::string(kind.kind), key_of(object)}];
    if (line.empty() || line == last) return;
    last = line;
    const bool ready = line.starts_with("Ready=True");
    log::emit(ready ? log::Level::info : log::Level::warn, "{} {}: {}", kind.kind,
              key_of(object).name, line);
  }

  void on_event(const EventRecord& record) override {
    log::emit(record.warning ? log::Level::warn : log::Level::info, "{} {}: {}: {}",
              record.kind.kind, record.about.name, record.reason, record.message);
  }

 private:
  void look() {
    if (folder_.scan(env_.loop.wall_now())) take();
    poll_.arm(folder_poll_interval, [this] { look(); });
  }

  void take() {
    for (const ManifestProblem& problem : folder_.new_problems())
      log::error("{}; the last good state stays", problem.to_string());
    std::map<ManifestId, json::value> next;
    std::map<ManifestId, std::vector<std::string>> older;
    for (const auto& [id, manifest] : folder_.manifests())
      next.emplace(id, kinds_.normalise(manifest.object, &older[id]));
    for (const auto& [id, object] : next) {
      const auto before = in_force_.find(id);
      if (before != in_force_.end() && before->second == object) continue;
      if (before != in_force_.end()) log::info("{}: changed", id.to_string());
      for (const std::string& sentence : older[id]) log::warn("{}: {}", id.to_string(), sentence);
      put(object);
    }
    for (const auto& [id, object] : in_force_) {
      if (next.contains(id)) continue;
      log::info("{}: removed", id.to_string());
      erase({.group = id.group, .version = "", .kind = id.kind, .plural = "", .namespaced = true},
            {id.space, id.name});
    }
    in_force_ = std::move(next);
  }

  net::Env& env_;
  KindTable kinds_;
  ManifestFolder folder_;
  std::map<ManifestId, json::value> in_force_;
  std::map<std::pair<std::string, ObjectKey>, std::string> ready_lines_;
  net::Timer poll_;
};

}  // namespace

std::unique_ptr<Resources> make_folder_resources(net::Env& env, std::string folder,
                                                 std::string component) {
  return std::make_unique<FolderResources>(env, std::move(folder), component);
}

}  // namespace wireway::resource
