#pragma once
/// Randomness as an argument: the system's in production, a seeded one in tests and simulations.

#include <array>
#include <cstdint>
#include <string>

namespace wireway::net {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  /// RFC 4122 version 4, lower case with hyphens.
  std::string uuid();
};

/// Reads the kernel's generator (getrandom), buffered.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 64> buffer_{};
  std::size_t left_ = 0;
};

/// SplitMix64: the same seed gives the same numbers on every machine.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override;

 private:
  std::uint64_t state_;
};

}  // namespace wireway::net
