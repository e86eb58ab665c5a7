#include "destination/lake/table.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::destination::lake {
namespace {

constexpr int attempts_max = 20;  ///< at a commit, against other writers

std::int64_t milliseconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.since_epoch).count();
}

/// Declared columns that the table lacks join it, nullable; a different type is refused.
Result<> merge_declared(Type& table, const Type& declared) {
  const bool is_new = table.fields.empty();
  for (const Field& field : declared.fields) {
    const Field* known = table.find(field.name);
    if (known == nullptr) {
      Field added = field;
      added.nullable = added.nullable || !is_new;  // older rows lack it
      if (auto done = table.add(std::move(added)); !done) return done;
    } else if (to_sql(known->type) != to_sql(field.type)) {
      return fail(Errc::conflict,
                  fmt::format("column {} is {} in the table, but {} in the declared "
                              "schema; change the schema or use another folder",
                              field.name, to_sql(known->type), to_sql(field.type)));
    }
  }
  return {};
}

}  // namespace

Table::Table(net::Files& files, TableOptions options)
    : files_(files), options_(std::move(options)) {
  schema_.kind = TypeKind::structure;
}

Result<> Table::open() {
  if (database_ == nullptr) {
    if (auto loaded = load_duckdb(options_.duckdb_libraries, api_); !loaded)
      return std::unexpected(loaded.error());
    if (auto made = files_.make_folders(options_.temp_folder); !made) return made;
    DatabaseOptions options;
    options.temp_folder = options_.temp_folder;
    auto opened = Database::open(api_, options);
    if (!opened) return std::unexpected(opened.error());
    database_ = std::move(*opened);
  }
  if (auto made = files_.make_folders(options_.folder); !made) return made;
  if (options_.layout == Layout::parquet || log_ != nullptr) return {};
  auto log = std::make_unique<DeltaLog>(files_, *database_, options_.folder);
  if (auto loaded = log->load(); !loaded) return loaded;
  log_ = std::move(log);
  return {};
}

Result<BatchReport> Table::write(const std::vector<json::object>& records,
                                 const BatchStamp& stamp) {
  if (auto opened = open(); !opened) return std::unexpected(opened.error());
  return options_.layout == Layout::delta ? write_delta(records, stamp)
                                          : write_plain(records, stamp);
}

/// The table's columns once `records` are in. A record that cannot be described is in `errors`.
Result<Type> Table::schema_for(const std::vector<json::object>& records, RowErrors& errors) {
  Type schema = log_ ? log_->schema() : schema_;
  schema.kind = TypeKind::structure;
  if (options_.schema) {
    if (auto merged = merge_declared(schema, *options_.schema); !merged)
      return std::unexpected(merged.error());
    return schema;
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    Type extended = schema;
    const auto changed = extend(extended, records[i]);
    if (!changed)
      errors[i] = changed.error().message;
    else if (*changed)
      schema = std::move(extended);
  }
  return schema;
}

/// DuckDB writes beside; Files then gives the file its name with all of its content on disk.
Result<BatchReport> Table::write_file(const std::vector<json::object>& records,
                                      const std::string& name, const Type& schema) {
  const std::string temporary = fmt::format("{}/{}", options_.temp_folder, name);
  BatchReport report;
  auto errors = write_parquet(*database_, schema, records, temporary);
  Result<> placed;
  if (errors) {
    report.errors = std::move(*errors);
    report.rows = static_cast<std::uint64_t>(
        std::ranges::count_if(report.errors, [](const auto& error) { return !error; }));
    if (report.rows > 0) {
      auto content = files_.read(temporary);
      if (content) report.bytes = content->size();
      placed = content ? files_.create_new(fmt::format("{}/{}", options_.folder, name), *content)
                       : Result<>(std::unexpected(content.error()));
    }
  } else {
    placed = std::unexpected(errors.error());
  }
  if (files_.exists(temporary)) (void)files_.remove(temporary);
  if (!placed) return std::unexpected(placed.error());
  return report;
}

Result<BatchReport> Table::write_delta(const std::vector<json::object>& records,
                                       const BatchStamp& stamp) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    if (auto refreshed = log_->refresh(); !refreshed) {
      log_.reset();  // read anew on the next try: the user may have mended it
      return std::unexpected(refreshed.error());
    }
    RowErrors described(records.size());
    auto schema = schema_for(records, described);
    if (!schema) return std::unexpected(schema.error());
    const std::string name = fmt::format("part-{:05}-{}-c000.zstd.parquet", attempt, stamp.id);
    auto report = write_file(records, name, *schema);
    if (!report) return report;
    for (std::size_t i = 0; i < records.size(); ++i)
      if (described[i]) report->errors[i] = described[i];
    report->version = log_->version();
    if (report->rows == 0) return report;
    DataFile file{name, report->bytes, milliseconds(stamp.now), report->rows, ""};
    auto committed = log_->commit(file, *schema, stamp.now, stamp.id);
    report->version = log_->version();
    if (committed) {
      if (auto done = log_->checkpoint(stamp.now); !done)
        log::warn("{}; the table is whole, the next commit tries again", done.error().message);
      return report;
    }
    const bool conflict = committed.error().code == Errc::conflict;
    // A commit that failed late may still stand; the file that it names must then stay.
    if (conflict || !log_->next_exists())
      (void)files_.remove(fmt::format("{}/{}", options_.folder, name));
    if (!conflict) return std::unexpected(committed.error());
  }
  return fail(Errc::conflict,
              fmt::format("other writers took {} versions of the Delta table {} in a "
                          "row; will be tried again",
                          attempts_max, options_.folder));
}

Result<BatchReport> Table::write_plain(const std::vector<json::object>& records,
                                       const BatchStamp& stamp) {
  RowErrors described(records.size());
  auto schema = schema_for(records, described);
  if (!schema) return std::unexpected(schema.error());
  std::string time = to_rfc3339(stamp.now);
  std::erase_if(time, [](char c) { return c == ':' || c == '-'; });
  auto report = write_file(records, fmt::format("{}-{}.parquet", time, stamp.id), *schema);
  if (!report) return report;
  for (std::size_t i = 0; i < records.size(); ++i)
    if (described[i]) report->errors[i] = described[i];
  schema_ = std::move(*schema);
  return report;
}

}  // namespace wireway::destination::lake
