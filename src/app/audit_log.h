#pragma once
/// `<data>/audit`: the audit events of the API on disk, one JSON line each, written and synced by a
/// thread of its own, so that a slow disk keeps nobody waiting.
///
/// Holds:  audit.log, and what was there before as audit-<time>.log; folder 0700, files 0600
/// Thread: the Loop's; files are touched by the worker alone.
/// Limits: file_bytes_max a file, files_max files of the past, waiting_bytes_max not yet on disk.
/// Errors: a disk that is full or fails stops nothing else: events wait and are tried again, those
///         beyond the limit are counted, and the count becomes an event as soon as it can be
///         written. The log of the process says when that begins and ends.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "control/api/audit.h"
#include "net/env.h"
#include "net/worker.h"

namespace wireway::app {

struct AuditLogOptions {
  std::string folder = {};
  std::uint64_t file_bytes_max = 64ULL * 1024 * 1024;
  std::size_t files_max = 8;
  std::size_t waiting_bytes_max = 16 * 1024 * 1024;
};

/// The files; on the worker's thread, and on any once that has ended.
class AuditFiles {
 public:
  explicit AuditFiles(AuditLogOptions options);
  ~AuditFiles();
  AuditFiles(const AuditFiles&) = delete;
  AuditFiles& operator=(const AuditFiles&) = delete;

  /// Takes up what is there; a line that a crash has cut off is dropped.
  Result<> open();
  /// All of `lines` is on disk, or none. `now` names the file that is moved away.
  Result<> append(std::string_view lines, WallTime now);
  /// How often that has succeeded.
  std::uint64_t appended() const { return appended_; }

 private:
  Result<> roll(WallTime now);
  Result<> drop_oldest() const;

  AuditLogOptions options_;
  std::string path_;
  int file_ = -1;
  std::uint64_t bytes_ = 0;
  std::uint64_t appended_ = 0;
};

class AuditLog final : public control::AuditSink {
 public:
  static constexpr Duration retry_interval = std::chrono::seconds{5};

  /// Errors: the folder or the file cannot be written.
  static Result<std::unique_ptr<AuditLog>> open(net::Env& env, AuditLogOptions options);
  AuditLog(net::Env& env, AuditLogOptions options);
  /// Writes what still waits.
  ~AuditLog() override;

  void write(std::string line) override;

 private:
  void flush();
  void flushed(const Result<>& done, std::string lines);
  std::string lost_event(std::uint64_t lost) const;

  net::Env& env_;
  AuditLogOptions options_;
  AuditFiles files_;
  std::string waiting_;
  std::string writing_;  ///< a copy of what the worker has
  std::uint64_t lost_ = 0;
  std::uint64_t told_ = 0;  ///< of the appends, how many flushed() knows of
  bool busy_ = false;
  bool failing_ = false;
  net::Timer retry_;
  std::shared_ptr<bool> alive_;  ///< false once destroyed: what the worker posts may come later
  std::unique_ptr<net::Worker> worker_;
};

}  // namespace wireway::app
