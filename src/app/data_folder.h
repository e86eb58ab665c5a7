#pragma once
/// The folder that holds all state of `wireway up`: checked, locked against a second process, with
/// the kubeconfig for kubectl.
///
/// Holds:  wireway.db (resources in every revision), volumes/ (local storage), keys/
///         (key_folder.h), tokens/ (guard.h), audit/ (audit_log.h), kubeconfig, lock
/// Errors: one line that names the folder and the remedy

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/file.h"
#include "net/tls/certificate.h"

namespace wireway::app {

/// What kubectl needs to reach the API and to be believed there.
struct Access {
  std::string server_url;
  std::string authority;  ///< PEM
  net::KeyPair identity;
};

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

  std::string keys() const { return path_ + "/keys"; }
  std::string tokens() const { return path_ + "/tokens"; }
  std::string audit() const { return path_ + "/audit"; }

  Result<> write_kubeconfig(const Access& access);

 private:
  DataFolder(net::Files& files, std::string path, int lock)
      : files_(files), path_(std::move(path)), lock_(lock) {}

  net::Files& files_;
  std::string path_;
  int lock_;
};

}  // namespace wireway::app
