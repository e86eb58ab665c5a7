#pragma once
/// One GitRepository: pulls at its interval, applies a commit that is wholly understood, keeps the
/// last one in force when the next cannot be reached or read, and says all that in the status.
///
/// Marks:  `git:<namespace>/<name>:<file>`, field manager `git:<name>`.
/// Thread: the Loop's; Git runs on a worker of its own.
/// Keeps:  a mirror in <data>/git/<namespace>/<name>.
/// Errors: in the conditions Ready and Degraded, with reason, place and remedy: FetchFailed,
///         AuthenticationFailed, RefMissing, CommitMissing, PathMissing, TooLarge, ReadFailed,
///         InvalidSpec, SecretMissing, InvalidManifests, ManifestsMissing, ApplyFailed.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/reconcile/git_spec.h"
#include "control/reconcile/source_applier.h"
#include "net/worker.h"

namespace wireway::control {

/// An annotation with a new value makes it pull at once, as Flux's
/// reconcile.fluxcd.io/requestedAt does.
inline constexpr std::string_view git_request_annotation = "wireway.io/requested-at";
/// Holds a GitRepository until its objects are gone or released.
inline constexpr std::string_view git_finalizer = "wireway.io/git";

class GitSource {
 public:
  static constexpr Duration failed_interval = std::chrono::seconds{30};
  static constexpr Duration status_delay = std::chrono::milliseconds{100};
  static constexpr std::size_t entries_max = 1'000;
  static constexpr std::size_t listed_max = 100;

  GitSource(net::Env& env, resource::Resources& resources, SourceObjects& objects,
            resource::ObjectKey key, const std::string& data_folder);

  /// The GitRepository as it is now; the same again changes nothing.
  void take(const json::value& repository);

 private:
  /// What a worker has read.
  struct Outcome {
    GitResult<GitCommit> commit;  ///< its files have become `manifests`
    GitManifests manifests;
  };
  struct Trouble {
    std::string reason;
    std::string message;
  };

  void configure(const json::value& repository);
  void keep_finalizer();
  void leave();
  void let_go();
  void restore();
  void pull();
  void run(GitRequest request, bool from_mirror);
  void restored(Outcome outcome);
  void pulled(Outcome outcome);
  void accept(Outcome outcome);
  void schedule();
  void applier_changed();
  void tell();
  void write_status();
  std::optional<Trouble> trouble() const;
  json::object status() const;
  json::array inventory() const;
  json::array errors() const;
  json::array drift() const;
  std::string in_force() const;

  net::Env& env_;
  resource::Resources& resources_;
  SourceObjects& objects_;
  const resource::ObjectKey key_;
  const std::string mirror_;
  const std::string source_;
  json::value repository_;
  json::value former_spec_;
  std::string former_request_;
  Result<GitSpec> spec_ = GitSpec{};
  bool configured_ = false;
  bool leaving_ = false;
  bool finalizing_ = false;  ///< a change of the finalizers is under way
  bool pulling_ = false;
  bool pull_again_ = false;
  bool has_wishes_ = false;  ///< a commit was read whole since this process began
  std::string attempted_;
  std::string pending_;  ///< given to the applier, not yet in force
  std::string applied_;
  std::string applied_time_;
  std::optional<Trouble> unreachable_;  ///< of the last pull
  std::optional<Trouble> unusable_;     ///< of the attempted commit
  std::vector<resource::ManifestProblem> problems_;
  json::array inventory_;
  json::object told_;
  Answers answers_;
  SourceApplier applier_;
  net::Timer pull_;
  net::Timer tell_;
  net::Worker worker_;  ///< last: its tasks are over before all else goes
};

}  // namespace wireway::control
