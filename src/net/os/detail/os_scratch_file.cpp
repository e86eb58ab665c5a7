#include "net/os/detail/os_scratch_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/assert.h"
#include "net/os/detail/os_file.h"
#include "net/worker.h"

namespace wireway::net::detail {
namespace {

class OsScratchFile final : public ScratchFile {
 public:
  OsScratchFile(Loop& loop, std::string folder, File file)
      : loop_(loop), folder_(std::move(folder)), file_(std::move(file)) {}
  ~OsScratchFile() override { *alive_ = false; }

  void write(std::uint64_t offset, Bytes bytes, Written done) override {
    run([this, offset, content = std::move(bytes), then = std::move(done)]() mutable {
      Result<> outcome;
      if (!write_all_at(file_.get(), content, offset)) outcome = failure("write", errno);
      content = Bytes();
      answer(std::move(outcome), std::move(then));
    });
  }

  void read(std::uint64_t offset, std::size_t bytes, Read done) override {
    run([this, offset, bytes, then = std::move(done)]() mutable {
      answer(read_now(offset, bytes), std::move(then));
    });
  }

  void discard(std::uint64_t offset, std::uint64_t bytes) override {
    run([this, offset, bytes] {
      // Where the file system cannot do it, the room is used again by a later write.
      [[maybe_unused]] const int done =
          ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      static_cast<off_t>(offset), static_cast<off_t>(bytes));
    });
  }

 private:
  void run(Task task) {
    const auto queued = worker_.run(std::move(task));
    WIREWAY_ASSERT(queued.has_value(), "the calls under way on one scratch file are few");
  }

  template <class Outcome, class Done>
  void answer(Outcome outcome, Done done) {
    loop_.post([alive = alive_, result = std::move(outcome), then = std::move(done)]() mutable {
      if (*alive) then(std::move(result));
    });
  }

  std::unexpected<Error> failure(std::string_view what, int error_number) const {
    Error error = file_error(what, fmt::format("the scratch file in {}", folder_), error_number);
    const bool is_full = error_number == ENOSPC || error_number == EDQUOT;
    error.code = is_full ? Errc::exhausted : Errc::io;
    return std::unexpected(std::move(error));
  }

  Result<Bytes> read_now(std::uint64_t offset, std::size_t wanted) const {
    Bytes out(wanted);
    std::size_t got = 0;
    while (got < wanted) {
      const ssize_t piece =
          ::pread(file_.get(), out.data() + got, wanted - got, static_cast<off_t>(offset + got));
      if (piece < 0 && errno == EINTR) continue;
      if (piece < 0) return failure("read", errno);
      if (piece == 0) return failure("read", EIO);
      got += static_cast<std::size_t>(piece);
    }
    return out;
  }

  Loop& loop_;
  const std::string folder_;
  File file_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Worker worker_{"scratch"};  ///< last: it ends before what it uses
};

/// With a name for a moment, where the file system knows no file without one.
File open_nameless(const std::string& folder) {
  File file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.valid() || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
  std::string path = folder + "/scratch.XXXXXX";
  file = File(::mkostemp(path.data(), O_CLOEXEC));
  if (file.valid()) ::unlink(path.c_str());
  return file;
}

}  // namespace

Result<std::unique_ptr<ScratchFile>> open_os_scratch(Loop& loop, const std::string& folder) {
  File file = open_nameless(folder);
  if (!file.valid()) return std::unexpected(file_error("create a file in", folder, errno));
  return std::make_unique<OsScratchFile>(loop, folder, std::move(file));
}

}  // namespace wireway::net::detail
