#include "resource/schema.h"

#include <fmt/format.h>

#include "resource/detail/schema_node.h"

namespace wireway::resource {
namespace {

using Node = Schema::Node;

constexpr std::size_t schema_depth_max = 64;
constexpr std::size_t pattern_bytes_max = 1024;

class Parser {
 public:
  Result<Node::Ref> parse(const json::value& value, const std::string& path, std::size_t depth) {
    if (!value.is_object()) return refuse(path, "must be an object");
    if (depth > schema_depth_max) return refuse(path, "is nested too deeply");
    auto node = std::make_shared<Node>();
    const json::object& object = value.get_object();
    if (auto done = scalars(object, path, *node); !done) return std::unexpected(done.error());
    if (auto done = lists(object, path, *node); !done) return std::unexpected(done.error());
    if (auto done = children(object, path, *node, depth); !done)
      return std::unexpected(done.error());
    return Node::Ref(std::move(node));
  }

 private:
  static std::unexpected<Error> refuse(const std::string& path, std::string_view what) {
    return fail(Errc::invalid, fmt::format("{}: {}", path.empty() ? "schema" : path, what));
  }

  static std::optional<Node::Type> type_of(std::string_view name) {
    if (name.empty()) return Node::Type::any;
    if (name == "object") return Node::Type::object;
    if (name == "array") return Node::Type::array;
    if (name == "string") return Node::Type::string;
    if (name == "integer") return Node::Type::integer;
    if (name == "number") return Node::Type::number;
    if (name == "boolean") return Node::Type::boolean;
    return std::nullopt;
  }

  static bool flag(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
  }

  static std::string text(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
  }

  static Result<> number(const json::object& object, std::string_view key, const std::string& path,
                         std::optional<double>& out) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || value->is_null()) return {};
    if (!value->is_number()) return refuse(path, fmt::format("{} must be a number", key));
    out = value->to_number<double>();
    return {};
  }

