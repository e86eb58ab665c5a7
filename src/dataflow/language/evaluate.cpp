// Expression::evaluate(): the stack machine.

#include <cmath>

#include <fmt/format.h>

#include "dataflow/language/expression.h"
#include "dataflow/language/functions.h"

namespace wireway::dataflow {
namespace {

std::string_view symbol(Op op) {
  switch (op) {
    case Op::negate:
    case Op::subtract: return "-";
    case Op::logical_not: return "!";
    case Op::add: return "+";
    case Op::multiply: return "*";
    case Op::divide: return "/";
    case Op::remainder: return "%";
    case Op::power: return "^";
    case Op::equal: return "==";
    case Op::not_equal: return "!=";
    case Op::less: return "<";
    case Op::less_equal: return "<=";
    case Op::greater: return ">";
    case Op::greater_equal: return ">=";
    case Op::and_left: return "&&";
    case Op::or_left: return "||";
    default: return "if";
  }
}

std::unexpected<Error> cannot(Op op, const Value& left, const Value& right) {
  return fail(Errc::invalid, fmt::format("`{}` cannot take {} and {}", symbol(op),
                                         type_phrase(left), type_phrase(right)));
}

std::unexpected<Error> needs_boolean(Op op, const Value& value) {
  return fail(Errc::invalid,
              fmt::format("{} needs true or false, not {}",
                          op == Op::jump_if_false ? "if()" : symbol(op), type_phrase(value)));
}

Result<> integer_arithmetic(Op op, Value& left, Integer b) {
  const Integer a = std::get<Integer>(left.data);
  if ((op == Op::divide || op == Op::remainder) && b == 0)
    return fail(Errc::invalid, fmt::format("`{}` by zero", symbol(op)));
  Integer result = 0;
  bool overflow = false;
  switch (op) {
    case Op::add: result = a + b; break;
    case Op::subtract: result = a - b; break;
    case Op::multiply: overflow = __builtin_mul_overflow(a, b, &result); break;
    case Op::divide: result = a / b; break;
    default: result = a % b; break;
  }
  if (overflow || result < integer_min || result > integer_max)
    return fail(Errc::invalid,
                fmt::format("the result of `{}` needs more than 64 bits", symbol(op)));
  left.data = result;
  return {};
}

Result<> float_arithmetic(Op op, Value& left, double b) {
  const double a = left.as_double();
  double result = 0;
  switch (op) {
    case Op::add: result = a + b; break;
    case Op::subtract: result = a - b; break;
    case Op::multiply: result = a * b; break;
    case Op::divide: result = a / b; break;
    case Op::remainder: result = std::fmod(a, b); break;
    default: result = std::pow(a, b); break;
  }
  if (!std::isfinite(result))
    return fail(Errc::invalid,
                fmt::format("the result of `{}` is not a finite number", symbol(op)));
  left.data = result;
  return {};
}

bool joinable(const Value& value) { return !value.is<Empty>() && !value.is<Object>(); }

Result<> arithmetic(Op op, Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) {
    const auto* b = right.get<Integer>();
    if (b != nullptr && left.is<Integer>() && op != Op::power)
      return integer_arithmetic(op, left, *b);
    return float_arithmetic(op, left, right.as_double());
  }
  const bool any_text = left.is<std::string>() || right.is<std::string>();
  if (op == Op::add && any_text && joinable(left) && joinable(right)) {
    left.data = to_text(left) + to_text(right);
    return {};
  }
  return cannot(op, left, right);
}

Result<> compare(Op op, Value& left, const Value& right) {
  if (op == Op::equal || op == Op::not_equal) {
    if (left.is<Object>() || right.is<Object>()) return cannot(op, left, right);
    left.data = equal(left, right) == (op == Op::equal);
    return {};
  }
  int order = 0;
  if (left.is_number() && right.is_number()) {
    order = less(left, right) ? -1 : (less(right, left) ? 1 : 0);
  } else if (left.is<std::string>() && right.is<std::string>()) {
    order = left.get<std::string>()->compare(*right.get<std::string>());
  } else {
    return cannot(op, left, right);
  }
  switch (op) {
    case Op::less: left.data = order < 0; break;
    case Op::less_equal: left.data = order <= 0; break;
    case Op::greater: left.data = order > 0; break;
    default: left.data = order >= 0; break;
  }
  return {};
}

Result<> unary(Op op, Value& value) {
  if (op == Op::logical_not) {
    const bool* flag = value.get<bool>();
    if (flag == nullptr) return needs_boolean(op, value);
    value.data = !*flag;
    return {};
  }
  if (const auto* integer = value.get<Integer>()) {
    if (-*integer < integer_min)
      return fail(Errc::invalid, "the result of `-` needs more than 64 bits");
    value.data = -*integer;
    return {};
  }
  if (const auto* number = value.get<double>()) {
    value.data = -*number;
    return {};
  }
  return fail(Errc::invalid, fmt::format("`-` cannot take {}", type_phrase(value)));
}

/// One run of the machine; `stack` is empty before.
struct Machine {
  std::span<const json::value* const> inputs;
  std::span<const Value> constants;
  std::vector<Value>& stack;
  std::size_t next = 0;

