#pragma once
/// What GET /metrics says, as Prometheus text (version 0.0.4): requests by verb and code, watches,
/// what is stored, and what the program adds. Names are Kubernetes' own where it has them.
///
/// Thread: the server's. Cost: a count of each type an answer; two look-ups a request.

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "control/api/catalog.h"
#include "control/store/store.h"

namespace wireway::control {

class ApiMetrics {
 public:
  void count(const std::string& method, unsigned code);

  struct World {
    Store& store;
    const Catalog& catalog;
    std::size_t watches = 0;
  };
  std::string text(const World& world) const;

 private:
  std::map<std::pair<std::string, unsigned>, std::uint64_t> requests_;
};

/// A line's head: "# HELP ...\n# TYPE ...\n".
std::string metric_head(std::string_view name, std::string_view type, std::string_view help);

}  // namespace wireway::control
