#pragma once
/// Whether something accepts connections at a port of this machine.
///
/// Thread: main's; blocks for probe_time_max at most.

#include <chrono>
#include <cstdint>
#include <string>

namespace wireway::app::cli {

enum class PortState {
  open,    ///< a connection was accepted
  closed,  ///< refused: nothing listens there
  silent,  ///< no answer in time
};

inline constexpr std::chrono::milliseconds probe_time_max{1000};

/// On 127.0.0.1.
PortState probe_port(std::uint16_t port);
/// The URL of an API server on this machine.
bool is_this_machine(const std::string& server);

}  // namespace wireway::app::cli
