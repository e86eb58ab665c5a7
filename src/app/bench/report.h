#pragma once
/// What a run found, for people and for programs.

#include <string>
#include <string_view>
#include <vector>

#include "app/bench/histogram.h"
#include "app/bench/ledger.h"
#include "app/bench/options.h"

namespace wireway::app::bench {

struct Figure {
  std::string name;  ///< with its unit: "broker_us_per_message"
  double value = 0;
};

struct Report {
  std::vector<Figure> figures;
  Violations violations;
  std::vector<std::string> faults;  ///< sentences: what went wrong otherwise

  void add(std::string name, double value) { figures.push_back({std::move(name), value}); }
  void add_latency(const Histogram& latency);
  bool good() const { return violations.none() && faults.empty(); }
};

/// A line a figure, then what was wrong.
std::string to_text(const Report& report, const Settings& settings);
/// {"scenario", "qos", ..., "figures": {}, "violations": {}, "faults": [], "good"}
std::string to_json(const Report& report, const Settings& settings);

}  // namespace wireway::app::bench
