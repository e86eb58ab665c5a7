#pragma once
/// The loop on epoll, and the real network, files and signals: what `main` builds.
///
/// Thread: see net/loop.h. One OsLoop a thread; shards of one service each have their own.
/// Effect: making one ignores SIGPIPE for the whole process; children get it back (process.h).

#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "net/env.h"

namespace wireway::net {

class OsLoop final : public Loop, public Network {
 public:
  OsLoop();
  ~OsLoop() override;

  MonoTime now() const override;
  WallTime wall_now() const override;
  TimerId run_after(Duration delay, Task task) override;
  void cancel(TimerId id) override;
  void defer(Task task) override;
  void post(Task task) override;
  void run() override;
  void stop() override;
  /// From the next turn on it looks for events for so long before it sleeps: whoever waits for the
  /// answer saves the time of waking up, at the price of a core. 0 = it sleeps at once.
  void set_busy_poll(Duration longest);

  Result<std::unique_ptr<Listener>> listen(const ListenOptions& options,
                                           AcceptCallback accept) override;
  std::unique_ptr<Stream> connect(const Endpoint& endpoint, StreamHandler& handler,
                                  Duration connect_timeout = std::chrono::seconds{10}) override;
  std::unique_ptr<Stream> attach(std::unique_ptr<DetachedStream> stream) override;

  /// For libraries with sockets of their own (libcurl) and for signals, pipes, inotify: calls
  /// `on_ready(readable, writable)` while `fd` is ready (level-triggered). The caller owns `fd` and
  /// must unwatch it before it closes it.
  void watch(int fd, bool readable, bool writable,
             std::move_only_function<void(bool, bool)> on_ready);
  void unwatch(int fd);

  /// Calls `on_signal` on this loop for each of `signals`, which are blocked for the whole process.
  void on_signals(const std::vector<int>& signals, std::move_only_function<void(int)> on_signal);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The real file system.
std::unique_ptr<Files> make_os_files();

}  // namespace wireway::net
