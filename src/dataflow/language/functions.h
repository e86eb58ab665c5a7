#pragma once
/// The documented functions of the language (spec dataflows 2.6), by name, with the numbers of
/// arguments that they take.
///
/// Errors: a function that cannot use its arguments says which and why; the caller adds the column.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "dataflow/language/value.h"

namespace wireway::dataflow {

struct Function {
  std::string_view name;
  std::uint8_t arguments_min;
  std::uint8_t arguments_max;  ///< arguments_any = as many as are written
  Result<Value> (*call)(std::span<Value> arguments);
};

inline constexpr std::uint8_t arguments_any = 255;

std::span<const Function> functions();
/// Index into functions(); bare names of `math::` functions are found too.
std::optional<std::size_t> find_function(std::string_view name);
/// The known function whose name is nearest, for "did you mean"; "" if none is near.
std::string_view nearest_function(std::string_view name);

}  // namespace wireway::dataflow
