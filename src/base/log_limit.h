#pragma once
/// Keeps a line that a peer can cause at will from filling the log: one a second, which says how
/// many were left out since the last.

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/time.h"

namespace wireway {

class LogLimit {
 public:
  static constexpr Duration interval = std::chrono::seconds{1};

  /// Whether a line may go now; the number is how many did not since the last that went.
  std::optional<std::uint64_t> admit(MonoTime now) {
    if (last_ && now - *last_ < interval) {
      ++left_out_;
      return {};
    }
    last_ = now;
    return std::exchange(left_out_, 0);
  }

 private:
  std::optional<MonoTime> last_;
  std::uint64_t left_out_ = 0;
};

}  // namespace wireway
