#pragma once
/// For tests on the real loop: turns it until a condition holds, with a deadline instead of sleeps.

#include <functional>
#include <string>
#include <string_view>

#include "net/os/os_loop.h"

namespace wireway::net {

/// False if `limit` has passed first. The condition is looked at every millisecond.
inline bool turn_until(OsLoop& loop, std::move_only_function<bool()> condition,
                       Duration limit = std::chrono::seconds{20}) {
  const MonoTime deadline = system_mono_now() + limit;
  bool held = false;
  std::move_only_function<void()> look = [&] {
    held = condition();
    if (held || system_mono_now() > deadline) return loop.stop();
    loop.run_after(std::chrono::milliseconds{1}, [&look] { look(); });
  };
  loop.run_after(Duration{0}, [&look] { look(); });
  loop.run();
  return held;
}

/// Records all that a stream says.
class RecordingHandler : public StreamHandler {
 public:
  void on_open() override { ++opened; }
  void on_bytes(ByteView bytes) override { received += as_text(bytes); }
  void on_drain() override { ++drained; }
  void on_close(const Error& reason) override {
    ++closed;
    close_reason = reason;
  }

  int opened = 0;
  int drained = 0;
  int closed = 0;
  std::string received;
  Error close_reason;
};

}  // namespace wireway::net
