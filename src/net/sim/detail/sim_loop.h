#pragma once
/// A loop of the simulated world: the same promises as OsLoop (net/loop.h, net/stream.h), on
/// virtual time.

#include <memory>
#include <string>
#include <vector>

#include "net/sim/detail/world.h"

namespace wireway::net::detail {

class SimLoop final : public Loop, public Network {
 public:
  SimLoop(World& world, Machine& machine, std::uint64_t seed);

  MonoTime now() const override { return world_.now; }
  WallTime wall_now() const override;
  TimerId run_after(Duration delay, Task task) override;
  void cancel(TimerId id) override { world_.events.cancel(id); }
  void defer(Task task) override;
  void post(Task task) override { run_after(Duration{0}, std::move(task)); }
  void run() override;
  void stop() override { stop_requested_ = true; }

  Result<std::unique_ptr<Listener>> listen(const ListenOptions& options,
                                           AcceptCallback accept) override;
  std::unique_ptr<Stream> connect(const Endpoint& endpoint, StreamHandler& handler,
                                  Duration connect_timeout) override;
  std::unique_ptr<Stream> attach(std::unique_ptr<DetachedStream> stream) override;

  /// Runs `task` as one turn: then what was deferred, then the flush of dirty streams.
  void turn(Task task);
  void mark_dirty(SimStream& stream);
  void forget_dirty(SimStream& stream);
  void drop_deferred() { std::exchange(deferred_, {}).clear(); }

  World& world() { return world_; }
  Machine& machine() { return machine_; }
  Env env() { return {*this, *this, *machine_.files, random_}; }

 private:
  void knock(LinkId link, std::uint16_t port, Duration waited);
  void need_turn();

  World& world_;
  Machine& machine_;
  SeededRandom random_;
  std::vector<Task> deferred_;
  std::vector<SimStream*> dirty_;
  bool turning_ = false;
  bool turn_planned_ = false;
  bool stop_requested_ = false;
};

class SimListener final : public Listener {
 public:
  SimListener(SimLoop& loop, std::uint16_t port, AcceptCallback accept);
  ~SimListener() override;
  std::uint16_t port() const override { return port_; }
  void accept(std::unique_ptr<Stream> stream);
  SimLoop& loop() { return loop_; }

 private:
  SimLoop& loop_;
  std::uint16_t port_;
  AcceptCallback accept_;
  bool* destroyed_ = nullptr;
};

class SimDetachedStream final : public DetachedStream {
 public:
  SimDetachedStream(World& world_in, LinkId link_in, int side_in)
      : world(world_in), link(link_in), side(side_in) {}
  ~SimDetachedStream() override;

  World& world;
  LinkId link;
  int side;
  std::string peer;
  Bytes pending;
  bool attached = false;
};

class SimStream final : public Stream {
 public:
  enum class State { connecting, open, closing, closed };

  SimStream(SimLoop& loop, LinkId link, int side, std::string peer, State state);
  ~SimStream() override;

  void set_handler(StreamHandler& handler) override { handler_ = &handler; }
  void write(ByteView bytes) override;
  std::size_t pending_bytes() const override { return out_.size(); }
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  void close() override;
  std::unique_ptr<DetachedStream> detach() override;
  std::string peer() const override { return peer_; }

  SimLoop& loop() { return loop_; }
  State state() const { return state_; }
  void opened();
  void flush();
  void take_input();
  void window_opened();
  void fail(Error reason);
  void fail_after(Duration delay, Error reason);

 private:
  bool deliver(const Bytes& bytes);
  void end(const Error& reason);
  LinkEnd& link_end() { return *loop_.world().end_of(link_, side_); }

  SimLoop& loop_;
  LinkId link_;
  int side_;
  std::string peer_;
  State state_;
  StreamHandler* handler_ = nullptr;
  Bytes out_;
  bool paused_ = false;
  bool blocked_ = false;
  bool* destroyed_ = nullptr;
  Timer timer_;  ///< of connect, or of close_linger
};

}  // namespace wireway::net::detail
