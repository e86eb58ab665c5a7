#include "source/opcua/server_session.h"

#include <algorithm>

#include <fmt/format.h>

namespace wireway::source::opcua {
namespace {

std::string_view server_state_name(std::int32_t state) {
  constexpr std::array<std::string_view, 8> names{
      "Running",  "Failed", "NoConfiguration",    "Suspended",
      "Shutdown", "Test",   "CommunicationFault", "Unknown"};
  return state >= 0 && state < static_cast<std::int32_t>(names.size())
             ? names[static_cast<std::size_t>(state)]
             : "Unknown";
}

Duration ms(std::uint32_t count) { return std::chrono::milliseconds{count}; }

/// Codes of a connection that never became OPC UA, or stopped to be one.
bool is_network_failure(UA_StatusCode code) {
  switch (code) {
    case UA_STATUSCODE_BADIDENTITYTOKENREJECTED:
    case UA_STATUSCODE_BADSECURITYMODEREJECTED:
    case UA_STATUSCODE_BADSECURITYPOLICYREJECTED:
    case UA_STATUSCODE_BADIDENTITYTOKENINVALID:
    case UA_STATUSCODE_BADUSERACCESSDENIED:
    case UA_STATUSCODE_BADTOOMANYSESSIONS:
    case UA_STATUSCODE_BADTCPENDPOINTURLINVALID:
    case UA_STATUSCODE_BADSHUTDOWN:
    case UA_STATUSCODE_BADSERVERHALTED: return false;
    default: return true;
  }
}

}  // namespace

ServerSession::ServerSession(EndpointModel endpoint, std::uint64_t seed, SessionListener& listener)
    : endpoint_(std::move(endpoint)),
      listener_(listener),
      random_(seed),
      monitor_(endpoint_, random_),
      reconnect_delay_(std::min(ms(endpoint_.reconnect_ms), first_retry)) {}

ServerSession::~ServerSession() = default;

void ServerSession::set_wish(const std::vector<AssetModel>& assets) {
  monitor_.set_wish(assets);
  is_stale_ = true;
}

void ServerSession::live(net::Worker& worker) {
  while (!worker.stop_requested()) {
    if (client_ != nullptr) {
      if (worker.wait_for_task(Duration{0})) return;
      serve();
      continue;
    }
    const Duration left = next_connect_ - library_mono_now();
    if (worker.wait_for_task(std::max(left, Duration{0}))) return;
    if (left <= Duration{0}) connect(worker);
  }
}

void ServerSession::connect(net::Worker& worker) {
  auto client = std::make_unique<UaClient>(endpoint_);
  const UA_StatusCode result = client->connect([&worker] { return worker.stop_requested(); });
  if (worker.stop_requested()) return;
  if (result != UA_STATUSCODE_GOOD) {
    client_ = std::move(client);
    lose(result);
    return;
  }
  client_ = std::move(client);
  monitor_.begin_session(client_->info());
  reconnect_delay_ = std::min(ms(endpoint_.reconnect_ms), first_retry);
  const Duration now = library_mono_now();
  next_check_ = now + ms(endpoint_.session_keep_alive_ms);
  next_retry_ = now + refused_retry;
  is_stale_ = true;
  state_ = SessionState{};
  state_.is_connected = true;
  state_.product = client_->info().product;
  state_.since = library_wall_now();
  note_server_state(client_->info().state);
  listener_.on_state(state_);
}

void ServerSession::serve() {
  if (is_stale_) synchronise();
  if (client_ == nullptr) return;
  const Duration longest = monitor_.is_gathering() ? turn_max / 5 : turn_max;
  client_->iterate(longest);
  deliver(false);
  if (!client_->is_alive()) {
    lose(client_->status());
  } else if (client_->has_silent_subscription()) {
    lose(UA_STATUSCODE_BADNOSUBSCRIPTION);
  } else {
    check_server();
  }
}

void ServerSession::synchronise() {
  is_stale_ = false;
  if (const UA_StatusCode result = monitor_.synchronise(*client_); result != UA_STATUSCODE_GOOD) {
    lose(client_->is_alive() ? result : client_->status());
    return;
  }
  report();
}

/// Reads the server's state now and then: a server that is gone shows by its silence.
void ServerSession::check_server() {
  const Duration now = library_mono_now();
  if (now >= next_retry_) {
    next_retry_ = now + refused_retry;
    const bool has_refused = std::ranges::any_of(
        reported_, [](const AssetReport& report) { return report.refused > 0; });
    if (has_refused) {
      monitor_.retry_refused();
      is_stale_ = true;
    }
  }
  if (now < next_check_) return;
  next_check_ = now + ms(endpoint_.session_keep_alive_ms);
  ServerInfo info;
  const UA_StatusCode result = client_->read_server_info(info);
  if (!client_->is_alive() || result == UA_STATUSCODE_BADTIMEOUT) {
    lose(client_->is_alive() ? result : client_->status());
    return;
  }
  if (result != UA_STATUSCODE_GOOD || info.state == state_.server_state) return;
  note_server_state(info.state);
  listener_.on_state(state_);
}

void ServerSession::note_server_state(std::int32_t server_state) {
  state_.server_state = server_state;
  state_.failure = {};
  if (server_state != 0)
    state_.failure = {"ServerNotRunning",
                      fmt::format("{} says that it is in state {}", endpoint_.url,
                                  server_state_name(server_state))};
}

void ServerSession::lose(UA_StatusCode code) {
  deliver(true);
  client_.reset();
  monitor_.end_session();
  next_connect_ = library_mono_now() + reconnect_delay_;
  reconnect_delay_ = std::min(reconnect_delay_ * 2, ms(endpoint_.reconnect_ms_max));
  SessionState lost;
  lost.failure =
      code == UA_STATUSCODE_BADNOSUBSCRIPTION
          ? Failure{"SubscriptionLost",
                    fmt::format("{} has stopped to publish; connecting again", endpoint_.url)}
          : failure_of(code, endpoint_.url);
  lost.is_network = code != UA_STATUSCODE_BADNOSUBSCRIPTION && is_network_failure(code);
  state_ = lost;
  listener_.on_state(state_);
  report();
}

void ServerSession::report() {
  std::vector<AssetReport> reports = monitor_.reports();
  if (reports == reported_) return;
  reported_ = reports;
  listener_.on_reports(std::move(reports));
}

void ServerSession::deliver(bool everything) {
  std::vector<Delivery> deliveries;
  monitor_.flush(everything, deliveries);
  if (!deliveries.empty()) listener_.on_deliveries(std::move(deliveries));
}

}  // namespace wireway::source::opcua
