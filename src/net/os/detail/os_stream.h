#pragma once
/// A TCP connection on epoll: accepted, connecting or attached from another loop.
///
/// Limits: no buffer at rest: input goes through the loop's read buffer, output memory is borrowed
///         from the loop and given back when all is written.
/// Errors: see net/stream.h; each sentence begins with the peer's address.

#include <memory>
#include <string>
#include <vector>

#include "net/os/detail/loop_core.h"
#include "net/stream.h"

namespace wireway::net::detail {

/// Who is at the other end: an address, or the name that was connected to.
struct Peer {
  SmallAddress address;
  std::string name;
};

/// A socket between two loops, with what is still to be written.
class OsDetachedStream final : public DetachedStream {
 public:
  OsDetachedStream(int fd_in, Peer peer_in, Bytes pending_in)
      : fd(fd_in), peer(std::move(peer_in)), pending(std::move(pending_in)) {}
  ~OsDetachedStream() override;

  int fd;
  Peer peer;
  Bytes pending;
};

class OsStream final : public Stream, public Pollable {
 public:
  /// Accepted or attached: `fd` is connected and now belongs to the stream.
  OsStream(LoopCore& core, int fd, Peer peer);
  /// Outgoing: begins with start_connect().
  OsStream(LoopCore& core, const Endpoint& endpoint, StreamHandler& handler);
  ~OsStream() override;

  void start_connect(Duration timeout);

  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void write(ByteView bytes) override;
  std::size_t pending_bytes() const override { return out_ ? out_->size() : 0; }
  void pause_reading() override;
  void resume_reading() override;
  void close() override;
  std::unique_ptr<DetachedStream> detach() override;
  std::string peer() const override;

  void on_ready(std::uint32_t events) override;
  void flush() override;

 private:
  enum class State : std::uint8_t { connecting, open, closing, closed };
  /// What only a connecting stream needs.
  struct Attempt {
    Endpoint endpoint;
    std::vector<Address> addresses;
    std::size_t next = 0;
    int last_error = 0;
    TimerId timer = TimerId::none;
  };

  /// What most streams never need.
  struct Rare {
    std::string name;  ///< of an outgoing one: whom it connects to
    std::unique_ptr<Attempt> attempt;
    std::unique_ptr<Error> failure;  ///< reported by the next flush
    TimerId linger_timer = TimerId::none;
  };

  Rare& rare();
  Attempt* attempt() const { return rare_ ? rare_->attempt.get() : nullptr; }
  void resolved(Result<std::vector<Address>> addresses);
  void connect_next();
  void connect_ready();
  void opened();
  Error connect_error(int error_number) const;

  void read_once();
  void read_rest(const Error& write_error);
  void discard_input();
  bool drain_mail_first();
  bool deliver(ByteView bytes);
  bool send_pending();
  void finish_close();
  void fail_later(Error error);
  void end(Error reason);
  void release();
  void update_interest();
  Error broken(int error_number) const;

  LoopCore& core_;
  StreamHandler* handler_ = nullptr;
  PollKey key_;
  int fd_ = -1;
  std::uint32_t dirty_position_ = LoopCore::not_dirty;
  std::unique_ptr<Output> out_;
  std::unique_ptr<Rare> rare_;
  SmallAddress address_;  ///< of the peer, if it was accepted
  State state_ = State::open;
  bool paused_ = false;
  bool blocked_ = false;    ///< the kernel's buffer is full: EPOLLOUT is armed
  bool input_end_ = false;  ///< the peer has closed its side
};

}  // namespace wireway::net::detail
