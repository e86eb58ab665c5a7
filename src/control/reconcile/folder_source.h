#pragma once
/// A folder of manifests applied to the API and kept applied: `wireway up --resources DIR`. A
/// changed file changes its objects, a removed one takes them away, a change by hand is put back;
/// only objects that came from the folder are touched.
///
/// Marks:  each object carries annotation `wireway.io/source: folder:<file>`, field manager
///         "folder". It takes fields that others have set before.
/// Thread: the Loop's.
/// Errors: what is wrong is one log line with file and line and a Warning Event ManifestRefused;
///         the last good state stays, and the other manifests go on. What a file no longer names
///         is held for a while (manifest_folder.h), with a Warning Event RemovalHeld.

#include <string>

#include "control/reconcile/source_applier.h"
#include "resource/manifest_folder.h"

namespace wireway::control {

class FolderSource {
 public:
  static constexpr Duration poll_interval = std::chrono::milliseconds{500};

  FolderSource(net::Env& env, resource::Resources& resources, SourceObjects& objects,
               std::string folder);
  void start();

 private:
  void look();
  void emit(const resource::ManifestProblem& problem, std::string_view reason);

  net::Env& env_;
  resource::Resources& resources_;
  SourceObjects& objects_;
  std::string path_;
  resource::ManifestFolder folder_;
  SourceApplier applier_;
  net::Timer poll_;
};

}  // namespace wireway::control
