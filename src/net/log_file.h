#pragma once
/// Append-only logs of one folder, for what must be on disk before somebody is told so (the
/// broker's journal). Writing and syncing happen beside the loop; the answers come on the loop.
///
/// One log is open for appending at a time: create() starts it, append() extends it, the next
/// create() leaves it behind as it is. A log that append() has extended is as long as what was
/// written, or longer by zeros: space is reserved in steps, so that a sync need not write where
/// the file ends.
///
/// Thread:  the Loop's. read(), list() and open_logs() block: they are for the start.
/// Owns:    the folder's lock, the open log, and (on the real system) one thread. The destructor
///          waits for the call under way; what was asked for and not begun does not happen, and no
///          Done runs any more.
/// Order:   what was asked for happens, and is answered, in the order in which it was asked for.
/// Errors:  Errc::exhausted: no room on the disk; nothing changed, the same call may be repeated.
///          Errc::io: what the call was to write is in doubt for ever, however often the system is
///          asked again (a failed fsync has thrown it away): it goes into a new log.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace wireway::net {

struct LogOptions {
  /// Space that an open log reserves at once.
  std::uint64_t reserve_bytes = 16 * 1024 * 1024;
};

/// One log, read from anywhere.
class LogReader {
 public:
  virtual ~LogReader() = default;
  virtual std::uint64_t size_bytes() const = 0;
  /// Fills `into` from `offset` on; less only where the log ends.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) = 0;
};

class LogFolder {
 public:
  using Done = std::move_only_function<void(Result<>)>;

  struct Entry {
    std::string name;  ///< without its folder
    std::uint64_t size_bytes = 0;
  };

  LogFolder() = default;
  LogFolder(const LogFolder&) = delete;
  LogFolder& operator=(const LogFolder&) = delete;
  virtual ~LogFolder() = default;

  /// The logs, sorted by name; what an interrupted create() left behind is removed first.
  virtual Result<std::vector<Entry>> list() = 0;
  virtual Result<std::unique_ptr<LogReader>> read(const std::string& name) = 0;

  /// Starts the log `name` with `head`, in place of one of the same name. It appears as a whole:
  /// name and head are on disk when `done` runs with success, and after a power cut either both
  /// are there or neither. `head` stays as it is until `done`.
  virtual void create(std::string name, ByteView head, Done done) = 0;
  /// Writes behind what was appended last and syncs. `bytes` stay as they are until `done`.
  virtual void append(ByteView bytes, Done done) = 0;
  /// Removes logs in this order; none of them is the open one. One that is gone is no failure.
  virtual void remove(std::vector<std::string> names, Done done) = 0;
};

}  // namespace wireway::net
