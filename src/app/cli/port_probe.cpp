#include "app/cli/port_probe.h"

#include <array>
#include <cerrno>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace wireway::app::cli {
namespace {

/// What a connection came to, once it is no longer under way.
PortState outcome_of(int socket) {
  pollfd waiting{.fd = socket, .events = POLLOUT, .revents = 0};
  if (::poll(&waiting, 1, static_cast<int>(probe_time_max.count())) <= 0) return PortState::silent;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? PortState::open : PortState::closed;
}

}  // namespace

PortState probe_port(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return PortState::silent;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int started =
      ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  PortState state = PortState::open;
  if (started != 0) state = errno == EINPROGRESS ? outcome_of(socket) : PortState::closed;
  ::close(socket);
  return state;
}

bool is_this_machine(const std::string& server) {
  constexpr std::array<std::string_view, 3> hosts{"://127.0.0.1", "://localhost", "://[::1]"};
  for (const std::string_view host : hosts) {
    const auto found = server.find(host);
    if (found == std::string::npos) continue;
    const std::string_view rest = std::string_view(server).substr(found + host.size());
    return rest.empty() || rest.front() == ':' || rest.front() == '/';
  }
  return false;
}

}  // namespace wireway::app::cli
