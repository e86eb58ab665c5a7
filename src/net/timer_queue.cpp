#include "net/timer_queue.h"

#include <utility>

namespace wireway::net {
namespace {

TimerId make_id(std::uint32_t slot, std::uint32_t generation) {
  return static_cast<TimerId>((static_cast<std::uint64_t>(generation) << 32) | slot);
}

}  // namespace

TimerId TimerQueue::add(MonoTime due, Task task) {
  std::uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[slot].task = std::move(task);
  heap_.emplace_back();
  sift_up(heap_.size() - 1, Node{due, next_sequence_++, slot});
  return make_id(slot, slots_[slot].generation);
}

bool TimerQueue::cancel(TimerId id) {
  const auto raw = static_cast<std::uint64_t>(id);
  const auto slot = static_cast<std::uint32_t>(raw);
  const auto generation = static_cast<std::uint32_t>(raw >> 32);
  if (slot >= slots_.size() || slots_[slot].generation != generation) return false;
  // Destroyed when the queue is whole again: the task's destructor may cancel other timers.
  const Task dropped = remove_at(slots_[slot].position);
  return true;
}

std::optional<MonoTime> TimerQueue::next_due() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

Task TimerQueue::take_due(MonoTime now, std::uint64_t sequence_end) {
  if (heap_.empty() || heap_.front().due > now) return nullptr;
  if (heap_.front().sequence >= sequence_end) return nullptr;
  return remove_at(0);
}

void TimerQueue::clear() {
  while (!heap_.empty()) const Task dropped = remove_at(heap_.size() - 1);
}

void TimerQueue::place(std::size_t position, const Node& node) {
  heap_[position] = node;
  slots_[node.slot].position = static_cast<std::uint32_t>(position);
}

void TimerQueue::sift_up(std::size_t position, const Node& node) {
  while (position > 0) {
    const std::size_t parent = (position - 1) / 2;
    if (!node.before(heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, node);
}

void TimerQueue::sift_down(std::size_t position, const Node& node) {
  for (;;) {
    std::size_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
    if (!heap_[child].before(node)) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, node);
}

Task TimerQueue::remove_at(std::size_t position) {
  Slot& slot = slots_[heap_[position].slot];
  Task task = std::exchange(slot.task, nullptr);
  if (++slot.generation == 0) slot.generation = 1;  // so that an id is never TimerId::none
  free_slots_.push_back(heap_[position].slot);
  const Node last = heap_.back();
  heap_.pop_back();
  if (position < heap_.size()) {
    if (position > 0 && last.before(heap_[(position - 1) / 2]))
      sift_up(position, last);
    else
      sift_down(position, last);
  }
  return task;
}

}  // namespace wireway::net
