#include "dataflow/language/value.h"

#include <charconv>
#include <cmath>

namespace wireway::dataflow {
namespace {

template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};

std::string integer_text(Integer value) {
  char buffer[24];
  const auto end = value > std::numeric_limits<std::int64_t>::max()
                       ? std::to_chars(buffer, buffer + sizeof buffer, std::uint64_t(value)).ptr
                       : std::to_chars(buffer, buffer + sizeof buffer, std::int64_t(value)).ptr;
  return std::string(buffer, end);
}

std::string double_text(double value) {
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

std::string tuple_text(const Tuple& tuple) {
  std::string out = "(";
  for (const Value& element : tuple) {
    if (out.size() > 1) out += ", ";
    out += to_text(element);
  }
  return out + ")";
}

bool equal_tuples(const Tuple& left, const Tuple& right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (!equal(left[i], right[i])) return false;
  return true;
}

}  // namespace

double Value::as_double() const {
  if (const auto* number = get<double>()) return *number;
  return static_cast<double>(std::get<Integer>(data));
}

Value to_value(const json::value* source) {
  if (source == nullptr) return {};
  switch (source->kind()) {
    case json::kind::null: return {};
    case json::kind::bool_: return {source->get_bool()};
    case json::kind::int64: return {Integer(source->get_int64())};
    case json::kind::uint64: return {Integer(source->get_uint64())};
    case json::kind::double_: return {source->get_double()};
    case json::kind::string: return {std::string(source->get_string())};
    case json::kind::object: return {Object{}};
    case json::kind::array: {
      Tuple tuple;
      tuple.reserve(source->get_array().size());
      for (const auto& element : source->get_array()) tuple.push_back(to_value(&element));
      return {std::move(tuple)};
    }
  }
  return {};
}

Result<json::value> to_json_value(const Value& value) {
  if (const auto* tuple = value.get<Tuple>()) {
    json::array array;
    array.reserve(tuple->size());
    for (const Value& element : *tuple) {
      auto converted = to_json_value(element);
      if (!converted) return converted;
      array.push_back(std::move(*converted));
    }
    return array;
  }
  if (value.is<Object>()) return fail(Errc::invalid, "an object cannot be the result of a formula");
  return std::visit(
      Match{[](Empty) { return json::value(nullptr); }, [](bool v) { return json::value(v); },
            [](Integer v) {
              return v > std::numeric_limits<std::int64_t>::max() ? json::value(std::uint64_t(v))
                                                                  : json::value(std::int64_t(v));
            },
            [](double v) { return json::value(v); },
            [](const std::string& v) { return json::value(v); },
            [](const Tuple&) { return json::value(); }, [](Object) { return json::value(); }},
      value.data);
}

std::string_view type_name(const Value& value) {
  static constexpr std::string_view names[] = {"empty",  "boolean", "int",   "float",
                                               "string", "tuple",   "object"};
  return names[value.data.index()];
}

std::string_view type_phrase(const Value& value) {
  static constexpr std::string_view phrases[] = {
      "a missing value", "a boolean", "an integer", "a float", "a string", "an array", "an object"};
  return phrases[value.data.index()];
}

std::string to_text(const Value& value) {
  return std::visit(
      Match{[](Empty) { return std::string("()"); },
            [](bool v) { return std::string(v ? "true" : "false"); },
            [](Integer v) { return integer_text(v); }, [](double v) { return double_text(v); },
            [](const std::string& v) { return v; }, [](const Tuple& v) { return tuple_text(v); },
            [](Object) { return std::string("{}"); }},
      value.data);
}

bool equal(const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) return !less(left, right) && !less(right, left);
  if (left.data.index() != right.data.index()) return false;
  if (const auto* text = left.get<std::string>()) return *text == *right.get<std::string>();
  if (const auto* flag = left.get<bool>()) return *flag == *right.get<bool>();
  if (const auto* tuple = left.get<Tuple>()) return equal_tuples(*tuple, *right.get<Tuple>());
  return left.is<Empty>();
}

bool less(const Value& left, const Value& right) {
  const auto* left_integer = left.get<Integer>();
  const auto* right_integer = right.get<Integer>();
  if (left_integer && right_integer) return *left_integer < *right_integer;
  // long double has at least 64 bits of mantissa on our targets: every Integer compares exactly.
  const auto wide = [](const Value& value) {
    const auto* integer = value.get<Integer>();
    return integer ? static_cast<long double>(*integer)
                   : static_cast<long double>(*value.get<double>());
  };
  return wide(left) < wide(right);
}

}  // namespace wireway::dataflow
