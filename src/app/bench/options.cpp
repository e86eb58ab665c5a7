#include "app/bench/options.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace wireway::app::bench {
namespace {

using wire::mqtt::Qos;

constexpr std::uint32_t window_qos0 = 300;
constexpr std::uint32_t window_acknowledged = 100;
/// Messages on the way to one subscriber of many publishers: brokers drop at QoS 0, and some at
/// QoS 1, when more than a megabyte or a thousand messages wait for a client.
constexpr std::uint32_t converging_qos0 = 3000;
constexpr std::uint32_t converging_acknowledged = 1000;
/// A publisher of `wildcards` goes round at least two topics.
constexpr std::uint32_t filters_each_min = 2;
constexpr std::uint32_t window_of_rate = 4096;

constexpr std::array<ScenarioName, 12> all{{
    {"pairs", Scenario::pairs, "publisher 1 to subscriber 1, 2 to 2, ... (10 pairs)"},
    {"fan-in", Scenario::fan_in, "many publishers (100) to one subscriber"},
    {"fan-out", Scenario::fan_out, "one publisher to many subscribers (100)"},
    {"shared", Scenario::shared, "publishers (4) to as many members of one $share group, QoS 1"},
    {"wildcards", Scenario::wildcards, "pairs whose subscribers hold 100,000 filters with +"},
    {"latency", Scenario::pairs,
     "pairs at a fixed rate (20,000/s), counted from when each was due"},
    {"durable", Scenario::pairs, "pairs at QoS 1 to subscribers with persistent sessions"},
    {"retained", Scenario::retained, "store 100,000 retained messages, replay them, remove them"},
    {"connect", Scenario::connect, "connect and disconnect, 64 at a time"},
    {"idle", Scenario::idle, "memory of the broker for each of 9,000 idle connections"},
    {"offline-fill", Scenario::offline_fill, "queue messages for 1,000 sessions that are away"},
    {"offline-drain", Scenario::offline_drain, "the sessions come back: what is still there?"},
}};

void set(std::uint32_t& value, std::uint32_t otherwise) {
  if (value == 0) value = otherwise;
}

Qos default_qos(Scenario scenario, std::string_view name) {
  const bool acknowledged = scenario == Scenario::shared || scenario == Scenario::retained ||
                            scenario == Scenario::offline_fill ||
                            scenario == Scenario::offline_drain || name == "durable";
  return acknowledged ? Qos::at_least_once : Qos::at_most_once;
}

void decide_crowd(Settings& settings) {
  MqttBenchOptions& options = settings.options;
  switch (settings.scenario) {
    case Scenario::wildcards:
    case Scenario::pairs:
      set(options.connections, 10);
      settings.publishers = settings.subscribers = options.connections;
      if (settings.scenario == Scenario::pairs) break;
      set(options.filters, 100'000);
      options.filters = std::max(options.filters, options.connections * filters_each_min);
      break;
    case Scenario::fan_in:
      set(options.connections, 100);
      settings.publishers = options.connections;
      settings.subscribers = 1;
      break;
    case Scenario::fan_out:
      set(options.connections, 100);
      settings.publishers = 1;
      settings.subscribers = options.connections;
      break;
    case Scenario::shared:
      set(options.connections, 4);
      settings.publishers = settings.subscribers = options.connections;
      break;
    case Scenario::retained: set(options.connections, 1); break;
    case Scenario::connect: set(options.connections, 64); break;
    case Scenario::idle: set(options.connections, 9000); break;
    case Scenario::offline_fill:
    case Scenario::offline_drain: set(options.connections, 1000); break;
  }
}

void decide_window(Settings& settings) {
  MqttBenchOptions& options = settings.options;
  const bool acknowledged = settings.qos != Qos::at_most_once;
  if (options.rate != 0) return set(options.window, window_of_rate);
  std::uint32_t window = acknowledged ? window_acknowledged : window_qos0;
  if (settings.scenario == Scenario::fan_in)
    window =
        std::clamp((acknowledged ? converging_acknowledged : converging_qos0) / options.connections,
                   1U, window);
  set(options.window, window);
}

}  // namespace

std::span<const ScenarioName> scenarios() { return all; }

Settings with_defaults(MqttBenchOptions options) {
  const auto* found = std::ranges::find(all, options.scenario, &ScenarioName::name);
  WIREWAY_ASSERT(found != all.end(), "the parser takes only names of scenarios");
  Settings out;
  out.scenario = found->scenario;
  if (found->name == "latency") set(options.rate, 20'000);
  if (found->name == "durable") options.persistent = true;
  set(options.topics, 100'000);
  set(options.messages, 10);
  out.qos =
      options.qos < 0 ? default_qos(out.scenario, found->name) : static_cast<Qos>(options.qos);
  out.version = options.version == "3.1.1" ? wire::mqtt::Version::v311 : wire::mqtt::Version::v5;
  out.options = std::move(options);
  decide_crowd(out);
  decide_window(out);
  return out;
}

}  // namespace wireway::app::bench
