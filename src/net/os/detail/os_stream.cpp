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

OsStream::OsStream(LoopCore& core, int fd, std::string peer)
    : core_(core), key_(core.add(*this)), fd_(fd), peer_(std::move(peer)) {
  core_.control(EPOLL_CTL_ADD, fd_, key_, EPOLLIN);
}

OsStream::~OsStream() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  // One attempt for what was written in this turn: a goodbye should not depend on the order of
  // ends.
  if ((state_ == State::open || state_ == State::closing) && pending_bytes() > 0 && !blocked_)
    send_pending();
  release();
}

void OsStream::write(ByteView bytes) {
  if (bytes.empty() || state_ == State::closing || state_ == State::closed) return;
  if (out_.capacity() == 0) out_ = core_.take_buffer();
  if (out_begin_ > 0 && out_begin_ >= out_.size() / 2) {  // moves at most as much as was sent
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_begin_));
    out_begin_ = 0;
  }
  out_.insert(out_.end(), bytes.begin(), bytes.end());
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
  if (state_ == State::connecting) return fail_later({Errc::unavailable, peer_ + ": closed by us"});
  state_ = State::closing;
  if (!blocked_) core_.mark_dirty(*this, dirty_position_);
  linger_timer_ = core_.timers.add(core_.now() + close_linger, [this] {
    linger_timer_ = TimerId::none;
    end({Errc::timed_out, peer_ + ": closed by us; the peer did not take all that was sent"});
  });
}

std::unique_ptr<DetachedStream> OsStream::detach() {
  WIREWAY_ASSERT(state_ == State::open, "only an open stream moves to another loop");
  core_.control(EPOLL_CTL_DEL, fd_, key_, 0);
  if (out_begin_ > 0)
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_begin_));
  auto detached =
      std::make_unique<OsDetachedStream>(std::exchange(fd_, -1), peer_, std::move(out_));
  out_ = Bytes();
  out_begin_ = 0;
  release();
  return detached;
}

void OsStream::on_ready(std::uint32_t events) {
  if (state_ == State::connecting) return connect_ready();
  if ((events & EPOLLOUT) != 0 && blocked_) {
    bool destroyed = false;
    destroyed_ = &destroyed;
    flush();
    if (destroyed) return;
    destroyed_ = nullptr;
  }
  if (state_ == State::closed || (events & ~EPOLLOUT) == 0) return;
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
  end({Errc::unavailable, peer_ + ": closed by peer"});
}

/// What another loop posted before these bytes were sent must be known when they are handled. False
/// if a task has destroyed, detached, paused or closed the stream: the bytes are lost with it, or,
/// if it only pauses, kept until it goes on.
bool OsStream::drain_mail_first() {
  bool destroyed = false;
  bool* const outer = std::exchange(destroyed_, &destroyed);
  core_.drain_mailbox();
  if (destroyed) {
    if (outer != nullptr) *outer = true;
    return false;
  }
  destroyed_ = outer;
  return state_ == State::open;
}

/// False if the handler has destroyed, detached, paused or closed the stream: read no more.
bool OsStream::deliver(ByteView bytes) {
  WIREWAY_ASSERT(handler_ != nullptr, "a stream has a handler before its first turn");
  bool destroyed = false;
  bool* const outer = std::exchange(destroyed_, &destroyed);
  handler_->on_bytes(bytes);
  if (destroyed) {
    if (outer != nullptr) *outer = true;
    return false;
  }
  destroyed_ = outer;
  return state_ == State::open && !paused_;
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
    const ssize_t sent = ::send(fd_, out_.data() + out_begin_, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) out_begin_ += static_cast<std::size_t>(sent);
    if (sent >= 0 && static_cast<std::size_t>(sent) == length) break;
    if (!std::exchange(blocked_, true)) update_interest();
    return true;
  }
  core_.give_buffer(std::exchange(out_, Bytes()));
  out_begin_ = 0;
  return true;
}

void OsStream::flush() {
  dirty_position_ = LoopCore::not_dirty;
  if (failure_) return end(std::move(*std::exchange(failure_, nullptr)));
  if (state_ == State::connecting || state_ == State::closed) return;
  if (!send_pending()) {
    const Error error = broken(errno);
    core_.give_buffer(std::exchange(out_, Bytes()));
    out_begin_ = 0;
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
  end({Errc::unavailable, peer_ + ": closed by us"});
}

void OsStream::fail_later(Error error) {
  if (!failure_) failure_ = std::make_unique<Error>(std::move(error));
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
    return {Errc::unavailable, peer_ + ": connection reset by peer"};
  return {Errc::unavailable,
          fmt::format("{}: connection lost ({})", peer_, std::strerror(error_number))};
}

}  // namespace wireway::net::detail
