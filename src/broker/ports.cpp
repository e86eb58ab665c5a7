#include "broker/ports.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "net/tls/stream.h"

namespace wireway::broker {
namespace {

/// The same socket; what comes through it may be asked other things.
bool is_same(const PortPlan& a, const PortPlan& b) {
  return a.port == b.port && a.host == b.host && a.carrier == b.carrier &&
         a.certificate.has_value() == b.certificate.has_value();
}

/// As the resource writes it, for a status.
std::string name_of(const PortPlan& plan) {
  return fmt::format("{}{}", plan.carrier == Carrier::tcp ? "Mqtt" : "WebSockets",
                     plan.certificate ? " with TLS" : "");
}

/// In words, for the log.
std::string words_of(const PortPlan& plan) {
  return fmt::format("MQTT{}{}", plan.carrier == Carrier::tcp ? "" : " over WebSocket",
                     plan.certificate ? " with TLS" : "");
}

}  // namespace

std::vector<PortTrouble> Ports::make(std::int64_t generation, const std::vector<PortPlan>& plan) {
  close_refused(plan);
  std::vector<PortTrouble> errors;
  const auto unavailable = [&errors](const Error& error) {
    errors.push_back({"PortUnavailable", error.message});
  };
  for (const PortPlan& wanted : plan)
    if (!wanted.refusal.empty()) errors.push_back({wanted.refusal_reason, wanted.refusal});
  const bool may_be_partial = generation_ == 0 || open_.empty();
  if (!errors.empty() && !may_be_partial) return errors;

  Open opened;
  Open replaced;  // where the same port is wanted in another way, it must be free first
  for (const PortPlan& wanted : plan) {
    const auto found = open_.find(wanted.port);
    const bool stays = found != open_.end() && is_same(found->second.plan, wanted);
    if (!wanted.refusal.empty() || stays) continue;
    if (found != open_.end()) {
      found->second.listener.reset();
      replaced.insert(open_.extract(found));
    }
    if (auto done = open(wanted, opened); !done) unavailable(done.error());
  }
  if (!errors.empty() && !may_be_partial) {
    opened.clear();
    for (auto& [number, port] : replaced)
      if (auto back = open(port.plan, open_); !back) unavailable(back.error());
    return errors;
  }
  for (auto& [number, port] : replaced) close(port);
  for (const PortPlan& wanted : plan)
    if (const auto found = open_.find(wanted.port); found != open_.end() && wanted.refusal.empty())
      if (auto done = change(found->second, wanted); !done) unavailable(done.error());
  open_.merge(opened);
  close_all_but(plan);
  if (errors.empty()) generation_ = generation;
  return errors;
}

void Ports::close() {
  for (auto& [number, port] : open_) close(port);
  open_.clear();
  generation_ = 0;
}

/// Those who came through it must not stay.
void Ports::close(OpenPort& port) {
  port.listener.reset();
  access_.tell(*port.way->guard, false);
}

void Ports::close_refused(const std::vector<PortPlan>& plan) {
  for (const PortPlan& wanted : plan) {
    const auto found = open_.find(wanted.port);
    if (wanted.refusal.empty() || found == open_.end()) continue;
    log::warn("port {} is closed: {}", wanted.port, wanted.refusal);
    close(found->second);
    open_.erase(found);
    generation_ = 0;  // what is left is no whole generation
  }
}

void Ports::close_all_but(const std::vector<PortPlan>& plan) {
  for (auto at = open_.begin(); at != open_.end();) {
    OpenPort& port = at->second;
    const bool stays = std::ranges::any_of(
        plan, [&port](const PortPlan& wanted) { return is_same(wanted, port.plan); });
    if (!stays) close(port);
    at = stays ? std::next(at) : open_.erase(at);
  }
}

/// In place: its connections stay, but those that the guard would ask other things now.
Result<> Ports::change(OpenPort& port, const PortPlan& plan) {
  const Guard before = *port.way->guard;
  if (auto done = equip(*port.way, plan); !done) return done;
  if (before != plan.guard) access_.tell(plan.guard, true);
  port.plan = plan;
  return {};
}

Result<> Ports::open(const PortPlan& plan, Open& into) {
  OpenPort port{std::make_unique<Way>(), nullptr, plan};
  port.way->ticket_secret = env_.random.uuid() + env_.random.uuid();
  if (auto done = equip(*port.way, plan); !done) return done;
  net::ListenOptions options;
  options.endpoint = {plan.host, plan.port};
  auto listener = env_.network.listen(
      options, [this, &way = *port.way, carrier = plan.carrier](std::unique_ptr<net::Stream> in) {
        if (way.proxies) return way.proxies->accept(std::move(in));
        pass(way, carrier, std::move(in));
      });
  if (!listener)
    return fail(listener.error().code, fmt::format("{}: {}", plan.place, listener.error().message));
  port.listener = std::move(*listener);
  log::info("listening for {} on {}:{}", words_of(plan), plan.host, plan.port);
  into.insert_or_assign(plan.port, std::move(port));
  return {};
}

/// New certificates, guard and limits for whoever comes from now on.
Result<> Ports::equip(Way& way, const PortPlan& plan) {
  way.limits = plan.limits;
  expect_proxies(way, plan);
  if (!way.guard || *way.guard != plan.guard) way.guard = std::make_shared<const Guard>(plan.guard);
  if (!plan.certificate) return {};
  net::TlsServerOptions options;
  options.certificates = {*plan.certificate};
  options.alpn = {plan.carrier == Carrier::tcp ? "mqtt" : "http/1.1"};
  options.ticket_secret = way.ticket_secret;
  if (!plan.client_authorities.empty()) {
    options.client_ca = plan.client_authorities;
    options.client_certificates = net::ClientCertificates::optional;
    options.sessions = false;
  }
  if (way.tls) {
    if (auto done = way.tls->replace(std::move(options)); !done)
      return wrap(plan.place + ".tls", done.error());
    return {};
  }
  auto made = net::TlsServerContext::create(std::move(options));
  if (!made) return wrap(plan.place + ".tls", made.error());
  way.tls = std::move(*made);
  return {};
}

/// Before anything else is read, so that everything behind it sees the client.
void Ports::expect_proxies(Way& way, const PortPlan& plan) {
  if (way.trusted == plan.proxies) return;
  way.trusted = plan.proxies;
  way.proxies.reset();
  if (way.trusted.empty()) return;
  way.proxies = std::make_unique<link::ProxyDoor>(
      env_.loop, link::ProxyDoorOptions{.trusted = way.trusted},
      [this, &way, carrier = plan.carrier](std::unique_ptr<net::Stream> in) {
        pass(way, carrier, std::move(in));
      });
}

void Ports::pass(Way& way, Carrier carrier, std::unique_ptr<net::Stream> stream) {
  if (!may_pass(way, stream->peer())) return;  // its destruction closes it
  if (way.tls) stream = way.tls->accept(env_.loop, std::move(stream));
  door_.accept(std::move(stream), carrier, way.guard);
}

bool Ports::may_pass(Way& way, std::string_view peer) {
  const MonoTime now = env_.loop.now();
  if (now - way.second >= std::chrono::seconds{1}) {
    way.second = now;
    way.accepted = 0;
  }
  // The connections of a port hold its guard, and nobody else does but the port itself.
  const auto open = std::uint64_t(way.guard.use_count()) - 1;
  const ConnectionLimits& limits = way.limits;
  std::string why;
  if (limits.connections_max != 0 && open >= limits.connections_max)
    why = fmt::format("port {} has its maxConnections of {}", way.guard->door,
                      limits.connections_max);
  else if (limits.connections_per_second_max != 0 &&
           way.accepted >= limits.connections_per_second_max)
    why = fmt::format("port {} has had its maxConnectionsPerSecond of {}", way.guard->door,
                      limits.connections_per_second_max);
  if (why.empty())
    ++way.accepted;
  else
    door_.tell_refused(peer, why);
  return why.empty();
}

std::optional<Duration> Ports::look_again_after() const {
  // The wall clock may be set meanwhile: at least once an hour.
  constexpr Duration longest = std::chrono::hours{1};
  constexpr Duration shortest = std::chrono::seconds{1};
  std::optional<Duration> out;
  for (const auto& [number, port] : open_) {
    if (!port.plan.certificate_ends) continue;
    const Duration left = *port.plan.certificate_ends - env_.loop.wall_now();
    const Duration wait = left <= Duration{0} ? longest : std::clamp(left, shortest, longest);
    out = std::min(out.value_or(longest), wait);
  }
  return out;
}

std::vector<PortTrouble> Ports::warnings() const {
  std::vector<PortTrouble> out;
  for (const auto& [number, port] : open_)
    if (!port.plan.warning.reason.empty()) out.push_back(port.plan.warning);
  return out;
}

std::vector<std::string> Ports::serving() const {
  std::vector<std::string> out;
  for (const auto& [number, port] : open_)
    out.push_back(fmt::format("{} on {}:{}", name_of(port.plan), port.plan.host, number));
  return out;
}

}  // namespace wireway::broker
