#include "app/audit_log.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::app {
namespace {

constexpr std::string_view file_name = "audit.log";
constexpr std::string_view past_prefix = "audit-";
constexpr std::uint64_t look_back = 1024 * 1024;

/// Where the last whole line ends.
std::uint64_t whole_lines(int file, std::uint64_t size) {
  std::string tail(std::min(size, look_back), '\0');
  const auto from = static_cast<off_t>(size - tail.size());
  const ssize_t got = ::pread(file, tail.data(), tail.size(), from);
  if (got < 0) return size;
  const auto end = std::string_view(tail).substr(0, static_cast<std::size_t>(got)).rfind('\n');
  if (end == std::string_view::npos) return tail.size() == size ? 0 : size;
  return static_cast<std::uint64_t>(from) + end + 1;
}

}  // namespace

AuditFiles::AuditFiles(AuditLogOptions options)
    : options_(std::move(options)), path_(fmt::format("{}/{}", options_.folder, file_name)) {}

AuditFiles::~AuditFiles() {
  if (file_ >= 0) ::close(file_);
}

Result<> AuditFiles::open() {
  std::error_code error;
  std::filesystem::create_directories(options_.folder, error);
  std::filesystem::permissions(options_.folder, std::filesystem::perms(0700), error);
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file_ < 0) return std::unexpected(system_error("open " + path_, errno));
  struct stat status{};
  if (::fstat(file_, &status) != 0) return std::unexpected(system_error("read " + path_, errno));
  bytes_ = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t whole = whole_lines(file_, bytes_);
  if (whole == bytes_) return {};
  if (::ftruncate(file_, static_cast<off_t>(whole)) != 0)
    return std::unexpected(system_error("shorten " + path_, errno));
  bytes_ = whole;
  return {};
}

Result<> AuditFiles::append(std::string_view lines, WallTime now) {
  if (file_ < 0)
    if (auto opened = open(); !opened) return opened;
  if (bytes_ > 0 && bytes_ + lines.size() > options_.file_bytes_max)
    if (auto rolled = roll(now); !rolled) return rolled;
  std::string_view rest = lines;
  int trouble = 0;
  while (!rest.empty() && trouble == 0) {
    const ssize_t put = ::write(file_, rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0)
      trouble = errno;
    else
      rest.remove_prefix(static_cast<std::size_t>(put));
  }
  if (trouble == 0 && ::fdatasync(file_) != 0) trouble = errno;
  if (trouble != 0) {
    // A half of it must not stand there; the next try writes all again.
    const int shortened = ::ftruncate(file_, static_cast<off_t>(bytes_));
    if (shortened != 0) ::close(std::exchange(file_, -1));
    return std::unexpected(system_error("write " + path_, trouble));
  }
  bytes_ += lines.size();
  ++appended_;
  return {};
}

Result<> AuditFiles::roll(WallTime now) {
  std::string time = to_rfc3339(now, 3);
  std::erase(time, ':');
  const std::string past = fmt::format("{}/{}{}.log", options_.folder, past_prefix, time);
  ::close(std::exchange(file_, -1));
  if (::rename(path_.c_str(), past.c_str()) != 0) {
    const Error error = system_error("move " + path_, errno);
    (void)open();
    return std::unexpected(error);
  }
  if (auto dropped = drop_oldest(); !dropped) log::warn("{}", dropped.error().message);
  return open();
}

Result<> AuditFiles::drop_oldest() const {
  std::vector<std::string> past;
  std::error_code error;
  for (const auto& each : std::filesystem::directory_iterator(options_.folder, error)) {
    std::string name = each.path().filename().string();
    if (name.starts_with(past_prefix) && name.ends_with(".log")) past.push_back(std::move(name));
  }
  std::ranges::sort(past);
  for (std::size_t i = 0; i + options_.files_max < past.size(); ++i)
    std::filesystem::remove(options_.folder + "/" + past[i], error);
  if (error) return fail(Errc::io, fmt::format("{}: {}", options_.folder, error.message()));
  return {};
}

Result<std::unique_ptr<AuditLog>> AuditLog::open(net::Env& env, AuditLogOptions options) {
  auto log = std::make_unique<AuditLog>(env, std::move(options));
  if (auto opened = log->files_.open(); !opened) return std::unexpected(opened.error());
  return log;
}

AuditLog::AuditLog(net::Env& env, AuditLogOptions options)
    : env_(env),
      options_(options),
      files_(std::move(options)),
      retry_(env.loop),
      alive_(std::make_shared<bool>(true)),
      worker_(std::make_unique<net::Worker>("audit")) {}

AuditLog::~AuditLog() {
  *alive_ = false;
  worker_.reset();
  // Its last task may have written without flushed() having heard of it.
  std::string rest = files_.appended() == told_ ? std::exchange(writing_, {}) : std::string();
  rest += waiting_;
  if (lost_ > 0) rest += lost_event(lost_);
  if (rest.empty()) return;
  if (auto done = files_.append(rest, env_.loop.wall_now()); !done)
    log::error("the last events of the audit log are lost: {}", done.error().message);
}

void AuditLog::write(std::string line) {
  if (waiting_.size() + line.size() > options_.waiting_bytes_max) {
    ++lost_;
    return;
  }
  waiting_ += line;
  waiting_ += '\n';
  if (!busy_ && !retry_.armed()) flush();
}

std::string AuditLog::lost_event(std::uint64_t lost) const {
  const std::string now = to_rfc3339(env_.loop.wall_now(), 6);
  return json::serialize(
             json::object{{"kind", "Event"},
                          {"apiVersion", "audit.k8s.io/v1"},
                          {"level", "Metadata"},
                          {"auditID", env_.random.uuid()},
                          {"stage", "Panic"},
                          {"verb", "lose"},
                          {"user", {{"username", "wireway"}}},
                          {"requestReceivedTimestamp", now},
                          {"stageTimestamp", now},
                          {"annotations",
                           {{"wireway.io/events-lost", std::to_string(lost)},
                            {"wireway.io/why", "the audit log could not be written"}}}}) +
         "\n";
}

void AuditLog::flush() {
  if (waiting_.empty() && lost_ == 0) return;
  writing_ = std::exchange(waiting_, {});
  if (const auto lost = std::exchange(lost_, 0); lost > 0) writing_ += lost_event(lost);
  busy_ = true;
  const auto queued = worker_->run([this, alive = alive_, &loop = env_.loop, lines = writing_,
                                    now = env_.loop.wall_now()]() mutable {
    Result<> done = files_.append(lines, now);
    loop.post([this, alive, done = std::move(done), lines = std::move(lines)]() mutable {
      if (*alive) flushed(done, std::move(lines));
    });
  });
  if (!queued) flushed(queued, writing_);
}

void AuditLog::flushed(const Result<>& done, std::string lines) {
  busy_ = false;
  writing_.clear();
  if (done) {
    ++told_;
    if (std::exchange(failing_, false)) log::info("the audit log is written again");
    flush();
    return;
  }
  if (!std::exchange(failing_, true))
    log::error(
        "audit events wait in memory, later ones may be lost: {}; free space or repair the disk",
        done.error().message);
  waiting_.insert(0, lines);
  retry_.arm(retry_interval, [this] { flush(); });
}

}  // namespace wireway::app
