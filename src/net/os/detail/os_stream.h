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

/// A socket between two loops, with what is still to be written.
class OsDetachedStream final : public DetachedStream {
 public:
  OsDetachedStream(int fd_in, std::string peer_in, Bytes pending_in)
      : fd(fd_in), peer(std::move(peer_in)), pending(std::move(pending_in)) {}
  ~OsDetachedStream() override;

  int fd;
  std::string peer;
  Bytes pending;
};

class OsStream final : public Stream, public Pollable, public Flushable {
 public:
  /// Accepted or attached: `fd` is connected and now belongs to the stream.
  OsStream(LoopCore& core, int fd, std::string peer);
  /// Outgoing: begins with start_connect().
  OsStream(LoopCore& core, const Endpoint& endpoint, StreamHandler& handler);
  ~OsStream() override;

  void start_connect(Duration timeout);

  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void write(ByteView bytes) override;
  std::size_t pending_bytes() const override { return out_.size() - out_begin_; }
  void pause_reading() override;
  void resume_reading() override;
  void close() override;
  std::unique_ptr<DetachedStream> detach() override;
  const std::string& peer() const override { return peer_; }

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
  Bytes out_;
  std::size_t out_begin_ = 0;
  std::string peer_;
  std::unique_ptr<Attempt> attempt_;
  std::unique_ptr<Error> failure_;  ///< reported by the next flush
  TimerId linger_timer_ = TimerId::none;
  bool* destroyed_ = nullptr;  ///< set by the destructor while a handler of this stream runs
  State state_ = State::open;
  bool paused_ = false;
  bool blocked_ = false;    ///< the kernel's buffer is full: EPOLLOUT is armed
  bool input_end_ = false;  ///< the peer has closed its side
};

}  // namespace wireway::net::detail
