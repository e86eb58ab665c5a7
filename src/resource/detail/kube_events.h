#pragma once
/// Events of a service as core/v1 Events. The same happening again raises `count` of the one there
/// is.
///
/// Thread: the Loop's.
/// Limits: remembered_max different events, the oldest forgotten first (a repeat then makes a new
///         one); one that cannot be written is tried attempts_max times.

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "net/loop.h"
#include "resource/detail/kube_client.h"
#include "resource/resources.h"

namespace wireway::resource::detail {

class KubeEvents {
 public:
  static constexpr std::size_t remembered_max = 512;
  static constexpr int attempts_max = 8;

  explicit KubeEvents(KubeClient& client) : client_(client) {}
  void emit(const EventRecord& record);

 private:
  struct Entry {
    Entry(EventRecord its_record, net::OsLoop& loop, net::Random& random)
        : record(std::move(its_record)),
          retry(loop),
          backoff(random, std::chrono::milliseconds{500}, std::chrono::seconds{30}) {}
    EventRecord record;
    std::string api_version;
    std::string kind;
    std::string name;  ///< of the Event; empty until it is created
    std::string first_time;
    std::int64_t count = 0;
    std::int64_t count_written = 0;
    int attempts = 0;
    bool busy = false;
    net::Timer retry;
    Backoff backoff;
  };

  void write(const std::string& id);
  void create(const std::string& id, Entry& entry, const json::value& about);
  void raise_count(const std::string& id, Entry& entry);
  void settled(const std::string& id, std::int64_t count, const Result<json::value>& result);
  void forget_oldest();

  KubeClient& client_;
  std::map<std::string, Entry> entries_;
  std::deque<std::string> order_;
};

}  // namespace wireway::resource::detail
