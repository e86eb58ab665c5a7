#pragma once
/// Notices that a source sends nothing more because it waits for acknowledgements that a batching
/// sink withholds until its batch is full: a broker may keep fewer messages in flight than we
/// allow, and nothing on the wire says so.
///
/// Method: many messages in quick succession, then silence, with all of them in flight, is a
///         suspicion; the sink flushes. If more come at once, the suspicion was right and the next
///         one needs no patience. If not, the source merely speaks in bursts, and the watch waits
///         longer each time.
/// Source: spec dataflows 7.3

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace wireway::dataflow {

class StallWatch {
 public:
  static constexpr Duration quiet = std::chrono::milliseconds{100};
  static constexpr Duration gap_max = std::chrono::milliseconds{20};  ///< mean, within a burst
  static constexpr std::uint64_t burst_min = 16;
  static constexpr Duration patience_min = std::chrono::seconds{10};
  static constexpr Duration patience_max = std::chrono::minutes{10};

  void on_message(MonoTime now) {
    if (burst_ == 0 || now - last_ > quiet) {
      burst_ = 0;
      first_ = now;
    }
    ++burst_;
    last_ = now;
    if (flushed_ && now - *flushed_ <= answer_max && burst_ >= burst_min) {
      patience_ = Duration{0};  // they were waiting for us
      flushed_.reset();
    }
  }

  /// True if the sink should flush now; to be asked every `quiet`.
  bool suspects(MonoTime now, std::uint64_t in_flight) {
    const bool silent = burst_ >= burst_min && now - last_ >= quiet && in_flight >= burst_;
    const bool quick = last_ - first_ <= gap_max * static_cast<std::int64_t>(burst_);
    if (!silent || !quick || now < next_) return false;
    if (flushed_) {  // the last suspicion was not confirmed
      patience_ = std::clamp(patience_ * 2, patience_min, patience_max);
      next_ = now + patience_;
      flushed_.reset();
      return false;
    }
    burst_ = 0;
    flushed_ = now;
    return true;
  }

 private:
  static constexpr Duration answer_max = std::chrono::milliseconds{500};

  std::uint64_t burst_ = 0;
  MonoTime first_{};
  MonoTime last_{};
  MonoTime next_{};
  std::optional<MonoTime> flushed_;
  Duration patience_{0};
};

}  // namespace wireway::dataflow
