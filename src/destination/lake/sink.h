#pragma once
/// Destination LocalStorage: messages gathered to batches, each batch one Parquet file in a Delta
/// table (or a plain one) below a persistent volume.
///
/// Source:  spec dataflows 1.3 (localStorageSettings), 5.4, 7.3; docs/formats/delta-table.md
/// Thread:  the Loop of its Env; DuckDB works on a net::Worker
/// Limits:  a batch is committed when it has maxMessages, is latencySeconds old, or on flush_hint()
/// Errors:  a payload that is no JSON object, or does not fit the table, is dead-lettered; a batch
///          that cannot be written is kept and tried again for ever, with health() saying why

#include <string>
#include <vector>

#include "flow/door.h"

namespace wireway::destination::lake {

struct LakeFactoryOptions {
  /// Where libduckdb may be (duckdb_candidates() in duckdb.h).
  std::vector<std::string> duckdb_libraries;
};

/// The factory for endpoints of type LocalStorage. Errors: Errc::invalid naming the field.
flow::SinkFactory make_lake_factory(LakeFactoryOptions options);

}  // namespace wireway::destination::lake
