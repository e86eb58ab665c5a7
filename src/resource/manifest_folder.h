#pragma once
/// A folder of YAML or JSON manifests as it stands now: which objects its files name, which of them
/// are wrong and where. FolderResources and the folder source of `wireway up` both read through it.
///
/// Reads:  *.yaml, *.yml and *.json of the folder itself; several documents a file; `kind: List`.
/// Thread: the Loop's; scan() blocks for the reads.
/// Errors: a document that is refused keeps its last good form; a file that cannot be read or
///         parsed keeps all of its objects. While a file has a problem, nothing that it named goes
///         away. An empty file may be one that somebody is about to write: it lets go of its
///         objects when it was found empty and unchanged empty_looks_max times. A removed file does
///         at once.
/// Cost:   scan() reads only files whose size or time has changed.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "net/file.h"
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

class ManifestFolder {
 public:
  static constexpr Duration settle_time = std::chrono::milliseconds{50};
  static constexpr std::size_t empty_looks_max = 4;
  static constexpr std::size_t file_bytes_max = 16 * 1024 * 1024;

  ManifestFolder(net::Files& files, const KindTable& kinds, std::string folder);

  /// Looks at the folder. True if manifests() or problems() may have changed. A file that is being
  /// written (changed within settle_time) is left for the next look.
  bool scan(WallTime now);

  /// False while the folder itself cannot be listed: manifests() is then what it last held.
  bool readable() const { return !unreadable_; }
  /// All objects in force. Of two files that name the same one, the first in name order wins.
  const std::map<ManifestId, Manifest>& manifests() const { return manifests_; }
  /// True while the file is there and not wholly understood, or newly empty: what it names is then
  /// not known.
  bool uncertain(const std::string& file) const;
  /// Problems that the last scan() found and the one before it had not.
  const std::vector<ManifestProblem>& new_problems() const { return new_problems_; }

 private:
  struct File {
    std::uint64_t size_bytes = 0;
    WallTime modified;
    std::map<ManifestId, Manifest> manifests;
    std::vector<ManifestProblem> problems;
    std::size_t empty_looks = 0;  ///< 0 = it says something, or it has been empty for long
  };

  /// Counts one more look at a file that is still empty. True if its objects went.
  static bool still_empty(File& file);
  void read(const std::string& name, File& file);
  /// One document, or the items of a List, into `next`; what is refused leaves its last good form.
  void take(const Manifest& document, const File& before, File& next) const;
  void join();

  net::Files& files_;
  const KindTable& kinds_;
  std::string folder_;
  bool unreadable_ = false;
  std::set<std::string> present_;
  std::map<std::string, File> read_;
  std::map<ManifestId, Manifest> manifests_;
  std::vector<ManifestProblem> new_problems_;
  std::set<std::string> known_problems_;
};

}  // namespace wireway::resource
