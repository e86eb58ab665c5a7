#include "destination/lake/schema.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace wireway::destination::lake {
namespace {

struct Primitive {
  std::string_view delta;
  TypeKind kind;
  std::string_view sql;
};

constexpr std::array primitives{
    Primitive{"boolean", TypeKind::boolean, "BOOLEAN"},
    Primitive{"byte", TypeKind::int8, "TINYINT"},
    Primitive{"short", TypeKind::int16, "SMALLINT"},
    Primitive{"integer", TypeKind::int32, "INTEGER"},
    Primitive{"long", TypeKind::int64, "BIGINT"},
    Primitive{"float", TypeKind::float32, "FLOAT"},
    Primitive{"double", TypeKind::float64, "DOUBLE"},
    Primitive{"string", TypeKind::string, "VARCHAR"},
    Primitive{"binary", TypeKind::binary, "BLOB"},
    Primitive{"date", TypeKind::date, "DATE"},
    Primitive{"timestamp", TypeKind::timestamp, "TIMESTAMP WITH TIME ZONE"},
};

std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

const Primitive* find_primitive(std::string_view delta) {
  for (const Primitive& known : primitives)
    if (known.delta == delta) return &known;
  return nullptr;
}

const Primitive* find_primitive(TypeKind kind) {
  for (const Primitive& known : primitives)
    if (known.kind == kind) return &known;
  return nullptr;
}

Result<Type> decimal(std::int64_t precision, std::int64_t scale) {
  if (precision < 1 || precision > 38 || scale < 0 || scale > precision)
    return fail(Errc::invalid, fmt::format("decimal({},{}) is not a type", precision, scale));
  Type type;
  type.kind = TypeKind::decimal;
  type.precision = static_cast<std::uint8_t>(precision);
  type.scale = static_cast<std::uint8_t>(scale);
  return type;
}

/// "long", "decimal(10,2)".
Result<Type> parse_primitive(std::string_view text) {
  if (const Primitive* known = find_primitive(text)) {
    Type type;
    type.kind = known->kind;
    return type;
  }
  if (text == "decimal") return decimal(10, 0);
  if (text.starts_with("decimal(") && text.ends_with(")")) {
    int precision = 0;
    int scale = 0;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data() + 8, end, precision);
    if (first.ptr != end && *first.ptr == ',') {
      const char* at = first.ptr + 1;
      while (at != end && *at == ' ') ++at;
      std::from_chars(at, end, scale);
    }
    return decimal(precision, scale);
  }
  return fail(Errc::unsupported, fmt::format("type {} is not supported", text));
}

Result<Type> parse_delta(const json::value& written, std::size_t depth);

Result<Type> parse_delta_struct(const json::value& written, std::size_t depth) {
  Type type;
  type.kind = TypeKind::structure;
  const json::value* fields = find(written, "fields");
  if (fields == nullptr || !fields->is_array())
    return fail(Errc::invalid, "a struct needs a list `fields`");
  for (const json::value& entry : fields->get_array()) {
    Field field;
    field.name = text_at(entry, {"name"});
    field.nullable = bool_at(entry, {"nullable"}, true);
    if (field.name.empty()) return fail(Errc::invalid, "a field has no name");
    if (const json::value* metadata = find(entry, "metadata", "delta.invariants"); metadata)
      return fail(Errc::unsupported, fmt::format("field {}: column invariants", field.name));
    const json::value* inner = find(entry, "type");
    auto parsed =
        inner ? parse_delta(*inner, depth + 1) : Result<Type>(fail(Errc::invalid, "has no type"));
    if (!parsed) return wrap(fmt::format("field {}", field.name), parsed.error());
    field.type = std::move(*parsed);
    if (auto added = type.add(std::move(field)); !added) return std::unexpected(added.error());
  }
  return type;
}

Result<Type> list_of(Type element, bool contains_null) {
  Type type;
  type.kind = TypeKind::list;
  type.fields.push_back({"element", std::move(element), contains_null});
  return type;
}

