#pragma once
/// What lives in the API, as far as sources of manifests (a folder, Git repositories) must know it:
/// which source each object belongs to, and whether it has changed. One for all sources of a
/// process.
///
/// Marks:  annotation `wireway.io/source`: `folder:<file>` or `git:<namespace>/<name>:<file>`. It
///         counts where the source's field manager has applied the object, so that a copy of a
///         marked object belongs to nobody.
/// Thread: the Loop's.
/// Cost:   watches every kind, also of CustomResourceDefinitions that come later; keeps a few words
///         of each object, not the object.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "net/env.h"
#include "resource/kind_table.h"
#include "resource/manifest.h"
#include "resource/resources.h"

namespace wireway::control {

inline constexpr std::string_view source_annotation = "wireway.io/source";

/// "git:plant/config" and "line1/oven.yaml" of "git:plant/config:line1/oven.yaml"; ("", "") of what
/// is no mark.
struct SourceMark {
  std::string source;
  std::string file;
  static SourceMark parse(std::string_view text);
  std::string to_string() const { return source + ":" + file; }
};

/// The owned form of a Kind.
struct OwnedKind {
  std::string group;
  std::string version;
  std::string kind;
  std::string plural;
  bool namespaced = true;
  resource::Kind view() const { return {group, version, kind, plural, namespaced}; }
};

/// What others live in or are described by comes first: 0, 1, 2.
int source_rank(const resource::ManifestId& id);

class SourceObjects {
 public:
  struct Living {
    SourceMark mark;            ///< empty = of no source
    std::string version;        ///< metadata.resourceVersion
    std::uint64_t content = 0;  ///< changes with all but status and bookkeeping; 0 without mark
    bool going = false;         ///< deleted, held by finalizers
  };
  using Changed = std::function<void(const resource::ManifestId&, const std::string& source)>;

  SourceObjects(net::Env& env, resource::Resources& resources);
  ~SourceObjects();
  /// Watches begin; later calls change nothing.
  void start();
  /// Every kind has been listed.
  bool synced() const;

  const resource::KindTable& kinds() const { return kinds_; }
  const OwnedKind* kind(const std::string& group, const std::string& kind) const;
  const Living* find(const resource::ManifestId& id) const;
  /// The objects that carry the mark of this source.
  const std::set<resource::ManifestId>& owned_by(const std::string& source) const;

  /// Sources that are there. An object that is marked by one that is not may be taken.
  void add_source(const std::string& source, Changed changed);
  void drop_source(const std::string& source);
  bool has_source(const std::string& source) const { return sources_.contains(source); }
  /// The first to ask has it, until it lets go. The other source that has the object already, or
  /// "" if it is the caller's now.
  std::string claim(const resource::ManifestId& id, const std::string& source);
  void release(const resource::ManifestId& id, const std::string& source);

 private:
  class Follower;
  friend class Follower;

  void follow(OwnedKind kind);
  void put(const resource::ManifestId& id, const json::value& object);
  void erase(const resource::ManifestId& id);
  void forget_kind(const std::string& definition);
  void tell(const resource::ManifestId& id, const std::string& source);

  net::Env& env_;
  resource::Resources& resources_;
  resource::KindTable kinds_;
  bool started_ = false;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Follower>> followers_;
  std::map<resource::ManifestId, Living> living_;
  std::map<std::string, std::set<resource::ManifestId>> owned_;
  std::map<std::string, Changed> sources_;
  std::map<resource::ManifestId, std::string> claims_;
};

/// A number for what an object says, without status and the API's bookkeeping.
std::uint64_t source_content(const json::value& object);

}  // namespace wireway::control
