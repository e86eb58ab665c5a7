#include "net/os/detail/os_stream.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/assert.h"

namespace wireway::net::detail {

OsDetachedStream::~OsDetachedStream() {
  if (fd >= 0) ::close(fd);
}

OsStream::OsStream(LoopCore& core, int fd, Peer peer)
    : core_(core), key_(core.add(*this)), fd_(fd), address_(peer.address) {
  if (!peer.name.empty()) rare().name = std::move(peer.name);
  core_.control(EPOLL_CTL_ADD, fd_, key_, EPOLLIN);
}

OsStream::~OsStream() {
  // One attempt for what was written in this turn: a goodbye should not depend on the order of
  // ends.
  if ((state_ == State::open || state_ == State::closing) && pending_bytes() > 0 && !blocked_)
    send_pending();
  release();
}

std::string OsStream::peer() const {
  return rare_ && !rare_->name.empty() ? rare_->name : address_.to_string();
}

OsStream::Rare& OsStream::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

void OsStream::write(ByteView bytes) {
  if (bytes.empty() || state_ == State::closing || state_ == State::closed) return;
  if (!out_) out_ = core_.take_output();
  Bytes& out = out_->bytes;
  // moves at most as much as was sent
  if (out_->begin > 0 && out_->begin >= out.size() / 2) out_->close_up();
  out.insert(out.end(), bytes.begin(), bytes.end());
  if (state_ == State::open && !blocked_) core_.mark_dirty(*this, dirty_position_);
}

void OsStream::pause_reading() {
  if (paused_) return;
  paused_ = true;
  if (state_ == State::open) update_interest();
}

void OsStream::resume_reading() {
  if (!paused_) return;
  paused_ = false;
  if (state_ == State::open) update_interest();
}

void OsStream::close() {
  if (state_ == State::closing || state_ == State::closed) return;
  if (state_ == State::connecting)
    return fail_later({Errc::unavailable, peer() + ": closed by us"});
  state_ = State::closing;
  if (!blocked_) core_.mark_dirty(*this, dirty_position_);
  rare().linger_timer = core_.timers.add(core_.now() + close_linger, [this] {
    rare_->linger_timer = TimerId::none;
    end({Errc::timed_out, peer() + ": closed by us; the peer did not take all that was sent"});
  });
}

std::unique_ptr<DetachedStream> OsStream::detach() {
  WIREWAY_ASSERT(state_ == State::open, "only an open stream moves to another loop");
  core_.control(EPOLL_CTL_DEL, fd_, key_, 0);
  Bytes pending;
  if (out_) {
    out_->close_up();
    pending = std::move(out_->bytes);
    out_.reset();
  }
  Peer peer{address_, rare_ ? rare_->name : ""};
  auto detached = std::make_unique<OsDetachedStream>(std::exchange(fd_, -1), std::move(peer),
                                                     std::move(pending));
  release();
  return detached;
}

void OsStream::on_ready(std::uint32_t events) {
  if (state_ == State::connecting) return connect_ready();
  if ((events & EPOLLOUT) != 0 && blocked_) {
    LoopCore& core = core_;
    const PollKey key = key_;
    flush();
    if (core.find(key) == nullptr) return;  // destroyed, detached or closed
  }
  if ((events & ~EPOLLOUT) == 0) return;
  if (state_ == State::closing) return discard_input();
  if (!paused_) return read_once();
  // Paused: only a broken connection is reported then, and it would be reported for ever.
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) end(broken(ECONNRESET));
}

void OsStream::read_once() {
  const auto buffer = core_.read_buffer();
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got > 0) {
    if (core_.has_mail() && !drain_mail_first()) return;
    deliver(buffer.first(static_cast<std::size_t>(got)));
    return;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return end(broken(errno));
  input_end_ = true;
  if (pending_bytes() > 0 && !blocked_) send_pending();  // a peer that only half-closed still reads
  end({Errc::unavailable, peer() + ": closed by peer"});
}

