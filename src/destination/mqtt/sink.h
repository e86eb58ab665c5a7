#pragma once
/// Destination Mqtt: each message published to a topic of an MQTT 5 broker.
///
/// Source:  spec dataflows 1.1 (dataDestination, headers), 1.3 (mqttSettings), 6.1
/// Thread:  the Loop of its Env
/// Limits:  publish_queue_max messages wait for the broker; the dataflow's window is smaller
/// Errors:  a broker that cannot be reached is tried for ever, health() says why; a message that
///          the broker refuses for good, has expired or has no topic is dead-lettered

#include "flow/door.h"

namespace wireway::destination::mqtt {

inline constexpr std::size_t publish_queue_max = 200'000;

/// The factory for endpoints of type Mqtt, whose manifest is in the current dialect with its
/// defaults filled in. Errors: Errc::invalid naming the field; Errc::unsupported for TLS and for
/// authentication other than Anonymous, which are never left out silently.
flow::SinkFactory make_mqtt_factory();

}  // namespace wireway::destination::mqtt
