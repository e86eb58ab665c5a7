#include "net/os/process.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <linux/close_range.h>

namespace wireway::net {
namespace {

/// A descriptor that is closed when forgotten.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(system_error("pipe", errno));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

/// Cuts the child's output into lines of at most line_bytes_max.
class LineSplitter {
 public:
  static constexpr std::size_t line_bytes_max = 16 * 1024;

  /// Calls `on_line` for each line; false as soon as `on_line` returns false.
  template <class OnLine>
  bool feed(std::string_view text, OnLine on_line) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const std::size_t length = std::min(end, text.size());
      const std::size_t room = line_bytes_max - line_.size();
      line_.append(text.substr(0, std::min(length, room)));
      if (length > room || end != std::string_view::npos) {
        if (!flush(on_line)) return false;
      }
      const bool ended = length <= room && end != std::string_view::npos;
      text.remove_prefix(std::min(length, room) + (ended ? 1 : 0));
    }
    return true;
  }

  template <class OnLine>
  bool flush(OnLine on_line) {
    std::string line = std::exchange(line_, {});
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return on_line(line);
  }

  bool has_rest() const { return !line_.empty(); }

 private:
  std::string line_;
};

/// All that the child needs, made before fork(): afterwards only async-signal-safe calls are
/// allowed.
struct ChildImage {
  std::vector<std::string> environment;
  std::vector<char*> arguments_raw;
  std::vector<char*> environment_raw;

  explicit ChildImage(ProcessOptions& options) {
    for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
      const std::string_view text(*entry);
      const auto name = text.substr(0, text.find('=') + 1);
      const bool replaced = std::ranges::any_of(
          options.environment_extra, [&](const auto& extra) { return extra.starts_with(name); });
      if (!replaced) environment.emplace_back(text);
    }
    for (const auto& extra : options.environment_extra) environment.push_back(extra);
    for (auto& text : options.arguments) arguments_raw.push_back(text.data());
    for (auto& text : environment) environment_raw.push_back(text.data());
    arguments_raw.push_back(nullptr);
    environment_raw.push_back(nullptr);
  }
};

/// In the child, between fork and exec. Returns the error number of the step that failed.
int become(const ChildImage& image, pid_t parent, int output_fd) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (::getppid() != parent) ::_exit(127);  // the parent died before the line above
  ::setpgid(0, 0);  // Ctrl-C goes to the supervisor alone, which stops its children in order
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGXFSZ, SIG_DFL);
  const int null_fd = ::open("/dev/null", O_RDONLY);
  if (null_fd < 0 || ::dup2(null_fd, STDIN_FILENO) < 0) return errno;
  if (null_fd > STDERR_FILENO) ::close(null_fd);
  if (output_fd >= 0) {
    if (::dup2(output_fd, STDOUT_FILENO) < 0 || ::dup2(output_fd, STDERR_FILENO) < 0) return errno;
  }
  // Libraries and whoever started us may have opened descriptors without close-on-exec.
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execve(image.arguments_raw[0], image.arguments_raw.data(), image.environment_raw.data());
  return errno;
}

Error start_error(const std::string& program, int error_number) {
  const std::string reason = std::strerror(error_number);
  if (error_number == ENOENT)
    return {Errc::not_found, fmt::format("start {}: no such program; check its path", program)};
  if (error_number == EACCES) {
    return {Errc::denied, fmt::format("start {}: not executable ({}); check its mode (chmod +x)",
                                      program, reason)};
  }
  return {Errc::unavailable, fmt::format("start {}: {}", program, reason)};
}

class OsProcess final : public Process {
 public:
  OsProcess(OsLoop& loop, pid_t pid, Descriptor pid_fd, ProcessOptions options)
      : loop_(loop), pid_(pid), pid_fd_(std::move(pid_fd)), options_(std::move(options)) {
    loop_.watch(pid_fd_.get(), true, false, [this](bool, bool) { ended(); });
  }

  ~OsProcess() override {
    if (destroyed_ != nullptr) *destroyed_ = true;
    stop_reading();
    if (!pid_fd_.valid()) return;
    loop_.unwatch(pid_fd_.get());
    ::kill(pid_, SIGKILL);
    reap();
  }

  pid_t pid() const override { return pid_; }

  void signal(int number) override {
    // The pid cannot have been reused: the child is not reaped while pid_fd_ is open.
    if (pid_fd_.valid()) ::kill(pid_, number);
  }

