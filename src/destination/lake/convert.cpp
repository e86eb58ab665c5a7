#include "destination/lake/convert.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/time.h"

namespace wireway::destination::lake {
namespace {

std::unexpected<Error> cannot(std::string_view type, const json::value& value) {
  return fail(Errc::invalid,
              fmt::format("cannot make a {} of {}", type, to_json(value).substr(0, 60)));
}

template <class Number>
std::optional<Number> parse_whole(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  Number number{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size())
    return std::nullopt;
  return number;
}

/// Digits of a decimal number in text, "-12.345e1" included, as an unscaled integer; nullopt if the
/// text is no number or needs more than 38 digits.
std::optional<Wide> scaled_digits(std::string_view text, int scale) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  int exponent = 0;
  if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto parsed = parse_whole<int>(digits);
    if (!parsed || *parsed < -400 || *parsed > 400) return std::nullopt;
    exponent = *parsed;
    text = text.substr(0, e);
  }
  const auto point = text.find('.');
  std::string digits(text.substr(0, point));
  if (point != std::string_view::npos) {
    digits += text.substr(point + 1);
    exponent -= static_cast<int>(text.size() - point - 1);
  }
  if (digits.empty()) return std::nullopt;
  int shift = exponent + scale;  // digits times 10^shift is the unscaled number
  std::string cut;
  while (shift < 0) {
    cut.insert(cut.begin(), digits.empty() ? '0' : digits.back());
    if (!digits.empty()) digits.pop_back();
    ++shift;
  }
  Wide out = 0;
  for (const char c : digits + std::string(static_cast<std::size_t>(shift), '0')) {
    if (c < '0' || c > '9') return std::nullopt;
    if (__builtin_mul_overflow(out, Wide{10}, &out)) return std::nullopt;
    if (__builtin_add_overflow(out, Wide{c - '0'}, &out)) return std::nullopt;
  }
  const bool above = !cut.empty() &&
                     (cut[0] > '5' || (cut[0] == '5' && cut.find_first_not_of('0', 1) != cut.npos));
  const bool half = !cut.empty() && cut[0] == '5' && !above;
  if (above || (half && out % 2 != 0)) ++out;
  return negative ? -out : out;
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

}  // namespace

Result<bool> to_boolean(const json::value& value) {
  if (value.is_bool()) return value.get_bool();
  if (value.is_string()) {
    if (equals_ignoring_case(value.get_string(), "true")) return true;
    if (equals_ignoring_case(value.get_string(), "false")) return false;
  }
  if (value.is_int64() || value.is_double()) {
    const double number = value.to_number<double>();
    if (number == 0 || number == 1) return number == 1;
  }
  return cannot("boolean", value);
}

Result<std::int64_t> to_integer(const json::value& value, int bits) {
  const double limit = std::ldexp(1.0, bits - 1);
  std::optional<std::int64_t> whole;
  std::optional<double> number;
  if (value.is_bool()) whole = value.get_bool() ? 1 : 0;
  if (value.is_int64()) whole = value.get_int64();
  if (value.is_double()) number = value.get_double();
  if (value.is_string()) {
    whole = parse_whole<std::int64_t>(value.get_string());
    if (!whole) number = parse_whole<double>(value.get_string());
  }
  if (number && std::isfinite(*number) && std::trunc(*number) >= -limit &&
      std::trunc(*number) < limit)
    whole = static_cast<std::int64_t>(std::trunc(*number));
  const std::int64_t max =
      bits == 64 ? std::numeric_limits<std::int64_t>::max() : (std::int64_t{1} << (bits - 1)) - 1;
  if (whole && *whole <= max && *whole >= -max - 1) return *whole;
  return cannot(bits == 64 ? "long" : "smaller integer", value);
}

Result<double> to_double(const json::value& value) {
  if (value.is_bool()) return value.get_bool() ? 1.0 : 0.0;
  if (value.is_double()) return value.get_double();
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (value.is_string()) {
    const std::string_view text = value.get_string();
    if (const auto number = parse_whole<double>(text)) return *number;
  }
  return cannot("double", value);
}

Result<Wide> to_decimal(const json::value& value, int precision, int scale) {
  std::string text;
  if (value.is_bool()) text = value.get_bool() ? "1" : "0";
  if (value.is_number()) text = to_json(value);
  if (value.is_string()) text = value.get_string();
  const auto unscaled = scaled_digits(text, scale);
  Wide limit = 1;
  for (int i = 0; i < precision; ++i) limit *= 10;
  if (unscaled && *unscaled < limit && *unscaled > -limit) return *unscaled;
  return cannot("decimal", value);
}

Result<std::string> to_string(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool() || value.is_number()) return to_json(value);
  return cannot("string", value);
}

Result<std::string> to_binary(const json::value& value) {
  if (!value.is_string()) return cannot("binary", value);
  std::string_view text = value.get_string();
  if (text.size() % 4 != 0) return cannot("binary", value);
  std::string out;
  std::uint32_t bits = 0;
  std::size_t padding = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const bool pad = text[i] == '=' && i + 2 >= text.size();
    const auto digit = pad ? 0 : alphabet.find(text[i]);
    if (digit == std::string_view::npos || (padding > 0 && !pad)) return cannot("binary", value);
    padding += pad ? 1 : 0;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) out.push_back(static_cast<char>(bits >> shift & 0xFF));
    bits = 0;
  }
  out.resize(out.size() - padding);
  return out;
}

Result<std::int32_t> to_date(const json::value& value) {
  if (value.is_int64()) {
    const std::int64_t days = floor_divide(value.get_int64(), 86'400);  // a formula gives seconds
    if (days >= -719'162 && days <= 2'932'896) return static_cast<std::int32_t>(days);
  }
  if (!value.is_string()) return cannot("date", value);
  std::string text(value.get_string());
  if (text.size() == 10) text += "T00:00:00Z";
  const auto time = parse_rfc3339(text);
  if (!time) return cannot("date", value);
  const auto days = std::chrono::floor<std::chrono::days>(time->since_epoch);
  return static_cast<std::int32_t>(days.count());
}

Result<std::int64_t> to_timestamp(const json::value& value) {
  constexpr std::int64_t micros_per_second = 1'000'000;
  if (value.is_int64()) {
    std::int64_t micros = 0;
    if (!__builtin_mul_overflow(value.get_int64(), micros_per_second, &micros)) return micros;
  }
  if (!value.is_string()) return cannot("timestamp", value);
  const auto time = parse_rfc3339(value.get_string());
  if (!time) return cannot("timestamp", value);
  return std::chrono::floor<std::chrono::microseconds>(time->since_epoch).count();
}

}  // namespace wireway::destination::lake
