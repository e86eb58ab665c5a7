#include "dataflow/plan/problem.h"

#include <algorithm>

#include <fmt/format.h>

namespace wireway::dataflow {

std::string describe(const Problems& problems) {
  constexpr std::size_t shown_max = 3;
  std::string out;
  for (std::size_t i = 0; i < problems.size() && i < shown_max; ++i) {
    if (i > 0) out += "; ";
    out += fmt::format("{}: {}", problems[i].field, problems[i].message);
  }
  if (problems.size() > shown_max) out += fmt::format("; and {} more", problems.size() - shown_max);
  return out;
}

std::string reason_of(const Problems& problems) {
  const bool served = std::ranges::any_of(problems, [](const Problem& p) { return !p.not_served; });
  return served ? "ConfigurationInvalid" : "NotServedYet";
}

}  // namespace wireway::dataflow
