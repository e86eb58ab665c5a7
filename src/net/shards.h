#pragma once
/// The loops of one service, one a core, nothing shared between them: shard 0 is the caller's own
/// loop, the others run on threads of their own (OsShards) or on the same virtual time
/// (simulation).
///
/// Thread: count() and env() from any; an Env is used only on its own loop. Work crosses by
///         `env(i).loop.post(...)`, gathered by the sender to one post per target and turn.

#include <cstddef>
#include <memory>
#include <vector>

#include "net/env.h"

namespace wireway::net {

class Shards {
 public:
  virtual ~Shards() = default;
  virtual std::size_t count() const = 0;
  virtual Env& env(std::size_t shard) = 0;
};

/// Shards that are given from outside: one for a small service, several on one simulated world.
class GivenShards final : public Shards {
 public:
  explicit GivenShards(std::vector<Env> envs) : envs_(std::move(envs)) {}
  std::size_t count() const override { return envs_.size(); }
  Env& env(std::size_t shard) override { return envs_[shard]; }

 private:
  std::vector<Env> envs_;
};

/// `main` as shard 0 and count - 1 threads, each with an OsLoop, pinned to nothing. Destroying it
/// stops and joins the threads; destroy what lives on them first, by posting. `busy_poll` is for
/// their loops (OsLoop::set_busy_poll); the caller's own is the caller's.
std::unique_ptr<Shards> make_os_shards(Env& main, std::size_t count,
                                       Duration busy_poll = Duration{0});

}  // namespace wireway::net
