#include "net/os/detail/loop_core.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/result.h"
#include "net/stream.h"

namespace wireway::net::detail {
namespace {

[[noreturn]] void end_process(std::string_view what, int error_number) {
  log::error("{}; raise the limit of open files (ulimit -n) or free memory",
             system_error(what, error_number).message);
  std::abort();
}

std::uint32_t index_of(PollKey key) { return static_cast<std::uint32_t>(key); }
std::uint32_t generation_of(PollKey key) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(key) >> 32);
}

}  // namespace

/// A socket after its last byte: input is thrown away until the peer has closed, or close_linger.
class Lingerer final : public Pollable {
 public:
  Lingerer(LoopCore& core, int fd) : core_(core), fd_(fd), key_(core.add(*this)) {
    core_.control(EPOLL_CTL_MOD, fd_, key_, EPOLLIN);  // its stream had added it
    timer_ =
        core_.timers.add(core_.now() + Stream::close_linger, [this] { core_.end_linger(*this); });
  }
  ~Lingerer() override {
    core_.timers.cancel(timer_);
    core_.remove(key_);
    ::close(fd_);
  }

  void on_ready(std::uint32_t) override {
    const auto buffer = core_.read_buffer();
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got > 0) return;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    core_.end_linger(*this);
  }

 private:
  LoopCore& core_;
  int fd_;
  PollKey key_;
  TimerId timer_ = TimerId::none;
};

LoopCore::LoopCore()
    : names([this](Task task) { post(std::move(task)); }),
      epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      now_(system_mono_now()),
      read_buffer_(read_buffer_bytes) {
  if (epoll_fd_ < 0) end_process("epoll_create1", errno);
  if (wake_fd_ < 0) end_process("eventfd", errno);
  // Edge-triggered: every write to it is one wake-up, and nobody needs to read it.
  control(EPOLL_CTL_ADD, wake_fd_, PollKey::none, EPOLLIN | EPOLLET);
}

LoopCore::~LoopCore() {
  names.close();  // before the eventfd that its threads write to
  lingering_.clear();
  buried_.clear();
  ::close(wake_fd_);
  ::close(epoll_fd_);
}

