#pragma once
/// How long to wait before the next attempt: doubles from `min` to `max`, with up to a quarter more
/// or less, so that many who wait for the same thing spread.

#include <cstdint>

#include "base/time.h"
#include "net/random.h"

namespace wireway::net {

class Backoff {
 public:
  Backoff(Random& random, Duration min, Duration max)
      : random_(random), min_(min), max_(max), next_(min) {}
  /// Counts an attempt that failed.
  Duration take();
  void reset();
  /// Attempts that failed since the last success.
  std::uint64_t attempts() const { return attempts_; }
  /// Pauses do not grow any more.
  bool is_longest() const { return next_ >= max_; }

 private:
  Random& random_;
  Duration min_;
  Duration max_;
  Duration next_;
  std::uint64_t attempts_ = 0;
};

}  // namespace wireway::net
