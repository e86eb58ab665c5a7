#pragma once
/// A folder of YAML or JSON manifests as it stands now: which objects its files name, which of them
/// are wrong and where. FolderResources and the folder source of `wireway up` both read through it.
///
/// Reads:  *.yaml, *.yml and *.json of the folder itself, by manifest.h.
/// Thread: the Loop's; scan() blocks for the reads.
/// Errors: a document that is refused keeps its last good form; a file that cannot be read or
///         parsed, or is blank, keeps all of its objects. While a file has a problem, nothing that
///         it named goes away. What a file no longer names (it may be cut off between two
///         documents, because somebody is writing it) goes when the file has stood unchanged for
///         quiet_time; until then it is held, and said so once. A removed file lets go at once.
/// Cost:   scan() reads only files whose size or time has changed.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "net/file.h"
#include "resource/manifest.h"

namespace wireway::resource {

class ManifestFolder {
 public:
  static constexpr Duration settle_time = std::chrono::milliseconds{50};
  static constexpr Duration quiet_time = std::chrono::seconds{5};
  static constexpr std::size_t file_bytes_max = 16 * 1024 * 1024;

  ManifestFolder(net::Files& files, const KindTable& kinds, std::string folder);

  /// Looks at the folder. True if manifests() or problems() may have changed. A file that is being
  /// written (changed within settle_time) is left for the next look.
  bool scan(WallTime now);

  /// False while the folder itself cannot be listed: manifests() is then what it last held.
  bool readable() const { return !unreadable_; }
  /// All objects in force. Of two files that name the same one, the first in name order wins.
  const std::map<ManifestId, Manifest>& manifests() const { return manifests_; }
  /// True while the file is there and it is not known what it will name: it is wrong, blank or
  /// young.
  bool uncertain(const std::string& file) const;
  /// Problems that the last scan() found and the one before it had not.
  const std::vector<ManifestProblem>& new_problems() const { return new_problems_; }
  /// Objects that the last scan() found to be held, one sentence for each file.
  const std::vector<ManifestProblem>& newly_held() const { return newly_held_; }

 private:
  struct File {
    std::uint64_t size_bytes = 0;
    WallTime modified;
    WallTime seen;  ///< when it was first read in this form
    bool young = true;
    std::map<ManifestId, Manifest> manifests;
    std::map<ManifestId, Manifest> held;  ///< no longer named, still in force
    std::vector<ManifestProblem> problems;
  };

  /// A file that has stood long enough lets go of what it no longer names. True if it did.
  static bool grow_old(File& file, WallTime now);
  void read(const std::string& name, File& file);
  void join();

  net::Files& files_;
  const KindTable& kinds_;
  std::string folder_;
  bool unreadable_ = false;
  std::set<std::string> present_;
  std::map<std::string, File> read_;
  std::map<ManifestId, Manifest> manifests_;
  std::vector<ManifestProblem> new_problems_;
  std::vector<ManifestProblem> newly_held_;
  std::set<std::string> known_problems_;
};

}  // namespace wireway::resource
