#include "destination/lake/columns.h"

#include <cstring>

#include <fmt/format.h>

#include "destination/lake/convert.h"

namespace wireway::destination::lake {
namespace {

/// DuckDB's numbers for the types that columns have (enum DUCKDB_TYPE).
int type_number(TypeKind kind) {
  switch (kind) {
    case TypeKind::boolean: return 1;
    case TypeKind::int8: return 2;
    case TypeKind::int16: return 3;
    case TypeKind::int32: return 4;
    case TypeKind::int64: return 5;
    case TypeKind::float32: return 10;
    case TypeKind::float64: return 11;
    case TypeKind::date: return 13;
    case TypeKind::binary: return 18;
    case TypeKind::timestamp: return 31;  // with time zone: microseconds in UTC
    default: return 17;                   // VARCHAR
  }
}

/// A decimal is stored in the smallest integer that holds its precision.
void store_decimal(void* data, std::uint64_t row, int precision, Wide number) {
  if (precision <= 4)
    static_cast<std::int16_t*>(data)[row] = static_cast<std::int16_t>(number);
  else if (precision <= 9)
    static_cast<std::int32_t*>(data)[row] = static_cast<std::int32_t>(number);
  else if (precision <= 18)
    static_cast<std::int64_t*>(data)[row] = static_cast<std::int64_t>(number);
  else  // DuckDB aligns its 128-bit integers to 8 bytes only
    std::memcpy(static_cast<char*>(data) + row * sizeof number, &number, sizeof number);
}

template <class T>
Result<> store(void* data, std::uint64_t row, const auto& converted) {
  if (!converted) return std::unexpected(converted.error());
  static_cast<T*>(data)[row] = static_cast<T>(*converted);
  return {};
}

struct ListEntry {
  std::uint64_t offset;
  std::uint64_t length;
};

}  // namespace

DuckHandle make_logical_type(const DuckApi& api, const Type& type) {
  if (type.kind == TypeKind::decimal) return api.create_decimal_type(type.precision, type.scale);
  if (type.kind == TypeKind::list) {
    DuckHandle element = make_logical_type(api, type.fields[0].type);
    DuckHandle list = api.create_list_type(element);
    api.destroy_logical_type(&element);
    return list;
  }
  if (type.kind != TypeKind::structure) return api.create_logical_type(type_number(type.kind));
  std::vector<DuckHandle> members;
  std::vector<const char*> names;
  for (const Field& field : type.fields) {
    members.push_back(make_logical_type(api, field.type));
    names.push_back(field.name.c_str());
  }
  DuckHandle structure = api.create_struct_type(members.data(), names.data(), members.size());
  for (DuckHandle& member : members) api.destroy_logical_type(&member);
  return structure;
}

Result<> RowWriter::write_record(std::uint64_t row, const json::object& record) {
  std::vector<DuckHandle> vectors;
  vectors.reserve(structure_.fields.size());
  for (std::size_t i = 0; i < structure_.fields.size(); ++i)
    vectors.push_back(api_.data_chunk_get_vector(chunk_, i));
  return write_fields(row, record, structure_, vectors);
}

Result<> RowWriter::write_fields(std::uint64_t row, const json::object& record,
                                 const Type& structure, const std::vector<DuckHandle>& vectors) {
  std::vector<const json::value*> values(structure.fields.size(), nullptr);
  for (const auto& member : record) {
    const Field* field = structure.find(member.key());
    if (field == nullptr) field = structure.find(column_name(member.key()));
    if (field == nullptr) {
      // A null says nothing about a type, so an inferred table has no column for it yet.
      if (member.value().is_null()) continue;
      return fail(Errc::invalid, fmt::format("could not set a field {}, it does not exist by the "
                                             "schema",
                                             std::string_view(member.key())));
    }
    const json::value*& slot = values[static_cast<std::size_t>(field - structure.fields.data())];
    if (slot != nullptr)
      return fail(Errc::invalid, fmt::format("two fields are column {} (case and the characters "
                                             "that Delta forbids do not count)",
                                             field->name));
    slot = &member.value();
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    if (auto done = write(vectors[i], row, structure.fields[i], values[i]); !done) return done;
  return {};
}

Result<> RowWriter::write(DuckHandle vector, std::uint64_t row, const Field& field,
                          const json::value* value) {
  if (value == nullptr || value->is_null()) {
    if (!field.nullable)
      return fail(Errc::invalid,
                  value
                      ? fmt::format("Cannot set null value. Reason: field '{}' is not nullable.",
                                    field.name)
                      : fmt::format("found missing property that is not Nullable: {}", field.name));
    set_null(vector, row, field.type);
    return {};
  }
  Result<> done;
  if (field.type.kind == TypeKind::structure) {
    if (!value->is_object())
      return fail(Errc::invalid, fmt::format("{}: an object is expected", field.name));
    done = write_struct(vector, row, field.type, value->get_object());
  } else if (field.type.kind == TypeKind::list) {
    if (!value->is_array())
      return fail(Errc::invalid, fmt::format("{}: an array is expected", field.name));
    done = write_list(vector, row, field.type, value->get_array());
  } else {
    set_valid(vector, row, true);
    done = write_scalar(vector, row, field.type, *value);
  }
  return done ? done : wrap(field.name, done.error());
}

Result<> RowWriter::write_struct(DuckHandle vector, std::uint64_t row, const Type& type,
                                 const json::object& value) {
  set_valid(vector, row, true);
  std::vector<DuckHandle> children;
  children.reserve(type.fields.size());
  for (std::size_t i = 0; i < type.fields.size(); ++i)
    children.push_back(api_.struct_vector_get_child(vector, i));
  return write_fields(row, value, type, children);
}

Result<> RowWriter::write_list(DuckHandle vector, std::uint64_t row, const Type& type,
                               const json::array& value) {
  set_valid(vector, row, true);
  const std::uint64_t offset = api_.list_vector_get_size(vector);
  if (api_.list_vector_reserve(vector, offset + value.size()) != 0 ||
      api_.list_vector_set_size(vector, offset + value.size()) != 0)
    return fail(Errc::internal, "DuckDB cannot make room for an array");
  static_cast<ListEntry*>(api_.vector_get_data(vector))[row] = {offset, value.size()};
  const DuckHandle child = api_.list_vector_get_child(vector);
  for (std::size_t i = 0; i < value.size(); ++i)
    if (auto done = write(child, offset + i, type.fields[0], &value[i]); !done) return done;
  return {};
}

Result<> RowWriter::write_scalar(DuckHandle vector, std::uint64_t row, const Type& type,
                                 const json::value& value) {
  void* data = api_.vector_get_data(vector);
  switch (type.kind) {
    case TypeKind::boolean: return store<bool>(data, row, to_boolean(value));
    case TypeKind::int8: return store<std::int8_t>(data, row, to_integer(value, 8));
    case TypeKind::int16: return store<std::int16_t>(data, row, to_integer(value, 16));
    case TypeKind::int32: return store<std::int32_t>(data, row, to_integer(value, 32));
    case TypeKind::int64: return store<std::int64_t>(data, row, to_integer(value, 64));
    case TypeKind::float32: return store<float>(data, row, to_double(value));
    case TypeKind::float64: return store<double>(data, row, to_double(value));
    case TypeKind::date: return store<std::int32_t>(data, row, to_date(value));
    case TypeKind::timestamp: return store<std::int64_t>(data, row, to_timestamp(value));
    case TypeKind::decimal: {
      const auto number = to_decimal(value, type.precision, type.scale);
      if (!number) return std::unexpected(number.error());
      store_decimal(data, row, type.precision, *number);
      return {};
    }
    default: break;
  }
  const auto text = type.kind == TypeKind::binary ? to_binary(value) : to_string(value);
  if (!text) return std::unexpected(text.error());
  api_.vector_assign_string_element_len(vector, row, text->data(), text->size());
  return {};
}

void RowWriter::set_null(DuckHandle vector, std::uint64_t row, const Type& type) {
  set_valid(vector, row, false);
  if (type.kind == TypeKind::list) {
    static_cast<ListEntry*>(api_.vector_get_data(vector))[row] = {api_.list_vector_get_size(vector),
                                                                  0};
  }
  if (type.kind != TypeKind::structure) return;
  for (std::size_t i = 0; i < type.fields.size(); ++i)
    set_null(api_.struct_vector_get_child(vector, i), row, type.fields[i].type);
}

void RowWriter::set_valid(DuckHandle vector, std::uint64_t row, bool valid) {
  if (valid && api_.vector_get_validity(vector) == nullptr) return;
  api_.vector_ensure_validity_writable(vector);
  std::uint64_t& word = api_.vector_get_validity(vector)[row / 64];
  const std::uint64_t bit = std::uint64_t{1} << (row % 64);
  word = valid ? word | bit : word & ~bit;
}

}  // namespace wireway::destination::lake
