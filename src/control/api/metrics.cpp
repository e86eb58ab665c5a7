#include "control/api/metrics.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace wireway::control {
namespace {

constexpr std::array known_methods{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};

}  // namespace

std::string metric_head(std::string_view name, std::string_view type, std::string_view help) {
  return fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

/// What a client calls its method must not make more series.
void ApiMetrics::count(const std::string& method, unsigned code) {
  const bool is_known = std::ranges::find(known_methods, method) != known_methods.end();
  ++requests_[{is_known ? method : "other", code}];
}

std::string ApiMetrics::text(const World& world) const {
  std::string out = metric_head("apiserver_request_total", "counter",
                                "Requests answered, by method and HTTP status.");
  for (const auto& [key, count] : requests_)
    out += fmt::format("apiserver_request_total{{verb=\"{}\",code=\"{}\"}} {}\n", key.first,
                       key.second, count);
  out += metric_head("apiserver_longrunning_requests", "gauge", "Watches that are open.");
  out += fmt::format("apiserver_longrunning_requests{{verb=\"WATCH\"}} {}\n", world.watches);
  out += metric_head("wireway_store_revision", "counter", "The newest revision of the store.");
  out += fmt::format("wireway_store_revision {}\n", world.store.revision());
  out += metric_head("apiserver_storage_objects", "gauge", "Objects stored, by type.");
  for (const auto& [name, type] : world.catalog.types())
    if (const auto count = world.store.count(type->stored_as, ""); count && *count > 0)
      out += fmt::format("apiserver_storage_objects{{resource=\"{}\"}} {}\n", name, *count);
  return out;
}

}  // namespace wireway::control
