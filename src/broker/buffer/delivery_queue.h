#pragma once
/// The messages that wait for one session, in order. Its front is in memory; behind that, stretches
/// of it may be on disk, and its end is in memory again.
///
/// Thread: the shard's
/// Cost:   as long as nothing of it has been on disk: a ring in one block of memory

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/ring.h"
#include "broker/buffer/disk_buffer.h"
#include "broker/delivery.h"

namespace wireway::broker::buffer {

class DeliveryQueue {
 public:
  /// A stretch is read when fewer messages than this are left before it.
  static constexpr std::size_t ahead = 64;

  bool empty() const { return size() == 0; }
  std::size_t size() const { return head_.size() + (rest_ ? rest_->size : 0); }
  /// The next one; nullptr = none, or it is being read: Session::on_buffer_read() follows.
  Delivery* front();
  /// Since when its first message waits; the queue is not empty.
  MonoTime since() const;

  void push(Delivery delivery);
  /// True if pop() has something to take.
  bool front_in_memory();
  Delivery pop();
  /// Of a whole stretch that was dropped without a look.
  struct Dropped {
    std::size_t bytes = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t last_sequence = 0;
  };
  /// Drops the oldest message, which is on disk. If that was the last of its stretch, what there is
  /// to know of all that were in it.
  std::optional<Dropped> skip_front();
  /// Messages that skip_front() has dropped and that came to memory since: the caller finishes
  /// them.
  std::vector<Delivery> take_skipped();

  /// Begins to move about as much to disk, the end of the queue first; returns how much has begun.
  std::size_t spill(DiskBuffer& buffer, Session& owner, std::size_t wanted);
  /// Bytes of its messages that are on disk and not in memory.
  std::size_t disk_bytes() const { return rest_ ? rest_->on_disk.bytes : 0; }

  /// Before anything has been on disk.
  Ring<Delivery>& all_in_memory() { return head_; }
  /// Calls take(Delivery&) for each that is in memory and in no Run, and take_run(Run&) for each
  /// Run, in order, until one returns false.
  template <class Take, class TakeRun>
  bool each(Take&& take, TakeRun&& take_run);
  /// Of those in memory, outside Runs, keeps only what `keep(const Delivery&)` allows; the others
  /// go to `drop(Delivery)`. True = some are in Runs, which have to be looked at at the front.
  template <class Keep, class Drop>
  bool filter(Keep&& keep, Drop&& drop);

 private:
  struct Rest {
    OnDisk on_disk;  ///< outlives the runs
    std::deque<std::unique_ptr<Run>> runs;
    Ring<Delivery> tail;
    std::size_t tail_bytes = 0;
    std::size_t size = 0;  ///< of runs and tail
    std::vector<Delivery> skipped;
  };

  bool refill();
  Ring<Delivery> take_kept(std::size_t kept_bytes);
  void split_head(std::size_t kept_bytes);
  std::size_t spill_runs(std::size_t wanted);

  Ring<Delivery> head_;
  std::unique_ptr<Rest> rest_;
};

template <class Take, class TakeRun>
bool DeliveryQueue::each(Take&& take, TakeRun&& take_run) {
  for (std::size_t i = 0; i < head_.size(); ++i)
    if (!take(head_[i])) return false;
  if (!rest_) return true;
  for (const std::unique_ptr<Run>& run : rest_->runs)
    if (!take_run(*run)) return false;
  for (std::size_t i = 0; i < rest_->tail.size(); ++i)
    if (!take(rest_->tail[i])) return false;
  return true;
}

template <class Keep, class Drop>
bool DeliveryQueue::filter(Keep&& keep, Drop&& drop) {
  const auto look_through = [&](Ring<Delivery>& ring) {
    for (std::size_t left = ring.size(); left > 0; --left) {
      Delivery next = std::move(ring.front());
      ring.pop_front();
      if (keep(std::as_const(next)))
        ring.push_back(std::move(next));
      else
        drop(std::move(next));
    }
  };
  look_through(head_);
  if (!rest_) return false;
  const std::size_t before = rest_->tail.size();
  look_through(rest_->tail);
  rest_->size -= before - rest_->tail.size();
  rest_->tail_bytes = 0;
  for (std::size_t i = 0; i < rest_->tail.size(); ++i)
    rest_->tail_bytes += rest_->tail[i].size_bytes();
  return !rest_->runs.empty();
}

}  // namespace wireway::broker::buffer
