#pragma once
/// `wireway bench mqtt`: load for any MQTT broker, with its books kept.
///
/// Errors: exit code 1 if the run failed or a message was lost, came twice or out of order.

#include "app/bench/options.h"
#include "app/cli/command.h"

namespace wireway::app::bench {

void add_bench(CLI::App& root, cli::Chosen& chosen);

int run_mqtt_bench(MqttBenchOptions options);

}  // namespace wireway::app::bench
