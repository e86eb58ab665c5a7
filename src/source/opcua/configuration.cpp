#include "source/opcua/configuration.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace wireway::source::opcua {
namespace {

std::optional<double> number_of(const json::value& value) {
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (value.is_double()) return value.get_double();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_string();
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Configuration::Configuration(const json::value* text, std::string place,
                             std::vector<std::string>& notes)
    : object_(json::object()), place_(std::move(place)), notes_(notes) {
  if (text == nullptr || text->is_null()) return;
  if (text->is_object()) {
    object_ = *text;
    return;
  }
  if (!text->is_string()) {
    notes_.push_back(fmt::format("{} is not a text; defaults are used", place_));
    return;
  }
  Result<json::value> parsed = parse_relaxed_json(text->get_string());
  if (!parsed) {
    notes_.push_back(
        fmt::format("{} is not JSON ({}); defaults are used", place_, parsed.error().message));
    return;
  }
  if (parsed->is_object()) {
    object_ = std::move(*parsed);
  } else {
    notes_.push_back(fmt::format("{} is not a JSON object; defaults are used", place_));
  }
}

Configuration Configuration::section(std::string_view key) const {
  const json::value* found = find_ignoring_case(object_, key);
  json::value inner = found != nullptr && found->is_object() ? *found : json::value(json::object());
  return {std::move(inner), fmt::format("{}.{}", place_, key), notes_, 0};
}

std::optional<std::uint32_t> Configuration::number(std::initializer_list<std::string_view> keys,
                                                   std::uint32_t max) const {
  for (const std::string_view key : keys) {
    const json::value* found = find_ignoring_case(object_, key);
    if (found == nullptr || found->is_null()) continue;
    const std::optional<double> value = number_of(*found);
    if (value == -1.0) return std::nullopt;
    if (!value || !(*value >= 0) || *value > max) {
      notes_.push_back(fmt::format("{}.{} is not a number from -1 to {}; the default is used",
                                   place_, key, max));
      return std::nullopt;
    }
    return static_cast<std::uint32_t>(std::lround(*value));
  }
  return std::nullopt;
}

std::optional<std::string> Configuration::text(std::string_view key) const {
  const json::value* found = find_ignoring_case(object_, key);
  if (found == nullptr || !found->is_string()) return std::nullopt;
  return std::string(found->get_string());
}

bool Configuration::has(std::string_view key) const {
  const json::value* found = find_ignoring_case(object_, key);
  return found != nullptr && !found->is_null();
}

void Configuration::note_unknown(std::initializer_list<std::string_view> known) const {
  for (const auto& member : object_.get_object()) {
    const bool is_known = std::ranges::any_of(
        known, [&](std::string_view key) { return equals_ignoring_case(key, member.key()); });
    if (!is_known)
      notes_.push_back(
          fmt::format("{}.{} is not known and left out", place_, std::string_view(member.key())));
  }
}

}  // namespace wireway::source::opcua
