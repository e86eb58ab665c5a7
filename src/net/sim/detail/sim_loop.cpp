#include "net/sim/detail/sim_loop.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"

namespace wireway::net::detail {
namespace {

/// 2026-01-01T00:00:00Z: every simulated run begins at the same wall time.
constexpr Duration epoch = std::chrono::seconds{1'767'225'600};
/// A connect request that meets a partition is sent again, as TCP does.
constexpr Duration knock_again = std::chrono::seconds{1};

bool is_own_machine(const std::string& host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

}  // namespace

SimLoop::SimLoop(World& world, Machine& machine, std::uint64_t seed)
    : world_(world), machine_(machine), random_(seed) {}

WallTime SimLoop::wall_now() const { return {epoch + world_.now.since_start + machine_.wall_step}; }

TimerId SimLoop::run_after(Duration delay, Task task) {
  return world_.at(world_.now + std::max(delay, Duration{0}),
                   [this, run = std::move(task)]() mutable { turn(std::move(run)); });
}

void SimLoop::defer(Task task) {
  deferred_.push_back(std::move(task));
  need_turn();
}

void SimLoop::run() {
  while (!stop_requested_ && world_.step(MonoTime{Duration::max()})) {
  }
  stop_requested_ = false;
}

void SimLoop::turn(Task task) {
  if (turning_) return task();  // a link broken from within a turn ends streams of the same loop
  turning_ = true;
  task();
  for (Task& each : std::exchange(deferred_, {})) each();
  for (std::size_t i = 0; i < dirty_.size(); ++i)
    if (SimStream* stream = std::exchange(dirty_[i], nullptr)) stream->flush();
  dirty_.clear();
  turning_ = false;
  if (!deferred_.empty()) need_turn();
}

/// What a test or another loop's turn writes or defers here still needs its flush.
void SimLoop::need_turn() {
  if (turning_ || std::exchange(turn_planned_, true)) return;
  world_.at(world_.now, [this] {
    turn_planned_ = false;
    turn([] {});
  });
}

void SimLoop::mark_dirty(SimStream& stream) {
  if (std::ranges::find(dirty_, &stream) == dirty_.end()) dirty_.push_back(&stream);
  need_turn();
}

void SimLoop::forget_dirty(SimStream& stream) {
  std::ranges::replace(dirty_, &stream, static_cast<SimStream*>(nullptr));
}

Result<std::unique_ptr<Listener>> SimLoop::listen(const ListenOptions& options,
                                                  AcceptCallback accept) {
  std::uint16_t port = options.endpoint.port;
  while (port == 0 || (options.endpoint.port == 0 && machine_.listeners.contains(port)))
    port = machine_.next_port++;
  const auto found = machine_.listeners.find(port);
  if (found != machine_.listeners.end() && !options.reuse_port) {
    return fail(Errc::conflict, fmt::format("{}: the port is in use by another program; choose "
                                            "another port",
                                            options.endpoint.to_string()));
  }
  return std::make_unique<SimListener>(*this, port, std::move(accept));
}

std::unique_ptr<Stream> SimLoop::connect(const Endpoint& endpoint, StreamHandler& handler,
                                         Duration connect_timeout) {
  const std::string target = is_own_machine(endpoint.host) ? machine_.name : endpoint.host;
  const LinkId link = world_.connect(machine_.name, target);
  auto stream = std::make_unique<SimStream>(*this, link, 0, endpoint.to_string(),
                                            SimStream::State::connecting);
  stream->set_handler(handler);
  stream->fail_after(
      connect_timeout,
      {Errc::timed_out,
       fmt::format("{}: no answer within {} s; check the address and the firewall",
                   endpoint.to_string(), std::chrono::duration<double>(connect_timeout).count())});
  world_.at(world_.now + world_.latency(),
            [this, link, port = endpoint.port] { knock(link, port, Duration{0}); });
  return stream;
}

/// The connect request of `link` arrives at its target.
void SimLoop::knock(LinkId link, std::uint16_t port, Duration waited) {
  LinkEnd* own = world_.end_of(link, 0);
  if (own == nullptr || own->stream == nullptr) return;
  SimStream* stream = own->stream;
  const std::string& target = world_.end_of(link, 1)->machine;
  if (world_.partitioned(own->machine, target)) {
    world_.at(world_.now + knock_again,
              [this, link, port, waited] { knock(link, port, waited + knock_again); });
    return;
  }
  Machine* machine = world_.find_machine(target);
  if (machine == nullptr) {
    return stream->fail_after(
        Duration{0}, {Errc::unavailable,
                      fmt::format("{}: the name \"{}\" cannot be resolved; check the spelling and "
                                  "the DNS settings",
                                  stream->peer(), target)});
  }
  const auto found = machine->listeners.find(port);
  if (found == machine->listeners.end()) {
    return stream->fail_after(
        world_.latency(),
        {Errc::unavailable, fmt::format("{}: connection refused; nothing listens there: start the "
                                        "server or correct the address",
                                        stream->peer())});
  }
  SimListener* listener = found->second[world_.random.below(found->second.size())];
  SimLoop& loop = listener->loop();
  world_.send(link, 1, Packet{Packet::Kind::opened});
  loop.turn([&] {
    listener->accept(std::make_unique<SimStream>(
        loop, link, 1, fmt::format("{}:{}", own->machine, link), SimStream::State::open));
  });
}

std::unique_ptr<Stream> SimLoop::attach(std::unique_ptr<DetachedStream> stream) {
  if (auto layered = stream->attach_over(*this, *this)) return layered;
  auto* detached = dynamic_cast<SimDetachedStream*>(stream.get());
  WIREWAY_ASSERT(detached != nullptr, "a stream moves between loops of one kind");
  detached->attached = true;
  auto attached = std::make_unique<SimStream>(*this, detached->link, detached->side,
                                              std::move(detached->peer), SimStream::State::open);
  attached->write(detached->pending);
  attached->resume_reading();
  return attached;
}

SimListener::SimListener(SimLoop& loop, std::uint16_t port, AcceptCallback accept)
    : loop_(loop), port_(port), accept_(std::move(accept)) {
  loop_.machine().listeners[port_].push_back(this);
}

SimListener::~SimListener() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  auto& listeners = loop_.machine().listeners;
  std::erase(listeners[port_], this);
  if (listeners[port_].empty()) listeners.erase(port_);
}

void SimListener::accept(std::unique_ptr<Stream> stream) {
  AcceptCallback accept = std::exchange(accept_, nullptr);
  bool destroyed = false;
  destroyed_ = &destroyed;
  accept(std::move(stream));
  if (destroyed) return;
  destroyed_ = nullptr;
  accept_ = std::move(accept);
}

}  // namespace wireway::net::detail
