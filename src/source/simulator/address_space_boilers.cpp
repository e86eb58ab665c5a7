/// The two boilers of AddressSpace. Node ids are those of the published models; the nodes of Boiler
/// #2 have the browse names of OPC 10000-100 (Devices) where that defines them.

#include <string>
#include <vector>

#include "source/simulator/address_space.h"

namespace wireway::source::simulator {
namespace {

constexpr std::uint32_t boilers_folder = 5, boiler1_type = 3, boiler1_object = 15070;
constexpr std::uint32_t boiler1_status = 15013;
constexpr std::uint32_t device_set = 5001, topology_element_type = 1001, device_type = 1002;
constexpr std::uint32_t device_health_strings = 6450;
constexpr std::uint32_t boiler2_type = 1000, boiler2_object = 5017, boiler2_alarms = 5018;
constexpr std::uint32_t boiler2_methods = 5019, boiler2_parameters = 5020, boiler2_switch = 7019;

UA_NodeId ns0(std::uint32_t id) { return UA_NODEID_NUMERIC(0, id); }
UA_NodeId boiler_node(std::uint32_t id) { return number_id(boiler_namespace, id); }
UA_NodeId device_node(std::uint32_t id) { return number_id(di_namespace, id); }

UA_LocalizedText text(const char* value) {
  return UA_LOCALIZEDTEXT(const_cast<char*>(""), const_cast<char*>(value));
}

std::vector<UA_LocalizedText> texts(const std::vector<std::string>& names) {
  std::vector<UA_LocalizedText> result;
  for (const std::string& name : names) result.push_back(text(name.c_str()));
  return result;
}

/// `names` keeps what the result points to.
UA_Variant enum_strings(std::vector<UA_LocalizedText>& names) {
  UA_Variant value;
  UA_Variant_init(&value);
  UA_Variant_setArray(&value, names.data(), names.size(), &UA_TYPES[UA_TYPES_LOCALIZEDTEXT]);
  return value;
}

}  // namespace

void AddressSpace::add_boiler1_types() {
  const auto place = [](const UA_DataType& type, std::uint32_t parent) {
    return NodePlace{.id = type.typeId,
                     .parent = ns0(parent),
                     .name_space = boiler_namespace,
                     .name = type.typeName};
  };
  nodes_.data_type(place(types_.heater_state(), UA_NS0ID_ENUMERATION));
  std::vector<UA_LocalizedText> names = texts(types_.enumerations()[0].names);
  nodes_.property(
      {.id = boiler_node(15015), .parent = types_.heater_state().typeId, .name = "EnumStrings"},
      enum_strings(names));
  for (const UA_DataType* type : {&types_.temperature(), &types_.boiler()}) {
    nodes_.data_type(place(*type, UA_NS0ID_STRUCTURE));
    nodes_.binary_encoding(type->typeId, type->binaryEncodingId);
  }
}

void AddressSpace::add_boiler1() {
  nodes_.object({.id = boiler_node(boilers_folder),
                 .parent = ns0(UA_NS0ID_OBJECTSFOLDER),
                 .name_space = boiler_namespace,
                 .name = "Boilers",
                 .reference = UA_NS0ID_ORGANIZES,
                 .type = ns0(UA_NS0ID_FOLDERTYPE)});
  nodes_.object_type({.id = boiler_node(boiler1_type),
                      .parent = ns0(UA_NS0ID_BASEOBJECTTYPE),
                      .name_space = boiler_namespace,
                      .name = "Boiler1Type"});
  nodes_.object({.id = boiler_node(boiler1_object),
                 .parent = boiler_node(boilers_folder),
                 .name_space = boiler_namespace,
                 .name = "Boiler #1",
                 .reference = UA_NS0ID_ORGANIZES,
                 .type = boiler_node(boiler1_type)});
  nodes_.computed({.id = boiler_node(boiler1_status),
                   .parent = boiler_node(boiler1_object),
                   .name_space = boiler_namespace,
                   .name = "BoilerStatus"},
                  UA_DataSource{read_boiler1, nullptr}, this, types_.boiler().typeId);
}

UA_StatusCode AddressSpace::read_boiler1(UA_Server*, const UA_NodeId*, void*, const UA_NodeId*,
                                         void* context, UA_Boolean with_source_time,
                                         const UA_NumericRange* range, UA_DataValue* out) {
  const auto& space = *static_cast<AddressSpace*>(context);
  const Boiler1& boiler = space.state_.boiler1;
  if (with_source_time) {
    out->hasSourceTimestamp = true;
    out->sourceTimestamp = UA_DATETIME_UNIX_EPOCH + boiler.changed.since_epoch.count() / 100;
  }
  if (range != nullptr) return UA_STATUSCODE_BADINDEXRANGENODATA;
  const BoilerValue value{{boiler.top, boiler.bottom}, boiler.pressure, boiler.heater_on ? 1 : 0};
  const UA_StatusCode copied =
      UA_Variant_setScalarCopy(&out->value, &value, &space.types_.boiler());
  out->hasValue = copied == UA_STATUSCODE_GOOD;
  return copied;
}

/// The few types of OPC 10000-100 that Boiler #2 stands on.
void AddressSpace::add_device_types() {
  const auto device_place = [](std::uint32_t id, UA_NodeId parent, const char* name) {
    return NodePlace{
        .id = device_node(id), .parent = parent, .name_space = di_namespace, .name = name};
  };
  nodes_.object_type(
      device_place(topology_element_type, ns0(UA_NS0ID_BASEOBJECTTYPE), "TopologyElementType"));
  nodes_.object_type(device_place(device_type, device_node(topology_element_type), "DeviceType"));
  nodes_.data_type({.id = types_.device_health().typeId,
                    .parent = ns0(UA_NS0ID_ENUMERATION),
                    .name_space = di_namespace,
                    .name = types_.device_health().typeName});
  std::vector<UA_LocalizedText> names = texts(types_.enumerations()[1].names);
  nodes_.property({.id = device_node(device_health_strings),
                   .parent = types_.device_health().typeId,
                   .name = "EnumStrings"},
                  enum_strings(names));
  NodePlace set = device_place(device_set, ns0(UA_NS0ID_OBJECTSFOLDER), "DeviceSet");
  set.reference = UA_NS0ID_ORGANIZES;
  nodes_.object(set);
}

void AddressSpace::add_boiler2() {
  nodes_.object_type({.id = boiler_node(boiler2_type),
                      .parent = device_node(device_type),
                      .name_space = boiler_namespace,
                      .name = "Boiler2Type"});
  nodes_.object({.id = boiler_node(boiler2_object),
                 .parent = boiler_node(boilers_folder),
                 .name_space = boiler_namespace,
                 .name = "Boiler #2",
                 .reference = UA_NS0ID_ORGANIZES,
                 .type = boiler_node(boiler2_type)},
                true);
  nodes_.reference(device_node(device_set), UA_NS0ID_ORGANIZES, boiler_node(boiler2_object));
  const auto part = [](std::uint32_t id, const char* name) {
    return NodePlace{.id = boiler_node(id),
                     .parent = boiler_node(boiler2_object),
                     .name_space = di_namespace,
                     .name = name};
  };
  nodes_.object(part(boiler2_alarms, "DeviceHealthAlarms"), true);
  nodes_.object(part(boiler2_methods, "MethodSet"));
  nodes_.object(part(boiler2_parameters, "ParameterSet"));
  add_boiler2_nameplate();

  Boiler2& boiler = state_.boiler2;
  const auto parameter = [this](std::uint32_t id, const char* name, Reading& reading,
                                Access access) {
    nodes_.variable({.id = boiler_node(id),
                     .parent = boiler_node(boiler2_parameters),
                     .name_space = boiler_namespace,
                     .name = name},
                    reading, access);
  };
  parameter(6210, "BaseTemperature", boiler.base_temperature, Access::read_write);
  parameter(6211, "CurrentTemperature", boiler.current_temperature, Access::read_only);
  parameter(6212, "HeaterState", boiler.heater_on, Access::read_write);
  parameter(6213, "MaintenanceInterval", boiler.maintenance_interval_s, Access::read_write);
  parameter(6214, "Overheated", boiler.overheated, Access::read_only);
  parameter(6215, "OverheatedThresholdTemperature", boiler.overheated_threshold,
            Access::read_write);
  parameter(6217, "TargetTemperature", boiler.target_temperature, Access::read_write);
  parameter(6218, "TemperatureChangeSpeed", boiler.temperature_change_speed, Access::read_write);
  parameter(6350, "OverheatInterval", boiler.overheat_interval_s, Access::read_write);
  nodes_.enumeration(part(6198, "DeviceHealth"), boiler.device_health, types_.device_health());

  UA_Argument on;
  UA_Argument_init(&on);
  on.name = UA_STRING(const_cast<char*>("On"));
  on.dataType = ns0(UA_NS0ID_BOOLEAN);
  on.valueRank = UA_VALUERANK_SCALAR;
  nodes_.method({.id = boiler_node(boiler2_switch),
                 .parent = boiler_node(boiler2_methods),
                 .name_space = boiler_namespace,
                 .name = "Switch"},
                &on, [&boiler](const UA_Variant* input) {
                  boiler.heater_on.value = *static_cast<const bool*>(input->data);
                  return UA_STATUSCODE_GOOD;
                });
}

void AddressSpace::add_boiler2_nameplate() {
  const auto place = [](std::uint32_t id, const char* name) {
    return NodePlace{.id = boiler_node(id),
                     .parent = boiler_node(boiler2_object),
                     .name_space = di_namespace,
                     .name = name};
  };
  const auto localized = [&](std::uint32_t id, const char* name, const char* content) {
    UA_LocalizedText value_text = text(content);
    UA_Variant value;
    UA_Variant_init(&value);
    UA_Variant_setScalar(&value, &value_text, &UA_TYPES[UA_TYPES_LOCALIZEDTEXT]);
    nodes_.property(place(id, name), value);
  };
  nodes_.property(place(6195, "AssetId"), "Boiler #2");
  nodes_.property(place(6197, "DeviceClass"), "Boiler");
  nodes_.property(place(6201, "HardwareRevision"), "1.0");
  localized(6202, "Manufacturer", "Wireway");
  nodes_.property(place(6203, "ManufacturerUri"), "urn:wireway");
  localized(6204, "Model", "Boiler #2");
  nodes_.property(place(6205, "ProductCode"), "BOILER-2");
  nodes_.property(place(6206, "ProductInstanceUri"), "urn:wireway:boiler:2");
  std::int32_t revision = 1;
  UA_Variant counter;
  UA_Variant_init(&counter);
  UA_Variant_setScalar(&counter, &revision, &UA_TYPES[UA_TYPES_INT32]);
  nodes_.property(place(6207, "RevisionCounter"), counter);
  nodes_.property(place(6208, "SerialNumber"), "000002");
  nodes_.property(place(6209, "SoftwareRevision"), "1.0");
}

}  // namespace wireway::source::simulator
