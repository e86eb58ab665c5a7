#pragma once
/// A listening socket on epoll.
///
/// Limits: accepts_max connections a turn, so that a storm of clients cannot starve the connected
///         ones. Without file descriptors left it says so once, stops accepting and tries again
///         every retry_interval; clients wait in the kernel's queue meanwhile.

#include "net/os/detail/loop_core.h"
#include "net/stream.h"

namespace wireway::net::detail {

class OsListener final : public Listener, public Pollable {
 public:
  static constexpr int accepts_max = 64;
  static constexpr Duration retry_interval = std::chrono::milliseconds{200};

  static Result<std::unique_ptr<Listener>> open(LoopCore& core, const ListenOptions& options,
                                                AcceptCallback accept);
  OsListener(LoopCore& core, int fd, std::uint16_t port, AcceptCallback accept);
  ~OsListener() override;

  std::uint16_t port() const override { return port_; }
  void on_ready(std::uint32_t events) override;

 private:
  void accept_some(AcceptCallback& accept, const bool& destroyed);
  void pause(int error_number);

  LoopCore& core_;
  PollKey key_;
  int fd_;
  std::uint16_t port_;
  AcceptCallback accept_;
  TimerId retry_timer_ = TimerId::none;
  bool complained_ = false;
  bool* destroyed_ = nullptr;
};

}  // namespace wireway::net::detail
