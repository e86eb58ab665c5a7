#pragma once
/// A Git repository as a source of manifests: its newest commit, and the text of the manifests of
/// one path.
///
/// Keeps:  a bare mirror in `mirror` (Git's own format), made anew if it is damaged or has gathered
///         many packs. Nothing is written elsewhere.
/// Thread: the worker's; blocks until done, `timeout` or `stopped`. Over SSH a peer that neither
///         answers nor closes holds it until TCP gives up: libgit2 1.5 knows no limit there.
/// Errors: GitFailure, with the condition's reason and a sentence with the remedy; the mirror stays
///         usable.
/// Limits: README.md.

#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "base/time.h"
#include "control/git/manifest_files.h"

namespace wireway::control {

inline constexpr std::size_t git_received_bytes_max = std::size_t{1} << 30;
inline constexpr std::size_t git_packs_max = 50;

struct GitCredentials {
  std::string username;
  std::string password;  ///< also of the key
  std::string bearer_token;
  std::string identity;  ///< private key, PEM or OpenSSH
  std::string known_hosts;
  std::string authorities;
};

struct GitRequest {
  std::string url;
  std::string branch = "main";
  std::string tag;     ///< goes before the branch
  std::string commit;  ///< goes before the tag
  std::string path;
  std::string mirror;
  std::string known_commit;  ///< nothing is read if it is still this one
  Duration timeout = std::chrono::minutes{1};
  GitCredentials credentials;
};

struct GitCommit {
  std::string id;
  bool is_known = false;  ///< still known_commit; no files
  GitFiles files;
};

struct GitFailure {
  std::string reason;  ///< of a condition: "FetchFailed"
  Error error;
};

template <class T>
using GitResult = std::expected<T, GitFailure>;

/// Asks the repository, fetches what is new, reads the path.
GitResult<GitCommit> pull(const GitRequest& request, const std::function<bool()>& stopped);

/// Reads the path of a commit that the mirror has, without asking anybody.
GitResult<GitCommit> read_mirror(const GitRequest& request, const std::string& commit);

/// A URL for people: without a password.
std::string shown_url(std::string_view url);

}  // namespace wireway::control
