#pragma once
/// The folder that holds all state of `wireway up`: checked, locked against a second process, with
/// the kubeconfig for kubectl.
///
/// Holds:  wireway.db (resources in every revision), volumes/ (local storage), kubeconfig, lock
/// Errors: one line that names the folder and the remedy

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/file.h"

namespace wireway::app {

class DataFolder {
 public:
  /// Makes the folder if need be, proves that it can be written, and takes its lock.
  static Result<std::unique_ptr<DataFolder>> open(net::Files& files, const std::string& path);
  ~DataFolder();
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string database() const { return path_ + "/wireway.db"; }
  std::string kubeconfig() const { return path_ + "/kubeconfig"; }

  Result<> write_kubeconfig(const std::string& server_url);

 private:
  DataFolder(net::Files& files, std::string path, int lock)
      : files_(files), path_(std::move(path)), lock_(lock) {}

  net::Files& files_;
  std::string path_;
  int lock_;
};

}  // namespace wireway::app
