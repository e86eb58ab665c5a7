// Validation, in the words of the Kubernetes API server (field.Error and kube-openapi's validate).

#include <cmath>

#include <fmt/format.h>

#include "base/time.h"
#include "resource/detail/schema_node.h"
#include "resource/schema.h"

namespace wireway::resource {
namespace {

using Node = Schema::Node;

constexpr std::size_t shown_bytes_max = 256;  ///< of a wrong value in a message

std::string shown(const json::value& value) {
  std::string text = json::serialize(value);
  if (text.size() > shown_bytes_max) {
    text.resize(shown_bytes_max);
    text += "...";
  }
  return text;
}

std::int64_t characters_of(std::string_view text) {
  std::int64_t count = 0;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++count;
  return count;
}

bool is_integral(const json::value& value) {
  if (value.is_int64() || value.is_uint64()) return true;
  if (!value.is_double()) return false;
  return std::trunc(value.get_double()) == value.get_double() && std::isfinite(value.get_double());
}

bool has_type(Node::Type type, const json::value& value) {
  switch (type) {
    case Node::Type::any: return true;
    case Node::Type::object: return value.is_object();
    case Node::Type::array: return value.is_array();
    case Node::Type::string: return value.is_string();
    case Node::Type::integer: return is_integral(value);
    case Node::Type::number: return value.is_number();
    case Node::Type::boolean: return value.is_bool();
  }
  return true;
}

/// A number as Go prints it in these messages: 1, 1.5.
std::string number_text(double number) {
  if (std::trunc(number) == number && std::fabs(number) < 1e15)
    return fmt::format("{}", static_cast<std::int64_t>(number));
  return fmt::format("{}", number);
}

bool is_base64(std::string_view text) {
  if (text.size() % 4 != 0) return false;
  while (text.ends_with('=')) text.remove_suffix(1);
  return text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") ==
         std::string_view::npos;
}

bool is_date(std::string_view text) {
  return text.size() == 10 && parse_rfc3339(fmt::format("{}T00:00:00Z", text)).has_value();
}

bool is_uri(std::string_view text) {
  const auto colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 &&
         text.find_first_of(" \t\n") == std::string_view::npos;
}

bool has_format(std::string_view format, const json::value& value) {
  if (value.is_string()) {
    const std::string_view text = value.get_string();
    if (format == "date-time") return parse_rfc3339(text).has_value();
    if (format == "date") return is_date(text);
    if (format == "byte") return is_base64(text);
    if (format == "uri") return is_uri(text);
    return true;  // unknown formats are notes for people
  }
  if (format == "int32" && value.is_number()) {
    const double number = value.to_number<double>();
    return number >= -2147483648.0 && number <= 2147483647.0;
  }
  if (format == "int64") return !value.is_uint64() || value.get_uint64() <= INT64_MAX;
  return true;
}

class Validator {
 public:
  explicit Validator(std::vector<SchemaCause>& causes) : causes_(causes) {}

  void check(const Node& node, const json::value& value, const FieldPath& path, bool is_resource) {
    if (full()) return;
    if (value.is_null() && node.nullable) return;
    if (!check_type(node, value, path)) return;
    if (!check_enum(node, value, path)) return;
    if (value.is_number()) check_number(node, value, path);
    if (value.is_string()) check_text(node, value, path);
    if (!node.format.empty() && !has_format(node.format, value))
      add("FieldValueTypeInvalid", path,
          fmt::format("Invalid value: {}: {} in body must be of type {}: {}", shown(value),
                      path.to_string(), node.format, shown(value)));
    if (value.is_array()) check_list(node, value.get_array(), path);
    if (value.is_object()) check_object(node, value.get_object(), path, is_resource);
    check_junctors(node, value, path);
  }

 private:
  bool full() const { return causes_.size() >= Schema::causes_max; }

  void add(std::string_view reason, const FieldPath& path, std::string message) {
    if (!full()) causes_.push_back({std::string(reason), path.to_string(), std::move(message)});
  }

  void invalid(const json::value& value, const FieldPath& path, std::string_view what) {
    add("FieldValueInvalid", path,
        fmt::format("Invalid value: {}: {} in body {}", shown(value), path.to_string(), what));
  }

  bool check_type(const Node& node, const json::value& value, const FieldPath& path) {
    if (node.int_or_string) {
      if (value.is_string() || is_integral(value)) return true;
      wrong_type(value, path, "integer,string");
      return false;
    }
    if (has_type(node.type, value)) return true;
    wrong_type(value, path, type_name(node.type));
    return false;
  }

  void wrong_type(const json::value& value, const FieldPath& path, std::string_view wanted) {
    add("FieldValueTypeInvalid", path,
        fmt::format("Invalid value: \"{}\": {} in body must be of type {}: \"{}\"",
                    type_name(value), path.to_string(), wanted, type_name(value)));
  }

  bool check_enum(const Node& node, const json::value& value, const FieldPath& path) {
    if (node.allowed.empty()) return true;
    std::string listed;
    for (const json::value& allowed : node.allowed) {
      if (allowed == value) return true;
      if (!listed.empty()) listed += ", ";
      listed +=
          allowed.is_string() ? json::serialize(allowed) : '"' + json::serialize(allowed) + '"';
    }
    add("FieldValueNotSupported", path,
        fmt::format("Unsupported value: {}: supported values: {}", shown(value), listed));
    return false;
  }

