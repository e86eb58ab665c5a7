#include "control/store/store.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include <fmt/format.h>

#include "base/log.h"
#include "control/store/statement.h"

namespace wireway::control {
namespace {

constexpr std::int64_t format_version = 1;

const char* const tables = R"(
CREATE TABLE objects(
  id INTEGER PRIMARY KEY,
  resource TEXT NOT NULL,
  space TEXT NOT NULL,
  name TEXT NOT NULL,
  revision INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  UNIQUE(resource, space, name)) STRICT;
CREATE INDEX tombstones ON objects(resource, revision) WHERE deleted = 1;
CREATE TABLE revisions(
  revision INTEGER PRIMARY KEY AUTOINCREMENT,
  object INTEGER NOT NULL REFERENCES objects(id),
  previous INTEGER NOT NULL,
  change INTEGER NOT NULL,
  time INTEGER NOT NULL,
  author TEXT NOT NULL,
  manager TEXT NOT NULL,
  body TEXT NOT NULL) STRICT;
CREATE INDEX history ON revisions(object, change = 2, revision);
CREATE TABLE floors(resource TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT;
)";

#define WIREWAY_REVISION_COLUMNS                                                                 \
  "r.revision, r.previous, r.change, o.resource, o.space, o.name, r.time, r.author, r.manager, " \
  "r.body"

/// The row of `floors` that says since when every state of a resource can be told.
std::string whole_from(const std::string& resource) { return "history of " + resource; }

/// The row of `floors` that is there while free pages may hold what is sealed by now.
constexpr std::string_view traces_mark = "free pages to clean";

Revision read_revision(const Statement::Run& row) {
  Revision out;
  out.number = row.integer(0);
  out.previous = row.integer(1);
  out.change = static_cast<Change>(row.integer(2));
  out.key = {row.text(3), row.text(4), row.text(5)};
  out.time = WallTime{Duration(row.integer(6))};
  out.author = row.text(7);
  out.manager = row.text(8);
  out.body = row.text(9);
  return out;
}

}  // namespace

History Store::limits_of(const std::string& resource) const {
  if (resource == "events") return {.revisions_max = 1, .status_max = 0, .tombstones_max = 200};
  if (resource == "leases.coordination.k8s.io")
    return {.revisions_max = 1, .status_max = 0, .tombstones_max = 20};
  return history_;
}

struct Store::Statements {
  Statement begin, commit;
  Statement get, list, list_past, count, find_object, add_object, move_object, add_revision;
  Statement trim, oldest_tombstone, drop_revisions, drop_object, set_floor, floor;
  Statement since, history, at, history_floor, all_of, set_body;

  bool prepare(sqlite3* db) {
    return begin.prepare(db, "BEGIN IMMEDIATE") && commit.prepare(db, "COMMIT") &&
           get.prepare(db, "SELECT " WIREWAY_REVISION_COLUMNS
                           " FROM objects o JOIN revisions r ON r.revision = o.revision"
                           " WHERE o.resource = ?1 AND o.space = ?2 AND o.name = ?3"
                           " AND o.deleted = 0") &&
           list.prepare(db, "SELECT " WIREWAY_REVISION_COLUMNS
                            " FROM objects o JOIN revisions r ON r.revision = o.revision"
                            " WHERE o.resource = ?1 AND (?2 = '' OR o.space = ?2)"
                            " AND (o.space, o.name) > (?3, ?4) AND o.deleted = 0"
                            " ORDER BY o.space, o.name LIMIT ?5") &&
           list_past.prepare(db, "SELECT " WIREWAY_REVISION_COLUMNS
                                 " FROM objects o JOIN revisions r ON r.revision ="
                                 " (SELECT max(revision) FROM revisions"
                                 " WHERE object = o.id AND revision <= ?6)"
                                 " WHERE o.resource = ?1 AND (?2 = '' OR o.space = ?2)"
                                 " AND (o.space, o.name) > (?3, ?4) AND r.change != 3"
                                 " ORDER BY o.space, o.name LIMIT ?5") &&
           count.prepare(db,
                         "SELECT count(*) FROM objects"
                         " WHERE resource = ?1 AND (?2 = '' OR space = ?2) AND deleted = 0") &&
           find_object.prepare(db,
                               "SELECT id, revision, deleted FROM objects"
                               " WHERE resource = ?1 AND space = ?2 AND name = ?3") &&
           add_object.prepare(db,
                              "INSERT INTO objects(resource, space, name, revision, deleted)"
                              " VALUES(?1, ?2, ?3, ?4, 0) RETURNING id") &&
           move_object.prepare(db,
                               "UPDATE objects SET revision = ?2, deleted = ?3"
                               " WHERE id = ?1") &&
           prepare_revisions(db);
  }

