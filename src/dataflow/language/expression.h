#pragma once
/// A formula of the transformation language (`$1 * 9 / 5 + 32`), compiled once, evaluated per
/// message.
///
/// Source:  docs/reference/dataflow-language.md; spec dataflows 2.5 and 2.6
/// Thread:  immutable after compile(); a Scratch belongs to one thread
/// Limits:  expression_bytes_max of text, expression_depth_max of nesting: beyond it compile()
///          refuses
/// Errors:  compile(): "column 7: ..." (1-based, in characters of the text); evaluate(): the same
///          with the operator's column, for this message only
/// Cost:    no allocation for numbers and booleans; `if`, `&&` and `||` evaluate only what decides

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dataflow/language/value.h"

namespace wireway::dataflow {

inline constexpr std::size_t expression_bytes_max = 16 * 1024;
inline constexpr std::size_t expression_depth_max = 64;

enum class Op : std::uint8_t {
  constant,  ///< push constants_[argument]
  input,     ///< push input number `argument` (0-based)
  negate,
  logical_not,
  add,
  subtract,
  multiply,
  divide,
  remainder,
  power,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  jump,           ///< to `argument`
  jump_if_false,  ///< pops a boolean
  and_left,       ///< false: keep it and jump; true: pop it and go on
  or_left,        ///< true: keep it and jump; false: pop it and go on
  require_bool,
  tuple,  ///< of the `argument` topmost values
  call,   ///< function `function` with `argument` values
};

struct Instruction {
  Op op;
  std::uint8_t function = 0;
  std::uint16_t column = 0;
  std::uint32_t argument = 0;
};

/// The evaluation's stack, kept between messages for its memory.
struct Scratch {
  std::vector<Value> stack;
};

class Expression {
 public:
  /// `inputs` is the number of inputs that `$1`... may name.
  static Result<Expression> compile(std::string_view text, std::size_t inputs);

  /// `inputs[i]` is `$(i+1)`; nullptr = missing.
  Result<Value> evaluate(std::span<const json::value* const> inputs, Scratch& scratch) const;

 private:
  friend class Compiler;
  std::vector<Instruction> code_;
  std::vector<Value> constants_;
};

}  // namespace wireway::dataflow
