#pragma once
/// One folder of Parquet files that grows by batches: a Delta table, or plain files.
///
/// Source:  docs/formats/delta-table.md; spec dataflows 5.4 and 7.3
/// Thread:  one (the sink's worker); calls block
/// Owns:    its DuckDB database
/// Errors:  write() fails as a whole (disk full, read-only, damaged log): nothing of the batch is
///          in the table then, and the same batch may be written again

#include <memory>
#include <optional>
#include <string>

#include "destination/lake/delta_log.h"
#include "destination/lake/parquet_file.h"

namespace wireway::destination::lake {

enum class Layout { delta, parquet };

struct TableOptions {
  std::string folder;       ///< of the table
  std::string temp_folder;  ///< for files that are not yet complete
  Layout layout = Layout::delta;
  std::optional<Type> schema;  ///< declared: records must fit; absent: inferred, grows
  std::vector<std::string> duckdb_libraries;
};

/// Made on the loop's thread, because time and randomness live there.
struct BatchStamp {
  WallTime now;
  std::string id;  ///< unique: names the file
};

struct BatchReport {
  RowErrors errors;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::int64_t version = -1;  ///< of a Delta table
};

class Table {
 public:
  Table(net::Files& files, TableOptions options);

  Result<BatchReport> write(const std::vector<json::object>& records, const BatchStamp& stamp);

 private:
  Result<> open();
  Result<Type> schema_for(const std::vector<json::object>& records, RowErrors& errors);
  Result<BatchReport> write_file(const std::vector<json::object>& records, const std::string& name,
                                 const Type& schema);
  Result<BatchReport> write_delta(const std::vector<json::object>& records,
                                  const BatchStamp& stamp);
  Result<BatchReport> write_plain(const std::vector<json::object>& records,
                                  const BatchStamp& stamp);

  net::Files& files_;
  TableOptions options_;
  DuckApi api_{};
  std::unique_ptr<Database> database_;
  std::unique_ptr<DeltaLog> log_;
  Type schema_;  ///< of plain files: what has been seen so far
};

}  // namespace wireway::destination::lake
