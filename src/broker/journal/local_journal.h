#pragma once
/// The journal in a folder of this machine: segments of frames, a frame a group of records, written
/// and synced together beside the loop.
///
/// Way:    append() copies into the open group. At the end of the turn, if no write is under way,
///         the group is sealed and written; else it grows until that one is on disk. So the busier
///         the disk, the larger the groups.
/// Format: docs/formats/journal.md
/// Thread: the loop's; open() blocks while it reads
/// Owns:   the folder, locked
/// Limits: group_bytes_max: a turn that appends more is split. quota_bytes: half of it is for what
///         lives and has changed since, half is kept for the checkpoint that writes it anew; beyond
///         that the journal has failed(), and still writes what is appended, until a checkpoint or
///         its owner's restraint makes room.
/// Errors: no room on the disk: the group is kept and tried again with pauses of retry_min to
///         retry_max. A write or sync that the system fails: what it had is in doubt for ever, so
///         the group goes into a new segment, at once and then with the same pauses.
/// Cost:   append() is a bounds check and a copy; one write and one fdatasync a group.

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "broker/journal/journal.h"
#include "broker/journal/replay.h"
#include "broker/journal/segment.h"
#include "net/file.h"
#include "net/loop.h"
#include "net/random.h"

namespace wireway::broker {

struct LocalJournalOptions {
  std::string folder;
  std::vector<std::uint8_t> key = {};  ///< 32 bytes; empty = nothing encrypted can be read
  bool encrypted = true;               ///< what is written, if there is a key
  std::uint64_t quota_bytes = 0;       ///< 0 = none
  std::uint64_t segment_bytes = 64 * 1024 * 1024;
};

class LocalJournal final : public Journal {
 public:
  static constexpr std::size_t group_bytes_max = 64 * 1024 * 1024;
  static constexpr std::size_t record_bytes_max = 1024 * 1024 * 1024;
  /// Garbage below this never asks for a checkpoint, but for the quota's sake.
  static constexpr std::uint64_t checkpoint_bytes_min = 64 * 1024 * 1024;
  static constexpr Duration retry_min = std::chrono::milliseconds{100};
  static constexpr Duration retry_max = std::chrono::seconds{5};

  /// Reads all that is there, in order, then is ready to append. Errc::conflict: another process
  /// has the folder; Errc::denied: the key is not that of the journal; Errc::unsupported: a newer
  /// program wrote it; Errc::invalid: it is damaged. What on_record refuses ends it too.
  static Result<std::unique_ptr<LocalJournal>> open(net::Loop& loop, net::Files& files,
                                                    LocalJournalOptions options,
                                                    journal::OnRecord on_record);
  ~LocalJournal() override;

  /// Its callbacks may append; they do not destroy the journal. Told at once if what was found is
  /// beyond the quota.
  void set_handler(JournalHandler& handler) override;
  Position append(ByteView record) override;
  Position appended() const override { return appended_; }
  Position durable() const override { return durable_; }
  bool failed() const override { return disk_failed_ || quota_failed_; }
  /// From now on; what is written stays, and beyond the new quota the journal has failed().
  void set_quota(std::uint64_t bytes);
  /// Of what is written from now on, in a new segment. What was written before stays as it is until
  /// a checkpoint replaces it. `key` of 32 bytes, or empty: the one before.
  void set_encrypted(bool encrypted, ByteView key);
  /// All that stands on disk is encrypted as what is written from now on.
  bool is_uniform() const;
  bool wants_checkpoint() const override;
  /// What was appended before it in the same turn is a group of its own.
  void begin_checkpoint() override;
  void end_checkpoint() override;
  /// From begin_checkpoint() until the end is durable: no other can begin.
  bool checkpointing() const { return checkpointing_; }
  JournalFigures figures() const override;

 private:
  bool encrypts() const { return options_.encrypted && !options_.key.empty(); }
  /// Records behind the room for a frame's head.
  struct Group {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::size_t capacity = 0;
    std::size_t size = journal::frame_head_bytes;
    std::uint32_t records = 0;
    void grow(std::size_t wanted);
    void add(ByteView record);
    std::span<std::uint8_t> frame() { return {bytes.get(), size}; }
  };

  /// What a segment that is being made brings with it.
  struct Beginning {
    bool with_group = false;
    bool ends_checkpoint = false;
  };

  LocalJournal(net::Loop& loop, LocalJournalOptions options, std::unique_ptr<net::LogFolder> logs,
               journal::Replayed replayed);
  void close_group();
  void plan();
  void step();
  void write();
  ByteView sealed(Group& group);
  bool needs_segment() const;
  void start_segment();
  void started(Result<> result, const journal::SegmentHeader& header, const Beginning& beginning);
  void written(Result<> result);
  void group_is_durable();
  void trouble(Error error);
  void recovered();
  void check_quota();
  bool checkpoint_ends() const { return checkpoint_end_ && durable_ >= *checkpoint_end_; }
  void remove_older();

  net::Loop& loop_;
  LocalJournalOptions options_;
  JournalHandler* handler_ = nullptr;
  net::SystemRandom random_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  Position appended_ = 0;
  Position durable_ = 0;
  Group open_;
  std::deque<Group> closed_;  ///< the first is the one under way or to be tried again
  Group spare_;
  Bytes cipher_text_;
  Bytes head_;  ///< header and first group of a segment that is being made
  bool planned_ = false;
  bool busy_ = false;  ///< a call is under way, or waits for its next attempt

  std::vector<journal::Segment> segments_;
  std::optional<journal::SegmentCodec> codec_;  ///< none: the next group begins a segment
  std::uint32_t frame_number_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t checkpoint_bytes_ = 0;
  std::optional<Position> checkpoint_begin_;  ///< its segment is still to be made
  std::optional<Position> checkpoint_first_;  ///< of the checkpoint under way
  std::optional<Position> checkpoint_end_;
  bool checkpointing_ = false;

  bool disk_failed_ = false;
  bool quota_failed_ = false;
  Duration retry_{0};
  net::Timer timer_;
  MonoTime sync_began_;
  JournalFigures figures_;
  std::unique_ptr<net::LogFolder> logs_;  ///< last: it uses the buffers above until it is gone
};

}  // namespace wireway::broker
