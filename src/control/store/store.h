#pragma once
/// Every resource in every revision, in one SQLite file: the ground under the API server. History,
/// diff and rollback, the watch feed and optimistic concurrency all come from its one table of
/// revisions.
///
/// A write joins the open batch and is visible to reads at once; commit() makes the batch durable
/// (one fsync for all) and only then tells the listeners. Whoever answers a client waits for it.
///
/// Thread: the one that opened it. Owns: the file, locked against other processes until
///         destruction.
/// Limits: limits_of(resource) revisions an object; feed_entries_max and feed_bytes_max of
///         revisions in memory; database_bytes_max (writes refused with Errc::exhausted, reads go
///         on).
/// Errors: a failed write or commit rolls the whole batch back; the file is as after the last
///         commit, also after kill -9 at any instruction. A sealed object that does not open fails
///         what reads it, with its name.
/// Cost:   a get about 5 us; a put about 30 us plus its share of the fsync.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "control/store/seal.h"

struct sqlite3;

namespace wireway::control {

/// Which object. `resource` is "assets.deviceregistry.microsoft.com", for the core group "secrets".
struct StoreKey {
  std::string resource;
  std::string space;
  std::string name;
  friend auto operator<=>(const StoreKey&, const StoreKey&) = default;
};

enum class Change { created, updated, status, deleted };

/// One state of one object. `body` is its JSON as clients get it; for a deletion the last one.
struct Revision {
  std::int64_t number = 0;    ///< resourceVersion
  std::int64_t previous = 0;  ///< revision that it replaces; 0 if the object is new
  Change change = Change::created;
  StoreKey key;
  WallTime time;
  std::string author;   ///< user
  std::string manager;  ///< program: field manager
  std::string body;
};

using RevisionRef = std::shared_ptr<const Revision>;

struct Write {
  StoreKey key;
  Change change = Change::updated;
  std::int64_t previous = 0;  ///< the revision that was read; another one there now is a conflict
  WallTime time;
  std::string author;
  std::string manager;
};

/// How much of the past is kept.
struct History {
  std::int64_t revisions_max = 100;    ///< changes of an object by people and programs
  std::int64_t status_max = 20;        ///< changes of its status alone
  std::int64_t tombstones_max = 1000;  ///< deleted objects of the resource
};

struct Page {
  std::vector<Revision> items;
  bool more = false;
};

struct PageRequest {
  std::string space{};        ///< "" = all
  std::string after_space{};  ///< continues behind this object
  std::string after_name{};
  std::int64_t limit = 0;     ///< 0 = all
  std::int64_t revision = 0;  ///< as of then; 0 = now
};

struct StoreOptions {
  std::string path;  ///< ":memory:" keeps it in memory
  std::int64_t database_bytes_max = 4LL * 1024 * 1024 * 1024;
  History history{};  ///< of all resources but Events and Leases, which have no past worth keeping
  std::optional<Sealer> sealer{};  ///< seals Secrets; none leaves them open
};

class Store {
 public:
  static constexpr std::size_t feed_entries_max = 4096;
  static constexpr std::size_t feed_bytes_max = 16 * 1024 * 1024;

  /// Errors: one line that names the path and the remedy: not writable, damaged, in use, disk full.
  static Result<std::unique_ptr<Store>> open(StoreOptions options);
  /// For open().
  explicit Store(StoreOptions options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// How much of a resource's past is kept.
  History limits_of(const std::string& resource) const;

  /// The newest revision, of uncommitted writes too.
  std::int64_t revision() const { return revision_; }

  /// The living object, or nothing.
  Result<std::optional<Revision>> get(const StoreKey& key);
  /// Living objects in order of namespace and name. Errors: Errc::not_found if the past is not kept
  /// whole back to the asked revision.
  Result<Page> list(const std::string& resource, const PageRequest& page);
  Result<std::int64_t> count(const std::string& resource, const std::string& space);

  /// Sets metadata.resourceVersion in `object` and writes it. Errors: Errc::conflict if `previous`
  /// is not the living revision; Errc::exhausted on a full disk or database; Errc::io.
  Result<RevisionRef> put(Write write, json::object& object);

  Result<> commit();
  /// What the next commit() will make durable, in order.
  const std::vector<RevisionRef>& uncommitted() const { return batch_; }

  /// Revisions of a resource after `number`, oldest first. Errors: Errc::not_found if some that
  /// would be needed are no longer kept.
  Result<std::vector<RevisionRef>> since(const std::string& resource, std::int64_t number);
  /// What is kept of one object's past, newest first, deletions too.
  Result<std::vector<Revision>> history(const StoreKey& key, std::int64_t limit);
  /// One revision by its number, if it is kept.
  Result<std::optional<Revision>> at(std::int64_t number);

  /// Writes a consistent copy of all that is committed to a new file, readable by its owner alone.
  /// Blocks for about a second per 200 MB. Errors: Errc::unavailable while a batch is open (ask
  /// again), Errc::conflict if the file exists; nothing is left behind.
  Result<> back_up(const std::string& path);

  /// Called for each revision after its commit, in order. Replaces the former listener.
  void on_committed(std::function<void(const RevisionRef&)> listener) {
    listener_ = std::move(listener);
  }

 private:
  struct Statements;
  Result<> open_file(std::int64_t database_bytes_max);
  Result<> create_tables();
  Result<> load();
  Result<> seal_all();
  Result<> reseal(const std::vector<Revision>& due);
  Result<> drop_traces();
  Result<> open_body(Revision& revision) const;
  Result<> begin();
  Result<> insert(const Revision& revision, std::int64_t& object_id);
  Result<> trim(const Revision& revision, std::int64_t object_id);
  Result<> raise_history_floor(const std::string& resource, std::int64_t object_id,
                               std::int64_t at_least);
  void roll_back();
  void remember(const RevisionRef& revision);
  Error sql_error(std::string_view doing) const;

  std::string path_;
  History history_;
  std::optional<Sealer> sealer_;
  sqlite3* db_ = nullptr;
  std::unique_ptr<Statements> statements_;
  std::int64_t revision_ = 0;
  std::int64_t revision_committed_ = 0;
  bool in_batch_ = false;
  std::optional<Error> batch_error_;
  std::vector<RevisionRef> batch_;
  std::deque<RevisionRef> feed_;
  std::size_t feed_bytes_ = 0;
  std::int64_t feed_from_ = 0;  ///< the feed has everything after this revision
  std::function<void(const RevisionRef&)> listener_;
};

}  // namespace wireway::control
