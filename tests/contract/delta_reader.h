#pragma once
/// Reads a Delta table by its log, with DuckDB's own Parquet reader: what a stranger would see.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "destination/lake/duckdb.h"
#include "destination/lake/schema.h"

namespace wireway::contract {

inline std::vector<std::string> duckdb_libraries() {
  return destination::lake::duckdb_candidates("/nowhere/wireway",
                                              [](const char* name) { return std::getenv(name); });
}

class DeltaReader {
 public:
  explicit DeltaReader(std::string table) : table_(std::move(table)) {}

  /// The column as text, in file order; empty if the table does not exist yet.
  std::vector<std::string> column(const std::string& name) const {
    std::vector<std::string> files;
    for (int version = 0;; ++version) {
      std::ifstream commit(fmt::format("{}/_delta_log/{:020}.json", table_, version));
      if (!commit) break;
      for (std::string line; std::getline(commit, line);) {
        const auto action = parse_json(line);
        if (const std::string path = text_at(*action, {"add", "path"}); !path.empty())
          files.push_back(destination::lake::quote_literal(table_ + "/" + path));
      }
    }
    std::vector<std::string> out;
    if (files.empty()) return out;
    destination::lake::DuckApi api{};
    if (!destination::lake::load_duckdb(duckdb_libraries(), api)) return out;
    auto database = destination::lake::Database::open(
        api, {256, (std::filesystem::temp_directory_path()).string()});
    const auto rows = (*database)->rows(
        fmt::format("SELECT {}::VARCHAR FROM read_parquet([{}], union_by_name=true)",
                    destination::lake::quote_identifier(name), fmt::join(files, ", ")));
    if (!rows) return {rows.error().message};
    for (const auto& row : *rows) out.push_back(row[0].value_or("NULL"));
    return out;
  }

 private:
  std::string table_;
};

}  // namespace wireway::contract
