// How a connection is admitted, and how it ends when what it was admitted with does.

#include <fmt/format.h>

#include "base/log.h"
#include "broker/connection.h"
#include "net/tls/stream.h"

namespace wireway::broker {

using mqtt::ReasonCode;

namespace {

bool is_same(const Permissions* a, const std::optional<Permissions>& b) {
  return a == nullptr ? !b : b && *a == *b;
}

}  // namespace

/// CONNECT has come: the port's guard is asked, and nothing is read meanwhile.
void Connection::knock() {
  if (!guard_ || guard_->authentication.empty()) return move_or_connect();
  extras_->visit = std::make_unique<Visit>();
  visit()->number = ++node_.visits_;
  stream_->pause_reading();
  extras_->patience.arm(node_.shard_.settings().connect_timeout, [this] {
    refuse_connect(first_packet()->version, ReasonCode::server_unavailable,
                   "authentication took too long");
  });
  node_.ask_gate(*this, *guard_, credentials());
}

Credentials Connection::credentials() const {
  const mqtt::Connect& connect = *first_packet();
  Credentials out{.client_identifier = connect.client_identifier,
                  .username = connect.user_name,
                  .method = connect.properties.authentication_method,
                  .peer = peer()};
  while (out.client_identifier.empty() ||
         (connect.client_identifier.empty() &&
          shard_of(out.client_identifier, node_.count()) != node_.index_))
    out.client_identifier = "wireway-" + node_.env_.random.uuid();
  if (connect.password) out.password = to_text(*connect.password);
  if (connect.properties.authentication_data)
    out.data = to_text(*connect.properties.authentication_data);
  if (const auto* tls = dynamic_cast<const net::TlsStream*>(stream_.get()))
    out.certificates = tls->peer_certificates();
  return out;
}

void Connection::on_admission(Admission admission) {
  if (closing_ || visit() == nullptr) return;
  count_in(admission);
  if (!visit()->is_knocking) return on_renewal(std::move(admission));
  const mqtt::Version version = first_packet()->version;
  if (mqtt::is_error(admission.reason))
    return refuse_connect(version, admission.reason, admission.why);
  const auto& permissions = admission.permissions;
  const std::string why_not = permissions ? why_unauthorized(*permissions) : "";
  Counters& counters = node_.shard_.count();
  if (permissions) ++(why_not.empty() ? counters.authorized : counters.unauthorized);
  if (!why_not.empty())
    return refuse_connect(
        version, ReasonCode::not_authorized,
        fmt::format("BrokerAuthorization {} does not let it {}", guard_->authorization, why_not));
  log::debug("client {} ({}): admitted by {} as \"{}\"", admission.principal.client_identifier,
             peer(), admission.principal.method, admission.principal.username);
  visit()->admission = std::move(admission);
  visit()->is_knocking = false;
  extras_->patience.cancel();
  stream_->resume_reading();
  move_or_connect();
}

void Connection::count_in(const Admission& admission) {
  Counters& counters = node_.shard_.count();
  if (admission.is_transient)
    ++counters.authentications_failed;
  else
    ++(mqtt::is_error(admission.reason) ? counters.authentications_denied : counters.authenticated);
}

/// What CONNECT asks for and may not, or empty.
std::string Connection::why_unauthorized(const Permissions& permissions) const {
  if (!permissions.may_connect()) return "connect";
  const auto& will = first_packet()->will;
  if (will && !permissions.may_publish(will->topic)) return "publish its will to " + will->topic;
  return {};
}

void Connection::refuse_connect(mqtt::Version version, ReasonCode reason, const std::string& why) {
  if (closing_) return;
  Bytes connack;
  mqtt::append(mqtt::Connack{false, reason, {}}, version, connack);
  send(connack);
  const std::string& who = first_packet() != nullptr ? first_packet()->client_identifier : "";
  give_up(fmt::format("CONNECT of \"{}\" is refused: {}", who, why));
}

/// AUTH of a connected client: the same question again (section 4.12.1).
void Connection::on_auth(const mqtt::Auth& packet) {
  const Principal& who = visit()->admission.principal;
  const bool is_same_method = packet.properties.authentication_method == who.enhanced_method;
  if (packet.reason != ReasonCode::reauthenticate && !visit()->is_renewing)
    return client_->disconnect(ReasonCode::protocol_error, "broke MQTT-4.12.0-6");
  if (who.enhanced_method.empty() || !is_same_method)
    return client_->disconnect(ReasonCode::protocol_error, "broke MQTT-4.12.1-1");
  // One question at a time: who answers them may be far away.
  if (std::exchange(visit()->is_asking, true))
    return client_->disconnect(ReasonCode::protocol_error,
                               "sent AUTH before the answer to the last");
  visit()->is_renewing = true;
  Credentials shown{.client_identifier = who.client_identifier,
                    .username = who.username,
                    .method = packet.properties.authentication_method,
                    .peer = peer(),
                    .is_renewal = true};
  if (packet.properties.authentication_data)
    shown.data = to_text(*packet.properties.authentication_data);
  node_.ask_gate(*this, *guard_, std::move(shown));
}

void Connection::on_renewal(Admission admission) {
  if (client_ == nullptr) return;
  const Principal& who = visit()->admission.principal;
  visit()->is_asking = false;
  if (admission.is_transient) {
    log::warn("client {} ({}): cannot be authenticated again now: {}", who.client_identifier,
              peer(), admission.why);
    return send_back(ReasonCode::continue_authentication);
  }
  if (mqtt::is_error(admission.reason))
    return client_->disconnect(ReasonCode::not_authorized,
                               "is not authenticated again: " + admission.why);
  if (admission.principal.username != who.username)
    return client_->disconnect(ReasonCode::not_authorized, "came back as somebody else");
  if (!is_same(client_->permissions(), admission.permissions))
    return client_->disconnect(ReasonCode::not_authorized,
                               "may do other things with its new credentials");
  visit()->is_renewing = false;
  visit()->admission.principal =
      std::move(admission.principal);  // the Client goes by the permissions
  limit_to_credentials();
  send_back(ReasonCode::success);
}

void Connection::send_back(ReasonCode reason) {
  mqtt::Auth answer{reason, {}};
  answer.properties.authentication_method = visit()->admission.principal.enhanced_method;
  Bytes packet;
  mqtt::append(answer, packet);
  send(packet);
}

/// At the end of its credentials the connection goes without a word (broker.md 4.6).
void Connection::limit_to_credentials() {
  visit()->end.reset();
  const auto& expires = visit()->admission.principal.expires_at;
  if (!expires) return;
  visit()->end = std::make_unique<net::Timer>(node_.env_.loop);
  const Duration left = *expires - node_.env_.loop.wall_now();
  // The wall clock may be set meanwhile: it is looked at again.
  constexpr Duration look = std::chrono::minutes{1};
  visit()->end->arm(std::clamp(left, Duration{0}, look), [this] {
    const Principal& who = visit()->admission.principal;
    if (who.expires_at > node_.env_.loop.wall_now()) return limit_to_credentials();
    log::warn("client {} ({}): its credentials have ended; closed", who.client_identifier, peer());
    close();
  });
}

/// Of a client that the gate has let in, or null.
const Principal* Connection::principal() const {
  return client_ == nullptr || visit() == nullptr ? nullptr : &visit()->admission.principal;
}

void Connection::on_policy(const std::string& name, const Policy& policy) {
  const Principal* who = principal();
  if (who == nullptr || guard_->authorization != name) return;
  if (!is_same(client_->permissions(), policy.permissions_of(*who)))
    client_->disconnect(ReasonCode::administrative_action,
                        fmt::format("BrokerAuthorization {} has changed what it may do", name));
}

void Connection::on_vouchers(const std::string& authentication,
                             const std::set<std::uint64_t>& vouchers) {
  const Principal* who = principal();
  if (who == nullptr || guard_->authentication != authentication) return;
  if (!vouchers.contains(who->voucher))
    client_->disconnect(
        ReasonCode::administrative_action,
        fmt::format("BrokerAuthentication {} has changed how it proves who it is", authentication));
}

void Connection::on_account(const std::string& username,
                            const std::optional<Attributes>& attributes) {
  const Principal* who = principal();
  if (who == nullptr || who->method != "ServiceAccountToken" || who->username != username) return;
  if (who->attributes != attributes)
    client_->disconnect(
        ReasonCode::administrative_action,
        fmt::format("{} {}", username, attributes ? "has other attributes now" : "is gone"));
}

void Connection::on_guard(const Guard& guard, bool is_open) {
  if (!guard_ || guard_->door != guard.door || (is_open && *guard_ == guard)) return;
  const std::string why = fmt::format(
      "port {} {}", guard.door, is_open ? "asks other things of its clients now" : "is closed");
  if (client_ == nullptr) return give_up(why);
  client_->disconnect(ReasonCode::administrative_action, why);
}

}  // namespace wireway::broker
