#pragma once
/// The files of one simulated machine, in memory. Whole files are durable at once; logs
/// (sim_disk.cpp) have a cache and a disk, and a power cut tells them apart.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "net/file.h"
#include "net/random.h"
#include "net/sim/sim_world.h"

namespace wireway::net::detail {

class SimLogFolder;
class SimScratchFile;

class SimFiles final : public Files {
 public:
  explicit SimFiles(std::uint64_t seed) : random_(seed) {}

  Result<std::string> read(const std::string& path) override;
  Result<> replace(const std::string& path, std::string_view content, unsigned mode) override;
  Result<> create_new(const std::string& path, std::string_view content) override;
  Result<std::vector<FileEntry>> list(const std::string& folder) override;
  Result<> make_folders(const std::string& path) override;
  Result<> remove(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<std::unique_ptr<LogFolder>> open_logs(Loop& loop, const std::string& folder,
                                               const LogOptions& options) override;
  Result<std::unique_ptr<ScratchFile>> open_scratch(Loop& loop, const std::string& folder) override;

  void set_disk(const DiskFaults& faults) { faults_ = faults; }
  void power_cut();

 private:
  friend class SimLogFolder;
  friend class SimScratchFile;

  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  struct Node {
    bool is_folder = false;
    std::string content = {};          ///< what readers see
    bool is_log = false;               ///< then, what a power cut leaves:
    std::string disk = {};             ///< surely,
    std::vector<Range> unsynced = {};  ///< and perhaps
  };
  Result<> check_parent(const std::string& path) const;
  std::uint64_t log_bytes() const;
  std::uint64_t scratch_bytes() const;
  void cut_scratch_files();
  bool strikes(std::uint64_t& countdown, std::uint32_t per_million);
  Duration time_of_call();
  void keep_some(Node& node, const Range& range);
  void lose_power(Node& node);

  std::map<std::string, Node> nodes_;  ///< by normalised path
  SeededRandom random_;
  DiskFaults faults_;
  std::set<SimLogFolder*> log_folders_;
  std::set<SimScratchFile*> scratch_files_;
};

}  // namespace wireway::net::detail