  Result<> step(const Instruction& at) {
    switch (at.op) {
      case Op::constant: stack.push_back(constants[at.argument]); return {};
      case Op::input: stack.push_back(to_value(inputs[at.argument])); return {};
      case Op::negate:
      case Op::logical_not: return unary(at.op, stack.back());
      case Op::jump: next = at.argument; return {};
      case Op::jump_if_false:
      case Op::and_left:
      case Op::or_left: return branch(at);
      case Op::require_bool:
        if (!stack.back().is<bool>()) return needs_boolean(Op::and_left, stack.back());
        return {};
      case Op::tuple: collect(at.argument); return {};
      case Op::call: return call(at);
      default: return binary(at.op);
    }
  }

  Result<> binary(Op op) {
    const Value right = std::move(stack.back());
    stack.pop_back();
    const bool comparison = op >= Op::equal && op <= Op::greater_equal;
    return comparison ? compare(op, stack.back(), right) : arithmetic(op, stack.back(), right);
  }

  Result<> branch(const Instruction& at) {
    const bool* flag = stack.back().get<bool>();
    if (flag == nullptr) return needs_boolean(at.op, stack.back());
    const bool jumps = *flag == (at.op == Op::or_left);
    const bool keeps = jumps && at.op != Op::jump_if_false;
    if (!keeps) stack.pop_back();
    if (jumps) next = at.argument;
    return {};
  }

  void collect(std::size_t count) {
    const auto first = stack.end() - static_cast<std::ptrdiff_t>(count);
    Tuple tuple(std::make_move_iterator(first), std::make_move_iterator(stack.end()));
    stack.erase(first, stack.end());
    stack.push_back({std::move(tuple)});
  }

  Result<> call(const Instruction& at) {
    const Function& function = functions()[at.function];
    const std::size_t first = stack.size() - at.argument;
    auto result = function.call(std::span(stack).subspan(first));
    if (!result) return wrap(fmt::format("{}()", function.name), result.error());
    stack.resize(first);
    stack.push_back(std::move(*result));
    return {};
  }
};

}  // namespace

Result<Value> Expression::evaluate(std::span<const json::value* const> inputs,
                                   Scratch& scratch) const {
  scratch.stack.clear();
  Machine machine{inputs, constants_, scratch.stack};
  while (machine.next < code_.size()) {
    const Instruction& at = code_[machine.next++];
    if (auto done = machine.step(at); !done)
      return wrap(fmt::format("column {}", at.column), std::move(done.error()));
  }
  return std::move(scratch.stack.back());
}

}  // namespace wireway::dataflow
