#include "dataflow/language/functions.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace wireway::dataflow {
namespace {

using Arguments = std::span<Value>;

Result<Value> finite(double number) {
  if (!std::isfinite(number)) return fail(Errc::invalid, "the result is not a finite number");
  return Value{number};
}

Result<double> number_at(Arguments arguments, std::size_t index) {
  if (arguments[index].is_number()) return arguments[index].as_double();
  return fail(Errc::invalid, fmt::format("argument {} is {}, not a number", index + 1,
                                         type_phrase(arguments[index])));
}

Result<const std::string*> text_at(Arguments arguments, std::size_t index) {
  if (const auto* text = arguments[index].get<std::string>()) return text;
  return fail(Errc::invalid, fmt::format("argument {} is {}, not a string", index + 1,
                                         type_phrase(arguments[index])));
}

/// A function of one number.
template <double (*Compute)(double)>
Result<Value> unary(Arguments arguments) {
  const auto x = number_at(arguments, 0);
  if (!x) return std::unexpected(x.error());
  return finite(Compute(*x));
}

template <double (*Compute)(double, double)>
Result<Value> binary(Arguments arguments) {
  const auto x = number_at(arguments, 0);
  if (!x) return std::unexpected(x.error());
  const auto y = number_at(arguments, 1);
  if (!y) return std::unexpected(y.error());
  return finite(Compute(*x, *y));
}

/// floor, ceil, round: an integer wherever one can hold the result.
template <double (*Compute)(double)>
Result<Value> whole(Arguments arguments) {
  if (arguments[0].is<Integer>()) return std::move(arguments[0]);
  const auto x = number_at(arguments, 0);
  if (!x) return std::unexpected(x.error());
  const double result = Compute(*x);
  if (result >= -9223372036854775808.0 && result < 18446744073709551616.0)
    return Value{static_cast<Integer>(result)};
  return finite(result);
}

double c_to_f(double x) { return x * 9 / 5 + 32; }
double f_to_c(double x) { return (x - 32) * 5 / 9; }
double psi_to_bar(double x) { return x * 0.0689476; }
double bar_to_psi(double x) { return x / 0.0689476; }
double in_to_cm(double x) { return x * 2.54; }
double cm_to_in(double x) { return x / 2.54; }
double ft_to_m(double x) { return x * 0.3048; }
double m_to_ft(double x) { return x / 0.3048; }
double lb_to_kg(double x) { return x * 0.453592; }
double kg_to_lb(double x) { return x / 0.453592; }
double gal_to_l(double x) { return x * 3.78541; }
double l_to_gal(double x) { return x / 3.78541; }
double log_to_base(double x, double base) { return std::log(x) / std::log(base); }

Result<Value> absolute(Arguments arguments) {
  if (const auto* integer = arguments[0].get<Integer>())
    return Value{*integer < 0 ? -*integer : *integer};
  return unary<std::fabs>(arguments);
}

Result<Value> scale(Arguments arguments) {
  std::array<double, 5> n{};
  for (std::size_t i = 0; i < n.size(); ++i) {
    const auto number = number_at(arguments, i);
    if (!number) return std::unexpected(number.error());
    n[i] = *number;
  }
  if (n[1] == n[2]) return fail(Errc::invalid, "the source range is empty");
  return finite(n[3] + (n[0] - n[1]) * (n[4] - n[3]) / (n[2] - n[1]));
}

Result<Value> round_to_digits(Arguments arguments) {
  const auto* digits = arguments[1].get<Integer>();
  if (digits == nullptr || *digits < 0 || *digits > 15)
    return fail(Errc::invalid, "argument 2 must be an integer from 0 to 15");
  if (arguments[0].is<Integer>()) return std::move(arguments[0]);
  const auto x = number_at(arguments, 0);
  if (!x) return std::unexpected(x.error());
  const double factor = std::pow(10.0, static_cast<double>(*digits));
  const double scaled = *x * factor;
  return finite(std::isfinite(scaled) ? std::round(scaled) / factor : *x);
}

/// Arguments as written, or the elements of the one array that was given.
Arguments spread(Arguments arguments) {
  if (arguments.size() != 1) return arguments;
  auto* tuple = std::get_if<Tuple>(&arguments[0].data);
  return tuple ? Arguments(*tuple) : arguments;
}

template <bool Largest>
Result<Value> extreme(Arguments arguments) {
  const Arguments values = spread(arguments);
  if (values.empty()) return fail(Errc::invalid, "there is no value to choose from");
  std::size_t best = 0;
  bool any_float = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i].is_number())
      return fail(Errc::invalid,
                  fmt::format("value {} is {}, not a number", i + 1, type_phrase(values[i])));
    any_float = any_float || values[i].is<double>();
    const bool better = Largest ? less(values[best], values[i]) : less(values[i], values[best]);
    if (better) best = i;
  }
  if (any_float) return finite(values[best].as_double());
  return std::move(values[best]);
}

