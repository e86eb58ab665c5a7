#pragma once
/// The figures as mosquitto publishes them below `$SYS/broker`, so that what reads its topics reads
/// ours.
///
/// Source: mosquitto(8), "Broker status"; docs/reference/sys-topics.md has the table

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "broker/diagnostics/figures.h"

namespace wireway::broker::diagnostics {

/// What happened in a minute, averaged over the last 1, 5 and 15, older minutes weighing less and
/// less (as mosquitto's load averages).
class LoadAverage {
 public:
  void note(std::uint64_t total, Duration since_last);
  const std::array<double, 3>& per_minute() const { return per_minute_; }

 private:
  std::uint64_t last_ = 0;
  std::array<double, 3> per_minute_{};
};

class SysTopics {
 public:
  using Message = std::pair<std::string, std::string>;  ///< topic and payload

  /// Every topic with its value now.
  std::vector<Message> take(const Figures& figures, Duration since_last);

 private:
  std::array<LoadAverage, 9> loads_;
};

}  // namespace wireway::broker::diagnostics
