#include "broker/ports.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"

namespace wireway::broker {
namespace {

bool is_same(const PortPlan& a, const PortPlan& b) {
  return a.port == b.port && a.host == b.host && a.carrier == b.carrier;
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
    if (!wanted.refusal.empty() || (found != open_.end() && is_same(found->second.plan, wanted)))
      continue;
    if (found != open_.end()) {
      found->second.listener.reset();
      replaced.insert(open_.extract(found));
    }
    if (auto done = open(wanted, opened); !done) unavailable(done.error());
  }
  if (errors.empty() || may_be_partial) {
    open_.merge(opened);
    close_all_but(plan);
    if (errors.empty()) generation_ = generation;
    return errors;
  }
  opened.clear();
  for (auto& [number, port] : replaced)
    if (auto back = open(port.plan, open_); !back) unavailable(back.error());
  return errors;
}

void Ports::close() {
  open_.clear();
  generation_ = 0;
}

void Ports::close_refused(const std::vector<PortPlan>& plan) {
  for (const PortPlan& wanted : plan) {
    if (wanted.refusal.empty() || open_.erase(wanted.port) == 0) continue;
    log::warn("port {} is closed: {}", wanted.port, wanted.refusal);
    generation_ = 0;  // what is left is no whole generation
  }
}

void Ports::close_all_but(const std::vector<PortPlan>& plan) {
  std::erase_if(open_, [&plan](const auto& entry) {
    return std::ranges::none_of(
        plan, [&entry](const PortPlan& wanted) { return is_same(wanted, entry.second.plan); });
  });
}

Result<> Ports::open(const PortPlan& plan, Open& into) {
  net::ListenOptions options;
  options.endpoint = {plan.host, plan.port};
  auto listener = env_.network.listen(
      options, [&door = door_, carrier = plan.carrier](std::unique_ptr<net::Stream> stream) {
        door.accept(std::move(stream), carrier);
      });
  if (!listener)
    return fail(listener.error().code, fmt::format("{}: {}", plan.place, listener.error().message));
  log::info("listening for {} on {}:{}",
            plan.carrier == Carrier::tcp ? "MQTT" : "MQTT over WebSocket", plan.host, plan.port);
  into[plan.port] = {std::move(*listener), plan};
  return {};
}

std::vector<std::string> Ports::serving() const {
  std::vector<std::string> out;
  for (const auto& [number, port] : open_)
    out.push_back(fmt::format("{} on {}:{}",
                              port.plan.carrier == Carrier::tcp ? "Mqtt" : "WebSockets",
                              port.plan.host, number));
  return out;
}

}  // namespace wireway::broker
