#pragma once
/// Publisher over link::MqttClient: QoS 1 to a broker without TLS and log-in.

#include <functional>
#include <memory>
#include <string>

#include "link/mqtt_client.h"
#include "net/env.h"
#include "source/opcua/outbox.h"

namespace wireway::source::opcua {

using PublisherFactory = std::function<std::unique_ptr<Publisher>(
    net::Env&, const net::Endpoint& broker, std::function<void()> on_changed)>;

/// `client_id` is the connector's own at its broker.
PublisherFactory mqtt_publishers(std::string client_id);

}  // namespace wireway::source::opcua
