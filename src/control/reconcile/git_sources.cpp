#include "control/reconcile/git_sources.h"

#include <utility>

namespace wireway::control {

GitSources::GitSources(net::Env& env, resource::Resources& resources, SourceObjects& objects,
                       std::string data_folder)
    : env_(env),
      resources_(resources),
      objects_(objects),
      data_folder_(std::move(data_folder)),
      controller_(env, resources, "git", [this](const auto& key) { return reconcile(key); }),
      repositories_(controller_.watch(resource::git_repository, "")) {}

resource::Step GitSources::reconcile(const resource::ObjectKey& key) {
  const json::value* repository = repositories_.find(key);
  if (repository == nullptr) {
    sources_.erase(key);
    return {};
  }
  objects_.start();
  std::unique_ptr<GitSource>& source = sources_[key];
  if (!source) source = std::make_unique<GitSource>(env_, resources_, objects_, key, data_folder_);
  source->take(*repository);
  return {};
}

}  // namespace wireway::control
