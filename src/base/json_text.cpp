#include "base/json_text.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

namespace wireway {
namespace {

/// Builds the value as Boost.JSON's own parser does, but reads the text of each double anew.
class ExactHandler {
 public:
  static constexpr std::size_t max_array_size = std::size_t(-1) >> 8;
  static constexpr std::size_t max_object_size = std::size_t(-1) >> 8;
  static constexpr std::size_t max_string_size = std::size_t(-1) >> 8;
  static constexpr std::size_t max_key_size = std::size_t(-1) >> 8;

  ExactHandler() { stack_.reset(); }
  json::value release() { return stack_.release(); }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t n, json::error_code&) { return stack_.push_array(n), true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(std::size_t n, json::error_code&) { return stack_.push_object(n), true; }
  bool on_string_part(json::string_view s, std::size_t, json::error_code&) {
    return stack_.push_chars(s), true;
  }
  bool on_string(json::string_view s, std::size_t, json::error_code&) {
    return stack_.push_string(s), true;
  }
  bool on_key_part(json::string_view s, std::size_t, json::error_code&) {
    return stack_.push_chars(s), true;
  }
  bool on_key(json::string_view s, std::size_t, json::error_code&) {
    return stack_.push_key(s), true;
  }
  bool on_number_part(json::string_view s, json::error_code&) {
    number_.append(s.data(), s.size());
    return true;
  }
  bool on_int64(std::int64_t value, json::string_view, json::error_code&) {
    number_.clear();
    return stack_.push_int64(value), true;
  }
  bool on_uint64(std::uint64_t value, json::string_view, json::error_code&) {
    number_.clear();
    return stack_.push_uint64(value), true;
  }
  bool on_double(double approximate, json::string_view s, json::error_code&) {
    number_.append(s.data(), s.size());
    double exact = approximate;
    std::from_chars(number_.data(), number_.data() + number_.size(), exact);
    number_.clear();
    return stack_.push_double(exact), true;
  }
  bool on_bool(bool value, json::error_code&) { return stack_.push_bool(value), true; }
  bool on_null(json::error_code&) { return stack_.push_null(), true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  json::value_stack stack_;
  std::string number_;
};

void append_string(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out.push_back('"');
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    out.push_back('\\');
    switch (c) {
      case '"': out.push_back('"'); break;
      case '\\': out.push_back('\\'); break;
      case '\b': out.push_back('b'); break;
      case '\f': out.push_back('f'); break;
      case '\n': out.push_back('n'); break;
      case '\r': out.push_back('r'); break;
      case '\t': out.push_back('t'); break;
      default:
        out.append("u00");
        out.push_back(digits[c >> 4]);
        out.push_back(digits[c & 15]);
    }
  }
  out.append(text, plain);
  out.push_back('"');
}

template <class Integer>
void append_integer(std::string& out, Integer value) {
  char buffer[24];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, end);
}

void append_object(std::string& out, const json::object& object) {
  out.push_back('{');
  bool first = true;
  for (const auto& member : object) {
    if (!std::exchange(first, false)) out.push_back(',');
    append_string(out, member.key());
    out.push_back(':');
    append_json(out, member.value());
  }
  out.push_back('}');
}

}  // namespace

Result<json::value> parse_json_exact(std::string_view text) {
  json::parse_options options;
  options.max_depth = json_depth_max;
  json::basic_parser<ExactHandler> parser(options);
  json::error_code error;
  std::size_t consumed = parser.write_some(false, text.data(), text.size(), error);
  if (!error && consumed < text.size() &&
      text.find_first_not_of(" \t\r\n", consumed) != std::string_view::npos)
    error = json::error::extra_data;
  if (error) return fail(Errc::invalid, fmt::format("{} at byte {}", error.message(), consumed));
  return parser.handler().release();
}

void append_json(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out.append("null");
    return;
  }
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, end);
  const std::size_t length = static_cast<std::size_t>(end - buffer);
  const bool marked =
      std::memchr(buffer, '.', length) != nullptr || std::memchr(buffer, 'e', length) != nullptr;
  if (!marked) out.append(".0");
}

void append_json(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: out.append("null"); break;
    case json::kind::bool_: out.append(value.get_bool() ? "true" : "false"); break;
    case json::kind::int64: append_integer(out, value.get_int64()); break;
    case json::kind::uint64: append_integer(out, value.get_uint64()); break;
    case json::kind::double_: append_json(out, value.get_double()); break;
    case json::kind::string: append_string(out, value.get_string()); break;
    case json::kind::object: append_object(out, value.get_object()); break;
    case json::kind::array: {
      out.push_back('[');
      bool first = true;
      for (const auto& element : value.get_array()) {
        if (!std::exchange(first, false)) out.push_back(',');
        append_json(out, element);
      }
      out.push_back(']');
      break;
    }
  }
}

std::string to_json(const json::value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace wireway
