#pragma once
/// The transaction log of one Delta table (`_delta_log/`): what the table is made of, commits by
/// put-if-absent, checkpoints.
///
/// Source:  docs/formats/delta-table.md; Delta transaction log protocol, reader version 1, writer 2
/// Thread:  one (the table's worker); calls block
/// Owns:    nothing; Files and Database outlive it
/// Limits:  a checkpoint every checkpoint_interval commits; commits and checkpoints before the
///          newest checkpoint go when they are older than the table's delta.logRetentionDuration
/// Errors:  Errc::conflict if another writer took the version: refresh() and try again;
///          Errc::unsupported for tables that need more of a writer than we are; Errc::invalid if
///          the log is damaged: names file, line and remedy, and nothing is written

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "destination/lake/duckdb.h"
#include "destination/lake/schema.h"
#include "net/file.h"

namespace wireway::destination::lake {

inline constexpr std::int64_t checkpoint_interval = 20;

struct DataFile {
  std::string path;  ///< relative to the table
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ms = 0;
  std::uint64_t rows = 0;
  std::string stats;  ///< as another writer wrote it; empty = made of rows
};

class DeltaLog {
 public:
  DeltaLog(net::Files& files, Database& database, std::string table);

  /// Reads the log from its newest checkpoint. A folder without log is an empty table.
  Result<> load();
  /// Reads what others have committed since.
  Result<> refresh();

  /// Version of the newest commit, -1 for a table that does not exist yet.
  std::int64_t version() const { return version_; }
  const Type& schema() const { return schema_; }
  /// True if version() + 1 is on disk, by whomever.
  bool next_exists() const;

  /// Commits version() + 1 with `file`; `schema` is written too where it differs from schema().
  Result<> commit(const DataFile& file, const Type& schema, WallTime now, const std::string& id);

  /// Writes a checkpoint if one is due. A failure leaves the table as it is.
  Result<> checkpoint(WallTime now);

 private:
  /// `version` -1: there is none.
  Result<> load_checkpoint(std::int64_t version, std::vector<std::string> names);
  Result<> apply_checkpoint_metadata(const Database::Row& row,
                                     const std::vector<Database::Row>& configuration);
  Result<> read_commit(std::int64_t version);
  Result<> apply_action(const json::object& action);
  Result<> apply_metadata(const json::value& metadata);
  Result<> apply_protocol(std::int64_t reader, std::int64_t writer);
  std::string protocol_and_metadata(const Type& schema, WallTime now, const std::string& id);
  std::string checkpoint_sql() const;
  Result<> remove_expired(WallTime now);
  std::string log_path(std::string_view name) const;

  net::Files& files_;
  Database& database_;
  std::string table_;
  std::int64_t version_ = -1;
  std::int64_t checkpoint_version_ = -1;
  std::vector<std::string> checkpoint_files_;
  Type schema_;
  json::object metadata_;                        ///< the newest metaData action's content
  std::vector<DataFile> added_;                  ///< since the checkpoint
  std::map<std::string, std::int64_t> removed_;  ///< path -> deletion time, since the checkpoint
  std::map<std::string, std::int64_t> transactions_;  ///< appId -> version, by other writers
};

}  // namespace wireway::destination::lake
