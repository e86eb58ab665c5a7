#include "net/os/detail/os_log_folder.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/assert.h"
#include "net/os/detail/os_file.h"
#include "net/worker.h"

namespace wireway::net::detail {
namespace {

constexpr std::string_view lock_name = "lock";
constexpr std::string_view unfinished_suffix = ".new";

class OsLogReader final : public LogReader {
 public:
  OsLogReader(File file, std::string path, std::uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}

  std::uint64_t size_bytes() const override { return size_; }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) override {
    std::size_t got = 0;
    while (got < into.size()) {
      const ssize_t piece = ::pread(file_.get(), into.data() + got, into.size() - got,
                                    static_cast<off_t>(offset + got));
      if (piece < 0 && errno == EINTR) continue;
      if (piece < 0) return std::unexpected(file_error("read", path_, errno));
      if (piece == 0) break;
      got += static_cast<std::size_t>(piece);
    }
    return got;
  }

 private:
  File file_;
  std::string path_;
  std::uint64_t size_;
};

/// The open log. Touched by the worker's thread alone.
struct OpenLog {
  File file{-1};
  std::string path;
  std::uint64_t written = 0;
  std::uint64_t reserved = 0;
  bool in_doubt = false;  ///< a write or a sync has failed
};

bool is_full(int error_number) { return error_number == ENOSPC || error_number == EDQUOT; }

Error write_error(std::string_view what, const std::string& path, int error_number) {
  Error error = file_error(what, path, error_number);
  error.code = is_full(error_number) ? Errc::exhausted : Errc::io;
  return error;
}

class OsLogFolder final : public LogFolder {
 public:
  OsLogFolder(Loop& loop, std::string folder, const LogOptions& options, File lock)
      : loop_(loop),
        folder_(std::move(folder)),
        reserve_bytes_(options.reserve_bytes),
        lock_(std::move(lock)) {}
  ~OsLogFolder() override { *alive_ = false; }

  Result<std::vector<Entry>> list() override {
    std::vector<Entry> entries;
    std::error_code error;
    auto iterator = std::filesystem::directory_iterator(folder_, error);
    for (; !error && iterator != std::filesystem::directory_iterator(); iterator.increment(error)) {
      const std::string name = iterator->path().filename().string();
      struct stat status{};
      if (name == lock_name || ::stat(path_of(name).c_str(), &status) != 0 ||
          !S_ISREG(status.st_mode))
        continue;
      if (name.ends_with(unfinished_suffix)) {
        if (::unlink(path_of(name).c_str()) != 0)
          return std::unexpected(file_error("remove", path_of(name), errno));
        continue;
      }
      entries.push_back({name, static_cast<std::uint64_t>(status.st_size)});
    }
    if (error) return std::unexpected(file_error("list", folder_, error.value()));
    std::ranges::sort(entries, {}, &Entry::name);
    return entries;
  }

  Result<std::unique_ptr<LogReader>> read(const std::string& name) override {
    const std::string path = path_of(name);
    File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!file.valid() || ::fstat(file.get(), &status) != 0)
      return std::unexpected(file_error("open", path, errno));
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    return std::make_unique<OsLogReader>(std::move(file), path,
                                         static_cast<std::uint64_t>(status.st_size));
  }

  void create(std::string name, ByteView head, Done done) override {
    run([this, path = path_of(name), head] { return create_now(path, head); }, std::move(done));
  }
  void append(ByteView bytes, Done done) override {
    run([this, bytes] { return append_now(bytes); }, std::move(done));
  }
  void remove(std::vector<std::string> names, Done done) override {
    run([this, all = std::move(names)] { return remove_now(all); }, std::move(done));
  }

 private:
  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }

  template <class Work>
  void run(Work work, Done done) {
    auto queued = worker_.run([this, now = std::move(work), then = std::move(done)]() mutable {
      answer(now(), std::move(then));
    });
    // A full queue of the worker: nobody asks for 100,000 things at once.
    WIREWAY_ASSERT(queued.has_value(), "the calls under way on one log folder are few");
  }

  void answer(Result<> result, Done done) {
    loop_.post([alive = alive_, outcome = std::move(result), then = std::move(done)]() mutable {
      if (*alive) then(std::move(outcome));
    });
  }

  Result<> create_now(const std::string& path, ByteView head) {
    OpenLog next;
    next.path = path;
    const std::string unfinished = path + std::string(unfinished_suffix);
    next.file = File(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!next.file.valid()) return std::unexpected(write_error("create", path, errno));
    reserve(next, head.size());
    if (!write_all_at(next.file.get(), head, 0) || ::fsync(next.file.get()) != 0 ||
        ::rename(unfinished.c_str(), path.c_str()) != 0) {
      const Error error = write_error("create", path, errno);
      ::unlink(unfinished.c_str());
      return std::unexpected(error);
    }
    if (auto synced = sync_folder(folder_); !synced)
      return fail(Errc::io, std::move(synced.error().message));
    next.written = head.size();
    const OpenLog last = std::exchange(open_, std::move(next));
    if (!last.file.valid() || last.in_doubt) return {};
    // What the last log had reserved and not used. If it stays it is zeros, and harmless.
    [[maybe_unused]] const int kept =
        ::ftruncate(last.file.get(), static_cast<off_t>(last.written));
    return {};
  }

  /// Only saves time: if there is no room for a whole step there may be for what is to be written.
  void reserve(OpenLog& log, std::uint64_t bytes) const {
    while (log.written + bytes > log.reserved) {
      const std::uint64_t step = std::max(reserve_bytes_, bytes);
      if (reserve_bytes_ == 0 || ::fallocate(log.file.get(), 0, static_cast<off_t>(log.reserved),
                                             static_cast<off_t>(step)) != 0)
        return;
      log.reserved += step;
    }
  }

  Result<> append_now(ByteView bytes) {
    if (!open_.file.valid() || open_.in_doubt)
      return fail(Errc::io, fmt::format("{}: no log is open after a failed write", folder_));
    reserve(open_, bytes.size());
    if (!write_all_at(open_.file.get(), bytes, open_.written)) {
      const int number = errno;
      open_.in_doubt = !is_full(number);
      return std::unexpected(write_error("write", open_.path, number));
    }
    if (::fdatasync(open_.file.get()) != 0) {
      open_.in_doubt = true;
      return fail(Errc::io, file_error("sync", open_.path, errno).message);
    }
    open_.written += bytes.size();
    return {};
  }

  Result<> remove_now(const std::vector<std::string>& names) {
    for (const std::string& name : names)
      if (::unlink(path_of(name).c_str()) != 0 && errno != ENOENT)
        return std::unexpected(file_error("remove", path_of(name), errno));
    return sync_folder(folder_);
  }

  Loop& loop_;
  const std::string folder_;
  const std::uint64_t reserve_bytes_;
  File lock_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  OpenLog open_;
  Worker worker_{"log"};  ///< last: it ends before what it uses
};

}  // namespace

Result<std::unique_ptr<LogFolder>> open_os_logs(Loop& loop, const std::string& folder,
                                                const LogOptions& options) {
  const std::string path = fmt::format("{}/{}", folder, lock_name);
  File lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return std::unexpected(file_error("open", path, errno));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Errc::conflict, fmt::format("{} is in use by another process; stop that one, or "
                                            "choose another folder",
                                            folder));
  return std::make_unique<OsLogFolder>(loop, folder, options, std::move(lock));
}

}  // namespace wireway::net::detail
