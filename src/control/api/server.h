#pragma once
/// The Kubernetes API without I/O: a request goes in, an answer or a watch comes out.
/// control/api/http.h puts it on an HTTP server; tests and fuzzers call it directly.
///
/// Answers to writes may go out only after commit(): it makes all writes since the last one durable
/// at once, and then feeds the watches.
///
/// Thread: one. Owns: the catalog and the watches; the store outlives it.
/// Limits: body_bytes_max (413), watches_max (429), list_items_max a page, event_age_max.
/// Errors: always a metav1.Status; nothing that a client sends ends the process.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "control/api/audit.h"
#include "control/api/garbage.h"
#include "control/api/gate.h"
#include "control/api/list_options.h"
#include "control/api/metrics.h"
#include "control/api/objects.h"
#include "control/api/watch.h"
#include "link/http_server.h"

namespace wireway::control {

struct ApiServerOptions {
  std::function<WallTime()> clock;
  std::function<std::string()> new_uid;
  /// Who may do what; kept current by the server. Null: everybody may do everything.
  Access* access = nullptr;
  AuditSink* audit = nullptr;  ///< where the record of who did what goes; null keeps none
  /// Appended to GET /metrics: what the program knows of itself, as Prometheus text.
  std::function<std::string()> more_metrics = nullptr;
  std::size_t body_bytes_max = 3 * 1024 * 1024;
  std::size_t watches_max = 4096;
  std::string backup_folder{};  ///< where backups are written; empty = nowhere
  Duration event_age_max = std::chrono::hours{1};
  Duration bookmark_interval = std::chrono::seconds{60};
  Duration watch_time_max = std::chrono::minutes{45};
};

/// An answer, or the head of a watch that begins after it.
struct Reply {
  link::HttpResponse response;
  std::unique_ptr<WatchSession> watch;
};

class ApiServer {
 public:
  /// Reads the definitions that the store has, adds the embedded ones and the namespaces that every
  /// system has. Errors: of the store.
  static Result<std::unique_ptr<ApiServer>> start(Store& store, ApiServerOptions options);
  /// For start().
  ApiServer(Store& store, ApiServerOptions options);
  ~ApiServer();

  /// True for paths of the Kubernetes API; the others belong to the UI.
  static bool owns(std::string_view path);

  Reply handle(const link::HttpRequest& request);
  /// Makes the writes so far durable. On failure none of them has happened, and their clients must
  /// be answered with the Status that refused_writes() makes of the Error.
  Result<> commit();
  static link::HttpResponse refused_writes(const Error& error);

  /// Starts a watch that handle() has made; 0 if it was over at once.
  std::uint64_t start_watch(std::unique_ptr<WatchSession> watch, std::unique_ptr<WatchSink> sink);
  void stop_watch(std::uint64_t id);
  /// Once a second: ends watches in time, sends bookmarks, lets old Events go.
  void tick();
  /// Removes a slice of what goes with its owner. True if more is due: call again soon.
  bool collect();
  bool collection_due() const { return garbage_.due(); }

  /// For the parts of the server itself, past every question of rights; durable after commit().
  /// What is there already stays as it is.
  Result<> put_own(const std::string& resource, json::object object);
  Result<> remove_own(const StoreKey& key);
  Audit& audit() { return audit_; }
  const ApiServerOptions& options() const { return options_; }

 private:
  struct Route;
  Result<> load();
  Result<> ensure(const std::string& resource, json::object object, bool keep_existing);
  Result<> load_access();
  void keep_aggregates();
  void on_committed(const RevisionRef& revision);
  void erase_watch(std::uint64_t id);

  Reply answer(const link::HttpRequest& request);
  Reply route(const link::HttpRequest& request);
  ApiResult<Identity> admit(const link::HttpRequest& request,
                            const std::optional<ObjectPath>& path);
  ApiResult<Reply> route_api(const link::HttpRequest& request, const Accept& accept);
  ApiResult<Reply> back_up(const link::HttpRequest& request, const Accept& accept);
  ApiResult<Reply> metrics(const link::HttpRequest& request);
  ApiResult<Reply> review(const link::HttpRequest& request, const Accept& accept,
                          const ObjectPath& path);
  ApiResult<Reply> token_request(const link::HttpRequest& request, const Accept& accept,
                                 const ObjectPath& path);
  ApiResult<Reply> discovery(const link::HttpRequest& request, const Accept& accept);
  ApiResult<Reply> objects(const link::HttpRequest& request, const Accept& accept, Route route);
  ApiResult<Reply> read(const link::HttpRequest& request, const Accept& accept, Route& route);
  ApiResult<Reply> write(const link::HttpRequest& request, const Accept& accept, Route& route);
  ApiResult<Written> write_object(const link::HttpRequest& request, Route& route);
  ApiResult<Reply> list(const link::HttpRequest& request, const Accept& accept, const Route& route);
  ApiResult<std::int64_t> listed_behind(const ResourceType& type, const std::string& space,
                                        const ContinueToken& token, bool continued);
  ApiResult<Reply> watch(const link::HttpRequest& request, const Accept& accept,
                         const Route& route);
  ApiResult<Reply> scale(const link::HttpRequest& request, const Accept& accept, Route& route);
  ApiResult<Reply> history(const link::HttpRequest& request, const Accept& accept,
                           const Route& route);
  ApiResult<Written> roll_back(const link::HttpRequest& request, Call& call);
  ApiResult<Reply> delete_collection(const link::HttpRequest& request, const Route& route);
  void drop_old_events(WallTime now);
  void keep_sessions(WallTime now);

  Store& store_;
  ApiServerOptions options_;
  Gate gate_;
  Audit audit_;
  ApiMetrics metrics_;
  Catalog catalog_;
  Objects objects_;
  Garbage garbage_;
  std::string server_id_;
  std::map<std::uint64_t, std::unique_ptr<WatchSession>> watches_;
  std::uint64_t last_watch_ = 0;
  WallTime next_bookmarks_;
  WallTime next_sweep_;
};

}  // namespace wireway::control
