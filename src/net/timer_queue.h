#pragma once
/// The timers of one Loop in order of due time: the same queue serves epoll and virtual time.
///
/// Thread: the Loop's.
/// Cost:   add and cancel O(log n) without a system call; a cancelled timer leaves nothing behind.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "net/loop.h"

namespace wireway::net {

class TimerQueue {
 public:
  TimerId add(MonoTime due, Task task);
  /// False if the timer has run, was cancelled or never existed.
  bool cancel(TimerId id);

  std::optional<MonoTime> next_due() const;
  /// The sequence number that the next timer will get; bounds one pass of take_due().
  std::uint64_t next_sequence() const { return next_sequence_; }
  /// Takes the earliest timer that is due at `now` and was added before `sequence_end`, or null.
  Task take_due(MonoTime now, std::uint64_t sequence_end);

  std::size_t size() const { return heap_.size(); }
  bool empty() const { return heap_.empty(); }
  /// Destroys all tasks without running them.
  void clear();

 private:
  struct Node {
    MonoTime due;
    std::uint64_t sequence = 0;
    std::uint32_t slot = 0;
    bool before(const Node& other) const {
      return due != other.due ? due < other.due : sequence < other.sequence;
    }
  };
  struct Slot {
    Task task;
    std::uint32_t generation = 1;
    std::uint32_t position = 0;  ///< in heap_
  };

  void place(std::size_t position, const Node& node);
  void sift_up(std::size_t position, const Node& node);
  void sift_down(std::size_t position, const Node& node);
  Task remove_at(std::size_t position);

  std::vector<Node> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace wireway::net
