#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "net/os/detail/os_file.h"
#include "net/os/detail/os_log_folder.h"
#include "net/os/detail/os_scratch_file.h"
#include "net/os/os_loop.h"

namespace wireway::net {
namespace {

namespace fs = std::filesystem;

using detail::File;
using detail::file_error;
using detail::folder_of;
using detail::sync_folder;
using detail::write_all;

/// A name beside `path` that no other thread or process uses.
std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  return fmt::format("{}.{}-{}.tmp", path, ::getpid(), counter.fetch_add(1));
}

class OsFiles final : public Files {
 public:
  Result<std::string> read(const std::string& path) override {
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return std::unexpected(file_error("open", path, errno));
    std::string content;
    struct stat status{};
    if (::fstat(file.get(), &status) == 0 && status.st_size > 0)
      content.reserve(static_cast<std::size_t>(status.st_size) + 1);
    std::array<char, 64 * 1024> piece{};
    for (;;) {
      const ssize_t got = ::read(file.get(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return std::unexpected(file_error("read", path, errno));
      if (got == 0) return content;
      content.append(piece.data(), static_cast<std::size_t>(got));
    }
  }

  Result<std::string> read_secret(const std::string& path) override {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return std::unexpected(file_error("open", path, errno));
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
      return fail(Errc::denied,
                  fmt::format("{} may be read by others than its owner (mode {:03o}); a key must "
                              "not: chmod 600 {}",
                              path, status.st_mode & 0777U, path));
    return read(path);
  }

  Result<> replace(const std::string& path, std::string_view content, unsigned mode) override {
    const std::string temporary = temporary_name(path);
    auto written = write_new(temporary, content, mode, path);
    if (!written) return written;
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
      const Error error = file_error("replace", path, errno);
      ::unlink(temporary.c_str());
      return std::unexpected(error);
    }
    return sync_folder(folder_of(path));
  }

  Result<> create_new(const std::string& path, std::string_view content) override {
    // The whole content appears under the name at once: link() is atomic and refuses to replace.
    const std::string temporary = temporary_name(path);
    auto written = write_new(temporary, content, 0644, path);
    if (!written) return written;
    const int linked = ::link(temporary.c_str(), path.c_str());
    const int error_number = errno;
    ::unlink(temporary.c_str());
    if (linked != 0) return std::unexpected(file_error("create", path, error_number));
    return sync_folder(folder_of(path));
  }

  Result<std::vector<FileEntry>> list(const std::string& folder) override {
    std::error_code error;
    std::vector<FileEntry> entries;
    auto iterator = fs::directory_iterator(folder, error);
    for (; !error && iterator != fs::directory_iterator(); iterator.increment(error)) {
      FileEntry entry{.name = iterator->path().filename().string(), .modified = {}};
      struct stat status{};
      if (::stat(iterator->path().c_str(), &status) != 0) continue;  // removed meanwhile
      entry.is_folder = S_ISDIR(status.st_mode);
      entry.size_bytes = entry.is_folder ? 0 : static_cast<std::uint64_t>(status.st_size);
      entry.modified.since_epoch = std::chrono::seconds{status.st_mtim.tv_sec} +
                                   std::chrono::nanoseconds{status.st_mtim.tv_nsec};
      entries.push_back(std::move(entry));
    }
    if (error) return std::unexpected(file_error("list", folder, error.value()));
    std::ranges::sort(entries, {}, &FileEntry::name);
    return entries;
  }

  Result<> make_folders(const std::string& path) override {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return std::unexpected(file_error("create folder", path, error.value()));
    return {};
  }

  Result<> remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0) return {};
    if (errno == EISDIR && ::rmdir(path.c_str()) == 0) return {};
    return std::unexpected(file_error("remove", path, errno));
  }

  bool exists(const std::string& path) override {
    std::error_code error;
    return fs::exists(path, error);
  }

  Result<std::unique_ptr<LogFolder>> open_logs(Loop& loop, const std::string& folder,
                                               const LogOptions& options) override {
    if (auto made = make_folders(folder); !made) return std::unexpected(made.error());
    return detail::open_os_logs(loop, folder, options);
  }

  Result<std::unique_ptr<ScratchFile>> open_scratch(Loop& loop,
                                                    const std::string& folder) override {
    if (auto made = make_folders(folder); !made) return std::unexpected(made.error());
    return detail::open_os_scratch(loop, folder);
  }

 private:
  /// Leaves nothing behind on failure; errors name `shown`, which is what the caller asked for.
  static Result<> write_new(const std::string& path, std::string_view content, unsigned mode,
                            const std::string& shown) {
    File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!file.valid()) return std::unexpected(file_error("write", shown, errno));
    if (write_all(file.get(), as_bytes(content)) && ::fsync(file.get()) == 0 && file.close())
      return {};
    const Error error = file_error("write", shown, errno);
    ::unlink(path.c_str());
    return std::unexpected(error);
  }
};

}  // namespace

std::unique_ptr<Files> make_os_files() { return std::make_unique<OsFiles>(); }

}  // namespace wireway::net
