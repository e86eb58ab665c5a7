#pragma once
/// The disk-backed message buffer of one shard: where long queues wait when memory is short. It is
/// no journal: what is in it is gone with the process, and sealed with a key that is gone too.
///
/// Way:     Shard::relieve() chooses a long queue -> DeliveryQueue::spill() cuts it into Runs ->
///          write() -> the messages leave memory; when the queue has been sent up to the Run:
///          read() -> Session::on_buffer_read() -> sent as ever
/// Source:  broker.md 7.1 (spec.diskBackedMessageBuffer)
/// Thread:  the shard's loop; the file works beside it
/// Owns:    its file, which is opened with the first Run
/// Limits:  set_max() on disk; BufferOptions; reads_max being read at one time; a Run has about
///          run_bytes, or one larger message
/// Errors:  while the disk takes nothing, or the buffer is full, messages stay in memory and
///          is_open() is false: publishers get 0x97 earlier. What cannot be read stays, holds its
///          session up, and is read again: nothing of it is lost but with the process. trouble() is
///          the sentence for people. Each is tried again after retry_min, then twice as long, at
///          most retry_max.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/buffer/extents.h"
#include "broker/delivery.h"
#include "broker/journal/segment.h"
#include "broker/settings.h"
#include "net/env.h"

namespace wireway::broker {

class Session;

namespace buffer {

class DiskBuffer;

struct BufferOptions {
  std::size_t run_bytes = 256 * 1024;
  /// Less is not worth a place on disk.
  std::size_t run_bytes_min = 16 * 1024;
  /// So much of a queue's front stays in memory, so that a client that comes back need not wait.
  std::size_t kept_bytes = 16 * 1024;
  std::size_t in_flight_bytes_max = 16 * 1024 * 1024;  ///< being written
  /// Of the memory budget: from here on queues go to disk (broker.md 7.1).
  unsigned relief_percent = Settings::busy_percent;
};

/// What of one queue is on disk and not in memory.
struct OnDisk {
  std::size_t bytes = 0;
  std::size_t runs = 0;
};

/// A stretch of one session's queue that is on the disk, or on its way there or back.
class Run {
 public:
  /// `deliveries` are not empty, in order. `sum` outlives the Run.
  Run(DiskBuffer& buffer, Session& owner, std::vector<Delivery> deliveries, OnDisk& sum);
  /// Its place on the disk is free, whatever is under way.
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  std::uint64_t id() const { return id_; }
  bool in_memory() const { return !deliveries_.empty(); }
  bool on_disk() const { return is_on_disk_; }
  /// Being written or read.
  bool is_busy() const { return is_busy_; }
  std::size_t count() const { return count_; }
  /// Of the messages, as they count in memory.
  std::size_t bytes() const { return bytes_; }
  MonoTime since() const { return since_; }  ///< of its first message
  /// Of its deliveries of QoS 1 and 2; 0 = there are none.
  std::uint64_t first_sequence() const { return first_sequence_; }
  std::uint64_t last_sequence() const { return last_sequence_; }

  /// Empty unless in_memory().
  std::vector<Delivery>& deliveries() { return deliveries_; }
  /// False: not now; the Run stays as it is.
  bool write();
  /// Session::on_buffer_read() follows, later. Nothing happens if it is under way, or in memory.
  void read();
  /// The messages leave memory again, of which the disk has a copy.
  void unload();
  /// What it has in memory is the caller's; the Run is to end.
  std::vector<Delivery> take() { return std::exchange(deliveries_, {}); }
  /// From a checkpoint on the journal has all of it: so it is read back.
  void set_recorded() { is_recorded_ = true; }

  std::size_t skipped = 0;  ///< the first of its deliveries that are dropped already

 private:
  friend class DiskBuffer;

  DiskBuffer& buffer_;
  Session& owner_;
  OnDisk& sum_;
  std::vector<Delivery> deliveries_;
  const std::uint64_t id_;
  std::size_t count_;
  std::size_t bytes_ = 0;
  std::uint64_t first_sequence_ = 0;
  std::uint64_t last_sequence_ = 0;
  MonoTime since_;
  std::uint64_t offset_ = 0;
  std::size_t frame_bytes_ = 0;
  std::uint32_t epoch_ = 0;  ///< of its key
  bool has_place_ = false;
  bool is_on_disk_ = false;
  bool is_busy_ = false;
  bool is_counted_on_disk_ = false;
  bool is_recorded_ = false;
};

class DiskBuffer {
 public:
  static constexpr std::size_t reads_max = 16;
  static constexpr unsigned reopen_percent = 90;  ///< of the maximum, once it was full
  static constexpr Duration retry_min = std::chrono::seconds{1};
  static constexpr Duration retry_max = std::chrono::seconds{30};

  /// `on_room` comes when more can be written than before. All outlive it but the Runs.
  DiskBuffer(net::Env env, std::string folder, Counters& counters, net::Task on_room,
             const BufferOptions& options = {});
  ~DiskBuffer();
  DiskBuffer(const DiskBuffer&) = delete;
  DiskBuffer& operator=(const DiskBuffer&) = delete;

  /// 0: nothing more is written; what is there is read when its turn comes.
  void set_max(std::uint64_t bytes);
  /// It takes more, now or as soon as what is under way is written.
  bool is_open() const { return extents_.bytes_max() > 0 && !is_full_ && write_trouble_.empty(); }
  std::size_t writing_bytes() const { return writing_bytes_; }
  /// It takes more now.
  bool takes_more() const { return is_open() && writing_bytes_ < options_.in_flight_bytes_max; }
  const BufferOptions& options() const { return options_; }
  /// What is wrong, or empty.
  std::string trouble() const;

 private:
  friend class Run;

  bool write(Run& run);
  void read(Run& run);
  void forget(Run& run);
  bool open();
  std::uint32_t epoch();
  void begin_read(Run& run);
  void next_reads();
  void on_written(std::uint64_t id, std::size_t bytes, const Result<>& result);
  void on_read(std::uint64_t id, const Result<Bytes>& result);
  Result<> take_in(Run& run, Bytes frame);
  void give_place(Run& run);
  void set_trouble(std::string& trouble, const Error& reason, std::string_view outcome);
  void on_write_result(const Result<>& result);
  void try_again_later();
  void try_again();
  void count_on_disk(Run& run);
  void uncount_on_disk(Run& run);

  net::Env env_;
  const BufferOptions options_;
  std::string folder_;
  Counters& counters_;
  net::Task on_room_;
  std::unique_ptr<net::ScratchFile> file_;
  Bytes key_;
  std::vector<journal::SegmentCodec> codecs_;  ///< by epoch; a new one when the nonces end
  std::uint32_t sealed_ = 0;                   ///< by the last of them
  Extents extents_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, Run*> busy_;
  std::deque<std::uint64_t> waiting_;  ///< to be read
  std::vector<std::uint64_t> failed_;  ///< to be read again
  std::size_t reading_ = 0;
  std::size_t writing_bytes_ = 0;
  bool is_full_ = false;
  std::string write_trouble_;  ///< not empty: nothing is written but a probe now and again
  std::string read_trouble_;   ///< of `failed_`
  Duration retry_ = retry_min;
  net::Timer retry_timer_;
  net::Timer room_timer_;
};

}  // namespace buffer
}  // namespace wireway::broker
