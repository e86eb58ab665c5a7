#pragma once
/// Records as one Parquet file: fitted to the columns row by row, written by DuckDB.
///
/// Thread: one (the table's worker); calls block
/// Errors: of a row: kept beside, the other rows are written; of the file: the call's result

#include <optional>
#include <string>
#include <vector>

#include "destination/lake/duckdb.h"
#include "destination/lake/schema.h"

namespace wireway::destination::lake {

/// Why a row was left out; nullopt = it is in the file.
using RowErrors = std::vector<std::optional<std::string>>;

/// Writes `records` to a new file at `path` (not yet durable). If no row fits, no file is made.
Result<RowErrors> write_parquet(Database& database, const Type& schema,
                                const std::vector<json::object>& records, const std::string& path);

}  // namespace wireway::destination::lake
