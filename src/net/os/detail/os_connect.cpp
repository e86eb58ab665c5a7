// The first part of an outgoing connection's life: look-up, one attempt after another, time-out.

#include <cerrno>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "net/os/detail/os_stream.h"

namespace wireway::net::detail {

namespace {

/// A connection to a free local port of the ephemeral range can meet itself (simultaneous open).
bool connected_to_itself(int fd) {
  Address own;
  Address other;
  own.length = other.length = sizeof(sockaddr_storage);
  if (::getsockname(fd, own.get(), &own.length) != 0) return false;
  if (::getpeername(fd, other.get(), &other.length) != 0) return false;
  return own.length == other.length && std::memcmp(&own.storage, &other.storage, own.length) == 0;
}

}  // namespace

OsStream::OsStream(LoopCore& core, const Endpoint& endpoint, StreamHandler& handler)
    : core_(core), handler_(&handler), key_(core.add(*this)), state_(State::connecting) {
  rare().name = endpoint.to_string();
  rare().attempt = std::make_unique<Attempt>();
  attempt()->endpoint = endpoint;
}

void OsStream::start_connect(Duration timeout) {
  attempt()->timer = core_.timers.add(core_.now() + timeout, [this, timeout] {
    attempt()->timer = TimerId::none;
    const auto seconds = std::chrono::duration<double>(timeout).count();
    end({Errc::timed_out,
         fmt::format("{}: no answer within {} s; check the address and the firewall", peer(),
                     seconds)});
  });
  if (auto address = numeric_address(attempt()->endpoint)) {
    attempt()->addresses.push_back(*address);
    return connect_next();
  }
  core_.names.resolve(attempt()->endpoint, [&core = core_, key = key_](auto addresses) {
    auto* stream = static_cast<OsStream*>(core.find(key));
    if (stream != nullptr && stream->attempt() != nullptr) stream->resolved(std::move(addresses));
  });
}

void OsStream::resolved(Result<std::vector<Address>> addresses) {
  if (!addresses) return fail_later(std::move(addresses.error()));
  attempt()->addresses = std::move(*addresses);
  connect_next();
}

/// Goes through the addresses until one does not fail at once; never calls the handler.
void OsStream::connect_next() {
  while (attempt()->next < attempt()->addresses.size()) {
    const Address& address = attempt()->addresses[attempt()->next++];
    fd_ = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) {
      attempt()->last_error = errno;
      continue;
    }
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_, address.get(), address.length) == 0 || errno == EINPROGRESS) {
      core_.control(EPOLL_CTL_ADD, fd_, key_, EPOLLOUT);
      return;
    }
    attempt()->last_error = errno;
    ::close(std::exchange(fd_, -1));
  }
  fail_later(connect_error(attempt()->last_error));
}

void OsStream::connect_ready() {
  int error_number = 0;
  socklen_t length = sizeof error_number;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_number, &length);
  if (error_number == 0 && connected_to_itself(fd_)) error_number = ECONNREFUSED;
  if (error_number == 0) return opened();
  attempt()->last_error = error_number;
  ::close(std::exchange(fd_, -1));
  connect_next();
}

void OsStream::opened() {
  if (rare().failure) return;  // closed by its owner while it connected
  core_.timers.cancel(attempt()->timer);
  rare_->attempt.reset();
  state_ = State::open;
  update_interest();
  if (pending_bytes() > 0) core_.mark_dirty(*this, dirty_position_);
  handler_->on_open();
}

Error OsStream::connect_error(int error_number) const {
  if (error_number == ECONNREFUSED) {
    return {Errc::unavailable,
            fmt::format("{}: connection refused; nothing listens there: start the "
                        "server or correct the address",
                        peer())};
  }
  const Errc code = error_number == ETIMEDOUT ? Errc::timed_out : Errc::unavailable;
  return {code, fmt::format("{}: cannot connect ({}); check the address and the network", peer(),
                            std::strerror(error_number))};
}

/// Gives everything back to the loop; the object stays, closed.
void OsStream::release() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  if (rare_) {
    if (rare_->attempt) core_.timers.cancel(rare_->attempt->timer);
    rare_->attempt.reset();
    core_.timers.cancel(rare_->linger_timer);
    rare_->failure.reset();
  }
  core_.unmark_dirty(std::exchange(dirty_position_, LoopCore::not_dirty));
  core_.remove(key_);
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  core_.give_output(std::move(out_));
}

}  // namespace wireway::net::detail