  void check_number(const Node& node, const json::value& value, const FieldPath& path) {
    const double number = value.to_number<double>();
    if (node.minimum && (node.exclusive_minimum ? number <= *node.minimum : number < *node.minimum))
      invalid(
          value, path,
          fmt::format("should be greater than {}{}", node.exclusive_minimum ? "" : "or equal to ",
                      number_text(*node.minimum)));
    if (node.maximum && (node.exclusive_maximum ? number >= *node.maximum : number > *node.maximum))
      invalid(value, path,
              fmt::format("should be less than {}{}", node.exclusive_maximum ? "" : "or equal to ",
                          number_text(*node.maximum)));
    if (node.multiple_of && *node.multiple_of > 0 &&
        std::fabs(std::remainder(number, *node.multiple_of)) > 1e-9)
      invalid(value, path, "should be a multiple of " + number_text(*node.multiple_of));
  }

  void check_text(const Node& node, const json::value& value, const FieldPath& path) {
    const std::string_view text = value.get_string();
    if (node.length_max && characters_of(text) > *node.length_max)
      return add("FieldValueTooLong", path,
                 fmt::format("Too long: may not be more than {} bytes", *node.length_max));
    if (node.length_min && characters_of(text) < *node.length_min)
      invalid(value, path, fmt::format("should be at least {} chars long", *node.length_min));
    if (node.pattern &&
        !re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *node.pattern))
      invalid(value, path, fmt::format("should match '{}'", node.pattern->pattern()));
  }

  void check_list(const Node& node, const json::array& list, const FieldPath& path) {
    const auto size = static_cast<std::int64_t>(list.size());
    if (node.items_max && size > *node.items_max)
      add("FieldValueTooMany", path,
          fmt::format("Too many: {}: must have at most {} items", size, *node.items_max));
    if (node.items_min && size < *node.items_min)
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: {}: {} in body should have at least {} items", size,
                      path.to_string(), *node.items_min));
    if (node.items)
      for (std::size_t i = 0; i < list.size() && !full(); ++i)
        check(*node.items, list[i], FieldPath(path, i), node.items->embedded_resource);
    if (node.items_unique || node.list_type != Node::ListType::atomic)
      check_duplicates(node, list, path);
  }

  void check_duplicates(const Node& node, const json::array& list, const FieldPath& path) {
    std::map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
      std::string key = json::serialize(list[i]);
      if (node.list_type == Node::ListType::map) {
        json::object keys;
        for (const std::string& name : node.list_map_keys)
          if (const json::value* value = find(list[i], name)) keys[name] = *value;
        key = json::serialize(keys);
      }
      if (seen.emplace(key, i).second) continue;
      add("FieldValueDuplicate", FieldPath(path, i), "Duplicate value: " + key);
    }
  }

  void check_object(const Node& node, const json::object& object, const FieldPath& path,
                    bool is_resource) {
    for (const std::string& key : node.required)
      if (!object.contains(key)) add("FieldValueRequired", FieldPath(path, key), "Required value");
    const auto size = static_cast<std::int64_t>(object.size());
    if (node.properties_max && size > *node.properties_max)
      add("FieldValueTooMany", path,
          fmt::format("Too many: {}: must have at most {} items", size, *node.properties_max));
    if (node.properties_min && size < *node.properties_min)
      add("FieldValueInvalid", path,
          fmt::format("Invalid value: {}: {} in body should have at least {} properties", size,
                      path.to_string(), *node.properties_min));
    for (const auto& [key, member] : object) {
      if (is_resource && key == "metadata") continue;  // checked by its own rules, not by a schema
      if (const Node* child = node.member(key))
        check(*child, member, FieldPath(path, key), child->embedded_resource);
    }
  }

  std::vector<SchemaCause> tried(const Node& node, const json::value& value,
                                 const FieldPath& path) {
    std::vector<SchemaCause> causes;
    Validator(causes).check(node, value, path, false);
    return causes;
  }

  void check_junctors(const Node& node, const json::value& value, const FieldPath& path) {
    for (const Node::Ref& each : node.all_of) check(*each, value, path, false);
    if (!node.any_of.empty()) check_any(node, value, path);
    if (!node.one_of.empty()) check_one(node, value, path);
    if (node.not_this && tried(*node.not_this, value, path).empty())
      junctor(path, "must not validate the schema (not)");
  }

  void junctor(const FieldPath& path, std::string_view what) {
    add("FieldValueInvalid", path,
        fmt::format("Invalid value: \"\": \"{}\" {}", path.to_string(), what));
  }

  /// Also names what the first alternative lacks: it is the current spelling.
  void check_any(const Node& node, const json::value& value, const FieldPath& path) {
    std::vector<SchemaCause> first;
    for (const Node::Ref& each : node.any_of) {
      auto causes = tried(*each, value, path);
      if (causes.empty()) return;
      if (first.empty()) first = std::move(causes);
    }
    for (SchemaCause& cause : first)
      if (!full()) causes_.push_back(std::move(cause));
    junctor(path, "must validate at least one schema (anyOf)");
  }

  void check_one(const Node& node, const json::value& value, const FieldPath& path) {
    std::size_t valid = 0;
    for (const Node::Ref& each : node.one_of)
      if (tried(*each, value, path).empty()) ++valid;
    if (valid == 1) return;
    junctor(path, valid == 0
                      ? "must validate one and only one schema (oneOf). Found none valid"
                      : fmt::format("must validate one and only one schema (oneOf). Found {} "
                                    "valid alternatives",
                                    valid));
  }

  std::vector<SchemaCause>& causes_;
};

}  // namespace

std::vector<SchemaCause> Schema::validate(const json::value& object) const {
  std::vector<SchemaCause> causes;
  Validator(causes).check(*root_, object, FieldPath(), true);
  return causes;
}

}  // namespace wireway::resource
