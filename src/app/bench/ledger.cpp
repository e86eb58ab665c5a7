#include "app/bench/ledger.h"

namespace wireway::app::bench {

Violations& Violations::operator+=(const Violations& other) {
  lost += other.lost;
  duplicates += other.duplicates;
  out_of_order += other.out_of_order;
  return *this;
}

std::uint64_t Ledger::note_irregular(std::uint64_t sequence) {
  if (sequence > last_) {
    const std::uint64_t reached = sequence - last_;
    if (gaps_.size() >= gaps_max) {
      forgotten_ += gaps_.begin()->second - gaps_.begin()->first + 1;
      gaps_.erase(gaps_.begin());
    }
    gaps_[last_ + 1] = sequence - 1;
    last_ = sequence;
    return reached;
  }
  auto gap = gaps_.upper_bound(sequence);
  if (gap == gaps_.begin() || (--gap)->second < sequence) {
    ++duplicates_;
    return 0;
  }
  ++out_of_order_;
  const auto [first, last] = *gap;
  gaps_.erase(gap);
  if (first < sequence) gaps_[first] = sequence - 1;
  if (sequence < last) gaps_[sequence + 1] = last;
  return 0;
}

Violations Ledger::close(std::uint64_t sent) const {
  Violations out{forgotten_, duplicates_, out_of_order_};
  for (const auto& [first, last] : gaps_) out.lost += last - first + 1;
  if (sent > last_) out.lost += sent - last_;
  return out;
}

Violations SharedLedger::close(std::uint64_t sent) const {
  return {sent > count_ ? sent - count_ : 0, duplicates_, out_of_order_};
}

}  // namespace wireway::app::bench
