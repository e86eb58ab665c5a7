#include "net/os/os_loop.h"

#include <cerrno>
#include <unordered_map>
#include <utility>

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "net/os/detail/loop_core.h"
#include "net/os/detail/os_listener.h"
#include "net/os/detail/os_stream.h"

namespace wireway::net {
namespace {

using detail::LoopCore;

/// A descriptor of somebody else (libcurl, a pipe, a signalfd) in the epoll set.
class Watch final : public detail::Pollable {
 public:
  Watch(LoopCore& core, std::move_only_function<void(bool, bool)> on_ready)
      : core_(core), key_(core.add(*this)), on_ready_(std::move(on_ready)) {}
  ~Watch() override { forget(); }

  void forget() {
    if (key_ != detail::PollKey::none) core_.remove(std::exchange(key_, detail::PollKey::none));
  }
  void control(int operation, int fd, bool readable, bool writable) {
    readable_ = readable;
    writable_ = writable;
    const std::uint32_t events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);
    core_.control(operation, fd, key_, events);
  }

  void on_ready(std::uint32_t events) override {
    const bool broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
    const bool readable = (events & EPOLLIN) != 0 || (broken && (readable_ || !writable_));
    const bool writable = (events & EPOLLOUT) != 0 || (broken && writable_);
    on_ready_(readable, writable);
  }

 private:
  LoopCore& core_;
  detail::PollKey key_;
  std::move_only_function<void(bool, bool)> on_ready_;
  bool readable_ = false;
  bool writable_ = false;
};

}  // namespace

struct OsLoop::State {
  LoopCore core;
  std::unordered_map<int, std::unique_ptr<Watch>> watches;
  std::vector<int> signal_fds;
};

OsLoop::OsLoop() : state_(std::make_unique<State>()) {
  // Libraries with sockets and pipes of their own must meet EPIPE, not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
  // A limit on the size of files is a failed write to be told, not the end of the process.
  ::signal(SIGXFSZ, SIG_IGN);
}

OsLoop::~OsLoop() {
  state_->core.drop_tasks();
  for (const int fd : std::exchange(state_->signal_fds, {})) {
    unwatch(fd);
    ::close(fd);
  }
}

MonoTime OsLoop::now() const { return state_->core.now(); }
WallTime OsLoop::wall_now() const { return state_->core.wall_now(); }

TimerId OsLoop::run_after(Duration delay, Task task) {
  // From the clock, not from the turn's start: a timer never runs before its delay has passed.
  return state_->core.timers.add(system_mono_now() + std::max(delay, Duration{0}), std::move(task));
}

void OsLoop::cancel(TimerId id) { state_->core.timers.cancel(id); }
void OsLoop::defer(Task task) { state_->core.deferred.push_back(std::move(task)); }
void OsLoop::post(Task task) { state_->core.post(std::move(task)); }
void OsLoop::run() { state_->core.run(); }
void OsLoop::stop() { state_->core.stop(); }
void OsLoop::set_busy_poll(Duration longest) { state_->core.set_busy_poll(longest); }

Result<std::unique_ptr<Listener>> OsLoop::listen(const ListenOptions& options,
                                                 AcceptCallback accept) {
  return detail::OsListener::open(state_->core, options, std::move(accept));
}

std::unique_ptr<Stream> OsLoop::connect(const Endpoint& endpoint, StreamHandler& handler,
                                        Duration connect_timeout) {
  auto stream = std::make_unique<detail::OsStream>(state_->core, endpoint, handler);
  stream->start_connect(connect_timeout);
  return stream;
}

std::unique_ptr<Stream> OsLoop::attach(std::unique_ptr<DetachedStream> stream) {
  if (auto layered = stream->attach_over(*this, *this)) return layered;
  auto* detached = dynamic_cast<detail::OsDetachedStream*>(stream.get());
  WIREWAY_ASSERT(detached != nullptr, "a stream moves between loops of one kind");
  auto attached = std::make_unique<detail::OsStream>(state_->core, std::exchange(detached->fd, -1),
                                                     std::move(detached->peer));
  attached->write(detached->pending);
  return attached;
}

void OsLoop::watch(int fd, bool readable, bool writable,
                   std::move_only_function<void(bool, bool)> on_ready) {
  auto& place = state_->watches[fd];
  const int operation = place ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (place) {  // its callback may be running
    place->forget();
    state_->core.bury(std::move(place));
  }
  place = std::make_unique<Watch>(state_->core, std::move(on_ready));
  place->control(operation, fd, readable, writable);
}

void OsLoop::unwatch(int fd) {
  const auto found = state_->watches.find(fd);
  if (found == state_->watches.end()) return;
  found->second->control(EPOLL_CTL_DEL, fd, false, false);
  found->second->forget();
  state_->core.bury(std::move(found->second));
  state_->watches.erase(found);
}

void OsLoop::on_signals(const std::vector<int>& signals,
                        std::move_only_function<void(int)> on_signal) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals) ::sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const int fd = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  WIREWAY_ASSERT(fd >= 0, "the kernel gives a signalfd at start");
  state_->signal_fds.push_back(fd);
  watch(fd, true, false, [fd, call = std::move(on_signal)](bool, bool) mutable {
    signalfd_siginfo info{};
    while (::read(fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      call(static_cast<int>(info.ssi_signo));
  });
}

}  // namespace wireway::net
