#pragma once
/// A folder of manifests applied to the API and kept applied: `wireway up --resources DIR`. A
/// changed file changes its objects, a removed one takes them away; only objects that came from the
/// folder are touched.
///
/// Marks:  each object carries annotation `wireway.io/source: folder:<file>`, field manager
///         "folder".
/// Thread: the Loop's.
/// Limits: applies_max requests under way.
/// Errors: what is wrong is one log line with file and line and a Warning Event ManifestRefused;
///         the last good state stays, and the other manifests go on. What cannot be reached is
///         tried again.

#include <map>
#include <set>
#include <string>

#include "net/env.h"
#include "resource/controller.h"
#include "resource/manifest_folder.h"

namespace wireway::control {

class FolderSource {
 public:
  static constexpr std::size_t applies_max = 16;
  static constexpr Duration poll_interval = std::chrono::milliseconds{500};
  static constexpr Duration retry_interval = std::chrono::seconds{1};
  static constexpr std::string_view annotation = "wireway.io/source";

  FolderSource(net::Env& env, resource::Resources& resources, std::string folder);
  void start();

 private:
  /// What was last done about one manifest.
  struct Applied {
    json::value object;  ///< as sent; null = send (again)
    bool under_way = false;
    bool seen = false;      ///< it has been in the API since
    std::string complaint;  ///< last refusal
  };

  void look();
  resource::Step reconcile();
  void apply(const resource::Manifest& manifest, Applied& applied);
  void settled(const resource::Manifest& manifest, const Result<json::value>& result);
  void remove_what_left();
  void complain(const resource::ManifestProblem& problem);
  const json::value* living(const resource::ManifestId& id) const;

  net::Env& env_;
  resource::Resources& resources_;
  std::string path_;
  resource::KindTable kinds_;
  resource::ManifestFolder folder_;
  std::map<resource::ManifestId, Applied> applied_;
  std::set<resource::ManifestId> removing_;
  std::set<resource::ManifestId> retries_;
  std::size_t under_way_ = 0;
  resource::Controller controller_;
  std::map<std::pair<std::string, std::string>, const resource::Cache*> caches_;
  net::Timer poll_;
  net::Timer retry_;
};

}  // namespace wireway::control
