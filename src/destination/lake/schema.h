#pragma once
/// The columns of a table: read from a declared schema or a Delta log, inferred from records,
/// written as a Delta schema and as DuckDB types.
///
/// Source:  docs/formats/delta-table.md; spec dataflows 2.4, 5.3; Delta protocol "Schema
///          Serialization"
/// Names:   one column per name without regard to case, as Delta demands. Inferred names have the
///          characters that Delta forbids (space , ; { } ( ) tab newline =) replaced by `_`.
/// Limits:  columns_max columns a level, schema_depth_max levels: beyond it the record is refused

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace wireway::destination::lake {

inline constexpr std::size_t columns_max = 4096;
inline constexpr std::size_t schema_depth_max = 16;

enum class TypeKind : std::uint8_t {
  boolean,
  int8,
  int16,
  int32,
  int64,
  float32,
  float64,
  decimal,
  string,
  binary,
  date,
  timestamp,
  structure,
  list,
};

struct Field;

struct Type {
  TypeKind kind = TypeKind::string;
  std::uint8_t precision = 0;  ///< of decimal, 1..38
  std::uint8_t scale = 0;      ///< of decimal
  std::vector<Field> fields;   ///< of structure; of list: one, the element
  std::map<std::string, std::size_t, std::less<>> index;  ///< folded name -> place in fields

  const Field* find(std::string_view name) const;
  /// Errors: Errc::conflict if the name is taken, Errc::exhausted beyond columns_max.
  Result<> add(Field field);
};

struct Field {
  std::string name;
  Type type;
  bool nullable = true;
};

/// A declared schema: the wrapper `{"$schema":"Delta/1.0",...}`, a bare Delta struct or JSON
/// Schema.
Result<Type> parse_schema(const json::value& schema);
/// The `schemaString` of a Delta log, parsed.
json::object to_delta(const Type& structure);
/// `STRUCT("a" DOUBLE)`, `BIGINT[]`, ...
std::string to_sql(const Type& type);
/// `"a" DOUBLE, "b" VARCHAR`: the columns of a structure.
std::string to_sql_columns(const Type& structure);
std::string quote_identifier(std::string_view name);

/// Adds a nullable column for each field of `record` that `structure` lacks. True if any was added.
/// Numbers become double (an integer beyond 2^53 a long): a value that looks whole today, 98, may
/// be 98.5 tomorrow, and a column's type is for ever.
Result<bool> extend(Type& structure, const json::object& record);

/// The name as a column has it: forbidden characters replaced.
std::string column_name(std::string_view name);

}  // namespace wireway::destination::lake
