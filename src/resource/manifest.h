#pragma once
/// What the text of a file of manifests says: which objects it names, and what is wrong with it.
/// Folders and Git repositories are read through it.
///
/// Takes:  YAML or JSON, several documents a file, `kind: List`.
/// Thread: any.
/// Errors: what is wrong becomes a ManifestProblem; the other documents of the file are read.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "resource/kind.h"
#include "resource/kind_table.h"

namespace wireway::resource {

/// Which object a manifest is about. Versions of a kind are the same object.
struct ManifestId {
  std::string group;
  std::string kind;
  std::string space;  ///< "" for kinds without namespace
  std::string name;
  friend auto operator<=>(const ManifestId&, const ManifestId&) = default;
  /// `Asset "oven"`
  std::string to_string() const;
};

ManifestId manifest_id_of(const json::value& object);

struct Manifest {
  ManifestId id;
  json::value object;  ///< as written, with its namespace filled in
  std::string file;    ///< without the folder
  std::size_t line = 1;
};

/// One thing that a person has to mend: "assets.yaml:12: Asset \"oven\": unknown field ...".
struct ManifestProblem {
  std::string place;  ///< "assets.yaml:12"
  std::string sentence;
  ManifestId id = {};  ///< of the object; without a name if that is not known
  std::string to_string() const { return place + ": " + sentence; }
};

struct ManifestFile {
  std::map<ManifestId, Manifest> manifests;
  std::vector<ManifestProblem> problems;
};

/// True for a text without a letter: nothing, or what a machine that lost its power left behind.
bool is_blank(std::string_view text);

/// `space` is the namespace of objects that name none.
ManifestFile read_manifests(const KindTable& kinds, const std::string& file, std::string_view text,
                            std::string_view space = default_namespace);

}  // namespace wireway::resource
