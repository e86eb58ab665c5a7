#include "control/api/object_meta.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/time.h"
#include "base/yaml.h"
#include "control/api/protobuf.h"
#include "control/api/repeated_keys.h"

namespace wireway::control {
namespace {

enum class Shape { text, number, texts_by_key, texts, objects, time };

struct MetaField {
  std::string_view name;
  Shape shape;
};

constexpr std::array meta_fields{
    MetaField{"name", Shape::text},
    MetaField{"generateName", Shape::text},
    MetaField{"namespace", Shape::text},
    MetaField{"selfLink", Shape::text},
    MetaField{"uid", Shape::text},
    MetaField{"resourceVersion", Shape::text},
    MetaField{"generation", Shape::number},
    MetaField{"creationTimestamp", Shape::time},
    MetaField{"deletionTimestamp", Shape::time},
    MetaField{"deletionGracePeriodSeconds", Shape::number},
    MetaField{"labels", Shape::texts_by_key},
    MetaField{"annotations", Shape::texts_by_key},
    MetaField{"ownerReferences", Shape::objects},
    MetaField{"finalizers", Shape::texts},
    MetaField{"managedFields", Shape::objects},
};

ApiError cannot_decode(std::string_view what, std::string_view field, std::string_view type) {
  return bad_request(
      fmt::format("json: cannot unmarshal {} into Go struct field "
                  "ObjectMeta.metadata.{} of type {}",
                  what, field, type));
}

std::string_view kind_word(const json::value& value) {
  if (value.is_bool()) return "bool";
  return value.is_number()   ? "number"
         : value.is_string() ? "string"
         : value.is_array()  ? "array"
                             : "object";
}

ApiResult<> check_shape(const MetaField& field, const json::value& value) {
  const auto refuse = [&](const json::value& wrong, std::string_view type) {
    return std::unexpected(cannot_decode(kind_word(wrong), field.name, type));
  };
  switch (field.shape) {
    case Shape::text:
      if (!value.is_string()) return refuse(value, "string");
      return {};
    case Shape::number:
      if (!value.is_int64()) return refuse(value, "int64");
      return {};
    case Shape::time:
      if (!value.is_string() || !parse_rfc3339(value.get_string())) return refuse(value, "v1.Time");
      return {};
    case Shape::texts_by_key:
      if (!value.is_object()) return refuse(value, "map[string]string");
      for (const auto& member : value.get_object())
        if (!member.value().is_string()) return refuse(member.value(), "string");
      return {};
    case Shape::texts:
      if (!value.is_array()) return refuse(value, "[]string");
      for (const json::value& item : value.get_array())
        if (!item.is_string()) return refuse(item, "string");
      return {};
    case Shape::objects:
      if (!value.is_array()) return refuse(value, "[]object");
      for (const json::value& item : value.get_array())
        if (!item.is_object()) return refuse(item, "object");
      return {};
  }
  return {};
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Letters, digits and inner - _ . up to 63.
bool is_label_part(std::string_view text) {
  if (text.empty() || text.size() > 63) return false;
  if (!is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  return std::ranges::all_of(
      text, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_qualified_name(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return is_label_part(text);
  return is_dns_subdomain(text.substr(0, slash)) && is_label_part(text.substr(slash + 1));
}

/// Roles and their bindings have names like "system:discovery".
bool is_role(const json::object& object) {
  return member_text(object, "apiVersion").starts_with("rbac.authorization.k8s.io/");
}
bool is_path_segment(std::string_view name) {
  return name != "." && name != ".." && name.size() <= 253 &&
         name.find_first_of("/%") == std::string_view::npos;
}

constexpr std::string_view segment_rule = "may not be '.' or '..', nor contain '/' or '%'";
constexpr std::string_view subdomain_rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr std::string_view key_rule =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr std::string_view label_rule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

void add_invalid(std::vector<resource::SchemaCause>& causes, std::string field,
                 std::string_view value, std::string_view rule) {
  causes.push_back(
      {"FieldValueInvalid", std::move(field),
       fmt::format("Invalid value: {}: {}", json::serialize(json::value(value)), rule)});
}

ApiResult<json::value> parse_body(std::string_view content_type, std::string_view body,
                                  std::vector<std::string>* repeated) {
  if (is_protobuf(content_type)) return read_protobuf(body);
  const bool yaml = content_type.find("yaml") != std::string_view::npos;
  if (!yaml && !content_type.empty() && content_type.find("json") == std::string_view::npos &&
      content_type != "*/*")
    return std::unexpected(unsupported_media_type("application/json, application/yaml"));
  if (!yaml) {
    auto value = parse_json(body);
    if (!value)
      return std::unexpected(
          bad_request("the object provided is unrecognized (must be of type "
                      "JSON): " +
                      value.error().message));
    if (repeated != nullptr)
      for (const std::string& path : repeated_keys(body, *value))
        repeated->push_back(fmt::format("duplicate field \"{}\"", path));
    return std::move(*value);
  }
  if (!is_mqtt_utf8(body))
    return std::unexpected(bad_request("error converting YAML to JSON: yaml: invalid UTF-8"));
  std::vector<std::string> repeated_in_yaml;
  auto documents = parse_yaml(body, repeated_in_yaml);
  if (!documents)
    return std::unexpected(
        bad_request("error converting YAML to JSON: yaml: " + documents.error().message));
  if (documents->size() != 1)
    return std::unexpected(bad_request(
        fmt::format("the body must hold one YAML document, it holds {}", documents->size())));
  if (repeated != nullptr)
    for (std::size_t i = 0; i < std::min(repeated_in_yaml.size(), repeated_keys_max); ++i)
      repeated->push_back("yaml: " + repeated_in_yaml[i]);
  return std::move(documents->front().value);
}

}  // namespace

ApiResult<json::value> read_body(std::string_view content_type, std::string_view body,
                                 std::vector<std::string>* repeated) {
  auto value = parse_body(content_type, body, repeated);
  if (value && !is_finite(*value)) return std::unexpected(bad_request(std::string(out_of_range)));
  return value;
}

ApiResult<> read_meta(json::object& object, std::vector<std::string>& unknown) {
  json::value& place = object["metadata"];
  if (place.is_null()) place = json::object();
  if (!place.is_object())
    return std::unexpected(
        bad_request(fmt::format("json: cannot unmarshal {} into Go struct field .metadata of type "
                                "v1.ObjectMeta",
                                kind_word(place))));
  json::object kept;
  for (auto& [key, value] : place.get_object()) {
    if (value.is_null()) continue;
    const auto field = std::ranges::find(meta_fields, std::string_view(key), &MetaField::name);
    if (field == meta_fields.end()) {
      unknown.push_back("metadata." + std::string(key));
      continue;
    }
    if (auto done = check_shape(*field, value); !done) return done;
    if (key != "selfLink") kept[key] = std::move(value);
  }
  place = std::move(kept);
  return {};
}

std::string member_text(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::string meta_text(const json::object& object, std::string_view key) {
  const json::value* metadata = object.if_contains("metadata");
  return metadata != nullptr && metadata->is_object() ? member_text(metadata->get_object(), key)
                                                      : "";
}

bool is_dns_subdomain(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  char before = '.';
  for (const char c : name) {
    const bool inner = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!inner && c != '-' && c != '.') return false;
    if ((before == '.' || before == '-') && c == '.') return false;
    if (before == '.' && c == '-') return false;
    before = c;
  }
  return before != '.' && before != '-';
}

void check_meta(const json::object& object, std::vector<resource::SchemaCause>& causes) {
  const json::value& metadata = object.at("metadata");
  const std::string name = text_at(metadata, {"name"});
  if (name.empty())
    causes.push_back({"FieldValueRequired", "metadata.name",
                      "Required value: name or generateName is required"});
  else if (is_role(object) ? !is_path_segment(name) : !is_dns_subdomain(name))
    add_invalid(causes, "metadata.name", name, is_role(object) ? segment_rule : subdomain_rule);
  if (const json::value* labels = find(metadata, "labels"))
    for (const auto& [key, value] : labels->as_object()) {
      if (!is_qualified_name(key)) add_invalid(causes, "metadata.labels", key, key_rule);
      const std::string_view text = value.as_string();
      if (!text.empty() && !is_label_part(text))
        add_invalid(causes, "metadata.labels", text, label_rule);
    }
  std::size_t bytes = 0;
  if (const json::value* annotations = find(metadata, "annotations"))
    for (const auto& [key, value] : annotations->as_object()) {
      if (!is_qualified_name(key)) add_invalid(causes, "metadata.annotations", key, key_rule);
      bytes += key.size() + value.as_string().size();
    }
  if (bytes > annotations_bytes_max)
    causes.push_back(
        {"FieldValueTooLong", "metadata.annotations",
         fmt::format("Too long: may not be more than {} bytes", annotations_bytes_max)});
}

std::size_t depth_of(const json::value& value) {
  std::size_t deepest = 0;
  if (value.is_array())
    for (const json::value& item : value.get_array()) deepest = std::max(deepest, depth_of(item));
  else if (value.is_object())
    for (const auto& member : value.get_object())
      deepest = std::max(deepest, depth_of(member.value()));
  else
    return 0;
  return deepest + 1;
}

bool is_finite(const json::value& value) {
  if (value.is_double()) return std::isfinite(value.get_double());
  if (value.is_array()) return std::ranges::all_of(value.get_array(), is_finite);
  return !value.is_object() || std::ranges::all_of(value.get_object(), [](const auto& each) {
    return is_finite(each.value());
  });
}

json::object in_order(json::object object) {
  json::object out;
  for (const char* key : {"apiVersion", "kind", "metadata"})
    if (json::value* value = object.if_contains(key)) out[key] = std::move(*value);
  for (auto& [key, value] : object)
    if (!out.contains(key) && key != "status") out[key] = std::move(value);
  if (json::value* status = object.if_contains("status")) out["status"] = std::move(*status);
  return out;
}

}  // namespace wireway::control
