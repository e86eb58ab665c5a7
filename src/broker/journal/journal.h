#pragma once
/// One shard's append-only journal: what must outlive the process goes through it before it is
/// acknowledged. Records are opaque here, self-contained and replayable in order; so the same
/// interface fits a local log (local_journal.h) and a replicated stream.
///
/// Way:    append() during a turn of the loop; all records of a turn go as one group, atomically:
///         after a crash a group is there as a whole or not at all. on_durable() tells when it is
///         on disk.
/// Thread: the shard's loop
/// Errors: JournalHandler::on_failed() once for each trouble (disk full, quota, I/O error), with a
///         sentence that names file and remedy; what was appended is kept and tried again;
///         on_recovered() when it goes on. durable() never runs ahead of the disk.

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace wireway::broker {

class JournalHandler {
 public:
  virtual ~JournalHandler() = default;
  /// durable() has grown.
  virtual void on_durable() = 0;
  virtual void on_failed(const Error& reason) = 0;
  virtual void on_recovered() = 0;
};

struct JournalFigures {
  std::uint64_t bytes_on_disk = 0;
  std::uint64_t quota_bytes = 0;  ///< 0 = none
  std::uint64_t records = 0;      ///< appended since the start
  std::uint64_t groups = 0;
  std::uint64_t bytes = 0;
  Duration last_sync{0};
};

class Journal {
 public:
  /// How many records were ever appended: the number of the last one. Grows, also over restarts.
  using Position = std::uint64_t;

  virtual ~Journal() = default;
  virtual void set_handler(JournalHandler& handler) = 0;

  /// Copies the record into the group of this turn. Also while failed(): it waits in memory then,
  /// so the owner stops accepting work that would append more.
  virtual Position append(ByteView record) = 0;
  virtual Position appended() const = 0;
  /// Everything up to it survives a power cut.
  virtual Position durable() const = 0;
  virtual bool failed() const = 0;

  /// A checkpoint bounds replay: between begin and end the owner appends the present state of all
  /// that lives, over as many turns as it likes, among its other records. Once the end is durable,
  /// everything that was appended before the begin is deleted.
  virtual bool wants_checkpoint() const = 0;
  virtual void begin_checkpoint() = 0;
  virtual void end_checkpoint() = 0;

  virtual JournalFigures figures() const = 0;
};

}  // namespace wireway::broker
