#include "source/simulator/boiler_types.h"

#include <cstddef>

#include <open62541/types_generated.h>

namespace wireway::source::simulator {
namespace {

// Every member is 4 bytes wide: the structures have no padding, which the descriptions below rely
// on.
static_assert(sizeof(BoilerTemperatureValue) == 8 && sizeof(BoilerValue) == 16);
static_assert(offsetof(BoilerValue, pressure) == 8 && offsetof(BoilerValue, heater_state) == 12);

UA_DataTypeMember member(const char* name, const UA_DataType* type) {
  UA_DataTypeMember result{};
  result.memberName = name;
  result.memberType = type;
  return result;
}

UA_NodeId boiler_id(std::uint32_t id) { return UA_NODEID_NUMERIC(boiler_namespace, id); }

UA_DataType described(const char* name, UA_NodeId id, std::uint32_t encoding_id) {
  UA_DataType type{};
  type.typeName = name;
  type.typeId = id;
  if (encoding_id != 0) type.binaryEncodingId = boiler_id(encoding_id);
  type.pointerFree = true;
  return type;
}

}  // namespace

BoilerTypes::BoilerTypes()
    : temperature_members_{member("Top", &UA_TYPES[UA_TYPES_INT32]),
                           member("Bottom", &UA_TYPES[UA_TYPES_INT32])},
      boiler_members_{member("Temperature", &types_[1]),
                      member("Pressure", &UA_TYPES[UA_TYPES_INT32]),
                      member("HeaterState", &types_[0])},
      types_{described("BoilerHeaterStateType", boiler_id(15014), 0),
             described("BoilerTemperatureType", boiler_id(15001), 15004),
             described("BoilerDataType", boiler_id(15032), 15072),
             described("DeviceHealthEnumeration", UA_NODEID_NUMERIC(di_namespace, 6244), 0)},
      array_{nullptr, types_.size(), types_.data(), false},
      enumerations_{{types_[0].typeId, {"Off", "On"}},
                    {types_[3].typeId,
                     {"NORMAL", "FAILURE", "CHECK_FUNCTION", "OFF_SPEC", "MAINTENANCE_REQUIRED"}}} {
  for (const std::size_t enumeration : {0U, 3U}) {
    types_[enumeration].memSize = sizeof(std::int32_t);
    types_[enumeration].typeKind = UA_DATATYPEKIND_ENUM;
  }
  types_[1].memSize = sizeof(BoilerTemperatureValue);
  types_[1].typeKind = UA_DATATYPEKIND_STRUCTURE;
  types_[1].membersSize = temperature_members_.size();
  types_[1].members = temperature_members_.data();
  types_[2].memSize = sizeof(BoilerValue);
  types_[2].typeKind = UA_DATATYPEKIND_STRUCTURE;
  types_[2].membersSize = boiler_members_.size();
  types_[2].members = boiler_members_.data();
}

}  // namespace wireway::source::simulator
