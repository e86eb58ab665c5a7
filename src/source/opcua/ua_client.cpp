#include "source/opcua/ua_client.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>

#include <fmt/format.h>
#include <open62541/client_config_default.h>

#include "base/log.h"

namespace wireway::source::opcua {
namespace {

constexpr std::string_view policy_none = "http://opcfoundation.org/UA/SecurityPolicy#None";
constexpr std::uint32_t close_timeout_ms = 500;
constexpr std::uint32_t turn_ms_max = 100;

/// The library's own lines are for its developers: they go out at debug level.
void log_library_line(void*, UA_LogLevel, UA_LogCategory, const char* format, va_list arguments) {
  if (!log::enabled(log::Level::debug)) return;
  std::array<char, 512> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  log::write(log::Level::debug, line.data());
}

void replace(UA_String& target, std::string_view text) {
  UA_String_clear(&target);
  const UA_String view = library_text(text);
  UA_String_copy(&view, &target);
}

UA_NodeId ns0(std::uint32_t id) { return UA_NODEID_NUMERIC(0, id); }

template <class T>
const T* scalar(const UA_DataValue& value, int type) {
  if (!value.hasValue || !UA_Variant_hasScalarType(&value.value, &UA_TYPES[type])) return nullptr;
  return static_cast<const T*>(value.value.data);
}

std::vector<std::string> texts(const UA_DataValue& value) {
  std::vector<std::string> result;
  if (!value.hasValue || !UA_Variant_hasArrayType(&value.value, &UA_TYPES[UA_TYPES_STRING]))
    return result;
  const auto* text = static_cast<const UA_String*>(value.value.data);
  for (std::size_t i = 0; i < value.value.arrayLength; ++i) result.emplace_back(view_of(text[i]));
  return result;
}

UA_Client* make_client(const EndpointModel& endpoint, UA_Logger* logger) {
  UA_ClientConfig config{};
  config.logging = logger;
  config.timeout = static_cast<UA_UInt32>(
      std::chrono::duration_cast<std::chrono::milliseconds>(UaClient::service_timeout).count());
  if (UA_ClientConfig_setDefault(&config) != UA_STATUSCODE_GOOD) return nullptr;
  config.requestedSessionTimeout = endpoint.session_timeout_ms;
  config.securityMode = UA_MESSAGESECURITYMODE_NONE;
  replace(config.securityPolicyUri, policy_none);
  replace(config.clientDescription.applicationUri, "urn:wireway:opcua-connector");
  replace(config.clientDescription.applicationName.text, endpoint.application_name);
  replace(config.sessionName, endpoint.application_name);
  return UA_Client_newWithConfig(&config);
}

}  // namespace

UaClient::UaClient(const EndpointModel& endpoint)
    : logger_{log_library_line, nullptr, nullptr},
      client_(make_client(endpoint, &logger_)),
      url_(endpoint.url) {
  if (client_ == nullptr) return;
  UA_ClientConfig& config = *UA_Client_getConfig(client_.get());
  config.clientContext = this;
  config.stateCallback = on_state;
  config.subscriptionInactivityCallback = on_silence;
}

UaClient::~UaClient() { abandon(); }

void UaClient::abandon() {
  if (client_ == nullptr) return;
  // The session is closed politely, but a server that has stopped to answer delays nobody.
  UA_Client_getConfig(client_.get())->timeout = close_timeout_ms;
  if (status_ == UA_STATUSCODE_GOOD) status_ = UA_STATUSCODE_BADSESSIONCLOSED;
  client_.reset();
}

void UaClient::on_state(UA_Client* client, UA_SecureChannelState, UA_SessionState session,
                        UA_StatusCode status) {
  auto& self = *static_cast<UaClient*>(UA_Client_getContext(client));
  if (status != UA_STATUSCODE_GOOD && self.status_ == UA_STATUSCODE_GOOD) self.status_ = status;
  if (session == UA_SESSIONSTATE_ACTIVATED) {
    self.was_activated_ = true;
    // From here on the library must not make a session of its own: it would have no subscriptions.
    UA_ClientConfig& config = *UA_Client_getConfig(client);
    config.noReconnect = true;
    config.noNewSession = true;
  } else if (self.was_activated_ && self.status_ == UA_STATUSCODE_GOOD) {
    self.status_ = UA_STATUSCODE_BADSESSIONCLOSED;
  }
}

void UaClient::on_silence(UA_Client* client, UA_UInt32, void*) {
  static_cast<UaClient*>(UA_Client_getContext(client))->note_silent_subscription();
}

UA_StatusCode UaClient::connect(const std::function<bool()>& is_stopping) {
  if (client_ == nullptr) return status_ = UA_STATUSCODE_BADOUTOFMEMORY;
  status_ = UA_STATUSCODE_GOOD;
  const UA_StatusCode begun = UA_Client_connectAsync(client_.get(), url_.c_str());
  if (begun != UA_STATUSCODE_GOOD) return status_ = begun;
  const Duration deadline = library_mono_now() + connect_timeout;
  while (status_ == UA_STATUSCODE_GOOD && !was_activated_) {
    if (is_stopping()) return status_ = UA_STATUSCODE_BADSHUTDOWN;
    if (library_mono_now() > deadline) return status_ = UA_STATUSCODE_BADTIMEOUT;
    const UA_StatusCode turned = UA_Client_run_iterate(client_.get(), turn_ms_max);
    if (turned != UA_STATUSCODE_GOOD && status_ == UA_STATUSCODE_GOOD) status_ = turned;
  }
  if (status_ != UA_STATUSCODE_GOOD) return status_;
  return read_server_info(info_);
}

bool UaClient::is_alive() const { return status_ == UA_STATUSCODE_GOOD && was_activated_; }

void UaClient::iterate(Duration longest) {
  if (client_ == nullptr) return;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(longest).count();
  const UA_StatusCode turned =
      UA_Client_run_iterate(client_.get(), static_cast<UA_UInt32>(std::max<std::int64_t>(ms, 0)));
  if (turned != UA_STATUSCODE_GOOD && status_ == UA_STATUSCODE_GOOD) status_ = turned;
}

UA_StatusCode UaClient::wait_for(const std::function<bool()>& is_done) {
  const Duration deadline = library_mono_now() + service_timeout;
  while (!is_done()) {
    if (!is_alive()) return status_;
    if (library_mono_now() > deadline) return status_ = UA_STATUSCODE_BADTIMEOUT;
    iterate(std::chrono::milliseconds{turn_ms_max});
  }
  return UA_STATUSCODE_GOOD;
}

UA_StatusCode UaClient::read(const std::vector<UA_NodeId>& nodes, UA_AttributeId attribute,
                             std::vector<Owned<UA_DataValue, UA_TYPES_DATAVALUE>>& results) {
  results.clear();
  results.reserve(nodes.size());
  std::size_t chunk_max = read_chunk_max;
  if (info_.nodes_per_read_max != 0)
    chunk_max = std::min<std::size_t>(chunk_max, info_.nodes_per_read_max);
  std::vector<UA_ReadValueId> items;
  for (std::size_t begin = 0; begin < nodes.size(); begin += chunk_max) {
    if (!is_alive()) return status_;
    const std::size_t size = std::min(chunk_max, nodes.size() - begin);
    items.assign(size, UA_ReadValueId{});
    for (std::size_t i = 0; i < size; ++i) {
      items[i].nodeId = nodes[begin + i];
      items[i].attributeId = attribute;
    }
    UA_ReadRequest request;
    UA_ReadRequest_init(&request);
    request.nodesToRead = items.data();
    request.nodesToReadSize = items.size();
    ReadResponse response(UA_Client_Service_read(client_.get(), request));
    if (is_bad(response->responseHeader.serviceResult)) {
      if (!is_alive()) return status_;
      return response->responseHeader.serviceResult;
    }
    if (response->resultsSize != size) return UA_STATUSCODE_BADUNEXPECTEDERROR;
    for (std::size_t i = 0; i < size; ++i) {
      results.emplace_back(response->results[i]);
      UA_DataValue_init(&response->results[i]);
    }
  }
  return UA_STATUSCODE_GOOD;
}

UA_StatusCode UaClient::read_server_info(ServerInfo& info) {
  std::vector<Owned<UA_DataValue, UA_TYPES_DATAVALUE>> values;
  const UA_StatusCode result =
      read({ns0(UA_NS0ID_SERVER_NAMESPACEARRAY), ns0(UA_NS0ID_SERVER_SERVERARRAY),
            ns0(UA_NS0ID_SERVER_SERVERSTATUS_BUILDINFO), ns0(UA_NS0ID_SERVER_SERVERSTATUS_STATE),
            ns0(UA_NS0ID_SERVER_SERVERCAPABILITIES_OPERATIONLIMITS_MAXNODESPERREAD),
            ns0(UA_NS0ID_SERVER_SERVERCAPABILITIES_OPERATIONLIMITS_MAXMONITOREDITEMSPERCALL)},
           UA_ATTRIBUTEID_VALUE, values);
  if (result != UA_STATUSCODE_GOOD) return result;
  info.namespaces = texts(*values[0]);
  const std::vector<std::string> servers = texts(*values[1]);
  if (!servers.empty()) info.application_uri = servers.front();
  if (info.application_uri.empty() && info.namespaces.size() > 1)
    info.application_uri = info.namespaces[1];
  if (const auto* build = scalar<UA_BuildInfo>(*values[2], UA_TYPES_BUILDINFO))
    info.product = fmt::format("{} {} ({})", view_of(build->productName),
                               view_of(build->softwareVersion), view_of(build->manufacturerName));
  if (const auto* state = scalar<UA_Int32>(*values[3], UA_TYPES_INT32)) info.state = *state;
  if (const auto* state = scalar<UA_Int32>(*values[3], UA_TYPES_SERVERSTATE)) info.state = *state;
  if (const auto* limit = scalar<UA_UInt32>(*values[4], UA_TYPES_UINT32))
    info.nodes_per_read_max = *limit;
  if (const auto* limit = scalar<UA_UInt32>(*values[5], UA_TYPES_UINT32))
    info.items_per_call_max = *limit;
  return UA_STATUSCODE_GOOD;
}

BrowseResponse UaClient::browse(const UA_BrowseRequest& request) {
  if (is_alive()) return BrowseResponse(UA_Client_Service_browse(client_.get(), request));
  BrowseResponse response;
  response->responseHeader.serviceResult = status_;
  return response;
}

}  // namespace wireway::source::opcua
