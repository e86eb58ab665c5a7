#include <thread>
#include <utility>

#include <pthread.h>

#include <fmt/format.h>

#include "base/assert.h"
#include "net/os/detail/signals_blocked.h"
#include "net/os/os_loop.h"
#include "net/shards.h"

namespace wireway::net {
namespace {

/// One further shard: a loop, its randomness and the thread that turns it.
struct Shard {
  explicit Shard(Files& files) : env{loop, loop, files, random} {}

  OsLoop loop;
  SystemRandom random;
  Env env;
  std::thread thread;
};

class OsShards final : public Shards {
 public:
  OsShards(Env& main, std::size_t count, Duration busy_poll) : main_(main) {
    const detail::SignalsBlocked blocked;
    for (std::size_t i = 1; i < count; ++i) {
      auto& shard = *further_.emplace_back(std::make_unique<Shard>(main.files));
      shard.loop.set_busy_poll(busy_poll);
      shard.thread = std::thread([&shard, i] {
        ::pthread_setname_np(::pthread_self(), fmt::format("shard {}", i).c_str());
        shard.loop.run();
      });
    }
  }

  ~OsShards() override {
    for (const auto& shard : further_) shard->loop.post([&loop = shard->loop] { loop.stop(); });
    for (const auto& shard : further_) shard->thread.join();
  }

  std::size_t count() const override { return further_.size() + 1; }
  Env& env(std::size_t shard) override { return shard == 0 ? main_ : further_[shard - 1]->env; }

 private:
  Env& main_;
  std::vector<std::unique_ptr<Shard>> further_;
};

}  // namespace

std::unique_ptr<Shards> make_os_shards(Env& main, std::size_t count, Duration busy_poll) {
  WIREWAY_ASSERT(count > 0, "a service has at least the caller's own shard");
  return std::make_unique<OsShards>(main, count, busy_poll);
}

}  // namespace wireway::net