/// What another loop posted before these bytes were sent must be known when they are handled. False
/// if a task has destroyed, detached, paused or closed the stream: the bytes are lost with it, or,
/// if it only pauses, kept until it goes on.
bool OsStream::drain_mail_first() {
  LoopCore& core = core_;
  const PollKey key = key_;
  core.drain_mailbox();
  return core.find(key) != nullptr && state_ == State::open;
}

/// False if the handler has destroyed, detached, paused or closed the stream: read no more.
bool OsStream::deliver(ByteView bytes) {
  WIREWAY_ASSERT(handler_ != nullptr, "a stream has a handler before its first turn");
  LoopCore& core = core_;
  const PollKey key = key_;
  handler_->on_bytes(bytes);
  return core.find(key) != nullptr && state_ == State::open && !paused_;
}

/// After a failed write the peer's last words (a refusal, a DISCONNECT) may still wait to be read.
void OsStream::read_rest(const Error& write_error) {
  while (!paused_) {
    const auto buffer = core_.read_buffer();
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    if (!deliver(buffer.first(static_cast<std::size_t>(got)))) {
      return;  // whoever goes on with it meets the same failure again
    }
  }
  end(write_error);
}

void OsStream::discard_input() {
  const auto buffer = core_.read_buffer();
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
  if (got < 0 || input_end_) return end(broken(got < 0 ? errno : ECONNRESET));
  input_end_ = true;
  update_interest();
}

/// Writes what the kernel takes. False if the connection is broken; errno says why.
bool OsStream::send_pending() {
  while (pending_bytes() > 0) {
    const std::size_t length = pending_bytes();
    const ssize_t sent = ::send(fd_, out_->bytes.data() + out_->begin, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) out_->begin += static_cast<std::size_t>(sent);
    if (sent >= 0 && static_cast<std::size_t>(sent) == length) break;
    if (!std::exchange(blocked_, true)) update_interest();
    return true;
  }
  core_.give_output(std::move(out_));
  return true;
}

void OsStream::flush() {
  dirty_position_ = LoopCore::not_dirty;
  if (rare_ && rare_->failure) return end(std::move(*std::exchange(rare_->failure, nullptr)));
  if (state_ == State::connecting || state_ == State::closed) return;
  if (!send_pending()) {
    const Error error = broken(errno);
    core_.give_output(std::move(out_));
    if (state_ == State::closing) return end(error);
    return read_rest(error);
  }
  if (pending_bytes() > 0) return;
  const bool drained = std::exchange(blocked_, false);
  if (state_ == State::closing) return finish_close();
  if (!drained) return;
  update_interest();
  handler_->on_drain();
}

void OsStream::finish_close() {
  if (!input_end_) {
    ::shutdown(fd_, SHUT_WR);
    core_.linger(std::exchange(fd_, -1));
  }
  end({Errc::unavailable, peer() + ": closed by us"});
}

void OsStream::fail_later(Error error) {
  if (!rare().failure) rare().failure = std::make_unique<Error>(std::move(error));
  core_.mark_dirty(*this, dirty_position_);
}

/// The last thing that a stream does: the handler may destroy it.
void OsStream::end(Error reason) {
  release();
  if (handler_ != nullptr) handler_->on_close(reason);
}

void OsStream::update_interest() {
  std::uint32_t events = 0;
  if (!input_end_ && (!paused_ || state_ == State::closing)) events |= EPOLLIN;
  if (blocked_) events |= EPOLLOUT;
  core_.control(EPOLL_CTL_MOD, fd_, key_, events);
}

Error OsStream::broken(int error_number) const {
  if (error_number == ECONNRESET || error_number == EPIPE)
    return {Errc::unavailable, peer() + ": connection reset by peer"};
  return {Errc::unavailable,
          fmt::format("{}: connection lost ({})", peer(), std::strerror(error_number))};
}

}  // namespace wireway::net::detail
