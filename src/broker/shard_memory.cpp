// What a shard does about memory: the budget that all shards share, and queues that leave for disk.

#include <algorithm>
#include <bit>
#include <functional>

#include "broker/detail/shard_entry.h"
#include "broker/shard.h"

namespace wireway::broker {

unsigned Shard::busy_percent() const {
  const bool relieved = buffer_ != nullptr && buffer_->is_open();
  return relieved ? Settings::busy_percent_buffered : Settings::busy_percent;
}

bool Shard::busy() const { return memory_left() == 0; }

void Shard::tell_memory() {
  const MemoryUsed now{memory_used(), buffer_ != nullptr && buffer_->writing_bytes() > 0,
                       buffer_ != nullptr && !buffer_->is_open()};
  const bool has_changed = now != std::exchange(told_memory_, now);
  if (std::exchange(arrived_bytes_, 0) > 0 || has_changed) tell_others(now);
}

/// As if it were all in their memory, until they tell: a busy shard tells late.
void Shard::count_on_way(std::uint64_t shards, std::size_t bytes) {
  for (std::uint64_t left = shards; left != 0; left &= left - 1)
    memory_of_[std::size_t(std::countr_zero(left))] += bytes;
  others_memory_ += bytes * std::size_t(std::popcount(shards));
}

/// Once begun, it goes on until memory is down by a tenth.
std::size_t Shard::relief_threshold() const {
  if (buffer_ == nullptr || settings_.buffer_bytes_max == 0) return SIZE_MAX;
  const std::size_t share =
      settings_.queued_bytes_max / 100 * buffer_->options().relief_percent / mesh_.count();
  return is_relieving_ ? share / 10 * 9 : share;
}

/// Memory is short: the longest queues begin to go to disk, as much as the buffer takes now. Looks
/// at every session, so it is tried again only when memory has grown, or the buffer has room again.
void Shard::relieve() {
  const std::size_t queue_bytes_min =
      buffer_->options().kept_bytes + buffer_->options().run_bytes_min;
  is_relieving_ = memory_used() + others_memory_ >= relief_threshold() * mesh_.count();
  const std::size_t goal = relief_threshold();
  relieve_from_ = is_relieving_ ? memory_used() + goal / 64 : goal;
  const std::size_t leaving = goal + buffer_->writing_bytes();
  std::size_t left = memory_used() - std::min(memory_used(), leaving);
  // A checkpoint has to find every queue as it has seen it.
  if (!is_relieving_ || left == 0 || checkpoint_ || !buffer_->takes_more()) return;
  std::vector<std::pair<std::size_t, Session*>> queues;
  sessions_.each([&](Entry& entry) {
    Session& session = entry.session;
    const std::size_t in_memory = session.queued_bytes() - session.buffered_bytes();
    if (in_memory >= queue_bytes_min) queues.emplace_back(in_memory, &session);
  });
  std::ranges::sort(queues, std::greater<>());
  for (const auto& [bytes, session] : queues) {
    if (left == 0 || !buffer_->takes_more()) return;
    left -= std::min(left, session->spill(*buffer_, left));
  }
}

}  // namespace wireway::broker
