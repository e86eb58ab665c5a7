#pragma once
/// A value while a formula computes with it. Payload values become these at `$n` and leave as JSON.
///
/// Source:  spec of the transformation language: types (dataflows 2.4), operators (2.5)
/// Numbers: an Integer holds every JSON integer (int64 and uint64); a result outside that range is
///          an evaluation error, never a wrapped number. NaN and infinities are errors too.

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"

namespace wireway::dataflow {

__extension__ typedef __int128 Integer;

inline constexpr Integer integer_min = std::numeric_limits<std::int64_t>::min();
inline constexpr Integer integer_max = std::numeric_limits<std::uint64_t>::max();

struct Value;
using Tuple = std::vector<Value>;

/// `()`: what a missing field and null are to a formula.
struct Empty {};
/// A JSON object: may be copied by a rule without expression, but not computed with.
struct Object {};

struct Value {
  std::variant<Empty, bool, Integer, double, std::string, Tuple, Object> data;

  template <class T>
  bool is() const {
    return std::holds_alternative<T>(data);
  }
  template <class T>
  const T* get() const {
    return std::get_if<T>(&data);
  }
  bool is_number() const { return is<Integer>() || is<double>(); }
  double as_double() const;  ///< of a number
};

/// nullptr (a missing field) gives Empty.
Value to_value(const json::value* source);
/// Errors: Errc::invalid for an Object inside a tuple.
Result<json::value> to_json_value(const Value& value);

/// What `typeof()` says: "string", "int", "float", "boolean", "tuple", "empty", "object".
std::string_view type_name(const Value& value);
/// With its article, for messages: "an integer".
std::string_view type_phrase(const Value& value);

/// As string concatenation and `str::from` write it: 77.0 as "77", a tuple as "(1, 2)".
std::string to_text(const Value& value);

/// Numbers compare by value across int and float; values of other differing types are unequal.
bool equal(const Value& left, const Value& right);
/// Of two numbers.
bool less(const Value& left, const Value& right);

}  // namespace wireway::dataflow
