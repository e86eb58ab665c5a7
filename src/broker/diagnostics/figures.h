#pragma once
/// What the broker knows of itself at one moment, gathered from all shards: the source of the
/// metrics page and of $SYS.

#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "broker/settings.h"

namespace wireway::broker::diagnostics {

/// What the self-check asks, in this order.
enum class Operation : std::uint8_t { connect, subscribe, publish, ping, unsubscribe };
inline constexpr std::size_t operations_count = 5;
/// "connect".
std::string_view to_string(Operation operation);

/// How often an operation was tried on one route (a shard), and how long it took.
struct OperationFigures {
  bool good = false;  ///< the last time
  double last_ms = 0;
  std::uint64_t count = 0;
  double sum_ms = 0;
  double squares_ms = 0;

  void note(bool success, double ms);
  double mean_ms() const;
  double deviation_ms() const;
};

struct RouteFigures {
  std::array<OperationFigures, operations_count> operations;
  std::uint64_t payloads_sent = 0;
  std::uint64_t payloads_received = 0;
};

struct SelfCheckFigures {
  std::vector<RouteFigures> routes;
  bool ran = false;     ///< at least once
  bool good = false;    ///< the last time
  std::string message;  ///< "Probe failed: Failed Operation CONNECT (1/2)"
  MonoTime finished;
};

struct Figures {
  Counters total;
  std::map<std::string, CategoryFigures> categories;
  SelfCheckFigures check;
  std::string hostname;
  std::string version;
  Duration uptime{0};
  std::size_t shards = 0;
  std::size_t queued_bytes_max = 0;
  std::uint64_t connections_maximum = 0;
  double received_per_second = 0;
  double sent_per_second = 0;
  std::uint64_t heap_bytes = 0;  ///< 0 = not known
  std::uint64_t heap_bytes_maximum = 0;
};

}  // namespace wireway::broker::diagnostics
