#include "control/api/render.h"

#include <fmt/format.h>

#include "base/yaml.h"
#include "control/api/objects.h"

namespace wireway::control {
namespace {

std::string api_version_prefix(const ResourceType& type, const ServedVersion& version) {
  return "{\"apiVersion\":\"" + type.api_version(version) + "\"";
}

std::string as_yaml(const std::string& body) {
  auto value = parse_json(body);
  return value ? to_yaml(*value) : body;
}

void move_member(const json::object& from, std::string_view old_key, json::object& to,
                 std::string_view new_key) {
  if (const json::value* value = from.if_contains(old_key)) to[new_key] = *value;
}

}  // namespace

json::object event_view(const json::object& event) {
  json::object out{{"apiVersion", "events.k8s.io/v1"}, {"kind", "Event"}};
  for (const char* key : {"metadata", "reason", "type", "action", "eventTime", "related", "series",
                          "reportingInstance"})
    move_member(event, key, out, key);
  move_member(event, "involvedObject", out, "regarding");
  move_member(event, "message", out, "note");
  move_member(event, "source", out, "deprecatedSource");
  move_member(event, "firstTimestamp", out, "deprecatedFirstTimestamp");
  move_member(event, "lastTimestamp", out, "deprecatedLastTimestamp");
  move_member(event, "count", out, "deprecatedCount");
  move_member(event, "reportingComponent", out, "reportingController");
  const json::value source(event);
  if (text_at(source, {"reportingComponent"}).empty())
    out["reportingController"] = text_at(source, {"source", "component"});
  return out;
}

Renderer::Renderer(ResourceTypeRef type, const ServedVersion& version, Accept accept,
                   IncludeObject include, WallTime now)
    : type_(std::move(type)),
      version_(version),
      accept_(std::move(accept)),
      tables_(*type_, version, accept_.table_version, include, now),
      stored_prefix_(api_version_prefix(*type_, type_->storage_version())),
      wanted_prefix_(api_version_prefix(*type_, version)),
      speaks_(type_->dialects.speaks(version.name)) {}

std::string Renderer::plain(std::string_view body) const {
  if (type_->behaviour == Behaviour::read_only_view)
    return json::serialize(event_view(stored_object(body)));
  if (version_.storage || !body.starts_with(stored_prefix_)) return std::string(body);
  std::string out = wanted_prefix_ + std::string(body.substr(stored_prefix_.size()));
  if (!speaks_) return out;
  json::value object(stored_object(out));
  type_->dialects.from_stored(object, version_.name);
  return json::serialize(object);
}

std::string Renderer::object(std::string_view body) const {
  if (accept_.form == Accept::Form::plain) {
    std::string out = plain(body);
    return accept_.yaml ? as_yaml(out) : out;
  }
  const json::value value(stored_object(plain(body)));
  std::string out;
  if (accept_.form == Accept::Form::partial) {
    out = json::serialize(partial_object(value, accept_.table_version));
  } else {
    json::object metadata;
    if (const json::value* number = find(value, "metadata", "resourceVersion"))
      metadata["resourceVersion"] = *number;
    out = json::serialize(tables_.table(std::move(metadata), {tables_.row(value)}, true));
  }
  return accept_.yaml ? as_yaml(out) : out;
}

std::string Renderer::list(const std::vector<Revision>& items, json::object list_metadata) const {
  std::string out;
  if (accept_.form == Accept::Form::table) {
    json::array rows;
    for (const Revision& item : items)
      rows.push_back(tables_.row(json::value(stored_object(plain(item.body)))));
    out = json::serialize(tables_.table(std::move(list_metadata), std::move(rows), true));
  } else {
    const bool partial = accept_.form == Accept::Form::partial;
    out =
        fmt::format("{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{},\"items\":[",
                    partial ? "PartialObjectMetadataList" : type_->list_kind,
                    partial ? "meta.k8s.io/" + accept_.table_version : type_->api_version(version_),
                    json::serialize(list_metadata));
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += ',';
      const std::string text = plain(items[i].body);
      out += partial ? json::serialize(
                           partial_object(json::value(stored_object(text)), accept_.table_version))
                     : text;
    }
    out += "]}";
  }
  return accept_.yaml ? as_yaml(out) : out;
}

std::string Renderer::watched(std::string_view body, bool first) const {
  if (accept_.form == Accept::Form::plain) return plain(body);
  const json::value value(stored_object(plain(body)));
  if (accept_.form == Accept::Form::partial)
    return json::serialize(partial_object(value, accept_.table_version));
  json::object metadata;
  if (const json::value* number = find(value, "metadata", "resourceVersion"))
    metadata["resourceVersion"] = *number;
  return json::serialize(tables_.table(std::move(metadata), {tables_.row(value)}, first));
}

std::string Renderer::bookmark(std::int64_t revision, bool initial_events_end) const {
  json::object metadata{{"resourceVersion", std::to_string(revision)}};
  if (initial_events_end)
    metadata["annotations"] = json::object{{"k8s.io/initial-events-end", "true"}};
  if (accept_.form == Accept::Form::table)
    return json::serialize(tables_.table(std::move(metadata), {}, false));
  if (accept_.form == Accept::Form::partial)
    return json::serialize(
        partial_object(json::object{{"metadata", std::move(metadata)}}, accept_.table_version));
  return json::serialize(json::object{{"kind", type_->name.kind},
                                      {"apiVersion", type_->api_version(version_)},
                                      {"metadata", std::move(metadata)}});
}

}  // namespace wireway::control
