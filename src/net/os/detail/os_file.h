#pragma once
/// What os_files.cpp and os_log_folder.cpp share: an owned descriptor, errors with path and reason,
/// and the sync of a folder.

#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "base/bytes.h"
#include "base/result.h"

namespace wireway::net::detail {

/// "open /x: No space left on device", with the Errc that net/file.h promises.
Error file_error(std::string_view what, const std::string& path, int error_number);

/// Owns a descriptor; close() reports what the kernel says at last (NFS, quota).
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

std::string folder_of(const std::string& path);
Result<> sync_folder(const std::string& folder);

/// False with errno set; what was written until then is written.
bool write_all(int fd, ByteView content);
bool write_all_at(int fd, ByteView content, std::uint64_t offset);

}  // namespace wireway::net::detail
