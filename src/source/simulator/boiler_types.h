#pragma once
/// The data types of the boilers as the server's library wants them: a structure in a structure and
/// two enumerations. Foreign clients learn them from DataTypeDefinition and EnumStrings.
///
/// Owns: the descriptions; outlives the server that is given array()

#include <array>
#include <cstdint>
#include <vector>

#include <open62541/types.h>

#include "source/simulator/enum_definitions.h"

namespace wireway::source::simulator {

inline constexpr std::uint16_t di_namespace = 2;
inline constexpr std::uint16_t plc_namespace = 3;
inline constexpr std::uint16_t boiler_namespace = 4;
inline constexpr std::uint16_t boiler_instance_namespace = 5;

struct BoilerTemperatureValue {
  std::int32_t top;
  std::int32_t bottom;
};

struct BoilerValue {
  BoilerTemperatureValue temperature;
  std::int32_t pressure;
  std::int32_t heater_state;
};

class BoilerTypes {
 public:
  BoilerTypes();
  BoilerTypes(const BoilerTypes&) = delete;
  BoilerTypes& operator=(const BoilerTypes&) = delete;

  const UA_DataTypeArray* array() const { return &array_; }
  const UA_DataType& boiler() const { return types_[2]; }
  const UA_DataType& temperature() const { return types_[1]; }
  const UA_DataType& heater_state() const { return types_[0]; }
  const UA_DataType& device_health() const { return types_[3]; }
  /// Names of the values of heater_state() and device_health(), in this order.
  const std::vector<EnumDefinition>& enumerations() const { return enumerations_; }

 private:
  std::array<UA_DataTypeMember, 2> temperature_members_;
  std::array<UA_DataTypeMember, 3> boiler_members_;
  std::array<UA_DataType, 4> types_;
  UA_DataTypeArray array_;
  std::vector<EnumDefinition> enumerations_;
};

}  // namespace wireway::source::simulator
