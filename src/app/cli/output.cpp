#include "app/cli/output.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/yaml.h"

namespace wireway::app::cli {
namespace {

Colour colour_of(std::string_view cell) {
  if (cell == "True" || cell == "Ready" || cell == "Available" || cell == "success")
    return Colour::green;
  if (cell == "False" || cell == "Error" || cell == "Unavailable" || cell == "error")
    return Colour::red;
  if (cell == "Unknown" || cell == "Degraded" || cell == "warning") return Colour::yellow;
  return Colour::none;
}

void append_pretty(std::string& out, const json::value& value, std::size_t indent) {
  const auto line = [&out](std::size_t depth) { out += "\n" + std::string(depth * 2, ' '); };
  if (value.is_object() && !value.get_object().empty()) {
    char separator = '{';
    for (const auto& [key, member] : value.get_object()) {
      out += std::exchange(separator, ',');
      line(indent + 1);
      append_json(out, json::value(key));
      out += ": ";
      append_pretty(out, member, indent + 1);
    }
    line(indent);
    out += '}';
  } else if (value.is_array() && !value.get_array().empty()) {
    char separator = '[';
    for (const json::value& item : value.get_array()) {
      out += std::exchange(separator, ',');
      line(indent + 1);
      append_pretty(out, item, indent + 1);
    }
    line(indent);
    out += ']';
  } else {
    append_json(out, value);
  }
}

}  // namespace

Form form_of(const std::string& word) {
  const auto found = std::ranges::find(form_words, word);
  return found == form_words.end() ? Form::table
                                   : static_cast<Form>(std::distance(form_words.begin(), found));
}

std::size_t shown_width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string TextTable::to_text(const Console& console) const {
  std::vector<std::size_t> widths;
  for (const std::string& heading : headings_) widths.push_back(shown_width(heading));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < std::min(row.size(), widths.size()); ++i)
      widths[i] = std::max(widths[i], shown_width(row[i]));
  std::string out;
  const auto add = [&](const std::vector<std::string>& row, bool heading) {
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string cell = i < row.size() ? row[i] : "";
      line += console.paint(heading ? Colour::bold : colour_of(cell), cell);
      if (i + 1 < widths.size()) line.append(widths[i] - shown_width(cell) + 3, ' ');
    }
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  };
  add(headings_, true);
  for (const auto& row : rows_) add(row, false);
  return out;
}

json::value without_managed_fields(json::value object) {
  if (object.is_object())
    if (json::value* metadata = object.get_object().if_contains("metadata");
        metadata != nullptr && metadata->is_object())
      metadata->get_object().erase("managedFields");
  return object;
}

std::string to_text(const json::value& value, Form form) {
  if (form != Form::json) return to_yaml(value);
  std::string out;
  append_pretty(out, value, 0);
  return out + "\n";
}

json::value list_of(json::array items) {
  return json::object{{"apiVersion", "v1"},
                      {"kind", "List"},
                      {"metadata", json::object{{"resourceVersion", ""}}},
                      {"items", std::move(items)}};
}

}  // namespace wireway::app::cli
