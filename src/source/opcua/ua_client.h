#pragma once
/// One session with one OPC UA server: connect, services, notifications. When it is lost it stays
/// lost: its owner makes a new one, so that no state of an old session is ever mistaken for the new
/// one's.
///
/// Thread: the worker of its endpoint; every call blocks at most service_timeout
/// Owns:   the library's client; the session is closed by the destructor if the server still
///         answers
/// Errors: a lost session makes is_alive() false and fails every later call with its code

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <open62541/client.h>
#include <open62541/client_subscriptions.h>

#include "source/opcua/library.h"
#include "source/opcua/model.h"

namespace wireway::source::opcua {

/// What a fresh session learns about its server.
struct ServerInfo {
  std::string application_uri;
  std::string product;  ///< "Wireway PLC simulator 1.4.18 (Wireway)"
  std::vector<std::string> namespaces;
  std::int32_t state = 0;                ///< ServerState, 0 = Running
  std::uint32_t nodes_per_read_max = 0;  ///< 0 = the server names no limit
  std::uint32_t items_per_call_max = 0;
};

class UaClient {
 public:
  static constexpr Duration connect_timeout = std::chrono::seconds{10};
  static constexpr Duration service_timeout = std::chrono::seconds{5};
  static constexpr std::size_t read_chunk_max = 1000;

  explicit UaClient(const EndpointModel& endpoint);
  ~UaClient();
  UaClient(const UaClient&) = delete;
  UaClient& operator=(const UaClient&) = delete;

  /// GOOD once the session is activated; gives up when `is_stopping` says so.
  UA_StatusCode connect(const std::function<bool()>& is_stopping);
  bool is_alive() const;
  /// Why it is not alive.
  UA_StatusCode status() const { return status_; }
  /// Handles what the network brings, for at most `longest`.
  void iterate(Duration longest);
  /// The server has stopped to publish a subscription, or has dropped one.
  bool has_silent_subscription() const { return has_silent_subscription_; }
  void note_silent_subscription() { has_silent_subscription_ = true; }

  /// Errors of the service as a whole come back as its code.
  UA_StatusCode read_server_info(ServerInfo& info);
  /// Reads `attribute` of each node, in chunks of the server's limit; results in the same order.
  UA_StatusCode read(const std::vector<UA_NodeId>& nodes, UA_AttributeId attribute,
                     std::vector<Owned<UA_DataValue, UA_TYPES_DATAVALUE>>& results);
  BrowseResponse browse(const UA_BrowseRequest& request);

  /// Runs until `is_done` or until the session is lost or service_timeout has passed.
  UA_StatusCode wait_for(const std::function<bool()>& is_done);
  /// Ends the session at once; every answer that was still awaited is reported as failed.
  void abandon();
  UA_Client& handle() { return *client_; }
  const ServerInfo& info() const { return info_; }

 private:
  struct Deleter {
    void operator()(UA_Client* client) const { UA_Client_delete(client); }
  };
  static void on_state(UA_Client* client, UA_SecureChannelState channel, UA_SessionState session,
                       UA_StatusCode status);
  static void on_silence(UA_Client* client, UA_UInt32 subscription, void* context);

  UA_Logger logger_;
  std::unique_ptr<UA_Client, Deleter> client_;
  std::string url_;
  UA_StatusCode status_ = UA_STATUSCODE_BADNOTCONNECTED;
  bool was_activated_ = false;
  bool has_silent_subscription_ = false;
  ServerInfo info_;
};

}  // namespace wireway::source::opcua