  static Result<> count(const json::object& object, std::string_view key, const std::string& path,
                        std::optional<std::int64_t>& out) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || value->is_null()) return {};
    if (!value->is_int64()) return refuse(path, fmt::format("{} must be an integer", key));
    out = value->get_int64();
    return {};
  }

  static Result<> scalars(const json::object& object, const std::string& path, Node& node) {
    const auto type = type_of(text(object, "type"));
    if (!type) return refuse(path, "type \"" + text(object, "type") + "\" is not supported");
    node.type = *type;
    node.nullable = flag(object, "nullable");
    node.int_or_string = flag(object, "x-kubernetes-int-or-string");
    node.preserve_unknown_fields = flag(object, "x-kubernetes-preserve-unknown-fields");
    node.embedded_resource = flag(object, "x-kubernetes-embedded-resource");
    node.exclusive_minimum = flag(object, "exclusiveMinimum");
    node.exclusive_maximum = flag(object, "exclusiveMaximum");
    node.items_unique = flag(object, "uniqueItems");
    node.format = text(object, "format");
    if (const json::value* value = object.if_contains("default")) node.default_value = *value;
    for (auto [key, out] : {std::pair{"minimum", &node.minimum},
                            {"maximum", &node.maximum},
                            {"multipleOf", &node.multiple_of}})
      if (auto done = number(object, key, path, *out); !done) return done;
    for (auto [key, out] : {std::pair{"minLength", &node.length_min},
                            {"maxLength", &node.length_max},
                            {"minItems", &node.items_min},
                            {"maxItems", &node.items_max},
                            {"minProperties", &node.properties_min},
                            {"maxProperties", &node.properties_max}})
      if (auto done = count(object, key, path, *out); !done) return done;
    return pattern(object, path, node);
  }

  static Result<> pattern(const json::object& object, const std::string& path, Node& node) {
    const std::string source = text(object, "pattern");
    if (source.empty()) return {};
    if (source.size() > pattern_bytes_max) return refuse(path, "pattern is too long");
    re2::RE2::Options options(re2::RE2::Quiet);
    auto compiled = std::make_shared<const re2::RE2>(source, options);
    if (!compiled->ok()) return refuse(path, "pattern does not compile: " + compiled->error());
    node.pattern = std::move(compiled);
    return {};
  }

  static Result<> texts(const json::object& object, std::string_view key, const std::string& path,
                        std::vector<std::string>& out) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || value->is_null()) return {};
    if (!value->is_array()) return refuse(path, fmt::format("{} must be a list", key));
    for (const json::value& item : value->get_array()) {
      if (!item.is_string()) return refuse(path, fmt::format("{} must hold texts", key));
      out.emplace_back(item.get_string());
    }
    return {};
  }

  static Result<> lists(const json::object& object, const std::string& path, Node& node) {
    if (const json::value* value = object.if_contains("enum"); value && !value->is_null()) {
      if (!value->is_array()) return refuse(path, "enum must be a list");
      node.allowed.assign(value->get_array().begin(), value->get_array().end());
    }
    const std::string list_type = text(object, "x-kubernetes-list-type");
    if (list_type == "set") node.list_type = Node::ListType::set;
    if (list_type == "map") node.list_type = Node::ListType::map;
    if (auto done = texts(object, "x-kubernetes-list-map-keys", path, node.list_map_keys); !done)
      return done;
    return texts(object, "required", path, node.required);
  }

  Result<> several(const json::object& object, std::string_view key, const std::string& path,
                   std::size_t depth, std::vector<Node::Ref>& out) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || value->is_null()) return {};
    if (!value->is_array()) return refuse(path, fmt::format("{} must be a list", key));
    for (std::size_t i = 0; i < value->get_array().size(); ++i) {
      const std::string place = fmt::format("{}.{}[{}]", path, key, i);
      auto node = parse(value->get_array()[i], place, depth + 1);
      if (!node) return std::unexpected(node.error());
      out.push_back(std::move(*node));
    }
    return {};
  }

  Result<> one(const json::value& value, const std::string& path, std::size_t depth,
               Node::Ref& out) {
    auto node = parse(value, path, depth + 1);
    if (!node) return std::unexpected(node.error());
    out = std::move(*node);
    return {};
  }

  Result<> children(const json::object& object, const std::string& path, Node& node,
                    std::size_t depth) {
    if (const json::value* value = object.if_contains("properties"); value && !value->is_null()) {
      if (!value->is_object()) return refuse(path, "properties must be an object");
      for (const auto& [key, child] : value->get_object())
        if (auto done = one(child, fmt::format("{}.properties[{}]", path, std::string_view(key)),
                            depth, node.properties[std::string(key)]);
            !done)
          return done;
    }
    if (const json::value* value = object.if_contains("additionalProperties")) {
      if (value->is_bool())
        node.additional_allowed = value->get_bool();
      else if (auto done = one(*value, path + ".additionalProperties", depth, node.additional);
               !done)
        return done;
    }
    if (const json::value* value = object.if_contains("items"))
      if (auto done = one(*value, path + ".items", depth, node.items); !done) return done;
    if (const json::value* value = object.if_contains("not"))
      if (auto done = one(*value, path + ".not", depth, node.not_this); !done) return done;
    if (auto done = several(object, "allOf", path, depth, node.all_of); !done) return done;
    if (auto done = several(object, "anyOf", path, depth, node.any_of); !done) return done;
    return several(object, "oneOf", path, depth, node.one_of);
  }
};

}  // namespace

std::string FieldPath::to_string() const {
  if (up_ == nullptr) return "";
  std::string out = up_->to_string();
  if (index_ >= 0) return out + fmt::format("[{}]", index_);
  if (!out.empty()) out += '.';
  return out += key_;
}

std::string FieldPath::to_shape() const {
  if (up_ == nullptr) return "";
  std::string out = up_->to_shape();
  if (index_ >= 0) return out + "[]";
  if (!out.empty()) out += '.';
  return out += key_;
}

std::string_view type_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "boolean";
    case json::kind::int64:
    case json::kind::uint64: return "integer";
    case json::kind::double_: return "number";
    case json::kind::string: return "string";
    case json::kind::array: return "array";
    case json::kind::object: return "object";
  }
  return "unknown";
}

std::string_view type_name(Schema::Node::Type type) {
  switch (type) {
    case Schema::Node::Type::any: return "any";
    case Schema::Node::Type::object: return "object";
    case Schema::Node::Type::array: return "array";
    case Schema::Node::Type::string: return "string";
    case Schema::Node::Type::integer: return "integer";
    case Schema::Node::Type::number: return "number";
    case Schema::Node::Type::boolean: return "boolean";
  }
  return "any";
}

Result<Schema> Schema::parse(const json::value& open_api_v3_schema) {
  auto root = Parser().parse(open_api_v3_schema, "", 0);
  if (!root) return std::unexpected(root.error());
  return Schema(std::move(*root));
}

}  // namespace wireway::resource
