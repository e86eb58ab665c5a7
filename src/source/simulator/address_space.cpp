#include "source/simulator/address_space.h"

#include <array>
#include <string>

#include <fmt/format.h>

#include "base/assert.h"

namespace wireway::source::simulator {
namespace {

constexpr std::int64_t many_period_ms = 1000;
constexpr std::uint32_t many_phases = 20;  ///< so that not all change in the same millisecond

const std::string plc_folder = "OpcPlc";
const std::string telemetry_folder = "Telemetry";
const std::string methods_folder = "Methods";

UA_NodeId ns0(std::uint32_t id) { return UA_NODEID_NUMERIC(0, id); }

UA_NodeId plc_node(const std::string& name) { return text_id(plc_namespace, name); }

NodePlace plc_place(const std::string& name, UA_NodeId parent) {
  return {.id = plc_node(name),
          .parent = parent,
          .name_space = plc_namespace,
          .name = name,
          .reference = UA_NS0ID_ORGANIZES};
}

WallTime wall_now() {
  return WallTime{Duration{(UA_DateTime_now() - UA_DATETIME_UNIX_EPOCH) * 100}};
}

}  // namespace

AddressSpace::AddressSpace(UA_Server& server, PlcState& state, const BoilerTypes& types)
    : server_(server), state_(state), types_(types), nodes_(server) {}

Result<> AddressSpace::build(std::uint32_t many, WallTime start) {
  add_namespaces();
  nodes_.object({.id = plc_node(plc_folder),
                 .parent = ns0(UA_NS0ID_OBJECTSFOLDER),
                 .name_space = plc_namespace,
                 .name = plc_folder,
                 .reference = UA_NS0ID_ORGANIZES,
                 .type = ns0(UA_NS0ID_FOLDERTYPE)});
  telemetry_ = folder(telemetry_folder, plc_node(plc_folder));
  folder(methods_folder, plc_node(plc_folder));
  add_telemetry();
  add_anomalies();
  add_many(many, start);
  add_boiler1_types();
  add_boiler1();
  add_device_types();
  add_boiler2();
  add_methods();
  return nodes_.failure();
}

/// The order is documented and part of every node id in the samples (ns=3, ns=4).
void AddressSpace::add_namespaces() {
  constexpr std::array uris{
      std::pair{di_namespace, "http://opcfoundation.org/UA/DI/"},
      std::pair{plc_namespace, "http://microsoft.com/Opc/OpcPlc/"},
      std::pair{boiler_namespace, "http://microsoft.com/Opc/OpcPlc/Boiler"},
      std::pair{boiler_instance_namespace, "http://microsoft.com/Opc/OpcPlc/BoilerInstance"}};
  for (const auto& [index, uri] : uris) {
    const std::uint16_t given = UA_Server_addNamespace(&server_, uri);
    WIREWAY_ASSERT(given == index, "namespaces are added to a fresh server in their order");
  }
}

UA_NodeId AddressSpace::folder(const std::string& name, UA_NodeId parent) {
  NodePlace place = plc_place(name, parent);
  place.type = ns0(UA_NS0ID_FOLDERTYPE);
  nodes_.object(place);
  return place.id;
}

void AddressSpace::add_telemetry() {
  const std::string fast_name = "Fast", slow_name = "Slow", basic_name = "Basic",
                    configuration_name = "SimulatorConfiguration";
  const UA_NodeId fast = folder(fast_name, telemetry_);
  const UA_NodeId slow = folder(slow_name, telemetry_);
  const UA_NodeId basic = folder(basic_name, telemetry_);
  const UA_NodeId configuration = folder(configuration_name, plc_node(plc_folder));
  const auto add = [this](const std::string& name, UA_NodeId parent, Reading& reading,
                          Access access) {
    nodes_.variable(plc_place(name, parent), reading, access);
  };
  for (std::size_t i = 0; i < state_.fast.nodes.size(); ++i)
    add(fmt::format("FastUInt{}", i + 1), fast, state_.fast.nodes[i], Access::read_write);
  for (std::size_t i = 0; i < state_.slow.nodes.size(); ++i)
    add(fmt::format("SlowUInt{}", i + 1), slow, state_.slow.nodes[i], Access::read_write);
  add("BadFastUInt1", fast, state_.fast.bad, Access::read_write);
  add("BadSlowUInt1", slow, state_.slow.bad, Access::read_write);
  add("FastNumberOfUpdates", configuration, state_.fast.updates_left, Access::read_write);
  add("SlowNumberOfUpdates", configuration, state_.slow.updates_left, Access::read_write);
  add("StepUp", basic, state_.step_up, Access::read_write);
  add("AlternatingBoolean", basic, state_.alternating_boolean, Access::read_only);
  add("RandomSignedInt32", basic, state_.random_signed, Access::read_only);
  add("RandomUnsignedInt32", basic, state_.random_unsigned, Access::read_only);
}

void AddressSpace::add_anomalies() {
  const std::string anomaly_name = "Anomaly";
  const UA_NodeId anomaly = folder(anomaly_name, telemetry_);
  const auto add = [this, anomaly](const std::string& name, Reading& reading) {
    nodes_.variable(plc_place(name, anomaly), reading, Access::read_only);
  };
  add("SpikeData", state_.spike);
  add("DipData", state_.dip);
  add("PositiveTrendData", state_.positive_trend);
  add("NegativeTrendData", state_.negative_trend);
}

void AddressSpace::add_many(std::uint32_t count, WallTime start) {
  if (count == 0) return;
  const std::string name = "Nodes";
  const UA_NodeId parent = folder(name, telemetry_);
  many_.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    ManyNode& node = many_.emplace_back(start, i);
    const std::string node_name = fmt::format("Node{}", i + 1);
    nodes_.computed(plc_place(node_name, parent), UA_DataSource{read_many, nullptr}, &node,
                    ns0(UA_NS0ID_UINT32));
  }
}

