// What a message costs in the dataflow language: a 420-byte telemetry message of an OPC UA asset
// through a filter and a map. CPU time of one thread; the lake's figure comes from
// bench/lake_bench.cpp.

#include <string>

#include <time.h>

#include <fmt/format.h>

#include "base/json_text.h"
#include "dataflow/plan/rules.h"

namespace wireway::dataflow {
namespace {

double cpu_s() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

constexpr std::string_view payload =
    R"json({"EnergyUse":{"SourceTimestamp":"2025-04-05T15:55:05.991129Z","Value":212},)json"
    R"json("Temperature":{"SourceTimestamp":"2025-04-05T15:55:06.6915356Z","Value":98.22872507286884},)json"
    R"json("Weight":{"SourceTimestamp":"2025-04-05T15:55:05.9910467Z","Value":229},)json"
    R"json("Pressure":{"SourceTimestamp":"2025-04-05T15:55:05.9910467Z","Value":14.7032},)json"
    R"json("State":{"SourceTimestamp":"2025-04-05T15:55:05.9910467Z","Value":"Running_2"}})json";

void measure(std::string_view name, std::string_view settings) {
  Problems problems;
  Transform transform(compile_rules(parse_json(settings)->get_object(), "spec", problems));
  if (!problems.empty()) return fmt::print(stderr, "{}\n", describe(problems));
  flow::Message original;
  original.topic = "azure-iot-operations/data/oven";
  original.payload.assign(payload.begin(), payload.end());
  std::size_t bytes = 0;
  std::size_t messages = 0;
  const double start = cpu_s();
  double spent = 0;
  while (spent < 1.0) {
    for (int i = 0; i < 1000; ++i, ++messages) {
      flow::Message message = original;
      if (transform.apply(message).verdict == Verdict::pass) bytes += message.payload.size();
    }
    spent = cpu_s() - start;
  }
  fmt::print("{:<28} {:>9.0f} messages/s per core, {} bytes out each\n", name,
             static_cast<double>(messages) / spent, bytes / messages);
}

}  // namespace
}  // namespace wireway::dataflow

int main() {
  using wireway::dataflow::measure;
  fmt::print("telemetry of {} bytes\n", wireway::dataflow::payload.size());
  measure("filter",
          R"json({"filter":[{"inputs":["Temperature.Value"],"expression":"$1 > 225"}]})json");
  measure("filter, map of 5 columns",
          R"json({"filter":[{"inputs":["Temperature.Value"],"expression":"$1 > 225"}],
    "map":[{"inputs":["Temperature.Value"],"output":"Temperature"},
           {"inputs":["Temperature.Value"],"output":"TemperatureF","expression":"cToF($1)"},
           {"inputs":["Weight.Value"],"output":"FillWeight","expression":"$1 - 150"},
           {"inputs":["Temperature.Value ? $last"],"output":"Spike","expression":"$1 > 225"},
           {"inputs":["Temperature.SourceTimestamp"],"output":"at"}]})json");
  measure("map * -> * and one column",
          R"json({"map":[{"inputs":["*"],"output":"*"},
           {"inputs":["Weight.Value"],"output":"FillWeight","expression":"$1 - 150"}]})json");
}
