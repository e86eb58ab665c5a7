#pragma once
/// What the parts of one OsLoop share: the epoll set, the list of dirty streams, the read buffer,
/// spare output buffers, timers and the mailbox. Streams, listeners and watches hold a reference to
/// it.
///
/// Thread: the loop's, except post().
/// Limits: spare_bytes_max of emptied output buffers are kept for reuse; lingering_max closed
///         sockets wait for their peer's FIN, the oldest is closed at once beyond that.
/// Cost:   no epoll_ctl in steady state: a connection is added once and changed only after a short
///         write or when its owner pauses it.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include <sys/epoll.h>

#include "base/bytes.h"
#include "net/loop.h"
#include "net/os/detail/name_lookup.h"
#include "net/timer_queue.h"

namespace wireway::net::detail {

/// Whatever has a file descriptor in the epoll set.
class Pollable {
 public:
  virtual ~Pollable() = default;
  virtual void on_ready(std::uint32_t events) = 0;
  /// At the end of the turn: a stream has bytes to write, or a close to carry out.
  virtual void flush() {}
};

/// What a stream has to send.
struct Output {
  Bytes bytes;
  std::size_t begin = 0;  ///< what is before it has been sent

  std::size_t size() const { return bytes.size() - begin; }
  /// Moves what is left to the front.
  void close_up() {
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(begin));
    begin = 0;
  }
};

/// Names a registration; never reused, so that an event for something destroyed finds nothing.
enum class PollKey : std::uint64_t { none = 0 };

class Lingerer;

class LoopCore {
 public:
  static constexpr std::size_t read_buffer_bytes = 64 * 1024;
  static constexpr std::size_t events_max = 512;
  static constexpr std::size_t spare_bytes_max = 4 * 1024 * 1024;
  static constexpr std::size_t spare_buffer_bytes_max = 256 * 1024;
  static constexpr std::size_t spare_count_max = 1024;
  static constexpr std::size_t new_buffer_bytes = 256;
  static constexpr std::size_t lingering_max = 1024;

  LoopCore();
  ~LoopCore();
  LoopCore(const LoopCore&) = delete;
  LoopCore& operator=(const LoopCore&) = delete;

  PollKey add(Pollable& target);
  void remove(PollKey key);
  Pollable* find(PollKey key) const;
  /// epoll_ctl; ends the process with a clear line if the kernel has no memory for it.
  void control(int operation, int fd, PollKey key, std::uint32_t events);

  /// `position` belongs to the stream: where it stands in the list of dirty streams, or not_dirty.
  static constexpr std::uint32_t not_dirty = UINT32_MAX;
  void mark_dirty(Pollable& stream, std::uint32_t& position);
  void unmark_dirty(std::uint32_t position);

  std::unique_ptr<Output> take_output();
  void give_output(std::unique_ptr<Output> output);
  std::span<std::uint8_t> read_buffer() { return read_buffer_; }

  /// Keeps a socket whose output is done until the peer has closed too, so that the peer gets all
  /// of it: closing at once with unread input would make the kernel send a reset.
  void linger(int fd);
  void end_linger(Lingerer& lingerer);

  /// Keeps an object alive until the end of the turn: it may be running.
  void bury(std::unique_ptr<Pollable> target) { buried_.push_back(std::move(target)); }

  void refresh_time();
  MonoTime now() const { return running_ ? now_ : system_mono_now(); }
  WallTime wall_now();

  void post(Task task);
  bool has_mail() const { return has_mail_.load(); }
  void drain_mailbox();
  void run();
  void stop() { stop_requested_ = true; }
  void set_busy_poll(Duration longest) { busy_poll_ = longest; }
  /// Destroys all tasks that have not run; called before the streams' owner goes.
  void drop_tasks();

  TimerQueue timers;
  std::vector<Task> deferred;
  NameLookup names;

 private:
  struct Slot {
    Pollable* target = nullptr;
    std::uint32_t generation = 1;
  };

  void turn();
  void poll();
  int wait(Duration longest);
  int poll_busily();
  int sleep();
  bool nothing_to_do() const;
  void run_deferred();
  void flush_dirty();
  bool run_due_timers();

  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  bool has_precise_wait_ = true;  ///< epoll_pwait2, absent before Linux 5.11
  bool running_ = false;
  bool stop_requested_ = false;
  bool wall_known_ = false;
  Duration busy_poll_{0};  ///< how long it looks for events before it sleeps
  MonoTime now_;
  WallTime wall_now_;

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Pollable*> dirty_;
  std::vector<std::uint8_t> read_buffer_;
  std::array<epoll_event, events_max> events_{};
  std::vector<std::unique_ptr<Output>> spare_;
  std::size_t spare_bytes_ = 0;
  std::vector<std::unique_ptr<Pollable>> buried_;
  std::list<std::unique_ptr<Lingerer>> lingering_;

  std::atomic<bool> asleep_{false};
  std::atomic<bool> has_mail_{false};
  std::mutex mailbox_mutex_;
  std::vector<Task> mailbox_;    ///< guarded by mailbox_mutex_
  bool mailbox_closed_ = false;  ///< guarded by mailbox_mutex_
  std::vector<Task> delivered_;  ///< swapped with mailbox_, so that both keep their memory
};

}  // namespace wireway::net::detail
