#pragma once
/// Durations in nanoseconds, counted in classes no wider than 1.6 % of their value, so that
/// percentiles of any number of measurements cost the same memory.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace wireway::app::bench {

class Histogram {
 public:
  void add(std::int64_t nanoseconds) {
    const auto value = static_cast<std::uint64_t>(nanoseconds < 0 ? 0 : nanoseconds);
    ++classes_[class_of(value)];
    ++count_;
    if (value > max_) max_ = value;
  }
  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  /// The least value that `share` (0..1) of all do not exceed; 0 without any.
  std::uint64_t percentile(double share) const;

 private:
  static constexpr unsigned fine_bits = 6;  ///< 64 classes for each doubling
  static constexpr std::size_t fine = std::size_t{1} << fine_bits;

  static std::size_t class_of(std::uint64_t value) {
    if (value < fine) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - fine_bits - 1;
    return (std::size_t{shift} + 1) * fine + ((value >> shift) - fine);
  }
  static std::uint64_t top_of(std::size_t index);

  std::array<std::uint64_t, fine * (64 - fine_bits + 1)> classes_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace wireway::app::bench