Result<Type> parse_delta(const json::value& written, std::size_t depth) {
  if (depth > schema_depth_max)
    return fail(Errc::exhausted, fmt::format("nested deeper than {} levels", schema_depth_max));
  if (written.is_string()) return parse_primitive(written.get_string());
  const std::string name = text_at(written, {"type"});
  if (name == "struct") return parse_delta_struct(written, depth);
  if (name == "decimal")
    return decimal(int_at(written, {"precision"}, 10), int_at(written, {"scale"}, 0));
  if (name == "array") {
    const json::value* element = find(written, "elementType");
    if (element == nullptr) return fail(Errc::invalid, "an array needs `elementType`");
    auto parsed = parse_delta(*element, depth + 1);
    if (!parsed) return parsed;
    return list_of(std::move(*parsed), bool_at(written, {"containsNull"}, true));
  }
  if (name == "map") return fail(Errc::unsupported, "Currently maps are not supported");
  return fail(Errc::invalid, fmt::format("type {} is not known", name));
}

/// A draft-07 JSON Schema, which has no columns' types of its own: integer is long, number is
/// double.
Result<Type> parse_json_schema(const json::value& written, std::size_t depth) {
  if (depth > schema_depth_max)
    return fail(Errc::exhausted, fmt::format("nested deeper than {} levels", schema_depth_max));
  const json::value* type_member = find(written, "type");
  std::string name = text_at(written, {"type"});
  if (type_member && type_member->is_array()) {
    for (const json::value& one : type_member->get_array())
      if (one.is_string() && one.get_string() != "null") name = one.get_string();
  }
  const std::string format = text_at(written, {"format"});
  if (name == "object") {
    Type type;
    type.kind = TypeKind::structure;
    const json::value* properties = find(written, "properties");
    if (properties == nullptr || !properties->is_object()) return type;
    for (const auto& member : properties->get_object()) {
      auto inner = parse_json_schema(member.value(), depth + 1);
      if (!inner)
        return wrap(fmt::format("field {}", std::string_view(member.key())), inner.error());
      Field field{column_name(member.key()), std::move(*inner), true};
      if (auto added = type.add(std::move(field)); !added) return std::unexpected(added.error());
    }
    return type;
  }
  if (name == "array") {
    const json::value* items = find(written, "items");
    if (items == nullptr) return fail(Errc::invalid, "an array needs `items`");
    auto element = parse_json_schema(*items, depth + 1);
    if (!element) return element;
    return list_of(std::move(*element), true);
  }
  if (name == "string" && format == "date-time") return parse_primitive("timestamp");
  if (name == "string" && format == "date") return parse_primitive("date");
  if (name == "integer") return parse_primitive("long");
  if (name == "number") return parse_primitive("double");
  return parse_primitive(name);
}

Result<bool> extend_at(Type& structure, const json::object& record, std::size_t depth);

/// The type that a value asks for; nullopt for null and what is empty: it says nothing yet.
Result<std::optional<Type>> infer(const json::value& value, std::size_t depth) {
  if (depth > schema_depth_max)
    return fail(Errc::exhausted, fmt::format("nested deeper than {} levels", schema_depth_max));
  constexpr std::int64_t exact_max = std::int64_t{1} << 53;
  Type type;
  switch (value.kind()) {
    case json::kind::null: return std::nullopt;
    case json::kind::bool_: type.kind = TypeKind::boolean; return type;
    case json::kind::int64: {
      const std::int64_t number = value.get_int64();
      const bool exact = number >= -exact_max && number <= exact_max;
      type.kind = exact ? TypeKind::float64 : TypeKind::int64;
      return type;
    }
    case json::kind::uint64: {
      auto wide = decimal(20, 0);
      return std::optional(std::move(*wide));
    }
    case json::kind::double_: type.kind = TypeKind::float64; return type;
    case json::kind::string: return type;
    case json::kind::array: break;
    case json::kind::object: {
      type.kind = TypeKind::structure;
      auto extended = extend_at(type, value.get_object(), depth + 1);
      if (!extended) return std::unexpected(extended.error());
      if (type.fields.empty()) return std::nullopt;
      return type;
    }
  }
  for (const json::value& element : value.get_array()) {
    auto inner = infer(element, depth + 1);
    if (!inner) return inner;
    if (*inner) return std::optional(*list_of(std::move(**inner), true));
  }
  return std::nullopt;
}

