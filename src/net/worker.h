#pragma once
/// A thread of its own for a library that blocks (OPC UA client, DuckDB, name look-up), with one
/// mailbox each way. This is the only way by which code above `net/` gets another thread.
///
/// Thread: construct, `run()` and destroy on the Loop's thread; tasks given to `run()` execute in
///         order on the worker's thread and must touch nothing that the Loop's thread owns. They
///         answer with `loop.post(...)`.
/// Owns:   its thread; the destructor asks the running task to end by `stop_requested()`, drops the
///         queued ones and joins.
/// Limits: worker_tasks_max queued; beyond it `run()` refuses with Errc::exhausted.

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/loop.h"

namespace wireway::net {

class Worker {
 public:
  static constexpr std::size_t worker_tasks_max = 100'000;

  /// `name` (at most 15 characters) is shown by the system's tools.
  explicit Worker(std::string name);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  Result<> run(Task task);

  /// For long tasks, from the worker's thread: true once the destructor waits.
  bool stop_requested() const;
  /// From the worker's thread: sleeps until a task is queued, stop is requested or `longest` has
  /// passed. True if a task is queued. A task that polls a library uses this instead of sleeping.
  bool wait_for_task(Duration longest);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace wireway::net
