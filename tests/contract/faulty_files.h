#pragma once
/// The real files on a disk that can be full.

#include <fmt/format.h>

#include "net/os/os_loop.h"

namespace wireway::contract {

class FaultyFiles final : public net::Files {
 public:
  bool disk_full = false;

  Result<std::string> read(const std::string& path) override { return real_->read(path); }
  Result<> replace(const std::string& path, std::string_view content, unsigned mode) override {
    return disk_full ? full(path) : real_->replace(path, content, mode);
  }
  Result<> create_new(const std::string& path, std::string_view content) override {
    return disk_full ? full(path) : real_->create_new(path, content);
  }
  Result<std::vector<net::FileEntry>> list(const std::string& folder) override {
    return real_->list(folder);
  }
  Result<> make_folders(const std::string& path) override { return real_->make_folders(path); }
  Result<> remove(const std::string& path) override { return real_->remove(path); }
  bool exists(const std::string& path) override { return real_->exists(path); }
  Result<std::unique_ptr<net::LogFolder>> open_logs(net::Loop& loop, const std::string& folder,
                                                    const net::LogOptions& options) override {
    return real_->open_logs(loop, folder, options);
  }
  Result<std::unique_ptr<net::ScratchFile>> open_scratch(net::Loop& loop,
                                                         const std::string& folder) override {
    return real_->open_scratch(loop, folder);
  }

 private:
  static Result<> full(const std::string& path) {
    return fail(Errc::io, fmt::format("write {}: No space left on device", path));
  }
  std::unique_ptr<net::Files> real_ = net::make_os_files();
};

}  // namespace wireway::contract