/// The value is the node's number plus the seconds since start, shifted by a part of a second.
UA_StatusCode AddressSpace::read_many(UA_Server*, const UA_NodeId*, void*, const UA_NodeId*,
                                      void* context, UA_Boolean with_source_time,
                                      const UA_NumericRange* range, UA_DataValue* out) {
  const ManyNode& node = *static_cast<ManyNode*>(context);
  if (range != nullptr) return UA_STATUSCODE_BADINDEXRANGENODATA;
  const std::int64_t now = UA_DateTime_now();
  const std::int64_t start = UA_DATETIME_UNIX_EPOCH + node.start.since_epoch.count() / 100;
  const std::int64_t shift = node.index % many_phases * (many_period_ms / many_phases);
  const std::int64_t elapsed_ms = (now - start) / UA_DATETIME_MSEC;
  const std::int64_t steps = elapsed_ms < shift ? 0 : (elapsed_ms - shift) / many_period_ms + 1;
  if (with_source_time) {
    out->hasSourceTimestamp = true;
    out->sourceTimestamp = start;
    if (steps > 0)
      out->sourceTimestamp += ((steps - 1) * many_period_ms + shift) * UA_DATETIME_MSEC;
  }
  const auto value = static_cast<std::uint32_t>(node.index + steps);
  const UA_StatusCode copied =
      UA_Variant_setScalarCopy(&out->value, &value, &UA_TYPES[UA_TYPES_UINT32]);
  out->hasValue = copied == UA_STATUSCODE_GOOD;
  return copied;
}

void AddressSpace::add_methods() {
  const UA_NodeId parent = plc_node(methods_folder);
  const auto add = [&](const std::string& name, std::uint16_t space, auto act) {
    nodes_.method({.id = text_id(space, name), .parent = parent, .name_space = space, .name = name},
                  nullptr, [act](const UA_Variant*) mutable {
                    act();
                    return UA_STATUSCODE_GOOD;
                  });
  };
  PlcState& state = state_;
  add("ResetStepUp", plc_namespace, [&state] {
    state.step_up.value = std::uint32_t{0};
    state.step_up.changed = wall_now();
  });
  add("StartStepUp", plc_namespace, [&state] { state.step_up_running = true; });
  add("StopStepUp", plc_namespace, [&state] { state.step_up_running = false; });
  add("ResetTrend", plc_namespace, [&state] { state.reset_trends(true, true, wall_now()); });
  add("ResetPosTrend", plc_namespace, [&state] { state.reset_trends(true, false, wall_now()); });
  add("ResetNegTrend", plc_namespace, [&state] { state.reset_trends(false, true, wall_now()); });
  add("StartUpdateFastNodes", plc_namespace, [&state] { state.fast.running = true; });
  add("StopUpdateFastNodes", plc_namespace, [&state] { state.fast.running = false; });
  add("StartUpdateSlowNodes", plc_namespace, [&state] { state.slow.running = true; });
  add("StopUpdateSlowNodes", plc_namespace, [&state] { state.slow.running = false; });
  add("HeaterOn", boiler_namespace, [&state] {
    state.boiler1.heater_on = true;
    state.boiler1.changed = wall_now();
  });
  add("HeaterOff", boiler_namespace, [&state] {
    state.boiler1.heater_on = false;
    state.boiler1.changed = wall_now();
  });
  // Also under the boiler itself, where a person looks for them.
  for (const std::string name : {"HeaterOn", "HeaterOff"})
    nodes_.reference(number_id(boiler_namespace, 15070), UA_NS0ID_HASCOMPONENT,
                     text_id(boiler_namespace, name));
}

}  // namespace wireway::source::simulator
