#pragma once
/// One endpoint's life on its worker thread: connect, watch, keep alive, lose, connect again, for
/// ever.
///
/// Thread: everything on the worker of its endpoint, except the constructor and destructor (no task
///         may run then). The listener is called on the worker's thread too.
/// Limits: between two attempts first_retry doubling to endpoint.reconnect_ms_max; commands wait
///         at most turn_max; refused tags are tried again each refused_retry
/// Errors: told to the listener as a Failure; none ends the life

#include <memory>
#include <vector>

#include "net/random.h"
#include "net/worker.h"
#include "source/opcua/library.h"
#include "source/opcua/model.h"
#include "source/opcua/monitor.h"

namespace wireway::source::opcua {

struct SessionState {
  bool is_connected = false;
  Failure failure;          ///< while not connected
  bool is_network = false;  ///< the failure is below OPC UA: ask the network why (probe.h)
  std::string product;      ///< of the server, while connected
  std::int32_t server_state = 0;
  WallTime since;
  friend bool operator==(const SessionState&, const SessionState&) = default;
};

class SessionListener {
 public:
  virtual ~SessionListener() = default;
  virtual void on_state(const SessionState& state) = 0;
  virtual void on_reports(std::vector<AssetReport> reports) = 0;
  virtual void on_deliveries(std::vector<Delivery> deliveries) = 0;
};

class ServerSession {
 public:
  static constexpr Duration turn_max = std::chrono::milliseconds{100};
  /// A server that was just restarted is back soon: the first attempts are quicker than the
  /// profile's reconnect period.
  static constexpr Duration first_retry = std::chrono::milliseconds{250};
  static constexpr Duration refused_retry = std::chrono::seconds{30};

  ServerSession(EndpointModel endpoint, std::uint64_t seed, SessionListener& listener);
  ~ServerSession();

  void set_wish(const std::vector<AssetModel>& assets);
  /// Lives until another task waits for the worker or its stop is requested.
  void live(net::Worker& worker);

 private:
  void connect(net::Worker& worker);
  void serve();
  void check_server();
  void note_server_state(std::int32_t server_state);
  void synchronise();
  void lose(UA_StatusCode code);
  void report();
  void deliver(bool everything);

  const EndpointModel endpoint_;
  SessionListener& listener_;
  net::SeededRandom random_;
  Monitor monitor_;
  std::unique_ptr<UaClient> client_;  ///< null while not connected
  SessionState state_;
  std::vector<AssetReport> reported_;
  bool is_stale_ = true;  ///< the wish has changed since the last synchronise
  Duration next_connect_{0};
  Duration next_check_{0};
  Duration next_retry_{0};
  Duration reconnect_delay_;
};

}  // namespace wireway::source::opcua
