#include "app/components.h"

#include <cstdlib>

#include "destination/lake/duckdb.h"
#include "destination/lake/sink.h"
#include "destination/mqtt/sink.h"
#include "net/os/process.h"

namespace wireway::app {

const std::vector<ServiceEntry>& services() {
  static const std::vector<ServiceEntry> all = {
      {"simulate plc", "a PLC that is not there: an OPC UA server with changing values"},
      {"opcua", "connector for OPC UA: from AssetEndpointProfiles and Assets to MQTT"},
      {"broker", "MQTT 3.1.1 and 5 broker over TCP and WebSocket"},
      {"dataflow", "dataflows: from MQTT through filter and map to destinations"},
  };
  return all;
}

std::map<std::string, flow::SinkFactory> destinations() {
  return {
      {"Mqtt", destination::mqtt::make_mqtt_factory()},
      {"LocalStorage",
       destination::lake::make_lake_factory({destination::lake::duckdb_candidates(
           net::own_program_path(), [](const char* name) { return std::getenv(name); })})},
  };
}

}  // namespace wireway::app
