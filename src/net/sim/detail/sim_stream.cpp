#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "net/sim/detail/sim_loop.h"

namespace wireway::net::detail {

SimDetachedStream::~SimDetachedStream() {
  if (!attached) world.leave(link, side);
}

SimStream::SimStream(SimLoop& loop, LinkId link, int side, std::string peer, State state)
    : loop_(loop), link_(link), side_(side), peer_(std::move(peer)), state_(state), timer_(loop) {
  if (LinkEnd* end = loop_.world().end_of(link_, side_)) {
    end->stream = this;
    end->detached = false;
  } else {
    fail_after(Duration{0}, {Errc::unavailable, peer_ + ": connection reset by peer"});
  }
}

SimStream::~SimStream() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  loop_.forget_dirty(*this);
  if (state_ == State::closed) return;
  World& world = loop_.world();
  const std::size_t length = std::min(out_.size(), world.window(link_, side_));
  if (state_ != State::connecting && !blocked_ && length > 0)
    world.send_bytes(link_, side_, ByteView(out_).first(length));  // as OsStream does
  world.leave(link_, side_);
}

void SimStream::write(ByteView bytes) {
  if (bytes.empty() || state_ == State::closing || state_ == State::closed) return;
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  if (state_ == State::open && !blocked_) loop_.mark_dirty(*this);
}

void SimStream::resume_reading() {
  paused_ = false;
  // Later, because nothing is delivered inside this call.
  loop_.world().at(loop_.world().now, [&world = loop_.world(), link = link_, side = side_] {
    LinkEnd* end = world.end_of(link, side);
    if (end == nullptr || end->stream == nullptr) return;
    SimStream* stream = end->stream;
    stream->loop().turn([stream] { stream->take_input(); });
  });
}

void SimStream::close() {
  if (state_ == State::closing || state_ == State::closed) return;
  if (state_ == State::connecting)
    return fail_after(Duration{0}, {Errc::unavailable, peer_ + ": closed by us"});
  state_ = State::closing;
  loop_.mark_dirty(*this);
  fail_after(close_linger,
             {Errc::timed_out, peer_ + ": closed by us; the peer did not take all that was sent"});
}

std::unique_ptr<DetachedStream> SimStream::detach() {
  WIREWAY_ASSERT(state_ == State::open, "only an open stream moves to another loop");
  auto detached = std::make_unique<SimDetachedStream>(loop_.world(), link_, side_);
  detached->peer = peer_;
  detached->pending = std::exchange(out_, {});
  if (LinkEnd* end = loop_.world().end_of(link_, side_)) {
    end->stream = nullptr;
    end->detached = true;
  }
  state_ = State::closed;
  timer_.cancel();
  return detached;
}

void SimStream::opened() {
  if (state_ != State::connecting) return;
  timer_.cancel();
  state_ = State::open;
  if (!out_.empty()) loop_.mark_dirty(*this);
  handler_->on_open();
}

void SimStream::flush() {
  if (state_ == State::connecting || state_ == State::closed) return;
  World& world = loop_.world();
  const std::size_t length = std::min(out_.size(), world.window(link_, side_));
  if (length > 0) {
    world.send_bytes(link_, side_, ByteView(out_).first(length));
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(length));
  }
  const bool was_blocked = std::exchange(blocked_, !out_.empty());
  if (blocked_) return;
  if (state_ == State::closing) {
    if (world.end_of(link_, side_) != nullptr) link_end().discarding = true;
    return end({Errc::unavailable, peer_ + ": closed by us"});
  }
  if (was_blocked) handler_->on_drain();
}

void SimStream::window_opened() {
  if (blocked_) flush();
}

void SimStream::take_input() {
  World& world = loop_.world();
  for (;;) {
    LinkEnd* end_now = world.end_of(link_, side_);
    if (end_now == nullptr || state_ == State::closed || state_ == State::connecting) return;
    if (paused_ && state_ == State::open) return;
    if (end_now->unread.empty()) {
      if (end_now->fin_received && state_ == State::open)
        end({Errc::unavailable, peer_ + ": closed by peer"});
      return;
    }
    Bytes bytes = std::exchange(end_now->unread, {});
    if (bytes.size() > std::size_t(World::read_bytes_max)) {
      end_now->unread.assign(bytes.begin() + World::read_bytes_max, bytes.end());
      bytes.resize(std::size_t(World::read_bytes_max));
    }
    world.announce_window(link_, side_);
    if (state_ == State::open && !deliver(bytes)) return;
  }
}

/// False if the handler has destroyed the stream.
bool SimStream::deliver(const Bytes& bytes) {
  WIREWAY_ASSERT(handler_ != nullptr, "a stream has a handler before its first turn");
  bool destroyed = false;
  bool* const outer = std::exchange(destroyed_, &destroyed);
  handler_->on_bytes(bytes);
  if (destroyed && outer != nullptr) *outer = true;
  if (destroyed) return false;
  destroyed_ = outer;
  return true;
}

void SimStream::fail(Error reason) {
  if (state_ != State::closed) end(reason);
}

void SimStream::fail_after(Duration delay, Error reason) {
  timer_.arm(delay, [this, error = std::move(reason)] { fail(error); });
}

/// The last thing that a stream does: the handler may destroy it.
void SimStream::end(const Error& reason) {
  timer_.cancel();
  loop_.forget_dirty(*this);
  state_ = State::closed;
  loop_.world().leave(link_, side_);
  if (handler_ != nullptr) handler_->on_close(reason);
}

}  // namespace wireway::net::detail
