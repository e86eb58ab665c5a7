#pragma once
/// The nodes that the quickstart and the boiler samples name, and the methods on them; the readings
/// behind them live in PlcState.
///
/// Thread: build() before the server runs; callbacks on the server's thread
/// Owns:   the methods and the contexts of Node1..NodeN; outlives the server

#include <cstdint>
#include <vector>

#include <open62541/server.h>

#include "source/simulator/boiler_types.h"
#include "source/simulator/node_builder.h"
#include "source/simulator/plc_state.h"

namespace wireway::source::simulator {

class AddressSpace {
 public:
  AddressSpace(UA_Server& server, PlcState& state, const BoilerTypes& types);
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  /// `many` = number of extra variables Node1..NodeN, which change once a second from `start` on.
  Result<> build(std::uint32_t many, WallTime start);

 private:
  /// Context of one of Node1..NodeN.
  struct ManyNode {
    WallTime start;
    std::uint32_t index;
  };
  static UA_StatusCode read_many(UA_Server*, const UA_NodeId*, void*, const UA_NodeId*,
                                 void* context, UA_Boolean with_source_time,
                                 const UA_NumericRange* range, UA_DataValue* out);
  static UA_StatusCode read_boiler1(UA_Server*, const UA_NodeId*, void*, const UA_NodeId*,
                                    void* context, UA_Boolean with_source_time,
                                    const UA_NumericRange* range, UA_DataValue* out);
  UA_NodeId folder(const std::string& name, UA_NodeId parent);
  void add_namespaces();
  void add_telemetry();
  void add_anomalies();
  void add_many(std::uint32_t count, WallTime start);
  void add_methods();
  void add_boiler1();
  void add_boiler1_types();
  void add_device_types();
  void add_boiler2();
  void add_boiler2_nameplate();

  UA_Server& server_;
  PlcState& state_;
  const BoilerTypes& types_;
  NodeBuilder nodes_;
  std::vector<ManyNode> many_;
  UA_NodeId telemetry_{};
};

}  // namespace wireway::source::simulator
