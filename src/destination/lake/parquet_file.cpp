#include "destination/lake/parquet_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "destination/lake/columns.h"

namespace wireway::destination::lake {
namespace {

/// A data chunk of the table's columns; destroyed with its types.
class Chunk {
 public:
  Chunk(const DuckApi& api, const Type& schema) : api_(api) {
    for (const Field& field : schema.fields) types_.push_back(make_logical_type(api, field.type));
    chunk_ = api.create_data_chunk(types_.data(), types_.size());
  }
  ~Chunk() {
    api_.destroy_data_chunk(&chunk_);
    for (DuckHandle& type : types_) api_.destroy_logical_type(&type);
  }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;
  DuckHandle get() const { return chunk_; }

 private:
  const DuckApi& api_;
  std::vector<DuckHandle> types_;
  DuckHandle chunk_ = nullptr;
};

class Appender {
 public:
  Appender(Database& database, const char* table) : api_(database.api()) {
    ok_ = api_.appender_create(database.connection(), nullptr, table, &appender_) == 0;
  }
  ~Appender() { api_.appender_destroy(&appender_); }
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  Result<> append(DuckHandle chunk, std::uint64_t rows) {
    api_.data_chunk_set_size(chunk, rows);
    ok_ = ok_ && api_.append_data_chunk(appender_, chunk) == 0;
    api_.data_chunk_reset(chunk);
    return status();
  }
  Result<> close() {
    ok_ = ok_ && api_.appender_close(appender_) == 0;
    return status();
  }

 private:
  Result<> status() const {
    if (ok_) return {};
    const char* error = appender_ ? api_.appender_error(appender_) : nullptr;
    return fail(Errc::io, error ? error : "DuckDB takes no rows");
  }

  const DuckApi& api_;
  DuckHandle appender_ = nullptr;
  bool ok_ = false;
};

/// Fits all records into the table `batch`; fills `errors` for those that do not.
Result<> append_rows(Database& database, const Type& schema,
                     const std::vector<json::object>& records, RowErrors& errors) {
  const DuckApi& api = database.api();
  const std::uint64_t rows_max = api.vector_size();
  Chunk chunk(api, schema);
  Appender appender(database, "batch");
  RowWriter writer(api, chunk.get(), schema);
  std::uint64_t rows = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto written = writer.write_record(rows, records[i]);
    if (!written)
      errors[i] = std::move(written.error().message);
    else
      ++rows;
    if (rows < rows_max) continue;
    if (auto done = appender.append(chunk.get(), rows); !done) return done;
    rows = 0;
  }
  if (rows > 0)
    if (auto done = appender.append(chunk.get(), rows); !done) return done;
  return appender.close();
}

}  // namespace

Result<RowErrors> write_parquet(Database& database, const Type& schema,
                                const std::vector<json::object>& records, const std::string& path) {
  RowErrors errors(records.size());
  if (schema.fields.empty()) {
    std::ranges::fill(errors, "the record has no field that tells a type");
    return errors;
  }
  auto made =
      database.execute(fmt::format("CREATE OR REPLACE TABLE batch({})", to_sql_columns(schema)));
  if (!made) return std::unexpected(std::move(made.error()));
  auto written = append_rows(database, schema, records, errors);
  const bool any = std::ranges::any_of(errors, [](const auto& error) { return !error; });
  if (written && any)
    written = database.execute(
        fmt::format("COPY batch TO {} (FORMAT parquet, COMPRESSION zstd)", quote_literal(path)));
  (void)database.execute("DROP TABLE IF EXISTS batch");
  if (!written) return std::unexpected(std::move(written.error()));
  return errors;
}

}  // namespace wireway::destination::lake
