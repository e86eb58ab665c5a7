#pragma once
/// Files and folders as services use them: whole-file reads, atomic replacement, listings and
/// change notice. Append-only logs (net/log_file.h) and files without a name (net/scratch_file.h)
/// have doors of their own, opened here.
///
/// Thread: any; calls block. Keep them off the message path.
/// Errors: the message names the path and the system's reason ("No space left on device").

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "net/log_file.h"
#include "net/scratch_file.h"

namespace wireway::net {

struct FileEntry {
  std::string name;  ///< without its folder
  bool is_folder = false;
  std::uint64_t size_bytes = 0;
  WallTime modified;
};

class Loop;

class Files {
 public:
  virtual ~Files() = default;
  virtual Result<std::string> read(const std::string& path) = 0;
  /// As read(), for keys: Errc::denied with the remedy if anybody but its owner may read it.
  virtual Result<std::string> read_secret(const std::string& path) { return read(path); }
  /// Writes beside and renames; after success the whole new content is on disk (fsync of file and
  /// folder), after failure the old content stands.
  virtual Result<> replace(const std::string& path, std::string_view content,
                           unsigned mode = 0644) = 0;
  /// Creates the file with this content; Errc::conflict if it exists. Atomic against other writers.
  virtual Result<> create_new(const std::string& path, std::string_view content) = 0;
  virtual Result<std::vector<FileEntry>> list(const std::string& folder) = 0;  ///< sorted by name
  virtual Result<> make_folders(const std::string& path) = 0;
  virtual Result<> remove(const std::string& path) = 0;
  virtual bool exists(const std::string& path) = 0;
  /// The append-only logs of a folder, which is made if it is missing and locked until the
  /// LogFolder is gone: Errc::conflict if another one holds it, here or in another process.
  virtual Result<std::unique_ptr<LogFolder>> open_logs(Loop& loop, const std::string& folder,
                                                       const LogOptions& options = {}) = 0;
  /// In a folder, which is made if it is missing and says on which disk.
  virtual Result<std::unique_ptr<ScratchFile>> open_scratch(Loop& loop,
                                                            const std::string& folder) = 0;
};

}  // namespace wireway::net
