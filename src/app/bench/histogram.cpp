#include "app/bench/histogram.h"

#include <algorithm>
#include <cmath>

namespace wireway::app::bench {

std::uint64_t Histogram::top_of(std::size_t index) {
  if (index < fine) return index;
  const std::size_t shift = index / fine - 1;
  const std::uint64_t base = fine + index % fine;
  return ((base + 1) << shift) - 1;
}

std::uint64_t Histogram::percentile(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    seen += classes_[i];
    if (seen >= std::max<std::uint64_t>(wanted, 1)) return std::min(top_of(i), max_);
  }
  return max_;
}

}  // namespace wireway::app::bench
