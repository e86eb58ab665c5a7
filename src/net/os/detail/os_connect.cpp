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
    : core_(core),
      handler_(&handler),
      key_(core.add(*this)),
      peer_(endpoint.to_string()),
      attempt_(std::make_unique<Attempt>()),
      state_(State::connecting) {
  attempt_->endpoint = endpoint;
}

void OsStream::start_connect(Duration timeout) {
  attempt_->timer = core_.timers.add(core_.now() + timeout, [this, timeout] {
    attempt_->timer = TimerId::none;
    const auto seconds = std::chrono::duration<double>(timeout).count();
    end({Errc::timed_out,
         fmt::format("{}: no answer within {} s; check the address and the firewall", peer_,
                     seconds)});
  });
  if (auto address = numeric_address(attempt_->endpoint)) {
    attempt_->addresses.push_back(*address);
    return connect_next();
  }
  core_.names.resolve(attempt_->endpoint, [&core = core_, key = key_](auto addresses) {
    auto* stream = static_cast<OsStream*>(core.find(key));
    if (stream != nullptr && stream->attempt_) stream->resolved(std::move(addresses));
  });
}

void OsStream::resolved(Result<std::vector<Address>> addresses) {
  if (!addresses) return fail_later(std::move(addresses.error()));
  attempt_->addresses = std::move(*addresses);
  connect_next();
}

/// Goes through the addresses until one does not fail at once; never calls the handler.
void OsStream::connect_next() {
  while (attempt_->next < attempt_->addresses.size()) {
    const Address& address = attempt_->addresses[attempt_->next++];
    fd_ = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) {
      attempt_->last_error = errno;
      continue;
    }
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_, address.get(), address.length) == 0 || errno == EINPROGRESS) {
      core_.control(EPOLL_CTL_ADD, fd_, key_, EPOLLOUT);
      return;
    }
    attempt_->last_error = errno;
    ::close(std::exchange(fd_, -1));
  }
  fail_later(connect_error(attempt_->last_error));
}

void OsStream::connect_ready() {
  int error_number = 0;
  socklen_t length = sizeof error_number;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_number, &length);
  if (error_number == 0 && connected_to_itself(fd_)) error_number = ECONNREFUSED;
  if (error_number == 0) return opened();
  attempt_->last_error = error_number;
  ::close(std::exchange(fd_, -1));
  connect_next();
}

void OsStream::opened() {
  if (failure_) return;  // closed by its owner while it connected
  core_.timers.cancel(attempt_->timer);
  attempt_.reset();
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
                        peer_)};
  }
  const Errc code = error_number == ETIMEDOUT ? Errc::timed_out : Errc::unavailable;
  return {code, fmt::format("{}: cannot connect ({}); check the address and the network", peer_,
                            std::strerror(error_number))};
}

/// Gives everything back to the loop; the object stays, closed.
void OsStream::release() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  if (attempt_) core_.timers.cancel(attempt_->timer);
  attempt_.reset();
  core_.timers.cancel(linger_timer_);
  core_.unmark_dirty(std::exchange(dirty_position_, LoopCore::not_dirty));
  core_.remove(key_);
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  core_.give_buffer(std::exchange(out_, Bytes()));
  out_begin_ = 0;
  failure_.reset();
}

}  // namespace wireway::net::detail
