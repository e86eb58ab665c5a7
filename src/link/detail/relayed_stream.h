#pragma once
/// A stream behind a PROXY header: the stream below, under the name of the client that the proxy
/// stands for, with what came behind the header first.

#include <memory>
#include <string>

#include "net/loop.h"
#include "net/stream.h"

namespace wireway::link::detail {

class RelayedStream final : public net::Stream, private net::StreamHandler {
 public:
  /// `held` was received behind the header.
  RelayedStream(net::Loop& loop, std::unique_ptr<net::Stream> inner, std::string peer, Bytes held);
  ~RelayedStream() override;

  void set_handler(net::StreamHandler& handler) override { handler_ = &handler; }
  void write(ByteView bytes) override {
    if (inner_) inner_->write(bytes);
  }
  std::size_t pending_bytes() const override { return inner_ ? inner_->pending_bytes() : 0; }
  void pause_reading() override;
  void resume_reading() override;
  void close() override;
  std::unique_ptr<net::DetachedStream> detach() override;
  std::string peer() const override { return peer_; }

 private:
  void on_bytes(ByteView bytes) override;
  void on_drain() override { handler_->on_drain(); }
  void on_close(const Error& reason) override;

  void deliver_later();
  bool deliver_held();

  std::unique_ptr<net::Stream> inner_;
  net::StreamHandler* handler_ = nullptr;
  std::string peer_;
  Bytes held_;  ///< behind the header, or received while paused
  net::Timer deliver_;
  bool* destroyed_ = nullptr;  ///< set by the destructor while a handler runs
  bool paused_ = false;
  bool closing_ = false;
};

}  // namespace wireway::link::detail
