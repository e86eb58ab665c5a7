#include "net/os/detail/os_listener.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"
#include "net/os/detail/os_stream.h"

namespace wireway::net::detail {
namespace {

/// Closes unless the descriptor has been taken over.
struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

Error listen_error(const Endpoint& endpoint, int error_number) {
  const std::string place = endpoint.to_string();
  switch (error_number) {
    case EADDRINUSE:
      return {
          Errc::conflict,
          fmt::format("{}: the port is in use by another program; stop that program (see it with: "
                      "ss -ltnp 'sport = :{}') or choose another port",
                      place, endpoint.port)};
    case EACCES:
      return {Errc::denied, fmt::format("{}: ports below 1024 need the right CAP_NET_BIND_SERVICE; "
                                        "grant it or choose a port above 1023",
                                        place)};
    case EADDRNOTAVAIL:
      return {Errc::unavailable, fmt::format("{}: this machine has no such address; choose one of "
                                             "`ip address`, or 0.0.0.0 for all",
                                             place)};
    default:
      return {Errc::io, fmt::format("{}: cannot listen ({})", place, std::strerror(error_number))};
  }
}

}  // namespace

Result<std::unique_ptr<Listener>> OsListener::open(LoopCore& core, const ListenOptions& options,
                                                   AcceptCallback accept) {
  Endpoint endpoint = options.endpoint;
  if (endpoint.host == "localhost") endpoint.host = "127.0.0.1";
  auto address = numeric_address(endpoint);
  if (!address) return wrap("listen on " + options.endpoint.to_string(), address.error());

  Descriptor socket{::socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (socket.fd < 0) return std::unexpected(listen_error(options.endpoint, errno));
  const int on = 1;
  const int off = 0;
  ::setsockopt(socket.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (options.reuse_port) ::setsockopt(socket.fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  // Accepted sockets inherit it: no system call per connection.
  ::setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (address->family() == AF_INET6)
    ::setsockopt(socket.fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(socket.fd, address->get(), address->length) != 0)
    return std::unexpected(listen_error(options.endpoint, errno));
  if (::listen(socket.fd, options.backlog) != 0)
    return std::unexpected(listen_error(options.endpoint, errno));
  address->length = sizeof address->storage;
  ::getsockname(socket.fd, address->get(), &address->length);
  const int fd = std::exchange(socket.fd, -1);
  return std::make_unique<OsListener>(core, fd, address->port(), std::move(accept));
}

OsListener::OsListener(LoopCore& core, int fd, std::uint16_t port, AcceptCallback accept)
    : core_(core), key_(core.add(*this)), fd_(fd), port_(port), accept_(std::move(accept)) {
  core_.control(EPOLL_CTL_ADD, fd_, key_, EPOLLIN);
}

OsListener::~OsListener() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  core_.timers.cancel(retry_timer_);
  core_.remove(key_);
  ::close(fd_);
}

void OsListener::on_ready(std::uint32_t) {
  // Moved out while it runs: it may destroy this listener, and must not itself be destroyed then.
  AcceptCallback accept = std::exchange(accept_, nullptr);
  bool destroyed = false;
  destroyed_ = &destroyed;
  accept_some(accept, destroyed);
  if (destroyed) return;
  destroyed_ = nullptr;
  accept_ = std::move(accept);
}

void OsListener::accept_some(AcceptCallback& accept, const bool& destroyed) {
  for (int i = 0; i < accepts_max; ++i) {
    Address address;
    address.length = sizeof address.storage;
    const int fd = ::accept4(fd_, address.get(), &address.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && errno == EAGAIN) return;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
      return pause(errno);
    if (fd < 0) continue;  // that client has gone already (accept(2): treat like EAGAIN)
    complained_ = false;
    accept(std::make_unique<OsStream>(core_, fd, Peer{SmallAddress(address), {}}));
    if (destroyed) return;
  }
}

void OsListener::pause(int error_number) {
  if (!std::exchange(complained_, true)) {
    log::error(
        "port {}: no further connection can be accepted ({}); raise the limit of open files "
        "(ulimit -n); trying again every {} ms",
        port_, std::strerror(error_number),
        std::chrono::duration_cast<std::chrono::milliseconds>(retry_interval).count());
  }
  core_.control(EPOLL_CTL_MOD, fd_, key_, 0);
  retry_timer_ = core_.timers.add(core_.now() + retry_interval, [this] {
    retry_timer_ = TimerId::none;
    core_.control(EPOLL_CTL_MOD, fd_, key_, EPOLLIN);
  });
}

}  // namespace wireway::net::detail
