#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include <pthread.h>

#include <fmt/format.h>

#include "net/os/detail/signals_blocked.h"
#include "net/worker.h"

namespace wireway::net {

struct Worker::Shared {
  std::string name;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Task> tasks;  ///< guarded by mutex, as is stop
  bool stop = false;
  std::thread thread;

  void work() {
    ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
    for (;;) {
      Task task;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return stop || !tasks.empty(); });
        if (stop) return;
        task = std::move(tasks.front());
        tasks.pop_front();
      }
      task();
    }
  }
};

Worker::Worker(std::string name) : shared_(std::make_unique<Shared>()) {
  shared_->name = std::move(name);
  const detail::SignalsBlocked blocked;
  shared_->thread = std::thread([shared = shared_.get()] { shared->work(); });
}

Worker::~Worker() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
  }
  shared_->changed.notify_all();
  shared_->thread.join();
}

Result<> Worker::run(Task task) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->tasks.size() >= worker_tasks_max) {
      return fail(Errc::exhausted,
                  fmt::format("worker {}: {} tasks wait already; send less or wait", shared_->name,
                              worker_tasks_max));
    }
    shared_->tasks.push_back(std::move(task));
  }
  shared_->changed.notify_all();
  return {};
}

bool Worker::stop_requested() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->stop;
}

bool Worker::wait_for_task(Duration longest) {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait_for(lock, longest,
                            [this] { return shared_->stop || !shared_->tasks.empty(); });
  return !shared_->tasks.empty();
}

}  // namespace wireway::net