/// Adds what `value` holds beyond `type`: new fields of objects, also inside arrays.
Result<bool> extend_type(Type& type, const json::value& value, std::size_t depth) {
  if (type.kind == TypeKind::structure && value.is_object())
    return extend_at(type, value.get_object(), depth + 1);
  bool changed = false;
  if (type.kind == TypeKind::list && value.is_array()) {
    for (const json::value& element : value.get_array()) {
      auto inner = extend_type(type.fields[0].type, element, depth + 1);
      if (!inner) return inner;
      changed = changed || *inner;
    }
  }
  return changed;
}

Result<bool> extend_at(Type& structure, const json::object& record, std::size_t depth) {
  bool changed = false;
  for (const auto& member : record) {
    const std::string name = column_name(member.key());
    const auto found = structure.index.find(folded(name));
    if (found != structure.index.end()) {
      auto inner = extend_type(structure.fields[found->second].type, member.value(), depth);
      if (!inner) return wrap(name, inner.error());
      changed = changed || *inner;
      continue;
    }
    auto inferred = infer(member.value(), depth + 1);
    if (!inferred) return wrap(name, inferred.error());
    if (!*inferred) continue;
    if (auto added = structure.add({name, std::move(**inferred), true}); !added)
      return std::unexpected(added.error());
    changed = true;
  }
  return changed;
}

json::value delta_type(const Type& type) {
  if (type.kind == TypeKind::structure) return to_delta(type);
  if (type.kind == TypeKind::list)
    return json::object{{"type", "array"},
                        {"elementType", delta_type(type.fields[0].type)},
                        {"containsNull", type.fields[0].nullable}};
  if (type.kind == TypeKind::decimal)
    return json::value(fmt::format("decimal({},{})", type.precision, type.scale));
  return json::value(json::string(find_primitive(type.kind)->delta));
}

}  // namespace

const Field* Type::find(std::string_view name) const {
  const auto found = index.find(folded(name));
  return found == index.end() ? nullptr : &fields[found->second];
}

Result<> Type::add(Field field) {
  if (fields.size() >= columns_max)
    return fail(Errc::exhausted, fmt::format("more than {} columns", columns_max));
  if (!index.emplace(folded(field.name), fields.size()).second)
    return fail(Errc::conflict,
                fmt::format("column {} exists twice (case does not count)", field.name));
  fields.push_back(std::move(field));
  return {};
}

std::string column_name(std::string_view name) {
  std::string out(name.empty() ? "_" : name);
  for (char& c : out)
    if (std::string_view(" ,;{}()\n\t=").contains(c)) c = '_';
  return out;
}

std::string quote_identifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  return out + "\"";
}

Result<Type> parse_schema(const json::value& schema) {
  const std::string dialect = text_at(schema, {"$schema"});
  const json::value* properties = find(schema, "properties");
  if (dialect.starts_with("Delta") && properties) return parse_delta(*properties, 0);
  if (text_at(schema, {"type"}) == "struct") return parse_delta(schema, 0);
  if (text_at(schema, {"type"}) == "object") return parse_json_schema(schema, 0);
  return fail(Errc::invalid,
              "the schema is neither Delta (`\"$schema\": \"Delta/1.0\"`) nor JSON "
              "Schema of an object");
}

json::object to_delta(const Type& structure) {
  json::array fields;
  for (const Field& field : structure.fields)
    fields.push_back(json::object{{"name", field.name},
                                  {"type", delta_type(field.type)},
                                  {"nullable", field.nullable},
                                  {"metadata", json::object{}}});
  return {{"type", "struct"}, {"fields", std::move(fields)}};
}

std::string to_sql_columns(const Type& structure) {
  std::string out;
  for (const Field& field : structure.fields) {
    if (!out.empty()) out += ", ";
    out += fmt::format("{} {}", quote_identifier(field.name), to_sql(field.type));
  }
  return out;
}

std::string to_sql(const Type& type) {
  if (type.kind == TypeKind::structure) return fmt::format("STRUCT({})", to_sql_columns(type));
  if (type.kind == TypeKind::list) return to_sql(type.fields[0].type) + "[]";
  if (type.kind == TypeKind::decimal)
    return fmt::format("DECIMAL({},{})", type.precision, type.scale);
  return std::string(find_primitive(type.kind)->sql);
}

Result<bool> extend(Type& structure, const json::object& record) {
  return extend_at(structure, record, 0);
}

}  // namespace wireway::destination::lake
