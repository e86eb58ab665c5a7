#pragma once
/// A DataflowEndpoint, read in any dialect and brought to one form: every default filled in, the
/// local broker's documented names replaced by the broker that is there.
///
/// Source: spec dataflows 1.3; broker names 0.1
/// Rule:   what asks for TLS or for an authentication that this version lacks is refused, never
///         served with less. The one exception is the local broker under its documented names: on
///         one machine it is reached without TLS, and the status says so.

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "dataflow/plan/problem.h"
#include "net/stream.h"

namespace wireway::dataflow {

struct MqttSettings {
  net::Endpoint server;
  std::string client_id_prefix;
  std::uint32_t session_expiry_s = 3600;
  std::uint16_t keep_alive_s = 60;
  std::size_t inflight_max = 100;
};

struct EndpointPlan {
  std::string name;
  std::string type;      ///< "Mqtt", "LocalStorage", ...
  json::value manifest;  ///< in the current dialect, defaults filled in: what sinks are made from
  std::optional<MqttSettings> mqtt;
  std::size_t batch_messages_max = 0;  ///< of storage: messages a batch may hold
  bool is_local_broker = false;
  std::string note;  ///< for the status: what a user should know
  Problems problems;
};

/// `local_broker` is where the local broker listens, if it is known.
EndpointPlan plan_endpoint(const json::value& manifest,
                           const std::optional<net::Endpoint>& local_broker);

/// "host:port" with the default port of MQTT over TLS where none is written.
std::optional<net::Endpoint> parse_host(std::string_view text);

/// The address behind the first port of a BrokerListener that speaks plain MQTT; nullopt if none
/// does.
std::optional<net::Endpoint> plain_port_of(const json::value& broker_listener);

}  // namespace wireway::dataflow
