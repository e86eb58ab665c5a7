#pragma once
/// Records into DuckDB's column vectors, value by value, with the documented conversions.
///
/// Source: spec dataflows 2.4 (implicit conversion) and 5.4 (encoder rules)
/// Errors: write_record() names the field and what does not fit; the row may then be written anew

#include "base/json.h"
#include "destination/lake/duckdb.h"
#include "destination/lake/schema.h"

namespace wireway::destination::lake {

/// The logical type of `type` in DuckDB; whoever calls destroys it.
DuckHandle make_logical_type(const DuckApi& api, const Type& type);

/// Writes `record` to row `row` of the chunk's vectors, one a column of `structure`.
class RowWriter {
 public:
  RowWriter(const DuckApi& api, DuckHandle chunk, const Type& structure)
      : api_(api), chunk_(chunk), structure_(structure) {}

  Result<> write_record(std::uint64_t row, const json::object& record);

 private:
  Result<> write_fields(std::uint64_t row, const json::object& record, const Type& structure,
                        const std::vector<DuckHandle>& vectors);
  Result<> write(DuckHandle vector, std::uint64_t row, const Field& field,
                 const json::value* value);
  Result<> write_struct(DuckHandle vector, std::uint64_t row, const Type& type,
                        const json::object& value);
  Result<> write_list(DuckHandle vector, std::uint64_t row, const Type& type,
                      const json::array& value);
  Result<> write_scalar(DuckHandle vector, std::uint64_t row, const Type& type,
                        const json::value& value);
  void set_null(DuckHandle vector, std::uint64_t row, const Type& type);
  void set_valid(DuckHandle vector, std::uint64_t row, bool valid);

  const DuckApi& api_;
  DuckHandle chunk_;
  const Type& structure_;
};

}  // namespace wireway::destination::lake
