#pragma once
/// The files of one simulated machine, in memory.

#include <map>
#include <string>

#include "net/file.h"

namespace wireway::net::detail {

class SimFiles final : public Files {
 public:
  Result<std::string> read(const std::string& path) override;
  Result<> replace(const std::string& path, std::string_view content, unsigned mode) override;
  Result<> create_new(const std::string& path, std::string_view content) override;
  Result<std::vector<FileEntry>> list(const std::string& folder) override;
  Result<> make_folders(const std::string& path) override;
  Result<> remove(const std::string& path) override;
  bool exists(const std::string& path) override;

 private:
  struct Node {
    bool is_folder = false;
    std::string content = {};
  };
  Result<> check_parent(const std::string& path) const;
  std::map<std::string, Node> nodes_;  ///< by normalised path
};

}  // namespace wireway::net::detail
