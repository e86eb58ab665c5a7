#pragma once
/// The state store: keys with values, versions, expiry and fencing tokens, and who wants to know of
/// which key. One instance for the whole broker. Requests and times in; replies, notifications and
/// records out.
///
/// Source: state store protocol, all of "Commands", "Versioning", "Fencing", "Notifications"
/// Thread: one; no I/O, no clock of its own
/// Limits: quota_bytes: of keys, values, tokens and registrations together; beyond it SET and
///         KEYNOTIFY are refused with the protocol's quota error, what is there stays
///         notified_key_bytes_max: a longer key's notification would not fit into a topic;
///         KEYNOTIFY is refused likewise expire_batch: keys that one call of expire() takes;
///         next_expiry() is then still due
/// Order:  the notices of one key are in the order of its changes; none follows the reply to STOP

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "broker/state_store/change.h"
#include "broker/state_store/command.h"
#include "broker/state_store/hlc.h"

namespace wireway::broker::state_store {

/// Deadlines run on the monotonic clock, so that a step of the wall clock ends no lease; versions
/// and records carry wall time.
struct Now {
  MonoTime mono;
  WallTime wall;
};

/// A connection that has asked to be told; another connection of the same client is another one.
struct Listener {
  std::string client_identifier;
  std::uint64_t connection = 0;
  bool preview = false;  ///< asked through the preview's topic, is told through it

  friend bool operator==(const Listener&, const Listener&) = default;
};

/// Views valid during execute().
struct Request {
  std::string_view payload;
  std::optional<std::string_view> timestamp;      ///< `__ts`
  std::optional<std::string_view> fencing_token;  ///< `__ft`
  bool authorized = true;                         ///< for the key and the verb
  bool keep_asked = false;                        ///< `aio-persistence: true`
  Listener asker;
};

/// To one listener: the key has changed.
struct Notice {
  Listener to;
  std::string key;
  std::string payload;
  Hlc version;
};

struct Outcome {
  std::string reply;           ///< payload of the response; empty if there was no request
  std::optional<Hlc> version;  ///< `__ts` of the response
  std::vector<Notice> notices;
  std::vector<Change> changes;
};

/// Since the start, attempts with their errors; the last ones are now.
struct StoreCounters {
  std::uint64_t insertions = 0;
  std::uint64_t modifications = 0;
  std::uint64_t retrievals = 0;
  std::uint64_t deletions = 0;
  std::uint64_t keynotify_requests = 0;
  std::uint64_t notifications_sent = 0;
  std::uint64_t expirations = 0;
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;
  std::uint64_t registrations = 0;

  StoreCounters& operator+=(const StoreCounters& other);
};

class Store {
 public:
  static constexpr std::string_view node_name = "StateStore";
  static constexpr std::size_t notified_key_bytes_max = 30 * 1024;
  static constexpr std::size_t overhead_bytes = 192;  ///< counted for each key and registration
  static constexpr std::size_t expire_batch = 1000;

  explicit Store(std::size_t quota_bytes) : quota_bytes_(quota_bytes) {}

  void set_quota(std::size_t bytes) { quota_bytes_ = bytes; }

  Outcome execute(const Request& request, const Now& now);
  /// Keys that are due; a key is absent for execute() from its deadline on in any case.
  Outcome expire(const Now& now);
  std::optional<MonoTime> next_expiry() const;
  /// The connection has ended: its registrations go.
  void forget(std::string_view client_identifier, std::uint64_t connection);

  /// One record, in the order in which they were written; without notices and quota.
  void restore(Change change, const Now& now);
  /// All that lives, in pages of about `bytes_max`: the keys behind `after` ("" = from the start,
  /// which is the clock's time). Empty at the end.
  std::vector<Change> page(std::string_view after, std::size_t bytes_max, const Now& now) const;

  StoreCounters counters() const;

 private:
  struct Entry {
    std::string value;
    Hlc version;
    std::optional<MonoTime> deadline;
    std::optional<Hlc> fencing_token;
    bool keep_asked = false;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;
  struct Registrations {
    std::uint64_t connection = 0;
    std::set<std::string, std::less<>> keys;
  };
  struct Call;

  void set(Call& call);
  void get(Call& call);
  void del(Call& call);
  void keynotify(Call& call);
  bool passes_fence(Call& call, const Hlc* guard);
  bool passes_condition(Call& call);
  std::string_view check_times(Call& call) const;
  void write(Call& call, std::size_t bytes_before);
  void erase(Entries::iterator at, const Hlc& version, Outcome& outcome);
  void set_deadline(Entries::iterator at, std::optional<MonoTime> deadline);
  void notify(std::string_view key, const std::string* value, const Hlc& version, Outcome& outcome);
  bool unregister(std::string_view client_identifier, std::string_view key);
  Change change_of(const std::string& key, const Entry& entry, const Now& now) const;
  static std::size_t bytes_of(std::string_view key, std::string_view value, const Hlc* token);
  static std::size_t bytes_of(const std::string& key, const Entry& entry);

  std::size_t quota_bytes_;
  std::size_t used_bytes_ = 0;
  HlcClock clock_{std::string(node_name)};
  Entries entries_;  // ordered, so that a checkpoint can go on behind any key
  std::set<std::pair<MonoTime, std::string>> deadlines_;
  std::map<std::string, std::map<std::string, Listener, std::less<>>, std::less<>> listeners_;
  std::map<std::string, Registrations, std::less<>> by_client_;
  std::size_t registrations_ = 0;
  StoreCounters counters_;
};

}  // namespace wireway::broker::state_store
