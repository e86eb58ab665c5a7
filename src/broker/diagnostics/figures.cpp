#include "broker/diagnostics/figures.h"

#include <cmath>

namespace wireway::broker::diagnostics {

std::string_view to_string(Operation operation) {
  static constexpr std::string_view names[] = {"connect", "subscribe", "publish", "ping",
                                               "unsubscribe"};
  return names[static_cast<std::size_t>(operation)];
}

void OperationFigures::note(bool success, double ms) {
  good = success;
  if (!success) return;
  last_ms = ms;
  ++count;
  sum_ms += ms;
  squares_ms += ms * ms;
}

double OperationFigures::mean_ms() const { return count == 0 ? 0 : sum_ms / double(count); }

double OperationFigures::deviation_ms() const {
  if (count == 0) return 0;
  const double mean = mean_ms();
  return std::sqrt(std::max(0.0, squares_ms / double(count) - mean * mean));
}

}  // namespace wireway::broker::diagnostics
