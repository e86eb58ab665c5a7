#include "source/opcua/json_write.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace wireway::source::opcua {
namespace {

constexpr std::int64_t ticks_per_second = 10'000'000;
constexpr std::int64_t epoch_seconds_before_1970 = 11'644'473'600;  // 1601-01-01 to 1970-01-01
constexpr std::int64_t year_max = 9999;

template <class T>
void append_shortest(std::string& out, T value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
  std::array<char, 40> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

template <class T>
void append_whole(std::string& out, T value) {
  std::array<char, 24> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);
}

void append_padded(std::string& out, std::int64_t value, int width) {
  std::array<char, 8> digits;
  for (int i = width; i-- > 0; value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out.append(digits.data(), static_cast<std::size_t>(width));
}

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto follows = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!follows(1) || !follows(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    return first == 0xED && byte(1) > 0x9F ? 0 : 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    return first == 0xF4 && byte(1) > 0x8F ? 0 : 4;
  }
  return 0;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  constexpr std::string_view hex = "0123456789abcdef";
  out += "\\u00";
  out += hex[static_cast<std::uint8_t>(c) >> 4];
  out += hex[static_cast<std::uint8_t>(c) & 0xF];
}

}  // namespace

void append_integer(std::string& out, std::int64_t value) { append_whole(out, value); }
void append_unsigned(std::string& out, std::uint64_t value) { append_whole(out, value); }
void append_number(std::string& out, double value) { append_shortest(out, value); }
void append_number(std::string& out, float value) { append_shortest(out, value); }

void append_text(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    const bool is_plain = c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
    std::size_t length = 1;
    if (is_plain) {
      out += c;
    } else if (static_cast<std::uint8_t>(c) < 0x80) {
      append_escaped(out, c);
    } else if (length = utf8_length(text); length > 0) {
      out += text.substr(0, length);
    } else {
      out += "\xEF\xBF\xBD";
      length = 1;
    }
    text.remove_prefix(length);
  }
  out += '"';
}

void append_bytes(std::string& out, ByteView bytes) {
  out += '"';
  out += base64_encode(bytes);
  out += '"';
}

void append_time(std::string& out, std::int64_t ticks) {
  using namespace std::chrono;
  std::int64_t whole = ticks / ticks_per_second, fraction = ticks % ticks_per_second;
  if (fraction < 0) {
    fraction += ticks_per_second;
    --whole;
  }
  const sys_seconds instant{seconds{whole - epoch_seconds_before_1970}};
  const auto day = floor<days>(instant);
  const year_month_day date{day};
  const int year = static_cast<int>(date.year());
  if (year < 1 || ticks <= 0) {
    out += "\"0001-01-01T00:00:00Z\"";
    return;
  }
  if (year > year_max) {
    out += "\"9999-12-31T23:59:59Z\"";
    return;
  }
  const hh_mm_ss<seconds> clock{instant - day};
  out += '"';
  append_padded(out, year, 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, clock.hours().count(), 2);
  out += ':';
  append_padded(out, clock.minutes().count(), 2);
  out += ':';
  append_padded(out, clock.seconds().count(), 2);
  if (fraction != 0) {
    out += '.';
    append_padded(out, fraction, 7);
    while (out.back() == '0') out.pop_back();
  }
  out += "Z\"";
}

}  // namespace wireway::source::opcua
