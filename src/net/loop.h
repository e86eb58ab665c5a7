#pragma once
/// The loop: one thread's turn of poll, deliver, drain mailboxes, flush each dirty stream once, run
/// due timers. Every service lives on a Loop and takes time from it, so that the same object runs
/// on epoll (net/os) and on virtual time (net/sim).
///
/// Thread: one thread owns a Loop and calls everything here except `post()`, which any thread may
///         call.
/// Order:  timers due at the same instant run in the order in which they were set; posted tasks run
///         in the order in which one thread posted them.
/// Errors: none; a Loop that cannot get its kernel objects ends the process with a clear line.

#include <cstdint>
#include <functional>

#include "base/time.h"

namespace wireway::net {

using Task = std::move_only_function<void()>;

/// Names one timer of one Loop; 0 is never a timer.
enum class TimerId : std::uint64_t { none = 0 };

class Loop {
 public:
  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop() = default;

  /// Time as of the start of this turn: cheap, and constant within one turn.
  virtual MonoTime now() const = 0;
  virtual WallTime wall_now() const = 0;

  /// Runs `task` once, not before `delay` has passed. Never runs it inside this call.
  virtual TimerId run_after(Duration delay, Task task) = 0;
  /// After this the task does not run; an id that has run or is none is ignored.
  virtual void cancel(TimerId id) = 0;

  /// Runs `task` at the end of this turn, before dirty streams are flushed.
  virtual void defer(Task task) = 0;

  /// From any thread: runs `task` in one of the next turns and wakes the loop if it sleeps. After
  /// the Loop has stopped for good (is destroyed), tasks are destroyed without running. It runs
  /// before the loop handles any byte that it receives after the task was posted.
  virtual void post(Task task) = 0;

  /// Turns until stop(). `stop()` lets the current turn finish (streams are flushed).
  virtual void run() = 0;
  virtual void stop() = 0;
};

/// A timer that its owner cannot forget: destroying or re-arming it cancels the pending run.
class Timer {
 public:
  explicit Timer(Loop& loop) : loop_(loop) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void arm(Duration delay, Task task) {
    cancel();
    id_ = loop_.run_after(delay, [this, run = std::move(task)]() mutable {
      id_ = TimerId::none;
      Task now = std::move(run);  // the task may re-arm this Timer
      now();
    });
  }
  void cancel() {
    if (id_ != TimerId::none) loop_.cancel(id_);
    id_ = TimerId::none;
  }
  bool armed() const { return id_ != TimerId::none; }

 private:
  Loop& loop_;
  TimerId id_ = TimerId::none;
};

}  // namespace wireway::net
