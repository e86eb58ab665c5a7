#pragma once
/// What a GitRepository asks for, out of its manifest and its Secret.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "control/git/reader.h"
#include "resource/manifest.h"
#include "resource/resources.h"

namespace wireway::control {

struct GitSpec {
  static constexpr Duration interval_min = std::chrono::seconds{5};
  static constexpr Duration timeout_min = std::chrono::seconds{1};
  static constexpr Duration timeout_max = std::chrono::hours{1};

  GitRequest request;  ///< without mirror, known commit and credentials
  Duration interval = std::chrono::minutes{1};
  std::string secret;  ///< name; "" = none
  std::string space;   ///< of objects that name none
  bool prunes = true;
  bool corrects = true;
  bool suspended = false;

  /// Errors: Errc::invalid names the field and what it may be.
  static Result<GitSpec> parse(const json::value& repository);
};

/// The documented keys of a Secret, out of `data` in base64. Errors: Errc::invalid names a key that
/// is no base64, Errc::not_found that there is none of them.
Result<GitCredentials> git_credentials(const json::value& secret);

/// "1h30m" as a Duration; nothing if it is none.
std::optional<Duration> parse_interval(std::string_view text);

/// What a commit's files say.
struct GitManifests {
  std::map<resource::ManifestId, resource::Manifest> manifests;
  std::vector<resource::ManifestProblem> problems;
};
GitManifests read_git_manifests(const resource::KindTable& kinds, const GitFiles& files,
                                const std::string& space);

}  // namespace wireway::control
