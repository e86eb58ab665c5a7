#pragma once
/// The record of who did what and when, with the object before and after it: one line of JSON for
/// each write, each refusal and each look at a Secret, handed on once the write is durable.
///
/// Not recorded: other reads; Events and Leases; the status that the services of this machine write
/// (the store's history has it). What Secrets hold, passwords and tokens never are.
///
/// Source: audit.k8s.io/v1 Event; `oldObject` is an addition of ours.
/// Thread: the server's. Owns: nothing; store and sink outlive it.
/// Limits: body_bytes_max of each object in a line; refusals_max a minute and address, the rest is
///         counted in the next line of that address.
/// Errors: none; a sink that cannot write says so itself.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/access/identity.h"
#include "control/api/route.h"
#include "control/store/store.h"
#include "link/http_server.h"

namespace wireway::control {

class AuditSink {
 public:
  virtual ~AuditSink() = default;
  /// One event, without a line end.
  virtual void write(std::string line) = 0;
};

class Audit {
 public:
  static constexpr std::size_t body_bytes_max = 256 * 1024;
  static constexpr int refusals_max = 20;
  static constexpr std::size_t addresses_max = 1000;

  struct Options {
    AuditSink* sink = nullptr;  ///< null records nothing
    std::function<WallTime()> clock;
    std::function<std::string()> new_uid;
  };

  explicit Audit(Store& store) : store_(store) {}
  /// Nothing is recorded before.
  void start(Options options);

  /// Around the handling of each request; admitted() in between once it is known who asks.
  void begin();
  void admitted(const Identity& who) { who_ = who; }
  void end(const link::HttpRequest& request, const link::HttpResponse& response);

  /// Before the store's commit: takes up what was written without a request.
  void before_commit();
  /// After it: lets the events go, or says of writes that they did not happen.
  void after_commit(const Result<>& committed);

 private:
  struct Event {
    json::object head;
    std::string bodies;  ///< ,"oldObject":{...},"responseObject":{...}
    bool writes = false;
  };
  struct Refusals {
    WallTime since;
    int seen = 0;
  };

  bool is_recorded(const link::HttpRequest& request, const std::optional<ObjectPath>& path,
                   unsigned status) const;
  bool too_many_refusals(const std::string& address, json::object& annotations);
  json::object head(std::string_view verb, const Identity& who) const;
  void add_change(Event& event, const RevisionRef& revision);
  std::string before_of(const Revision& revision) const;

  Store& store_;
  Options options_;
  WallTime began_;
  std::int64_t recorded_until_ = 0;  ///< revisions up to here have their events
  std::optional<Identity> who_;
  std::vector<Event> pending_;
  std::map<std::string, Refusals> refusals_;
};

}  // namespace wireway::control
