#include "net/backoff.h"

#include <algorithm>

namespace wireway::net {

Duration Backoff::take() {
  ++attempts_;
  const Duration base = next_;
  next_ = std::min(next_ * 2, max_);
  const auto quarter = static_cast<std::uint64_t>(base.count() / 4);
  const auto shift = static_cast<std::int64_t>(random_.below(2 * quarter + 1));
  return base + Duration{shift - static_cast<std::int64_t>(quarter)};
}

void Backoff::reset() {
  next_ = min_;
  attempts_ = 0;
}

}  // namespace wireway::net