  void read_from(Descriptor output) {
    output_ = std::move(output);
    ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    loop_.watch(output_.get(), true, false, [this](bool, bool) { read_output(); });
  }

 private:
  static constexpr int reads_max = 16;  ///< a turn; a chatty child must not starve the loop

  siginfo_t reap() const {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
    }
    return info;
  }

  void stop_reading() {
    if (!output_.valid()) return;
    loop_.unwatch(output_.get());
    output_.reset();
  }

  /// False if a callback has destroyed this process.
  bool emit(const std::string& line) {
    bool destroyed = false;
    bool* const outer = std::exchange(destroyed_, &destroyed);
    options_.on_output(line);
    if (destroyed) {
      if (outer != nullptr) *outer = true;
      return false;
    }
    destroyed_ = outer;
    return true;
  }

  bool read_output() {
    std::array<char, 16 * 1024> piece{};
    const auto on_line = [this](const std::string& line) { return emit(line); };
    for (int i = 0; i < reads_max && output_.valid(); ++i) {
      const ssize_t got = ::read(output_.get(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return true;
      if (got <= 0) {
        stop_reading();
        return !lines_.has_rest() || lines_.flush(on_line);
      }
      if (!lines_.feed({piece.data(), static_cast<std::size_t>(got)}, on_line)) return false;
    }
    return true;
  }

  void ended() {
    loop_.unwatch(pid_fd_.get());
    const siginfo_t info = reap();
    pid_fd_.reset();
    // What the child wrote last comes before its end; a grandchild may hold the pipe open.
    if (output_.valid() && !read_output()) return;
    if (output_.valid()) stop_reading();
    if (lines_.has_rest() && !lines_.flush([this](const auto& line) { return emit(line); })) return;
    ExitStatus status;
    if (info.si_code == CLD_EXITED)
      status.code = info.si_status;
    else
      status.signal = info.si_status;
    auto on_exit = std::move(options_.on_exit);  // it may destroy this process
    if (on_exit) on_exit(status);
  }

  OsLoop& loop_;
  pid_t pid_;
  Descriptor pid_fd_;  ///< valid as long as the child is not reaped
  ProcessOptions options_;
  Descriptor output_;
  LineSplitter lines_;
  bool* destroyed_ = nullptr;
};

/// Waits for the exec: the pipe closes by itself when it succeeds.
int exec_error(const Descriptor& read_end) {
  int error_number = 0;
  while (::read(read_end.get(), &error_number, sizeof error_number) < 0 && errno == EINTR) {
  }
  return error_number;
}

}  // namespace

std::string ExitStatus::to_string() const {
  if (signal == 0) return fmt::format("exited with code {}", code);
  const char* name = ::sigabbrev_np(signal);
  return fmt::format("was killed by signal {} (SIG{})", signal, name != nullptr ? name : "?");
}

Result<std::unique_ptr<Process>> start_process(OsLoop& loop, ProcessOptions options) {
  if (options.arguments.empty()) return fail(Errc::invalid, "start a process: no program is named");
  const std::string program = options.arguments[0];
  auto exec_result = make_pipe();
  if (!exec_result) return wrap("start " + program, exec_result.error());
  Pipe output;
  if (options.on_output) {
    auto made = make_pipe();
    if (!made) return wrap("start " + program, made.error());
    output = std::move(*made);
  }

  const ChildImage image(options);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(start_error(program, errno));
  if (pid == 0) {
    const int error_number = become(image, parent, output.write_end.get());
    [[maybe_unused]] const auto written =
        ::write(exec_result->write_end.get(), &error_number, sizeof error_number);
    ::_exit(127);
  }
  exec_result->write_end.reset();
  output.write_end.reset();
  const int error_number = exec_error(exec_result->read_end);
  Descriptor pid_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (error_number != 0 || !pid_fd.valid()) {
    const int reason = error_number != 0 ? error_number : errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return std::unexpected(start_error(program, reason));
  }
  const bool captured = static_cast<bool>(options.on_output);
  auto process = std::make_unique<OsProcess>(loop, pid, std::move(pid_fd), std::move(options));
  if (captured) process->read_from(std::move(output.read_end));
  return process;
}

std::size_t raise_open_files_max() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::string own_program_path() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

}  // namespace wireway::net
