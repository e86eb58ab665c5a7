#include "net/sim/sim_world.h"

#include <algorithm>

#include "net/sim/detail/sim_loop.h"
#include "net/sim/detail/world.h"

namespace wireway::net {

struct SimWorld::State {
  State(std::uint64_t seed, NetworkFaults faults) : world(seed, faults) {}
  detail::World world;
};

SimWorld::SimWorld(std::uint64_t seed, NetworkFaults faults)
    : state_(std::make_unique<State>(seed, faults)) {}
SimWorld::~SimWorld() = default;

Env SimWorld::env(const std::string& host) { return state_->world.loop(host).env(); }

void SimWorld::run_for(Duration span) {
  detail::World& world = state_->world;
  const MonoTime end = world.now + span;
  while (world.step(end)) {
  }
  world.now = end;
}

bool SimWorld::run_until(std::move_only_function<bool()> condition, Duration limit) {
  detail::World& world = state_->world;
  const MonoTime end = world.now + limit;
  while (!condition()) {
    if (world.step(end)) continue;
    world.now = end;
    return condition();
  }
  return true;
}

MonoTime SimWorld::now() const { return state_->world.now; }
std::uint64_t SimWorld::fingerprint() const { return state_->world.fingerprint; }

void SimWorld::partition(const std::string& a, const std::string& b) {
  state_->world.partition(a, b);
}

void SimWorld::heal(const std::string& a, const std::string& b) { state_->world.heal(a, b); }

void SimWorld::reset_connections(const std::string& host) { state_->world.reset_connections(host); }

void SimWorld::step_wall(const std::string& host, Duration by) {
  state_->world.machine(host).wall_step += by;
}

void SimWorld::set_disk(const std::string& host, const DiskFaults& faults) {
  state_->world.machine(host).files->set_disk(faults);
}

void SimWorld::power_cut(const std::string& host) {
  state_->world.machine(host).files->power_cut();
  state_->world.reset_connections(host);
}

}  // namespace wireway::net