std::size_t character_count(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

Result<Value> length(Arguments arguments) {
  if (arguments.size() > 1) return Value{Integer(arguments.size())};
  if (const auto* text = arguments[0].get<std::string>())
    return Value{Integer(character_count(*text))};
  if (const auto* tuple = arguments[0].get<Tuple>()) return Value{Integer(tuple->size())};
  return fail(Errc::invalid, fmt::format("{} has no length", type_phrase(arguments[0])));
}

Result<const Tuple*> tuple_at(Arguments arguments, std::size_t index) {
  if (const auto* tuple = arguments[index].get<Tuple>()) return tuple;
  return fail(Errc::invalid, fmt::format("argument {} is {}, not an array", index + 1,
                                         type_phrase(arguments[index])));
}

bool holds(const Tuple& tuple, const Value& wanted) {
  return std::ranges::any_of(tuple, [&](const Value& element) { return equal(element, wanted); });
}

Result<Value> contains(Arguments arguments) {
  const auto tuple = tuple_at(arguments, 0);
  if (!tuple) return std::unexpected(tuple.error());
  return Value{holds(**tuple, arguments[1])};
}

Result<Value> contains_any(Arguments arguments) {
  const auto tuple = tuple_at(arguments, 0);
  if (!tuple) return std::unexpected(tuple.error());
  const auto candidates = tuple_at(arguments, 1);
  if (!candidates) return std::unexpected(candidates.error());
  return Value{std::ranges::any_of(**candidates,
                                   [&](const Value& wanted) { return holds(**tuple, wanted); })};
}

Result<Value> type_of(Arguments arguments) { return Value{std::string(type_name(arguments[0]))}; }

Result<Value> text_from(Arguments arguments) {
  if (arguments[0].is<Object>()) return fail(Errc::invalid, "an object has no text");
  return Value{to_text(arguments[0])};
}

template <int (*Change)(int)>
Result<Value> change_case(Arguments arguments) {
  const auto text = text_at(arguments, 0);
  if (!text) return std::unexpected(text.error());
  std::string changed = **text;
  for (char& c : changed)
    if (static_cast<unsigned char>(c) < 0x80) c = static_cast<char>(Change(c));
  return Value{std::move(changed)};
}

Result<Value> trim(Arguments arguments) {
  const auto text = text_at(arguments, 0);
  if (!text) return std::unexpected(text.error());
  static constexpr std::string_view blanks = " \t\r\n\f\v";
  const std::string& whole_text = **text;
  const auto first = whole_text.find_first_not_of(blanks);
  if (first == std::string::npos) return Value{std::string()};
  return Value{whole_text.substr(first, whole_text.find_last_not_of(blanks) - first + 1)};
}

/// The byte at which character number `index` begins; text.size() for the end.
std::size_t byte_of_character(std::string_view text, std::size_t index) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (seen++ == index) return i;
  }
  return text.size();
}

Result<Value> substring(Arguments arguments) {
  const auto text = text_at(arguments, 0);
  if (!text) return std::unexpected(text.error());
  const Integer count = Integer(character_count(**text));
  const auto* start = arguments[1].get<Integer>();
  const auto* end = arguments.size() > 2 ? arguments[2].get<Integer>() : &count;
  if (start == nullptr || end == nullptr)
    return fail(Errc::invalid, "start and end must be integers");
  if (*start < 0 || *start > *end || *end > count)
    return fail(Errc::invalid,
                fmt::format("{} to {} is outside the {} characters of the string",
                            to_text(Value{*start}), to_text(Value{*end}), to_text(Value{count})));
  const std::size_t from = byte_of_character(**text, static_cast<std::size_t>(*start));
  const std::size_t to = byte_of_character(**text, static_cast<std::size_t>(*end));
  return Value{(*text)->substr(from, to - from)};
}

