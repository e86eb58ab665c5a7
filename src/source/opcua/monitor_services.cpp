/// How Monitor brings the session to the wish: the service calls, in chunks, with their results.

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include <fmt/format.h>

#include "source/opcua/monitor_items.h"
#include "source/opcua/type_loader.h"

namespace wireway::source::opcua {
namespace {

constexpr std::uint32_t keep_alive_count_max = 1000;
constexpr std::uint16_t publish_requests_max = 50;

/// A session that was lost is no tag's fault; anything else is the result of one call.
UA_StatusCode lost_or_good(const UaClient& client) {
  return client.is_alive() ? UA_STATUSCODE_GOOD : client.status();
}

}  // namespace

/// What the library keeps a pointer to until the answer to one create call is there.
struct Monitor::CreateCall {
  bool is_done = false;
  UA_StatusCode service_result = UA_STATUSCODE_BADTIMEOUT;
  std::vector<std::pair<UA_StatusCode, std::uint32_t>> results;  ///< status and item id

  static void on_answer(UA_Client*, void* self, UA_UInt32, void* answer) {
    auto& call = *static_cast<CreateCall*>(self);
    const auto& response = *static_cast<const UA_CreateMonitoredItemsResponse*>(answer);
    call.is_done = true;
    call.service_result = response.responseHeader.serviceResult;
    for (std::size_t i = 0; i < response.resultsSize; ++i)
      call.results.emplace_back(response.results[i].statusCode,
                                response.results[i].monitoredItemId);
  }
};

std::size_t Monitor::chunk_of(const UaClient& client) const {
  const std::uint32_t limit = client.info().items_per_call_max;
  return limit == 0 ? call_chunk_max : std::min<std::size_t>(call_chunk_max, limit);
}

UA_StatusCode Monitor::synchronise(UaClient& client) {
  for (const auto step : {&Monitor::delete_buried, &Monitor::modify_changed,
                          &Monitor::create_wanted, &Monitor::drop_empty_subscriptions}) {
    if (const UA_StatusCode result = (this->*step)(client); result != UA_STATUSCODE_GOOD)
      return result;
  }
  // Each subscription needs a request of its own at the server, and one to spare.
  UA_Client_getConfig(&client.handle())->outStandingPublishRequests = static_cast<UA_UInt16>(
      std::min<std::size_t>(subscriptions_.size() + 2, publish_requests_max));
  return UA_STATUSCODE_GOOD;
}

UA_StatusCode Monitor::delete_buried(UaClient& client) {
  std::map<std::uint32_t, std::vector<std::uint32_t>> ids;
  for (const auto& item : buried_) ids[item->subscription].push_back(item->id);
  const std::size_t chunk = chunk_of(client);
  for (auto& [subscription, items] : ids) {
    for (std::size_t begin = 0; begin < items.size(); begin += chunk) {
      if (!client.is_alive()) return client.status();
      UA_DeleteMonitoredItemsRequest request;
      UA_DeleteMonitoredItemsRequest_init(&request);
      request.subscriptionId = subscription;
      request.monitoredItemIds = items.data() + begin;
      request.monitoredItemIdsSize = std::min(chunk, items.size() - begin);
      UA_DeleteMonitoredItemsResponse response =
          UA_Client_MonitoredItems_delete(&client.handle(), request);
      UA_DeleteMonitoredItemsResponse_clear(&response);
      if (!client.is_alive()) return client.status();
    }
    for (Subscription& known : subscriptions_)
      if (known.id == subscription) known.items -= std::min(known.items, items.size());
  }
  buried_.clear();
  return UA_STATUSCODE_GOOD;
}

UA_StatusCode Monitor::modify_changed(UaClient& client) {
  std::map<std::uint32_t, std::vector<Item*>> changed;
  for (const auto& asset : assets_)
    for (const auto& dataset : asset->datasets)
      for (const auto& item : dataset->items)
        if (item->stage == Item::Stage::changed) changed[item->subscription].push_back(item.get());
  const std::size_t chunk = chunk_of(client);
  for (const auto& [subscription, items] : changed) {
    for (std::size_t begin = 0; begin < items.size(); begin += chunk) {
      if (!client.is_alive()) return client.status();
      const std::size_t size = std::min(chunk, items.size() - begin);
      std::vector<UA_MonitoredItemModifyRequest> modifications(size);
      for (std::size_t i = 0; i < size; ++i) {
        const Item& item = *items[begin + i];
        modifications[i].monitoredItemId = item.id;
        modifications[i].requestedParameters.samplingInterval = item.model.sampling_ms;
        modifications[i].requestedParameters.queueSize = item.model.queue_size;
        modifications[i].requestedParameters.discardOldest = true;
      }
      UA_ModifyMonitoredItemsRequest request;
      UA_ModifyMonitoredItemsRequest_init(&request);
      request.subscriptionId = subscription;
      request.timestampsToReturn = UA_TIMESTAMPSTORETURN_BOTH;
      request.itemsToModify = modifications.data();
      request.itemsToModifySize = modifications.size();
      UA_ModifyMonitoredItemsResponse response =
          UA_Client_MonitoredItems_modify(&client.handle(), request);
      for (std::size_t i = 0; i < size; ++i) {
        const bool is_refused = i < response.resultsSize && is_bad(response.results[i].statusCode);
        items[begin + i]->stage = Item::Stage::monitored;
        if (is_refused) items[begin + i]->refuse(response.results[i].statusCode);
      }
      UA_ModifyMonitoredItemsResponse_clear(&response);
      if (!client.is_alive()) return client.status();
    }
  }
  return UA_STATUSCODE_GOOD;
}

UA_StatusCode Monitor::create_wanted(UaClient& client) {
  std::vector<std::vector<Item*>> groups;  // one a dataset
  for (const auto& asset : assets_) {
    for (const auto& dataset : asset->datasets) {
      std::vector<Item*> group;
      for (const auto& item : dataset->items)
        if (item->stage == Item::Stage::wanted) group.push_back(item.get());
      if (!group.empty()) groups.push_back(std::move(group));
    }
  }
  std::vector<Item*> all;
  for (const auto& group : groups) all.insert(all.end(), group.begin(), group.end());
  if (all.empty()) return UA_STATUSCODE_GOOD;
  if (const UA_StatusCode result = resolve(client, all); result != UA_STATUSCODE_GOOD)
    return result;
  for (auto& group : groups) {
    std::erase_if(group, [](const Item* item) { return item->stage != Item::Stage::wanted; });
    if (const UA_StatusCode result = place(client, std::move(group)); result != UA_STATUSCODE_GOOD)
      return result;
  }
  for (const auto& asset : assets_) {
    for (const auto& dataset : asset->datasets) {
      std::set<std::uint32_t> used;
      for (const auto& item : dataset->items)
        if (item->is_at_server()) used.insert(item->subscription);
      dataset->is_spread = used.size() > 1;
    }
  }
  return UA_STATUSCODE_GOOD;
}

/// Node ids from texts, then data types, so that the first sample already has its names.
UA_StatusCode Monitor::resolve(UaClient& client, std::vector<Item*>& items) {
  std::vector<UA_NodeId> nodes;
  std::vector<Item*> resolved;
  for (Item* item : items) {
    Result<OwnedNodeId> parsed = parse_node_id(item->model.source, types_.namespaces());
    if (!parsed) {
      const bool is_unknown = parsed.error().code == Errc::not_found;
      item->refuse(fmt::format("{}, {}", is_unknown ? "BadNodeIdUnknown" : "BadNodeIdInvalid",
                               parsed.error().message));
      continue;
    }
    item->node = std::move(*parsed);
    resolved.push_back(item);
    nodes.push_back(item->node.get());
  }
  std::vector<Owned<UA_DataValue, UA_TYPES_DATAVALUE>> answers;
  if (client.read(nodes, UA_ATTRIBUTEID_DATATYPE, answers) != UA_STATUSCODE_GOOD)
    return lost_or_good(client);
  const auto type_of = [&](std::size_t i) -> const UA_NodeId* {
    const UA_Variant& value = answers[i]->value;
    return UA_Variant_hasScalarType(&value, &UA_TYPES[UA_TYPES_NODEID])
               ? static_cast<const UA_NodeId*>(value.data)
               : nullptr;
  };
  std::vector<UA_NodeId> data_types;
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (const UA_NodeId* type = type_of(i)) data_types.push_back(*type);
  if (const UA_StatusCode result = TypeLoader(client, types_).load(data_types);
      result != UA_STATUSCODE_GOOD)
    return result;
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (const UA_NodeId* type = type_of(i))
      resolved[i]->names = std::as_const(types_).enumeration(*type);
  return UA_STATUSCODE_GOOD;
}

/// A dataset stays in one subscription wherever it fits, so that its changes come as one message.
UA_StatusCode Monitor::place(UaClient& client, std::vector<Item*> items) {
  std::size_t begin = 0;
  while (begin < items.size()) {
    const std::size_t left = items.size() - begin;
    Subscription* room = nullptr;
    const UA_StatusCode result =
        find_room(client, items[begin]->dataset->model.publishing_ms, left, room);
    if (!client.is_alive()) return client.status();
    if (room == nullptr) {
      for (std::size_t i = begin; i < items.size(); ++i) items[i]->refuse(result);
      return UA_STATUSCODE_GOOD;
    }
    const std::size_t size =
        std::min({left, chunk_of(client), std::size_t{endpoint_.items_max} - room->items});
    if (const UA_StatusCode created =
            create_items(client, *room, std::span(items).subspan(begin, size));
        created != UA_STATUSCODE_GOOD)
      return created;
    begin += size;
  }
  return UA_STATUSCODE_GOOD;
}

UA_StatusCode Monitor::find_room(UaClient& client, std::int32_t publishing_ms, std::size_t wanted,
                                 Subscription*& room) {
  const auto free_of = [&](const Subscription& subscription) {
    return subscription.publishing_ms == publishing_ms && subscription.items < endpoint_.items_max
               ? endpoint_.items_max - subscription.items
               : 0;
  };
  const std::size_t needed = std::min<std::size_t>(wanted, endpoint_.items_max);
  for (Subscription& subscription : subscriptions_) {
    if (free_of(subscription) < needed) continue;
    room = &subscription;
    return UA_STATUSCODE_GOOD;
  }
  const UA_StatusCode result = create_subscription(client, publishing_ms, room);
  if (room != nullptr || !client.is_alive()) return result;
  // The server has no subscription left: what is free elsewhere must do.
  for (Subscription& subscription : subscriptions_) {
    if (free_of(subscription) == 0) continue;
    room = &subscription;
    return UA_STATUSCODE_GOOD;
  }
  return result;
}

UA_StatusCode Monitor::create_subscription(UaClient& client, std::int32_t publishing_ms,
                                           Subscription*& created) {
  if (!client.is_alive()) return client.status();
  const auto interval_ms = static_cast<std::uint32_t>(std::max(publishing_ms, 1));
  UA_CreateSubscriptionRequest request = UA_CreateSubscriptionRequest_default();
  request.requestedPublishingInterval = publishing_ms;
  request.requestedMaxKeepAliveCount =
      std::clamp(endpoint_.keep_alive_ms / interval_ms, 1U, keep_alive_count_max);
  request.requestedLifetimeCount =
      std::max(endpoint_.lifetime_ms / interval_ms, request.requestedMaxKeepAliveCount * 3);
  UA_CreateSubscriptionResponse response = UA_Client_Subscriptions_create(
      &client.handle(), request, nullptr, on_subscription_status, nullptr);
  const UA_StatusCode result = response.responseHeader.serviceResult;
  if (!is_bad(result) && client.is_alive())
    created = &subscriptions_.emplace_back(response.subscriptionId, publishing_ms);
  UA_CreateSubscriptionResponse_clear(&response);
  return result;
}

UA_StatusCode Monitor::create_items(UaClient& client, Subscription& subscription,
                                    std::span<Item* const> items) {
  if (!client.is_alive()) return client.status();
  std::vector<UA_MonitoredItemCreateRequest> requests(items.size());
  std::vector<void*> contexts(items.begin(), items.end());
  std::vector<UA_Client_DataChangeNotificationCallback> callbacks(items.size(), on_value);
  std::vector<UA_Client_DeleteMonitoredItemCallback> deletions(items.size(), nullptr);
  for (std::size_t i = 0; i < items.size(); ++i) {
    requests[i] = UA_MonitoredItemCreateRequest_default(items[i]->node.get());
    requests[i].requestedParameters.samplingInterval = items[i]->model.sampling_ms;
    requests[i].requestedParameters.queueSize = items[i]->model.queue_size;
  }
  UA_CreateMonitoredItemsRequest request;
  UA_CreateMonitoredItemsRequest_init(&request);
  request.subscriptionId = subscription.id;
  request.timestampsToReturn = UA_TIMESTAMPSTORETURN_BOTH;
  request.itemsToCreate = requests.data();
  request.itemsToCreateSize = requests.size();
  // The blocking form registers the items only after it has handled everything that came with the
  // answer, and drops first samples that came along. The asynchronous form registers them at once.
  CreateCall call;
  UA_StatusCode sent = UA_Client_MonitoredItems_createDataChanges_async(
      &client.handle(), request, contexts.data(), callbacks.data(), deletions.data(),
      CreateCall::on_answer, &call, nullptr);
  if (sent == UA_STATUSCODE_GOOD) sent = client.wait_for([&call] { return call.is_done; });
  if (!call.is_done && sent == UA_STATUSCODE_GOOD) sent = UA_STATUSCODE_BADTIMEOUT;
  if (!client.is_alive()) {
    // The library still holds `call`: its client must go before this frame does.
    client.abandon();
    return client.status();
  }
  const UA_StatusCode whole = sent != UA_STATUSCODE_GOOD ? sent : call.service_result;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const UA_StatusCode code =
        is_bad(whole) || i >= call.results.size() ? whole : call.results[i].first;
    if (is_bad(code) || i >= call.results.size()) {
      items[i]->refuse(is_bad(code) ? code : UA_STATUSCODE_BADUNEXPECTEDERROR);
      continue;
    }
    items[i]->stage = Item::Stage::monitored;
    items[i]->refusal.clear();
    items[i]->subscription = subscription.id;
    items[i]->id = call.results[i].second;
    ++subscription.items;
  }
  return UA_STATUSCODE_GOOD;
}

UA_StatusCode Monitor::drop_empty_subscriptions(UaClient& client) {
  for (const Subscription& subscription : subscriptions_) {
    if (subscription.items != 0) continue;
    if (!client.is_alive()) return client.status();
    UA_Client_Subscriptions_deleteSingle(&client.handle(), subscription.id);
  }
  std::erase_if(subscriptions_, [](const Subscription& s) { return s.items == 0; });
  return lost_or_good(client);
}

}  // namespace wireway::source::opcua
