#pragma once
/// DuckDB through its C API, loaded at run time: what of it we use, and nothing else. One Database
/// per table, in memory, for writing and reading Parquet.
///
/// Source:  DuckDB's C API reference; the declarations here are ours and name only what we call
/// Thread:  a Database belongs to one thread at a time; Library is immutable once loaded
/// Limits:  one thread, memory_limit_mb; it never loads extensions from outside
/// Errors:  Errc::not_found if no library can be loaded (all places are named), else Errc::io with
///          DuckDB's own sentence

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace wireway::destination::lake {

/// Where libduckdb may be, best first: $WIREWAY_DUCKDB, beside the program, the cache that the
/// set-up fills, the system. `environment` is std::getenv in production.
std::vector<std::string> duckdb_candidates(
    const std::string& program, const std::function<const char*(const char*)>& environment);

/// Opaque handles and the result struct of the C API.
using DuckHandle = void*;

struct DuckResult {
  std::uint64_t deprecated_counts[3];
  void* deprecated_columns;
  char* deprecated_error;
  void* internal;
};

struct DuckApi {
  const char* (*library_version)();
  int (*create_config)(DuckHandle*);
  int (*set_config)(DuckHandle, const char*, const char*);
  void (*destroy_config)(DuckHandle*);
  int (*open_ext)(const char*, DuckHandle*, DuckHandle, char**);
  void (*close)(DuckHandle*);
  int (*connect)(DuckHandle, DuckHandle*);
  void (*disconnect)(DuckHandle*);
  int (*query)(DuckHandle, const char*, DuckResult*);
  const char* (*result_error)(DuckResult*);
  void (*destroy_result)(DuckResult*);
  DuckHandle (*fetch_chunk)(DuckResult);
  std::uint64_t (*column_count)(DuckResult*);
  std::uint64_t (*data_chunk_get_size)(DuckHandle);
  DuckHandle (*data_chunk_get_vector)(DuckHandle, std::uint64_t);
  void (*data_chunk_set_size)(DuckHandle, std::uint64_t);
  void (*data_chunk_reset)(DuckHandle);
  void (*destroy_data_chunk)(DuckHandle*);
  DuckHandle (*create_data_chunk)(DuckHandle*, std::uint64_t);
  DuckHandle (*create_logical_type)(int);
  DuckHandle (*create_decimal_type)(std::uint8_t, std::uint8_t);
  DuckHandle (*create_list_type)(DuckHandle);
  DuckHandle (*create_struct_type)(DuckHandle*, const char**, std::uint64_t);
  void (*destroy_logical_type)(DuckHandle*);
  std::uint64_t (*vector_size)();
  void* (*vector_get_data)(DuckHandle);
  std::uint64_t* (*vector_get_validity)(DuckHandle);
  void (*vector_ensure_validity_writable)(DuckHandle);
  void (*vector_assign_string_element_len)(DuckHandle, std::uint64_t, const char*, std::uint64_t);
  DuckHandle (*struct_vector_get_child)(DuckHandle, std::uint64_t);
  DuckHandle (*list_vector_get_child)(DuckHandle);
  std::uint64_t (*list_vector_get_size)(DuckHandle);
  int (*list_vector_set_size)(DuckHandle, std::uint64_t);
  int (*list_vector_reserve)(DuckHandle, std::uint64_t);
  int (*appender_create)(DuckHandle, const char*, const char*, DuckHandle*);
  int (*append_data_chunk)(DuckHandle, DuckHandle);
  const char* (*appender_error)(DuckHandle);
  int (*appender_close)(DuckHandle);
  int (*appender_destroy)(DuckHandle*);
  void (*free)(void*);
};

/// A loaded libduckdb; stays loaded until the process ends.
Result<const DuckApi*> load_duckdb(const std::vector<std::string>& candidates, DuckApi& api);

struct DatabaseOptions {
  int memory_limit_mb = 256;
  std::string temp_folder;
};

class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const DuckApi& api, const DatabaseOptions& options);
  explicit Database(const DuckApi& api) : api_(api) {}  ///< for open() only: not connected yet
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<> execute(const std::string& sql);
  /// A query all of whose columns are VARCHAR; NULL is nullopt.
  using Row = std::vector<std::optional<std::string>>;
  Result<std::vector<Row>> rows(const std::string& sql);

  const DuckApi& api() const { return api_; }
  DuckHandle connection() const { return connection_; }

 private:
  const DuckApi& api_;
  DuckHandle database_ = nullptr;
  DuckHandle connection_ = nullptr;
};

/// 'text' as an SQL literal.
std::string quote_literal(std::string_view text);

}  // namespace wireway::destination::lake
