// The checkpoints of a Delta log: Parquet files with one row an action, written and read by DuckDB.

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/json_text.h"
#include "destination/lake/delta_log.h"

namespace wireway::destination::lake {
namespace {

/// The columns of a checkpoint, in the order in which every SELECT below gives them.
constexpr std::string_view columns =
    R"("txn" STRUCT("appId" VARCHAR, "version" BIGINT),
"add" STRUCT("path" VARCHAR, "partitionValues" MAP(VARCHAR, VARCHAR), "size" BIGINT,
  "modificationTime" BIGINT, "dataChange" BOOLEAN, "stats" VARCHAR),
"remove" STRUCT("path" VARCHAR, "deletionTimestamp" BIGINT, "dataChange" BOOLEAN),
"metaData" STRUCT("id" VARCHAR, "name" VARCHAR, "description" VARCHAR,
  "format" STRUCT("provider" VARCHAR, "options" MAP(VARCHAR, VARCHAR)), "schemaString" VARCHAR,
  "partitionColumns" VARCHAR[], "configuration" MAP(VARCHAR, VARCHAR), "createdTime" BIGINT),
"protocol" STRUCT("minReaderVersion" INTEGER, "minWriterVersion" INTEGER))";

constexpr std::string_view empty_map = "MAP([]::VARCHAR[], []::VARCHAR[])";

std::string list_literal(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ", ";
    out += quote_literal(text);
  }
  return out + "]::VARCHAR[]";
}

std::string optional_text(const json::object& metadata, std::string_view key) {
  const json::value* value = metadata.if_contains(key);
  return value && value->is_string() ? quote_literal(value->get_string()) : "NULL";
}

std::string map_literal(const json::value* object) {
  std::vector<std::string> keys;
  std::vector<std::string> values;
  if (object && object->is_object()) {
    for (const auto& member : object->get_object()) {
      keys.emplace_back(member.key());
      values.push_back(member.value().is_string() ? std::string(member.value().get_string())
                                                  : to_json(member.value()));
    }
  }
  return fmt::format("MAP({}, {})", list_literal(keys), list_literal(values));
}

std::string metadata_row(const json::object& metadata) {
  return fmt::format(
      "{{'id': {}, 'name': {}, 'description': {}, 'format': {{'provider': 'parquet', 'options': "
      "{}}}, "
      "'schemaString': {}, 'partitionColumns': []::VARCHAR[], 'configuration': {}, "
      "'createdTime': {}}}",
      optional_text(metadata, "id"), optional_text(metadata, "name"),
      optional_text(metadata, "description"), empty_map, optional_text(metadata, "schemaString"),
      map_literal(metadata.if_contains("configuration")),
      int_at(json::value(metadata), {"createdTime"}, 0));
}

std::string add_row(const DataFile& file) {
  const std::string stats =
      file.stats.empty() ? fmt::format(R"({{"numRecords":{}}})", file.rows) : file.stats;
  return fmt::format(
      "{{'path': {}, 'partitionValues': {}, 'size': {}, 'modificationTime': {}, "
      "'dataChange': false, 'stats': {}}}",
      quote_literal(file.path), empty_map, file.size_bytes, file.modified_ms, quote_literal(stats));
}

/// `delta.logRetentionDuration` such as "interval 30 days"; 30 days if it is not understood.
Duration log_retention(const json::object& metadata) {
  const std::string text =
      text_at(json::value(metadata), {"configuration", "delta.logRetentionDuration"});
  std::int64_t count = 30;
  std::string_view unit = " days";
  if (text.starts_with("interval ")) {
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + 9, end, count);
    unit = std::string_view(read.ptr, static_cast<std::size_t>(end - read.ptr));
  }
  if (unit.starts_with(" hour")) return std::chrono::hours{count};
  return std::chrono::hours{24 * (unit.starts_with(" day") ? count : 30)};
}

std::string checkpoint_name(std::int64_t version) {
  return fmt::format("{:020}.checkpoint.parquet", version);
}

