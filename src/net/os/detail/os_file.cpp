#include "net/os/detail/os_file.h"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>

#include <fmt/format.h>

namespace wireway::net::detail {

Error file_error(std::string_view what, const std::string& path, int error_number) {
  Error error = system_error(fmt::format("{} {}", what, path), error_number);
  if (error_number == ENOENT)
    error.code = Errc::not_found;
  else if (error_number == EEXIST)
    error.code = Errc::conflict;
  else if (error_number == EACCES || error_number == EPERM)
    error.code = Errc::denied;
  else
    error.code = Errc::io;
  return error;
}

std::string folder_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

Result<> sync_folder(const std::string& folder) {
  const File file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.valid()) return std::unexpected(file_error("open", folder, errno));
  if (::fsync(file.get()) != 0) return std::unexpected(file_error("sync", folder, errno));
  return {};
}

bool write_all(int fd, ByteView content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

bool write_all_at(int fd, ByteView content, std::uint64_t offset) {
  while (!content.empty()) {
    const ssize_t written =
        ::pwrite(fd, content.data(), content.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content = content.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return true;
}

}  // namespace wireway::net::detail