constexpr std::array table{
    Function{"cToF", 1, 1, unary<c_to_f>},
    Function{"fToC", 1, 1, unary<f_to_c>},
    Function{"psiToBar", 1, 1, unary<psi_to_bar>},
    Function{"barToPsi", 1, 1, unary<bar_to_psi>},
    Function{"inToCm", 1, 1, unary<in_to_cm>},
    Function{"cmToIn", 1, 1, unary<cm_to_in>},
    Function{"ftToM", 1, 1, unary<ft_to_m>},
    Function{"mToFt", 1, 1, unary<m_to_ft>},
    Function{"lbToKg", 1, 1, unary<lb_to_kg>},
    Function{"kgToLb", 1, 1, unary<kg_to_lb>},
    Function{"galToL", 1, 1, unary<gal_to_l>},
    Function{"lToGal", 1, 1, unary<l_to_gal>},
    Function{"scale", 5, 5, scale},
    Function{"round_n", 2, 2, round_to_digits},
    Function{"floor", 1, 1, whole<std::floor>},
    Function{"ceil", 1, 1, whole<std::ceil>},
    Function{"round", 1, 1, whole<std::round>},
    Function{"math::abs", 1, 1, absolute},
    Function{"math::sqrt", 1, 1, unary<std::sqrt>},
    Function{"math::cbrt", 1, 1, unary<std::cbrt>},
    Function{"math::ln", 1, 1, unary<std::log>},
    Function{"math::log2", 1, 1, unary<std::log2>},
    Function{"math::log10", 1, 1, unary<std::log10>},
    Function{"math::exp", 1, 1, unary<std::exp>},
    Function{"math::exp2", 1, 1, unary<std::exp2>},
    Function{"math::cos", 1, 1, unary<std::cos>},
    Function{"math::sin", 1, 1, unary<std::sin>},
    Function{"math::tan", 1, 1, unary<std::tan>},
    Function{"math::acos", 1, 1, unary<std::acos>},
    Function{"math::asin", 1, 1, unary<std::asin>},
    Function{"math::atan", 1, 1, unary<std::atan>},
    Function{"math::log", 2, 2, binary<log_to_base>},
    Function{"math::pow", 2, 2, binary<std::pow>},
    Function{"math::atan2", 2, 2, binary<std::atan2>},
    Function{"math::hypot", 2, 2, binary<std::hypot>},
    Function{"min", 1, arguments_any, extreme<false>},
    Function{"max", 1, arguments_any, extreme<true>},
    Function{"len", 1, arguments_any, length},
    Function{"contains", 2, 2, contains},
    Function{"contains_any", 2, 2, contains_any},
    Function{"typeof", 1, 1, type_of},
    Function{"str::to_lowercase", 1, 1, change_case<std::tolower>},
    Function{"str::to_uppercase", 1, 1, change_case<std::toupper>},
    Function{"str::trim", 1, 1, trim},
    Function{"str::from", 1, 1, text_from},
    Function{"str::substring", 2, 3, substring},
};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (std::tolower(a[i]) == std::tolower(b[j]) ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({replaced, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

std::span<const Function> functions() { return table; }

std::optional<std::size_t> find_function(std::string_view name) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::string_view known = table[i].name;
    if (known == name) return i;
    if (known.starts_with("math::") && known.substr(6) == name) return i;
  }
  return std::nullopt;
}

std::string_view nearest_function(std::string_view name) {
  std::string_view nearest;
  std::size_t nearest_distance = 3;
  if (name.size() > 32) return nearest;
  for (const Function& function : table) {
    const std::string_view known = function.name;
    const std::string_view bare = known.substr(known.rfind(':') + 1);  // npos + 1 is 0
    const std::size_t distance = std::min(edit_distance(name, known), edit_distance(name, bare));
    if (distance >= nearest_distance) continue;
    nearest_distance = distance;
    nearest = known;
  }
  return nearest;
}

}  // namespace wireway::dataflow
