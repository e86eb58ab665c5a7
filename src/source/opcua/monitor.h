#pragma once
/// Which values of one server are watched: the wish (assets with their tags) against what the
/// session has. Every change goes the same way, start and reconnect included: bury what is no
/// longer wanted, modify what changed, create what is missing; tags that stay are not touched.
///
/// Thread: the worker of its endpoint
/// Owns:   datasets with their writers, items, the list of subscriptions
/// Limits: items_max items a subscription; service calls in chunks of the server's limit and of
///         call_chunk_max
/// Errors: a tag that the server refuses is kept with its reason and tried again by
///         retry_refused(); synchronise() fails only if the session is lost

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <open62541/client_subscriptions.h>

#include "source/opcua/dataset_writer.h"
#include "source/opcua/model.h"
#include "source/opcua/node_id.h"
#include "source/opcua/type_catalog.h"
#include "source/opcua/ua_client.h"

namespace wireway::source::opcua {

/// What came of one asset's tags at the server.
struct AssetReport {
  static constexpr std::size_t refused_named_max = 5;
  resource::ObjectKey key;
  std::size_t monitored = 0;
  std::size_t refused = 0;
  std::vector<std::string> refused_named;  ///< "Tag (ns=3;s=X): BadNodeIdUnknown, the server ..."
  friend bool operator==(const AssetReport&, const AssetReport&) = default;
};

/// Messages of one asset, with what they count for.
struct Delivery {
  resource::ObjectKey asset;
  std::vector<flow::Message> messages;
  SampleCounts counts;
};

class Monitor {
 public:
  static constexpr std::size_t call_chunk_max = 1000;
  /// A dataset over several subscriptions waits so long for the others, to become one message.
  static constexpr Duration gather_max = std::chrono::milliseconds{100};

  Monitor(const EndpointModel& endpoint, net::Random& random);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  /// The new wish; takes effect with the next synchronise().
  void set_wish(const std::vector<AssetModel>& assets);
  /// A session begins: nothing is watched yet, names are those of this server.
  void begin_session(const ServerInfo& info);
  /// The session is gone with all that it watched.
  void end_session();
  UA_StatusCode synchronise(UaClient& client);
  /// Refused tags are wanted again.
  void retry_refused();

  /// Messages of all that has come in; `everything` ends the gathering of spread datasets too.
  void flush(bool everything, std::vector<Delivery>& out);
  bool is_gathering() const;
  std::vector<AssetReport> reports() const;
  std::size_t subscription_count() const { return subscriptions_.size(); }

 private:
  struct Asset;
  struct Dataset;
  struct Item;
  struct Subscription {
    std::uint32_t id = 0;
    std::int32_t publishing_ms = 0;
    std::size_t items = 0;
  };
  struct CreateCall;

  static void on_value(UA_Client* client, UA_UInt32 subscription, void* subscription_context,
                       UA_UInt32 item, void* item_context, UA_DataValue* value);
  static void on_subscription_status(UA_Client* client, UA_UInt32 subscription, void* context,
                                     UA_StatusChangeNotification* notification);

  void set_asset(Asset& asset, const AssetModel& model);
  void set_dataset(Dataset& dataset, const DatasetModel& model, const DatasetIdentity& identity);
  void bury(std::unique_ptr<Item> item);
  UA_StatusCode delete_buried(UaClient& client);
  UA_StatusCode modify_changed(UaClient& client);
  UA_StatusCode create_wanted(UaClient& client);
  UA_StatusCode resolve(UaClient& client, std::vector<Item*>& items);
  UA_StatusCode place(UaClient& client, std::vector<Item*> items);
  UA_StatusCode find_room(UaClient& client, std::int32_t publishing_ms, std::size_t wanted,
                          Subscription*& room);
  UA_StatusCode create_subscription(UaClient& client, std::int32_t publishing_ms,
                                    Subscription*& created);
  UA_StatusCode create_items(UaClient& client, Subscription& subscription,
                             std::span<Item* const> items);
  UA_StatusCode drop_empty_subscriptions(UaClient& client);
  std::size_t chunk_of(const UaClient& client) const;

  const EndpointModel& endpoint_;
  net::Random& random_;
  TypeCatalog types_;
  ValueEncoder encoder_{types_};
  std::string server_uri_;
  std::vector<std::unique_ptr<Asset>> assets_;
  std::vector<std::unique_ptr<Item>> buried_;  ///< not wanted, but the session still has them
  std::deque<Subscription> subscriptions_;
};

}  // namespace wireway::source::opcua
