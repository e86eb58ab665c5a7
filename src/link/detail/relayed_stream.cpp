#include "link/detail/relayed_stream.h"

#include <utility>

#include "base/assert.h"

namespace wireway::link::detail {
namespace {

/// A relayed connection between two loops.
class DetachedRelayed final : public net::DetachedStream {
 public:
  DetachedRelayed(std::unique_ptr<net::DetachedStream> inner, std::string peer, Bytes held)
      : inner_(std::move(inner)), peer_(std::move(peer)), held_(std::move(held)) {}

  std::unique_ptr<net::Stream> attach_over(net::Loop& loop, net::Network& network) override {
    return std::make_unique<RelayedStream>(loop, network.attach(std::move(inner_)),
                                           std::move(peer_), std::move(held_));
  }

 private:
  std::unique_ptr<net::DetachedStream> inner_;
  std::string peer_;
  Bytes held_;
};

}  // namespace

RelayedStream::RelayedStream(net::Loop& loop, std::unique_ptr<net::Stream> inner, std::string peer,
                             Bytes held)
    : inner_(std::move(inner)), peer_(std::move(peer)), held_(std::move(held)), deliver_(loop) {
  inner_->set_handler(*this);
  deliver_later();
}

RelayedStream::~RelayedStream() {
  if (destroyed_ != nullptr) *destroyed_ = true;
}

void RelayedStream::pause_reading() {
  paused_ = true;
  deliver_.cancel();
  inner_->pause_reading();
}

void RelayedStream::resume_reading() {
  paused_ = false;
  inner_->resume_reading();
  deliver_later();
}

void RelayedStream::close() {
  closing_ = true;
  deliver_.cancel();
  held_.clear();
  inner_->close();
}

std::unique_ptr<net::DetachedStream> RelayedStream::detach() {
  deliver_.cancel();
  return std::make_unique<DetachedRelayed>(std::exchange(inner_, nullptr)->detach(),
                                           std::move(peer_), std::move(held_));
}

void RelayedStream::on_bytes(ByteView bytes) {
  if (closing_) return;
  if (!paused_ && held_.empty()) return handler_->on_bytes(bytes);
  held_.insert(held_.end(), bytes.begin(), bytes.end());
}

/// What the peer has sent reaches the owner before its end does. The sentence names the client: the
/// stream below knows only the proxy.
void RelayedStream::on_close(const Error& reason) {
  if (!paused_ && !deliver_held()) return;
  Error error = reason;
  const std::string proxy = inner_->peer();
  if (error.message.starts_with(proxy)) error.message.replace(0, proxy.size(), peer_);
  closing_ = true;
  deliver_.cancel();
  handler_->on_close(error);
}

void RelayedStream::deliver_later() {
  if (held_.empty() || paused_ || closing_ || deliver_.armed()) return;
  deliver_.arm(Duration{0}, [this] { deliver_held(); });
}

/// False if the owner has destroyed or detached this stream.
bool RelayedStream::deliver_held() {
  if (held_.empty()) return true;
  WIREWAY_ASSERT(handler_ != nullptr, "a stream has a handler before its first turn");
  deliver_.cancel();
  const Bytes bytes = std::exchange(held_, {});
  bool destroyed = false;
  destroyed_ = &destroyed;
  handler_->on_bytes(bytes);
  if (destroyed) return false;
  destroyed_ = nullptr;
  return inner_ != nullptr;
}

}  // namespace wireway::link::detail