PollKey LoopCore::add(Pollable& target) {
  std::uint32_t index = 0;
  if (free_slots_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[index].target = &target;
  return static_cast<PollKey>((static_cast<std::uint64_t>(slots_[index].generation) << 32) | index);
}

void LoopCore::remove(PollKey key) {
  WIREWAY_ASSERT(find(key) != nullptr, "a registration is removed once");
  Slot& slot = slots_[index_of(key)];
  slot.target = nullptr;
  if (++slot.generation == 0) slot.generation = 1;  // so that a key is never PollKey::none
  free_slots_.push_back(index_of(key));
}

Pollable* LoopCore::find(PollKey key) const {
  const std::uint32_t index = index_of(key);
  if (index >= slots_.size() || slots_[index].generation != generation_of(key)) return nullptr;
  return slots_[index].target;
}

void LoopCore::control(int operation, int fd, PollKey key, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<std::uint64_t>(key);
  if (::epoll_ctl(epoll_fd_, operation, fd, &event) != 0) end_process("epoll_ctl", errno);
}

void LoopCore::mark_dirty(Pollable& stream, std::uint32_t& position) {
  if (position != not_dirty) return;
  position = static_cast<std::uint32_t>(dirty_.size());
  dirty_.push_back(&stream);
}

void LoopCore::unmark_dirty(std::uint32_t position) {
  if (position != not_dirty) dirty_[position] = nullptr;
}

std::unique_ptr<Output> LoopCore::take_output() {
  if (spare_.empty()) {
    auto fresh = std::make_unique<Output>();
    fresh->bytes.reserve(new_buffer_bytes);
    return fresh;
  }
  std::unique_ptr<Output> output = std::move(spare_.back());
  spare_.pop_back();
  spare_bytes_ -= output->bytes.capacity();
  return output;
}

void LoopCore::give_output(std::unique_ptr<Output> output) {
  if (!output) return;
  output->bytes.clear();
  output->begin = 0;
  const std::size_t bytes = output->bytes.capacity();
  if (bytes == 0 || bytes > spare_buffer_bytes_max) return;
  if (spare_bytes_ + bytes > spare_bytes_max || spare_.size() >= spare_count_max) return;
  spare_bytes_ += bytes;
  spare_.push_back(std::move(output));
}

void LoopCore::linger(int fd) {
  if (lingering_.size() >= lingering_max) lingering_.pop_front();
  lingering_.push_back(std::make_unique<Lingerer>(*this, fd));
}

void LoopCore::end_linger(Lingerer& lingerer) {
  lingering_.remove_if([&](const auto& each) { return each.get() == &lingerer; });
}

void LoopCore::refresh_time() {
  now_ = system_mono_now();
  wall_known_ = false;
}

WallTime LoopCore::wall_now() {
  if (!running_) return system_wall_now();
  if (!std::exchange(wall_known_, true)) wall_now_ = system_wall_now();
  return wall_now_;
}

void LoopCore::post(Task task) {
  {
    const std::lock_guard lock(mailbox_mutex_);
    if (mailbox_closed_) return;  // the task is destroyed by the caller's frame, outside the lock
    mailbox_.push_back(std::move(task));
    has_mail_.store(true);
  }
  // Only the first to find the loop asleep pays for the wake-up.
  if (!asleep_.exchange(false)) return;
  const std::uint64_t one = 1;
  while (::write(wake_fd_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void LoopCore::run() {
  refresh_time();
  running_ = true;
  do turn();
  while (!stop_requested_);
  running_ = false;
  stop_requested_ = false;
}

void LoopCore::drop_tasks() {
  std::vector<Task> dropped;
  {
    const std::lock_guard lock(mailbox_mutex_);
    mailbox_closed_ = true;
    dropped.swap(mailbox_);
  }
  dropped.clear();
  // A destroyed task may own a stream or set a timer: go on until nothing is left.
  while (!timers.empty() || !deferred.empty()) {
    timers.clear();
    std::exchange(deferred, {}).clear();
  }
}

void LoopCore::turn() {
  poll();
  drain_mailbox();
  run_deferred();
  flush_dirty();
  if (run_due_timers()) {
    run_deferred();
    flush_dirty();
  }
  buried_.clear();
}

bool LoopCore::nothing_to_do() const {
  return !stop_requested_ && dirty_.empty() && deferred.empty();
}

void LoopCore::poll() {
  const int busy = busy_poll_ > Duration{0} && nothing_to_do() ? poll_busily() : 0;
  const int count = busy > 0 ? busy : sleep();
  refresh_time();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (Pollable* target = find(static_cast<PollKey>(event.data.u64)))
      target->on_ready(event.events);
  }
}

/// Nobody need wake a loop that does not sleep, neither the kernel nor who posts to it.
int LoopCore::poll_busily() {
  const MonoTime begin = system_mono_now();
  const MonoTime end = std::min(timers.next_due().value_or(begin + busy_poll_), begin + busy_poll_);
  int count = 0;
  do count = wait(Duration{0});
  while (count == 0 && !has_mail_.load() && system_mono_now() < end);
  return count;
}

int LoopCore::sleep() {
  Duration longest{0};
  if (nothing_to_do()) {
    // Order matters: whoever posts after the second line sees asleep_ and writes to the eventfd.
    asleep_.store(true);
    if (!has_mail_.load()) {
      const auto due = timers.next_due();
      longest = due ? std::max(*due - system_mono_now(), Duration{0}) : Duration::max();
    }
  }
  const int count = wait(longest);
  asleep_.store(false, std::memory_order_relaxed);
  return count;
}

int LoopCore::wait(Duration longest) {
  const bool forever = longest == Duration::max();
  int count = -1;
  if (has_precise_wait_) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(longest);
    const timespec limit{forever ? 0 : seconds.count(), forever ? 0 : (longest - seconds).count()};
    count =
        ::epoll_pwait2(epoll_fd_, events_.data(), events_max, forever ? nullptr : &limit, nullptr);
    if (count < 0 && (errno == ENOSYS || errno == EPERM)) has_precise_wait_ = false;
  }
  if (!has_precise_wait_) {
    const auto rounded_up = std::chrono::ceil<std::chrono::milliseconds>(
        std::min<Duration>(longest, std::chrono::hours{1}));
    count = ::epoll_wait(epoll_fd_, events_.data(), events_max,
                         forever ? -1 : static_cast<int>(rounded_up.count()));
  }
  if (count < 0 && errno != EINTR) end_process("epoll_wait", errno);
  return std::max(count, 0);
}

void LoopCore::drain_mailbox() {
  if (!has_mail_.load()) return;
  {
    const std::lock_guard lock(mailbox_mutex_);
    delivered_.swap(mailbox_);
    has_mail_.store(false);
  }
  for (Task& task : delivered_) std::exchange(task, nullptr)();
  delivered_.clear();
}

void LoopCore::run_deferred() {
  if (deferred.empty()) return;
  // Tasks that are deferred meanwhile wait for the next turn, so that a turn always ends.
  std::vector<Task> batch = std::exchange(deferred, {});
  for (Task& task : batch) std::exchange(task, nullptr)();
  if (deferred.empty()) {
    batch.clear();
    deferred = std::move(batch);  // keeps the memory
  }
}

void LoopCore::flush_dirty() {
  // By index: a flush may call a handler that writes to a further stream.
  for (std::size_t i = 0; i < dirty_.size(); ++i)
    if (Pollable* stream = std::exchange(dirty_[i], nullptr)) stream->flush();
  dirty_.clear();
}

bool LoopCore::run_due_timers() {
  bool any = false;
  const std::uint64_t sequence_end = timers.next_sequence();
  while (Task task = timers.take_due(now_, sequence_end)) {
    any = true;
    task();
  }
  return any;
}

}  // namespace wireway::net::detail
