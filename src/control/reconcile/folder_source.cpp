#include "control/reconcile/folder_source.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::control {

FolderSource::FolderSource(net::Env& env, resource::Resources& resources, SourceObjects& objects,
                           std::string folder)
    : env_(env),
      resources_(resources),
      objects_(objects),
      path_(folder),
      folder_(env.files, objects.kinds(), std::move(folder)),
      applier_(env, resources, objects,
               {.source = "folder",
                .manager = "folder",
                .takes = true,
                .changed = [] {},
                .may_remove =
                    [this](const std::string& file) {
                      return folder_.readable() && !folder_.uncertain(file);
                    }}),
      poll_(env.loop) {}

void FolderSource::start() {
  objects_.start();
  look();
  log::info("folder {}: {} manifests", path_, folder_.manifests().size());
}

void FolderSource::look() {
  if (folder_.scan(env_.loop.wall_now())) {
    for (const auto& problem : folder_.new_problems()) {
      log::error("{}; the last good state stays", problem.to_string());
      emit(problem, "ManifestRefused");
    }
    for (const auto& held : folder_.newly_held()) {
      log::warn("{}", held.to_string());
      emit(held, "RemovalHeld");
    }
    applier_.want(folder_.manifests());
  }
  poll_.arm(poll_interval, [this] { look(); });
}

void FolderSource::emit(const resource::ManifestProblem& problem, std::string_view reason) {
  const OwnedKind* kind = objects_.kind(problem.id.group, problem.id.kind);
  resource::EventRecord event;
  event.kind = resource::namespace_kind;
  event.about = {"", std::string(resource::default_namespace)};
  if (kind != nullptr && !problem.id.name.empty()) {
    event.kind = kind->view();
    event.about = {problem.id.space, problem.id.name};
  }
  event.warning = true;
  event.reason = reason;
  event.message = problem.to_string();
  event.component = "folder";
  resources_.emit(std::move(event));
}

}  // namespace wireway::control