std::int64_t number(const std::optional<std::string>& text) {
  std::int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace

/// Statements that fill the table `checkpoint`: the previous checkpoint's files and tombstones,
/// less what was removed since, and what the commits since then say.
std::string DeltaLog::checkpoint_sql() const {
  std::string sql = fmt::format(
      "CREATE OR REPLACE TABLE checkpoint({});\n"
      "CREATE OR REPLACE TABLE gone(path VARCHAR, deleted BIGINT);\n",
      columns);
  for (const auto& [path, time] : removed_)
    sql += fmt::format("INSERT INTO gone VALUES ({}, {});\n", quote_literal(path), time);
  if (!checkpoint_files_.empty()) {
    std::vector<std::string> paths;
    for (const std::string& name : checkpoint_files_) paths.push_back(log_path(name));
    sql += fmt::format(
        R"(INSERT INTO checkpoint("add") SELECT {{'path': a.path, 'partitionValues': {}, 'size': a.size,
  'modificationTime': a."modificationTime", 'dataChange': false, 'stats': a.stats}}
FROM (SELECT "add" AS a FROM read_parquet({})) WHERE a IS NOT NULL
  AND a.path NOT IN (SELECT path FROM gone);
INSERT INTO checkpoint("remove") SELECT {{'path': r.path,
  'deletionTimestamp': r."deletionTimestamp", 'dataChange': false}}
FROM (SELECT "remove" AS r FROM read_parquet({})) WHERE r IS NOT NULL;
)",
        empty_map, list_literal(paths), list_literal(paths));
  }
  sql += R"(INSERT INTO checkpoint("remove")
SELECT {'path': path, 'deletionTimestamp': deleted, 'dataChange': false} FROM gone;
)";
  for (const DataFile& file : added_)
    sql += fmt::format("INSERT INTO checkpoint(\"add\") VALUES ({});\n", add_row(file));
  for (const auto& [application, version] : transactions_)
    sql += fmt::format("INSERT INTO checkpoint(txn) VALUES ({{'appId': {}, 'version': {}}});\n",
                       quote_literal(application), version);
  sql +=
      fmt::format("INSERT INTO checkpoint(\"metaData\") VALUES ({});\n", metadata_row(metadata_));
  sql +=
      "INSERT INTO checkpoint(protocol) VALUES ({'minReaderVersion': 1, 'minWriterVersion': 2});\n";
  return sql;
}

Result<> DeltaLog::checkpoint(WallTime now) {
  if (version_ - checkpoint_version_ < checkpoint_interval) return {};
  const std::string name = checkpoint_name(version_);
  const std::string temporary = log_path("." + name + ".tmp");
  const auto write = [&]() -> Result<> {
    if (auto done = database_.execute(checkpoint_sql()); !done) return done;
    auto copied = database_.execute(
        fmt::format("COPY checkpoint TO {} (FORMAT parquet)", quote_literal(temporary)));
    if (!copied) return copied;
    // Through Files, so that the whole content is on disk before it has its name.
    const auto content = files_.read(temporary);
    if (!content) return std::unexpected(content.error());
    return files_.replace(log_path(name), *content);
  };
  const auto written = write();
  const auto count = written ? database_.rows("SELECT count(*)::VARCHAR FROM checkpoint")
                             : Result<std::vector<Database::Row>>();
  if (files_.exists(temporary)) (void)files_.remove(temporary);
  (void)database_.execute("DROP TABLE IF EXISTS checkpoint; DROP TABLE IF EXISTS gone");
  if (!written) return wrap(fmt::format("checkpoint {}", log_path(name)), written.error());
  checkpoint_version_ = version_;
  checkpoint_files_ = {name};
  added_.clear();
  removed_.clear();
  const std::int64_t rows = count && !count->empty() ? number((*count)[0][0]) : 0;
  auto pointed = files_.replace(log_path("_last_checkpoint"),
                                fmt::format("{{\"version\":{},\"size\":{}}}", version_, rows));
  if (!pointed) return pointed;
  return remove_expired(now);
}

