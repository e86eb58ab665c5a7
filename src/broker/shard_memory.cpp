// What a shard does about memory: the budget that all shards share, and queues that leave for disk.

#include <algorithm>
#include <functional>

#include "broker/detail/shard_entry.h"
#include "broker/shard.h"

namespace wireway::broker {

bool Shard::busy() const {
  const bool relieved = buffer_ != nullptr && buffer_->is_open();
  const unsigned percent = relieved ? Settings::busy_percent_buffered : Settings::busy_percent;
  return memory_used() + others_memory_ >= settings_.queued_bytes_max / 100 * percent;
}

void Shard::tell_memory() {
  const std::size_t used = memory_used();
  if (used != std::exchange(told_memory_, used)) tell_others(MemoryUsed{used});
}

std::size_t Shard::relief_threshold() const {
  if (buffer_ == nullptr || settings_.buffer_bytes_max == 0) return SIZE_MAX;
  return settings_.queued_bytes_max / 100 * buffer_->options().relief_percent / mesh_.count();
}

/// Memory is short: the longest queues begin to go to disk, until as much is on its way as brings
/// it down by a tenth. Looks at every session, so it is tried again only when memory has grown, or
/// the buffer has room again.
void Shard::relieve() {
  const std::size_t queue_bytes_min =
      buffer_->options().kept_bytes + buffer_->options().run_bytes_min;
  const std::size_t share = relief_threshold();
  if (memory_used() + others_memory_ < share * mesh_.count()) return;
  relieve_from_ = memory_used() + share / 64;
  // A checkpoint has to find every queue as it has seen it.
  if (checkpoint_ || !buffer_->takes_more()) return;
  std::vector<std::pair<std::size_t, Session*>> queues;
  sessions_.each([&](Entry& entry) {
    Session& session = entry.session;
    const std::size_t in_memory = session.queued_bytes() - session.buffered_bytes();
    if (in_memory >= queue_bytes_min) queues.emplace_back(in_memory, &session);
  });
  std::ranges::sort(queues, std::greater<>());
  std::size_t left = memory_used() - share / 10 * 9;
  for (const auto& [bytes, session] : queues) {
    if (left == 0 || !buffer_->takes_more()) return;
    left -= std::min(left, session->spill(*buffer_, left));
  }
}

}  // namespace wireway::broker
