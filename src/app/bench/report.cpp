#include "app/bench/report.h"

#include <fmt/format.h>

#include "base/json.h"

namespace wireway::app::bench {
namespace {

std::string shown(double value) {
  if (value >= 1000) return fmt::format("{:.0f}", value);
  return fmt::format("{:.4g}", value);
}

}  // namespace

void Report::add_latency(const Histogram& latency) {
  const auto us = [](std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e3; };
  add("latency_p50_us", us(latency.percentile(0.5)));
  add("latency_p99_us", us(latency.percentile(0.99)));
  add("latency_p999_us", us(latency.percentile(0.999)));
  add("latency_max_us", us(latency.max()));
}

std::string to_text(const Report& report, const Settings& settings) {
  const MqttBenchOptions& options = settings.options;
  std::string out =
      fmt::format("{} to {}:{}, MQTT {}, QoS {}, {} bytes, {} connections\n", options.scenario,
                  options.host, options.port, options.version, static_cast<int>(settings.qos),
                  options.payload_bytes, options.connections);
  for (const Figure& each : report.figures)
    out += fmt::format("  {:<32} {:>12}\n", each.name, shown(each.value));
  const Violations& wrong = report.violations;
  out += fmt::format("  lost {}, duplicates {}, out of order {}\n", wrong.lost, wrong.duplicates,
                     wrong.out_of_order);
  for (const std::string& fault : report.faults) out += fmt::format("  FAULT: {}\n", fault);
  return out;
}

std::string to_json(const Report& report, const Settings& settings) {
  const MqttBenchOptions& options = settings.options;
  json::object figures;
  for (const Figure& each : report.figures) figures[each.name] = each.value;
  json::array faults;
  for (const std::string& fault : report.faults) faults.emplace_back(fault);
  const Violations& wrong = report.violations;
  const json::object out{
      {"scenario", options.scenario},
      {"qos", static_cast<int>(settings.qos)},
      {"version", options.version},
      {"payloadBytes", options.payload_bytes},
      {"connections", options.connections},
      {"window", options.window},
      {"run", options.run},
      {"figures", std::move(figures)},
      {"violations",
       {{"lost", wrong.lost},
        {"duplicates", wrong.duplicates},
        {"outOfOrder", wrong.out_of_order}}},
      {"faults", std::move(faults)},
      {"good", report.good()},
  };
  return json::serialize(out) + "\n";
}

}  // namespace wireway::app::bench