  bool prepare_revisions(sqlite3* db) {
    return add_revision.prepare(db, "INSERT INTO revisions VALUES(?, ?, ?, ?, ?, ?, ?, ?)") &&
           trim.prepare(db,
                        "DELETE FROM revisions WHERE object = ?1 AND (change = 2) = ?2"
                        " AND revision < ?4 AND revision <= (SELECT revision FROM revisions"
                        " WHERE object = ?1 AND (change = 2) = ?2"
                        " ORDER BY revision DESC LIMIT 1 OFFSET ?3)") &&
           oldest_tombstone.prepare(db,
                                    "SELECT id, revision FROM objects"
                                    " WHERE resource = ?1 AND deleted = 1"
                                    " ORDER BY revision DESC LIMIT 1 OFFSET ?2") &&
           drop_revisions.prepare(db, "DELETE FROM revisions WHERE object = ?1") &&
           drop_object.prepare(db, "DELETE FROM objects WHERE id = ?1") &&
           set_floor.prepare(db, "INSERT OR REPLACE INTO floors VALUES(?1, ?2)") &&
           floor.prepare(db, "SELECT revision FROM floors WHERE resource = ?1") &&
           history_floor.prepare(
               db,
               "INSERT OR REPLACE INTO floors SELECT ?1, max(ifnull((SELECT revision"
               " FROM floors WHERE resource = ?1), 0), ifnull((SELECT min(revision)"
               " FROM revisions WHERE object = ?2 AND (change = 2) = 0), 0), ?3)") &&
           all_of.prepare(db, "SELECT " WIREWAY_REVISION_COLUMNS
                              " FROM objects o JOIN revisions r ON r.object = o.id"
                              " WHERE o.resource = ?1") &&
           set_body.prepare(db, "UPDATE revisions SET body = ?1 WHERE revision = ?2") &&
           since.prepare(db, "SELECT " WIREWAY_REVISION_COLUMNS
                             " FROM revisions r JOIN objects o ON o.id = r.object"
                             " WHERE r.revision > ?2 AND o.resource = ?1 ORDER BY r.revision") &&
           history.prepare(db, "SELECT " WIREWAY_REVISION_COLUMNS
                               " FROM objects o JOIN revisions r ON r.object = o.id"
                               " WHERE o.resource = ?1 AND o.space = ?2 AND o.name = ?3"
                               " ORDER BY r.revision DESC LIMIT ?4") &&
           at.prepare(db, "SELECT " WIREWAY_REVISION_COLUMNS
                          " FROM revisions r JOIN objects o ON o.id = r.object"
                          " WHERE r.revision = ?1");
  }
};

Store::Store(StoreOptions options)
    : path_(std::move(options.path)),
      history_(options.history),
      sealer_(std::move(options.sealer)) {}

Store::~Store() {
  if (in_batch_) roll_back();
  statements_.reset();
  sqlite3_close(db_);
}

Error Store::sql_error(std::string_view doing) const {
  const int code = sqlite3_errcode(db_) & 0xFF;
  const auto say = [&](Errc errc, std::string_view what) {
    return Error{errc, fmt::format("cannot {} {}: {}", doing, path_, what)};
  };
  switch (code) {
    case SQLITE_FULL:
      return say(Errc::exhausted, "the disk or the database is full; free space and try again");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return say(Errc::conflict,
                 "another process uses it; stop that one or choose another folder with --data");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return say(Errc::denied,
                 "it is read-only; make the file and its folder writable or choose another folder "
                 "with --data");
    case SQLITE_CANTOPEN:
      return say(Errc::io,
                 "the folder is missing or not writable; create it, make it writable or choose "
                 "another with --data");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return say(
          Errc::invalid,
          "it is damaged or no database; move it away or restore a backup, then start again");
    default: return say(Errc::io, sqlite3_errmsg(db_));
  }
}

Result<std::unique_ptr<Store>> Store::open(StoreOptions options) {
  const std::int64_t bytes_max = options.database_bytes_max;
  auto store = std::make_unique<Store>(std::move(options));
  if (auto done = store->open_file(bytes_max); !done) return std::unexpected(done.error());
  if (auto done = store->create_tables(); !done) return std::unexpected(done.error());
  store->statements_ = std::make_unique<Statements>();
  if (!store->statements_->prepare(store->db_)) return std::unexpected(store->sql_error("read"));
  if (auto done = store->load(); !done) return std::unexpected(done.error());
  if (auto done = store->seal_all(); !done) return std::unexpected(done.error());
  return store;
}

Result<> Store::open_file(std::int64_t database_bytes_max) {
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path_.c_str(), &db_, flags, nullptr) != SQLITE_OK)
    return std::unexpected(sql_error("open"));
  sqlite3_extended_result_codes(db_, 0);
  // The exclusive lock keeps a second server out; the kernel drops it when the process dies.
  const std::string settings = fmt::format(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
      "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA max_page_count = {};"
      "BEGIN IMMEDIATE; COMMIT;",
      database_bytes_max / 4096);
  if (sqlite3_exec(db_, settings.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return std::unexpected(sql_error("open"));
  return {};
}

Result<> Store::create_tables() {
  Statement version;
  if (!version.prepare(db_, "PRAGMA user_version")) return std::unexpected(sql_error("read"));
  Statement::Run run(version);
  if (!run.step()) return std::unexpected(sql_error("read"));
  const std::int64_t found = run.integer(0);
  if (found == format_version) return {};
  if (found != 0)
    return fail(Errc::unsupported,
                fmt::format("cannot open {}: its format is {} and this version reads {}; use the "
                            "version that wrote it",
                            path_, found, format_version));
  const std::string sql =
      fmt::format("BEGIN; {} PRAGMA user_version = {}; COMMIT;", tables, format_version);
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  Error error = sql_error("create");
  sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  return std::unexpected(std::move(error));
}

Result<> Store::load() {
  Statement last;
  if (!last.prepare(db_, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence"))
    return std::unexpected(sql_error("read"));
  Statement::Run run(last);
  if (!run.step()) return std::unexpected(sql_error("read"));
  revision_ = revision_committed_ = feed_from_ = run.integer(0);
  return {};
}

/// Seals what an older version left open, and anew what an older key sealed.
Result<> Store::seal_all() {
  std::vector<Revision> due;
  {
    Statement::Run run(statements_->all_of);
    run.bind("secrets");
    while (run.step()) {
      Revision each = read_revision(run);
      const bool sealed = Sealer::is_sealed(each.body);
      if (sealer_ ? sealer_->is_current(each.body) : !sealed) continue;
      if (auto opened = open_body(each); !opened) return opened;
      due.push_back(std::move(each));
    }
    if (!run.ok()) return std::unexpected(sql_error("read"));
  }
  if (!due.empty())
    if (auto done = reseal(due); !done) return done;
  return drop_traces();
}

Result<> Store::reseal(const std::vector<Revision>& due) {
  if (auto begun = begin(); !begun) return begun;
  for (const Revision& each : due) {
    auto sealed = sealer_->seal(each.key, each.number, each.body);
    if (!sealed) return std::unexpected(sealed.error());
    Statement::Run run(statements_->set_body);
    run.bind(*sealed).bind(each.number).step();
    if (!run.ok()) return std::unexpected(sql_error("write"));
  }
  {
    Statement::Run mark(statements_->set_floor);
    mark.bind(traces_mark).bind(1).step();
    if (!mark.ok()) return std::unexpected(sql_error("write"));
  }
  return commit();
}

/// Free pages and the log may still hold what was not sealed; also if the process ended before they
/// were written anew.
Result<> Store::drop_traces() {
  {
    Statement::Run mark(statements_->floor);
    if (!mark.bind(traces_mark).step())
      return mark.ok() ? Result<>() : std::unexpected(sql_error("read"));
  }
  const std::string sql = fmt::format(
      "VACUUM; DELETE FROM floors WHERE resource = '{}'; PRAGMA wal_checkpoint(TRUNCATE);",
      traces_mark);
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    log::warn(
        "{}; until then its free pages may hold Secrets as they were before sealing; tried "
        "again at the next start",
        sql_error("clean").message);
  return {};
}

Result<> Store::open_body(Revision& revision) const {
  if (!Sealer::is_sealed(revision.body)) return {};
  if (!sealer_)
    return fail(Errc::denied, fmt::format("{} holds sealed Secrets: their keys are needed", path_));
  auto opened = sealer_->open(revision.key, revision.number, revision.body);
  if (!opened && opened.error().code == Errc::denied)
    return fail(Errc::denied,
                fmt::format("{}: {}; put back the secrets.key that belongs to this database, from "
                            "the same backup",
                            path_, opened.error().message));
  if (!opened) return wrap(path_, opened.error());
  revision.body = std::move(*opened);
  return {};
}

Result<std::optional<Revision>> Store::get(const StoreKey& key) {
  Statement::Run run(statements_->get);
  run.bind(key.resource).bind(key.space).bind(key.name);
  if (!run.step()) {
    if (!run.ok()) return std::unexpected(sql_error("read"));
    return std::nullopt;
  }
  Revision found = read_revision(run);
  if (auto opened = open_body(found); !opened) return std::unexpected(opened.error());
  return found;
}

Result<Page> Store::list(const std::string& resource, const PageRequest& request) {
  Page page;
  const bool past = request.revision > 0 && request.revision < revision_;
  if (past) {
    Statement::Run floor(statements_->floor);
    const std::string name = whole_from(resource);
    if (floor.bind(name).step() && request.revision < floor.integer(0))
      return fail(Errc::not_found, fmt::format("too old resource version: {} ({})",
                                               request.revision, floor.integer(0)));
  }
  Statement::Run run(past ? statements_->list_past : statements_->list);
  const std::int64_t limit = request.limit > 0 ? request.limit + 1 : -1;
  run.bind(resource).bind(request.space).bind(request.after_space).bind(request.after_name);
  run.bind(limit);
  if (past) run.bind(request.revision);
  while (run.step()) {
    if (request.limit > 0 && static_cast<std::int64_t>(page.items.size()) == request.limit) {
      page.more = true;
      return page;
    }
    page.items.push_back(read_revision(run));
    if (auto opened = open_body(page.items.back()); !opened) return std::unexpected(opened.error());
  }
  if (!run.ok()) return std::unexpected(sql_error("read"));
  return page;
}

Result<std::int64_t> Store::count(const std::string& resource, const std::string& space) {
  Statement::Run run(statements_->count);
  run.bind(resource).bind(space);
  if (!run.step()) return std::unexpected(sql_error("read"));
  return run.integer(0);
}

Result<> Store::begin() {
  if (batch_error_) return std::unexpected(*batch_error_);
  if (in_batch_) return {};
  Statement::Run run(statements_->begin);
  run.step();
  if (!run.ok()) return std::unexpected(sql_error("write"));
  in_batch_ = true;
  return {};
}

void Store::roll_back() {
  sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);  // SQLite may have done so by itself
  in_batch_ = false;
  batch_.clear();
  revision_ = revision_committed_;
}

Result<RevisionRef> Store::put(Write write, json::object& object) {
  if (auto begun = begin(); !begun) return std::unexpected(begun.error());
  std::int64_t object_id = 0;
  std::int64_t living = 0;
  {
    Statement::Run run(statements_->find_object);
    run.bind(write.key.resource).bind(write.key.space).bind(write.key.name);
    if (run.step()) {
      object_id = run.integer(0);
      living = run.integer(2) == 0 ? run.integer(1) : 0;
    } else if (!run.ok()) {
      batch_error_ = sql_error("write");
      return std::unexpected(*batch_error_);
    }
  }
  if (living != write.previous)
    return fail(Errc::conflict,
                fmt::format("revision {} was read, {} is there now", write.previous, living));
  Revision revision{revision_ + 1,
                    living,
                    write.change,
                    std::move(write.key),
                    write.time,
                    std::move(write.author),
                    std::move(write.manager),
                    {}};
  object["metadata"].as_object()["resourceVersion"] = std::to_string(revision.number);
  revision.body = json::serialize(object);
  auto written = insert(revision, object_id);
  if (written) written = trim(revision, object_id);
  if (!written) {
    batch_error_ = written.error();
    return std::unexpected(written.error());
  }
  revision_ = revision.number;
  batch_.push_back(std::make_shared<const Revision>(std::move(revision)));
  return batch_.back();
}

Result<> Store::insert(const Revision& revision, std::int64_t& object_id) {
  if (object_id == 0) {
    Statement::Run run(statements_->add_object);
    run.bind(revision.key.resource).bind(revision.key.space).bind(revision.key.name);
    if (!run.bind(revision.number).step()) return std::unexpected(sql_error("write"));
    object_id = run.integer(0);
  } else {
    Statement::Run run(statements_->move_object);
    run.bind(object_id).bind(revision.number).bind(revision.change == Change::deleted ? 1 : 0);
    run.step();
    if (!run.ok()) return std::unexpected(sql_error("write"));
  }
  Statement::Run run(statements_->add_revision);
  run.bind(revision.number).bind(object_id).bind(revision.previous);
  run.bind(static_cast<std::int64_t>(revision.change)).bind(revision.time.since_epoch.count());
  std::string sealed;
  if (sealer_ && Sealer::concerns(revision.key.resource)) {
    auto done = sealer_->seal(revision.key, revision.number, revision.body);
    if (!done) return std::unexpected(done.error());
    sealed = std::move(*done);
  }
  run.bind(revision.author).bind(revision.manager).bind(sealed.empty() ? revision.body : sealed);
  run.step();
  if (!run.ok()) return std::unexpected(sql_error("write"));
  return {};
}

/// Lets go of what is older than the limits. Only a lost tombstone raises the floor of watches: any
/// other lost revision is followed by a newer one of the same object.
Result<> Store::trim(const Revision& revision, std::int64_t object_id) {
  const History keep = limits_of(revision.key.resource);
  const bool is_status = revision.change == Change::status;
  {
    Statement::Run run(statements_->trim);
    run.bind(object_id).bind(is_status ? 1 : 0);
    run.bind(is_status ? keep.status_max : keep.revisions_max).bind(revision.number);
    run.step();
    if (!run.ok()) return std::unexpected(sql_error("write"));
  }
  if (!is_status && sqlite3_changes(db_) > 0)
    if (auto done = raise_history_floor(revision.key.resource, object_id, 0); !done) return done;
  if (revision.change != Change::deleted) return {};
  std::int64_t old_object = 0;
  std::int64_t old_revision = 0;
  {
    Statement::Run run(statements_->oldest_tombstone);
    if (!run.bind(revision.key.resource).bind(keep.tombstones_max).step())
      return run.ok() ? Result<>() : std::unexpected(sql_error("write"));
    old_object = run.integer(0);
    old_revision = run.integer(1);
  }
  Statement::Run revisions(statements_->drop_revisions);
  revisions.bind(old_object).step();
  Statement::Run object(statements_->drop_object);
  object.bind(old_object).step();
  Statement::Run floor(statements_->set_floor);
  floor.bind(revision.key.resource).bind(old_revision).step();
  if (!revisions.ok() || !object.ok() || !floor.ok()) return std::unexpected(sql_error("write"));
  return raise_history_floor(revision.key.resource, old_object, old_revision);
}

Result<> Store::raise_history_floor(const std::string& resource, std::int64_t object_id,
                                    std::int64_t at_least) {
  Statement::Run run(statements_->history_floor);
  const std::string name = whole_from(resource);
  run.bind(name).bind(object_id).bind(at_least).step();
  if (!run.ok()) return std::unexpected(sql_error("write"));
  return {};
}

Result<> Store::commit() {
  if (batch_error_) {
    const Error error = *std::exchange(batch_error_, std::nullopt);
    roll_back();
    return std::unexpected(error);
  }
  if (!in_batch_) return {};
  {
    Statement::Run run(statements_->commit);
    run.step();
    if (!run.ok()) {
      Error error = sql_error("write");
      roll_back();
      return std::unexpected(std::move(error));
    }
  }
  in_batch_ = false;
  revision_committed_ = revision_;
  const auto batch = std::exchange(batch_, {});
  for (const RevisionRef& revision : batch) remember(revision);
  if (listener_)
    for (const RevisionRef& revision : batch) listener_(revision);
  return {};
}

void Store::remember(const RevisionRef& revision) {
  feed_.push_back(revision);
  feed_bytes_ += revision->body.size();
  while (feed_.size() > feed_entries_max || feed_bytes_ > feed_bytes_max) {
    feed_bytes_ -= feed_.front()->body.size();
    feed_from_ = feed_.front()->number;
    feed_.pop_front();
  }
}

Result<std::vector<RevisionRef>> Store::since(const std::string& resource, std::int64_t number) {
  std::vector<RevisionRef> out;
  if (number >= feed_from_) {
    const auto first = std::ranges::upper_bound(
        feed_, number, {}, [](const RevisionRef& revision) { return revision->number; });
    for (auto it = first; it != feed_.end(); ++it)
      if ((*it)->key.resource == resource) out.push_back(*it);
    return out;
  }
  Statement::Run floor(statements_->floor);
  if (floor.bind(resource).step() && number < floor.integer(0))
    return fail(Errc::not_found,
                fmt::format("too old resource version: {} ({})", number, floor.integer(0)));
  Statement::Run run(statements_->since);
  run.bind(resource).bind(number);
  while (run.step()) {
    Revision revision = read_revision(run);
    if (revision.number > revision_committed_) continue;
    if (auto opened = open_body(revision); !opened) return std::unexpected(opened.error());
    out.push_back(std::make_shared<const Revision>(std::move(revision)));
  }
  if (!run.ok()) return std::unexpected(sql_error("read"));
  return out;
}

Result<> Store::back_up(const std::string& path) {
  if (in_batch_) return fail(Errc::unavailable, "writes are under way; try again");
  if (std::filesystem::exists(path)) return fail(Errc::conflict, path + " is there already");
  const auto failed = [&path](std::string_view why) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return fail(Errc::io, fmt::format("cannot write {}: {}", path, why));
  };
  // Made with its rights first: SQLite would leave them to the umask.
  std::ofstream(path).close();
  std::error_code error;
  std::filesystem::permissions(path, std::filesystem::perms(0600), error);
  if (error) return failed(error.message());
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> copy(raw, &sqlite3_close);
  if (opened != SQLITE_OK) return failed(sqlite3_errstr(opened));
  sqlite3_backup* backup = sqlite3_backup_init(raw, "main", db_, "main");
  if (backup == nullptr) return failed(sqlite3_errmsg(raw));
  const int stepped = sqlite3_backup_step(backup, -1);
  const int finished = sqlite3_backup_finish(backup);
  if (stepped != SQLITE_DONE || finished != SQLITE_OK)
    return failed(sqlite3_errstr(stepped != SQLITE_DONE ? stepped : finished));
  return {};
}

Result<std::vector<Revision>> Store::history(const StoreKey& key, std::int64_t limit) {
  std::vector<Revision> out;
  Statement::Run run(statements_->history);
  run.bind(key.resource).bind(key.space).bind(key.name).bind(limit);
  while (run.step()) {
    out.push_back(read_revision(run));
    if (auto opened = open_body(out.back()); !opened) return std::unexpected(opened.error());
  }
  if (!run.ok()) return std::unexpected(sql_error("read"));
  return out;
}

Result<std::optional<Revision>> Store::at(std::int64_t number) {
  Statement::Run run(statements_->at);
  run.bind(number);
  if (!run.step()) {
    if (!run.ok()) return std::unexpected(sql_error("read"));
    return std::nullopt;
  }
  Revision found = read_revision(run);
  if (auto opened = open_body(found); !opened) return std::unexpected(opened.error());
  return found;
}

}  // namespace wireway::control
