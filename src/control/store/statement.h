#pragma once
/// A prepared SQLite statement that binds, steps and always resets. Only for control/store.
///
/// Errors: as SQLite's result codes; Store turns them into sentences.

#include <cstdint>
#include <string>
#include <string_view>

#include <sqlite3.h>

namespace wireway::control {

class Statement {
 public:
  Statement() = default;
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  bool prepare(sqlite3* db, std::string_view sql) {
    return sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()),
                              SQLITE_PREPARE_PERSISTENT, &statement_, nullptr) == SQLITE_OK;
  }

  /// One run: binds in order, steps row by row, resets at the end.
  class Run {
   public:
    explicit Run(Statement& statement) : statement_(statement.statement_) {}
    ~Run() {
      sqlite3_reset(statement_);
      sqlite3_clear_bindings(statement_);
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    Run& bind(std::int64_t value) {
      sqlite3_bind_int64(statement_, ++bound_, value);
      return *this;
    }
    /// The text must outlive the run.
    Run& bind(std::string_view value) {
      sqlite3_bind_text(statement_, ++bound_, value.data(), static_cast<int>(value.size()),
                        SQLITE_STATIC);
      return *this;
    }

    /// True if there is a row. After false ask ok().
    bool step() {
      code_ = sqlite3_step(statement_);
      return code_ == SQLITE_ROW;
    }
    bool ok() const { return code_ == SQLITE_DONE || code_ == SQLITE_ROW; }

    std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
    std::string text(int column) const {
      const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
      return bytes == nullptr
                 ? std::string()
                 : std::string(bytes,
                               static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
    }

   private:
    sqlite3_stmt* statement_;
    int bound_ = 0;
    int code_ = SQLITE_DONE;
  };

 private:
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace wireway::control
