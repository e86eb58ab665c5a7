#include "control/api/table.h"

#include <algorithm>

#include <fmt/format.h>

namespace wireway::control {
namespace {

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

/// "asset/oven" for an object reference.
std::string reference_text(const json::value& reference) {
  std::string kind = text_at(reference, {"kind"});
  std::ranges::transform(kind, kind.begin(), [](char c) { return std::tolower(c); });
  return kind + "/" + text_at(reference, {"name"});
}

std::int64_t members_of(const std::vector<const json::value*>& found) {
  std::int64_t count = 0;
  for (const json::value* value : found) {
    if (value->is_object()) count += static_cast<std::int64_t>(value->get_object().size());
    if (value->is_array()) count += static_cast<std::int64_t>(value->get_array().size());
  }
  return count;
}

/// What clients know as column types; ours of the core kinds are theirs in disguise.
std::string_view public_type(std::string_view type) {
  if (type == "count") return "integer";
  return type == "reference" ? "string" : type;
}

}  // namespace

std::string human_duration(Duration duration) {
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 60 * 2) return fmt::format("{}s", seconds);
  const std::int64_t minutes = seconds / 60;
  if (minutes < 10)
    return seconds % 60 == 0 ? fmt::format("{}m", minutes)
                             : fmt::format("{}m{}s", minutes, seconds % 60);
  if (minutes < 60 * 3) return fmt::format("{}m", minutes);
  const std::int64_t hours = minutes / 60;
  if (hours < 8)
    return minutes % 60 == 0 ? fmt::format("{}h", hours)
                             : fmt::format("{}h{}m", hours, minutes % 60);
  if (hours < 48) return fmt::format("{}h", hours);
  const std::int64_t days = hours / 24;
  if (hours < 24 * 8)
    return hours % 24 == 0 ? fmt::format("{}d", days) : fmt::format("{}d{}h", days, hours % 24);
  if (days < 365 * 2) return fmt::format("{}d", days);
  if (days < 365 * 8)
    return days % 365 == 0 ? fmt::format("{}y", days / 365)
                           : fmt::format("{}y{}d", days / 365, days % 365);
  return fmt::format("{}y", days / 365);
}

json::object partial_object(const json::value& object, std::string_view meta_version) {
  json::object out{{"kind", "PartialObjectMetadata"},
                   {"apiVersion", fmt::format("meta.k8s.io/{}", meta_version)}};
  const json::value* metadata = find(object, "metadata");
  out["metadata"] = metadata == nullptr ? json::value(json::object()) : *metadata;
  return out;
}

TableMaker::TableMaker(const ResourceType& type, const ServedVersion& version,
                       std::string table_version, IncludeObject include, WallTime now)
    : type_(type),
      version_(version),
      table_version_(std::move(table_version)),
      include_(include),
      now_(now) {}

json::array TableMaker::columns() const {
  const auto definition = [](std::string_view name, std::string_view type, std::string_view format,
                             std::string_view description, std::int64_t priority) {
    return json::object{{"name", name},
                        {"type", type},
                        {"format", format},
                        {"description", description},
                        {"priority", priority}};
  };
  json::array out;
  const bool is_event = type_.stored_as == "events";
  if (!is_event) out.push_back(definition("Name", "string", "name", "Name of the object", 0));
  for (const PrinterColumn& column : version_.columns)
    out.push_back(definition(column.name, public_type(column.type), column.format,
                             column.description, column.priority));
  if (version_.columns.empty())
    out.push_back(definition("Age", "date", "", "Time since the object was created", 0));
  if (is_event) out.push_back(definition("Name", "string", "name", "Name of the object", 1));
  return out;
}

json::value TableMaker::cell(const PrinterColumn& column, const json::value& object) const {
  const auto found = column.path.find(object);
  if (column.type == "count") return members_of(found);
  if (found.empty() || found.front()->is_null())
    return column.type == "date" ? json::value("<unknown>") : json::value(nullptr);
  const json::value& first = *found.front();
  if (column.type == "reference") return json::value(reference_text(first));
  if (column.type == "date") {
    const auto time =
        first.is_string() ? parse_rfc3339(first.get_string()) : std::optional<WallTime>();
    return json::value(time ? human_duration(now_ - *time) : "<invalid>");
  }
  if (column.type == "integer" || column.type == "number")
    return first.is_number() ? first : json::value(nullptr);
  if (column.type == "boolean") return first.is_bool() ? first : json::value(nullptr);
  std::string text;
  for (const json::value* value : found) text += (text.empty() ? "" : ",") + text_of(*value);
  return json::value(text);
}

json::object TableMaker::row(const json::value& object) const {
  json::array cells;
  const std::string name = text_at(object, {"metadata", "name"});
  const bool is_event = type_.stored_as == "events";
  if (!is_event) cells.emplace_back(name);
  for (const PrinterColumn& column : version_.columns) cells.push_back(cell(column, object));
  if (version_.columns.empty()) {
    const auto created = parse_rfc3339(text_at(object, {"metadata", "creationTimestamp"}));
    cells.emplace_back(created ? human_duration(now_ - *created) : "<unknown>");
  }
  if (is_event) cells.emplace_back(name);
  json::object out{{"cells", std::move(cells)}};
  if (include_ == IncludeObject::metadata) out["object"] = partial_object(object, table_version_);
  if (include_ == IncludeObject::object) out["object"] = object;
  return out;
}

json::object TableMaker::table(json::object list_metadata, json::array rows,
                               bool with_columns) const {
  json::object out{{"kind", "Table"}, {"apiVersion", "meta.k8s.io/" + table_version_}};
  out["metadata"] = std::move(list_metadata);
  out["columnDefinitions"] = with_columns ? columns() : json::array();
  out["rows"] = std::move(rows);
  return out;
}

}  // namespace wireway::control