Result<> DeltaLog::remove_expired(WallTime now) {
  const auto entries = files_.list(fmt::format("{}/_delta_log", table_));
  if (!entries) return std::unexpected(entries.error());
  const Duration retention = log_retention(metadata_);
  for (const net::FileEntry& entry : *entries) {
    std::int64_t version = -1;
    const auto read =
        std::from_chars(entry.name.data(), entry.name.data() + entry.name.size(), version);
    const bool log_file = read.ec == std::errc{} && entry.name.size() > 20 && entry.name[20] == '.';
    if (!log_file || version >= checkpoint_version_ || now - entry.modified < retention) continue;
    if (auto removed = files_.remove(log_path(entry.name)); !removed) return removed;
  }
  return {};
}

Result<> DeltaLog::load_checkpoint(std::int64_t version, std::vector<std::string> names) {
  checkpoint_version_ = version;
  checkpoint_files_ = std::move(names);
  added_.clear();
  removed_.clear();
  if (version < 0) return {};
  std::vector<std::string> paths;
  for (const std::string& name : checkpoint_files_) paths.push_back(log_path(name));
  const std::string source = fmt::format("read_parquet({})", list_literal(paths));
  const auto damaged = [&](const Error& error) {
    return fail(Errc::invalid,
                fmt::format("the Delta checkpoint {} cannot be read ({}); remove it if "
                            "all commits are still there, or use another folder",
                            paths[0], error.message));
  };
  const auto metadata = database_.rows(fmt::format(
      R"(SELECT m.id, m.name, m.description, m."schemaString", m."createdTime"::VARCHAR,
len(m."partitionColumns")::VARCHAR FROM (SELECT "metaData" AS m FROM {}) WHERE m IS NOT NULL)",
      source));
  if (!metadata) return damaged(metadata.error());
  const auto protocol = database_.rows(fmt::format(
      R"(SELECT p."minReaderVersion"::VARCHAR, p."minWriterVersion"::VARCHAR
FROM (SELECT protocol AS p FROM {}) WHERE p IS NOT NULL)",
      source));
  if (!protocol) return damaged(protocol.error());
  const auto configuration = database_.rows(fmt::format(
      R"(SELECT unnest(map_keys(m.configuration)), unnest(map_values(m.configuration))
FROM (SELECT "metaData" AS m FROM {}) WHERE m IS NOT NULL)",
      source));
  if (!configuration) return damaged(configuration.error());
  const auto transactions = database_.rows(fmt::format(
      R"(SELECT t."appId", t.version::VARCHAR FROM (SELECT txn AS t FROM {}) WHERE t IS NOT NULL)",
      source));
  if (!transactions) return damaged(transactions.error());
  if (metadata->empty() || protocol->empty())
    return damaged({Errc::invalid, "it holds no metaData or no protocol"});
  for (const Database::Row& row : *transactions)
    transactions_[row[0].value_or("")] = number(row[1]);
  const Database::Row& versions = protocol->front();
  if (auto done = apply_protocol(number(versions[0]), number(versions[1])); !done) return done;
  auto applied = apply_checkpoint_metadata(metadata->front(), *configuration);
  if (applied) version_ = version;
  return applied;
}

Result<> DeltaLog::apply_checkpoint_metadata(const Database::Row& row,
                                             const std::vector<Database::Row>& configuration) {
  json::object settings;
  for (const Database::Row& pair : configuration)
    settings[pair[0].value_or("")] = pair[1].value_or("");
  json::object metadata{{"id", row[0].value_or("")},
                        {"format", {{"provider", "parquet"}, {"options", json::object{}}}},
                        {"schemaString", row[3].value_or("")},
                        {"partitionColumns", json::array(static_cast<std::size_t>(number(row[5])))},
                        {"configuration", std::move(settings)},
                        {"createdTime", number(row[4])}};
  if (row[1]) metadata["name"] = *row[1];
  if (row[2]) metadata["description"] = *row[2];
  return apply_metadata(metadata);
}

}  // namespace wireway::destination::lake
