#pragma once
/// Makes the API hold what one source of manifests says, and keeps it so: what the folder source
/// and each Git repository use.
///
/// Order:  Namespaces, then CustomResourceDefinitions, then all else; what left the source goes
///         when nothing is left to apply, in the reverse order.
/// Marks:  source_objects.h. An object of another source is refused, and the refusal names it.
/// Drift:  a change to a field that the source sets is put back, or listed (Policy::corrects). A
///         field that somebody applied (server-side) before us is a conflict: refused, unless the
///         source takes what it names (Options::takes).
/// Thread: the Loop's.
/// Limits: applies_max requests under way.
/// Errors: a refusal is one of problems(), a log line and a Warning Event ManifestRefused; the
///         other manifests go on. What cannot be reached or is denied is tried again.

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/reconcile/answers.h"
#include "control/reconcile/source_objects.h"

namespace wireway::control {

/// The change by hand that was put back last.
struct DriftCorrected {
  WallTime time;
  resource::ManifestId id;
  std::vector<std::string> paths;
};

class SourceApplier {
 public:
  static constexpr std::size_t applies_max = 16;
  static constexpr Duration retry_interval = std::chrono::seconds{1};
  static constexpr Duration denied_interval = std::chrono::seconds{15};

  using Wishes = std::map<resource::ManifestId, resource::Manifest>;
  struct Options {
    std::string source;   ///< "folder", "git:plant/config"
    std::string manager;  ///< "folder", "git:config"
    bool takes = false;   ///< fields of other managers, as `kubectl apply --force-conflicts` does
    std::function<void()> changed;  ///< settled(), problems() or drift() may have changed
    /// Whether objects of this file that are no longer wished may go now.
    std::function<bool(const std::string& file)> may_remove;
  };
  struct Policy {
    bool prunes = true;    ///< else what leaves is released: it stays, without mark
    bool corrects = true;  ///< else drift is only listed
    bool rests = false;    ///< nothing is done
    friend bool operator==(const Policy&, const Policy&) = default;
  };
  enum class Wish {
    fresh,     ///< what is new in it is applied, also over changes by hand
    in_force,  ///< was applied before this process began: a difference is drift
  };

  SourceApplier(net::Env& env, resource::Resources& resources, SourceObjects& objects,
                Options options);
  ~SourceApplier();

  void want(const Wishes& wishes, Wish wish = Wish::fresh);
  void set_policy(const Policy& policy);
  /// Looks again: may_remove may have changed, or it is time to.
  void look();

  /// Nothing is under way, waits for another try or is to be removed.
  bool settled() const;
  std::size_t size() const { return items_.size(); }
  /// What stands in the way, in the order of the objects.
  std::vector<resource::ManifestProblem> problems() const;
  std::map<resource::ManifestId, std::vector<std::string>> drift() const;
  const std::optional<DriftCorrected>& last_corrected() const { return corrected_; }

 private:
  using Id = resource::ManifestId;

  /// One object that the source names.
  struct Item {
    resource::Manifest manifest;  ///< without its object
    json::value object;           ///< marked, as it is sent
    bool under_way = false;
    bool outdated = false;                  ///< changed while a request was under way
    bool waits = false;                     ///< for the next try
    bool in_force = false;                  ///< this manifest was applied once
    std::optional<std::string> version;     ///< of the answer to the last apply, until it was seen
    std::uint64_t content = 0;              ///< of the living object when it was right; 0 = never
    std::string refusal;                    ///< why it is not applied
    std::optional<std::string> refused_at;  ///< version of the living object then
    std::vector<std::string> drift;         ///< listed, not put back
    std::optional<std::uint64_t> drift_content;  ///< of the living object then
  };
  /// What is known when an apply is sent.
  struct Attempt {
    Id id;
    bool force = false;
    json::value drifted = nullptr;  ///< the living object, if it is put back
  };

  void on_change(const Id& id, const std::string& source);
  void reconcile();
  void open(const Id& id);
  bool finish_rank(std::set<Id>& ids);
  std::string misplacement(const Id& id) const;
  bool consider(Item& item);
  bool is_right(Item& item, const SourceObjects::Living* living) const;
  void begin(Item& item, const SourceObjects::Living* living);
  void fetch(const Id& id, std::function<void(Item&, json::value)> then);
  void list_drift(const Id& id, const json::value& living);
  void send(Attempt attempt);
  void answered(const Attempt& attempt, const Result<json::value>& result);
  void contested(const Attempt& attempt, const Error& error);
  void refuse(Item& item, const Error& error);
  void retry(Item& item, Duration delay);
  void try_again_after(Duration delay);
  Item* end_request(const Id& id);
  void note_drift(const Id& id, std::vector<std::string> paths);
  void remove_what_left();
  void let_go(const Id& id, const std::string& file);
  void removed(const Id& id, const std::string& file, const Result<json::value>& result);
  bool is_held(const std::string& file) const;
  void say(const resource::ManifestProblem& problem);

  net::Env& env_;
  resource::Resources& resources_;
  SourceObjects& objects_;
  Options options_;
  Policy policy_;
  Answers answers_;
  std::map<Id, Item> items_;
  std::array<std::set<Id>, 3> open_;  ///< by rank: those that may need something done
  std::set<Id> removing_;
  std::map<Id, std::string> removal_refused_;
  std::set<Id> removal_waits_;
  std::size_t under_way_ = 0;
  bool left_to_remove_ = false;
  std::optional<DriftCorrected> corrected_;
  net::Timer turn_;
  net::Timer retry_;
};

}  // namespace wireway::control
