#include "broker/buffer/delivery_queue.h"

#include <iterator>

#include "base/assert.h"

namespace wireway::broker::buffer {

Delivery* DeliveryQueue::front() {
  if (!front_in_memory()) {
    if (rest_ && !rest_->runs.empty()) rest_->runs.front()->read();
    return nullptr;
  }
  if (rest_ && head_.size() < ahead && !rest_->runs.empty()) rest_->runs.front()->read();
  return &head_.front();
}

bool DeliveryQueue::front_in_memory() {
  while (head_.empty() && rest_ && refill()) continue;
  return !head_.empty();
}

/// What comes next and is in memory takes the place of the empty front; false if there is nothing.
bool DeliveryQueue::refill() {
  if (rest_->runs.empty()) {
    const bool found = !rest_->tail.empty();
    head_ = std::exchange(rest_->tail, {});
    rest_->size = rest_->tail_bytes = 0;
    if (rest_->skipped.empty()) rest_.reset();
    return found;
  }
  Run& run = *rest_->runs.front();
  if (!run.in_memory()) return false;
  std::vector<Delivery> all = run.take();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i < run.skipped)
      rest_->skipped.push_back(std::move(all[i]));
    else
      head_.push_back(std::move(all[i]));
  }
  rest_->size -= head_.size();
  rest_->runs.pop_front();
  return true;
}

MonoTime DeliveryQueue::since() const {
  if (!head_.empty()) return head_.front().since;
  if (!rest_->runs.empty()) return rest_->runs.front()->since();
  return rest_->tail.front().since;
}

void DeliveryQueue::push(Delivery delivery) {
  if (!rest_) {
    head_.push_back(std::move(delivery));
    return;
  }
  ++rest_->size;
  rest_->tail_bytes += delivery.size_bytes();
  rest_->tail.push_back(std::move(delivery));
}

Delivery DeliveryQueue::pop() {
  Delivery out = std::move(head_.front());
  head_.pop_front();
  return out;
}

std::optional<DeliveryQueue::Dropped> DeliveryQueue::skip_front() {
  WIREWAY_ASSERT(rest_ && !rest_->runs.empty(), "only what is on disk is dropped without a look");
  Run& run = *rest_->runs.front();
  --rest_->size;
  if (++run.skipped < run.count()) return std::nullopt;
  const Dropped out{run.bytes(), run.first_sequence(), run.last_sequence()};
  rest_->runs.pop_front();
  return out;
}

std::vector<Delivery> DeliveryQueue::take_skipped() {
  if (!rest_) return {};
  return std::exchange(rest_->skipped, {});
}

namespace {

/// Up to `bytes_max` from the front, at least one.
std::vector<Delivery> cut(Ring<Delivery>& from, std::size_t bytes_max) {
  std::vector<Delivery> out;
  std::size_t bytes = 0;
  while (!from.empty()) {
    const std::size_t next = from.front().size_bytes();
    if (!out.empty() && bytes + next > bytes_max) break;
    bytes += next;
    out.push_back(std::move(from.front()));
    from.pop_front();
  }
  return out;
}

}  // namespace

/// The front of the front, which stays in memory.
Ring<Delivery> DeliveryQueue::take_kept(std::size_t kept_bytes) {
  Ring<Delivery> kept;
  for (std::size_t bytes = 0; !head_.empty() && bytes < kept_bytes;) {
    bytes += head_.front().size_bytes();
    kept.push_back(std::move(head_.front()));
    head_.pop_front();
  }
  return kept;
}

/// What of the front is beyond kept_bytes becomes the tail; there is no other one.
void DeliveryQueue::split_head(std::size_t kept_bytes) {
  Ring<Delivery> kept = take_kept(kept_bytes);
  if (!head_.empty()) {
    rest_ = std::make_unique<Rest>();
    rest_->size = head_.size();
    for (std::size_t i = 0; i < head_.size(); ++i) rest_->tail_bytes += head_[i].size_bytes();
    rest_->tail = std::move(head_);
  }
  head_ = std::move(kept);
}

/// Those that are in memory stand at the two ends.
std::size_t DeliveryQueue::spill_runs(std::size_t wanted) {
  std::size_t begun = 0;
  const auto spill_one = [&begun](Run& run) {
    if (run.is_busy()) return true;
    if (run.on_disk())
      run.unload();
    else if (!run.write())
      return false;
    begun += run.bytes();
    return true;
  };
  std::deque<std::unique_ptr<Run>>& runs = rest_->runs;
  for (auto run = runs.rbegin(); run != runs.rend() && (*run)->in_memory() && begun < wanted; ++run)
    if (!spill_one(**run)) return begun;
  if (begun < wanted && !runs.empty() && runs.front()->in_memory()) (void)spill_one(*runs.front());
  return begun;
}

std::size_t DeliveryQueue::spill(DiskBuffer& buffer, Session& owner, std::size_t wanted) {
  const BufferOptions& options = buffer.options();
  if (!rest_) split_head(options.kept_bytes);
  if (!rest_) return 0;
  std::size_t begun = spill_runs(wanted);
  const auto add = [&](auto place, std::vector<Delivery> deliveries) {
    auto run = std::make_unique<Run>(buffer, owner, std::move(deliveries), rest_->on_disk);
    begun += run->bytes();
    return (*rest_->runs.insert(place, std::move(run)))->write();
  };
  while (begun < wanted && rest_->tail_bytes >= options.run_bytes_min && buffer.takes_more()) {
    std::vector<Delivery> next = cut(rest_->tail, options.run_bytes);
    for (const Delivery& one : next) rest_->tail_bytes -= one.size_bytes();
    if (!add(rest_->runs.end(), std::move(next))) return begun;
  }
  if (begun >= wanted || rest_->runs.empty() || !buffer.takes_more()) return begun;
  // A client that reads slowly: what was read for it goes back, but for the front.
  Ring<Delivery> kept = take_kept(options.kept_bytes);
  std::size_t at = 0;
  while (!head_.empty()) {
    std::vector<Delivery> next = cut(head_, options.run_bytes);
    rest_->size += next.size();
    (void)add(rest_->runs.begin() + std::ptrdiff_t(at++), std::move(next));
  }
  head_ = std::move(kept);
  return begun;
}

}  // namespace wireway::broker::buffer
