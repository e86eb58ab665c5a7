#pragma once
/// The resources of the quickstart, as `wireway up --demo` puts them into an empty system: each is
/// created if it is not there, so that what a user has changed survives a restart.
///
/// Source: examples/quickstart/*.yaml, embedded by the build
/// Thread: the Loop's.
/// Errors: logged; what cannot be reached is tried again.

#include <cstdint>
#include <vector>

#include "net/env.h"
#include "resource/resources.h"

namespace wireway::control {

inline constexpr std::uint16_t demo_simulator_port = 50000;

/// The manifests, with the simulator's port in place of demo_simulator_port.
std::vector<json::value> demo_manifests(std::uint16_t simulator_port);

class Demo {
 public:
  static constexpr Duration retry_interval = std::chrono::seconds{1};

  Demo(net::Env& env, resource::Resources& resources, std::uint16_t simulator_port);
  void start();

 private:
  void create(std::size_t index);

  resource::Resources& resources_;
  std::vector<json::value> manifests_;
  std::size_t created_ = 0;
  std::size_t settled_ = 0;
  std::vector<std::size_t> retries_;
  net::Timer retry_;
};

}  // namespace wireway::control
