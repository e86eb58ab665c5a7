#include "base/json.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

namespace wireway {
namespace {

Result<json::value> parse_with(std::string_view text, const json::parse_options& options) {
  json::error_code error;
  json::parser parser({}, options);
  const std::size_t consumed = parser.write(text.data(), text.size(), error);
  if (error) return fail(Errc::invalid, fmt::format("{} at byte {}", error.message(), consumed));
  return parser.release();
}

}  // namespace

Result<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = json_depth_max;
  return parse_with(text, options);
}

Result<json::value> parse_relaxed_json(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return json::object{};
  json::parse_options options;
  options.max_depth = json_depth_max;
  options.allow_comments = true;
  options.allow_trailing_commas = true;
  auto value = parse_with(text, options);
  if (value && value->is_null()) return json::object{};
  return value;
}

const json::value* find(const json::value& root, std::initializer_list<std::string_view> path) {
  const json::value* at = &root;
  for (const std::string_view key : path) {
    if (!at->is_object()) return nullptr;
    at = at->get_object().if_contains(key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string text_at(const json::value& root, std::initializer_list<std::string_view> path,
                    std::string_view fallback) {
  const json::value* found = find(root, path);
  if (found == nullptr || !found->is_string()) return std::string(fallback);
  return std::string(found->get_string());
}

std::int64_t int_at(const json::value& root, std::initializer_list<std::string_view> path,
                    std::int64_t fallback) {
  const json::value* found = find(root, path);
  if (found == nullptr) return fallback;
  if (found->is_int64()) return found->get_int64();
  if (found->is_uint64() && found->get_uint64() <= std::uint64_t(INT64_MAX))
    return std::int64_t(found->get_uint64());
  if (!found->is_string()) return fallback;
  const auto& text = found->get_string();
  std::int64_t value = fallback;
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end ? value : fallback;
}

bool bool_at(const json::value& root, std::initializer_list<std::string_view> path, bool fallback) {
  const json::value* found = find(root, path);
  if (found == nullptr) return fallback;
  if (found->is_bool()) return found->get_bool();
  if (!found->is_string()) return fallback;
  const std::string_view text = found->get_string();
  if (equals_ignoring_case(text, "true") || equals_ignoring_case(text, "enabled")) return true;
  if (equals_ignoring_case(text, "false") || equals_ignoring_case(text, "disabled")) return false;
  return fallback;
}

const json::value* find_ignoring_case(const json::value& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  for (const auto& [name, value] : object.get_object())
    if (equals_ignoring_case(name, key)) return &value;
  return nullptr;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace wireway
