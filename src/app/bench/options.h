#pragma once
/// What `wireway bench mqtt` was asked to do, and the table of its scenarios.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "wire/mqtt/packet.h"

namespace wireway::app::bench {

enum class Scenario {
  pairs,
  fan_in,
  fan_out,
  shared,
  wildcards,
  retained,
  connect,
  idle,
  offline_fill,
  offline_drain,
};

/// 0 where a number stands for "the scenario's own default" (see with_defaults).
struct MqttBenchOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  std::string scenario = "pairs";
  double seconds = 3;
  double warm_up_s = 0.3;
  double patience_s = 10;         ///< without any progress, in set-up and when draining
  std::uint32_t connections = 0;  ///< pairs, publishers, subscribers or sessions, by scenario
  std::uint32_t window = 0;       ///< messages that a publisher has on the way
  std::uint32_t payload_bytes = 64;
  int qos = -1;  ///< -1 = the scenario's
  std::string version = "5";
  std::uint32_t rate = 0;      ///< messages a second, open loop; 0 = as fast as the window allows
  std::uint32_t filters = 0;   ///< wildcards; idle: subscriptions of each connection
  std::uint32_t topics = 0;    ///< retained
  std::uint32_t messages = 0;  ///< offline: for each session
  bool persistent = false;     ///< pairs: sessions of the subscribers outlive their connections
  bool keep = false;           ///< retained: leave the messages there
  std::uint32_t run = 0;       ///< marks the messages and clients of one run; 0 = random
  std::string topic = "bench";
  bool tls = false;
  std::string ca_file;
  std::string server_name;
  std::string username;
  std::string password_file;
  pid_t pid = 0;  ///< of the broker; 0 = no figures of it
  bool json = false;
};

struct ScenarioName {
  std::string_view name;
  Scenario scenario;
  std::string_view what;
};

/// In the order of the help. Several names may mean one scenario with other defaults.
std::span<const ScenarioName> scenarios();

/// The options as a run uses them: everything decided.
struct Settings {
  Scenario scenario = Scenario::pairs;
  MqttBenchOptions options;
  wire::mqtt::Qos qos = wire::mqtt::Qos::at_most_once;
  wire::mqtt::Version version = wire::mqtt::Version::v5;
  std::string password;

  std::uint32_t publishers = 0;
  std::uint32_t subscribers = 0;
};

/// A payload carries at least the marks by which messages are checked.
inline constexpr std::uint32_t payload_bytes_min = 24;

/// Fills in what the scenario decides. `options.scenario` must be one of scenarios().
Settings with_defaults(MqttBenchOptions options);

}  // namespace wireway::app::bench
