// What one turn of the loop costs: a server on one thread echoes 76-byte messages (a small MQTT
// PUBLISH) to clients on another. Figures are CPU time of the server's thread per message, the
// steadiest there is.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <time.h>

#include <fmt/format.h>

#include "net/os/os_loop.h"
#include "net/shards.h"

namespace wireway::net {
namespace {

constexpr std::size_t message_bytes = 76;

double thread_cpu_s() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// On the server's shard; answers each byte.
class EchoServer {
 public:
  explicit EchoServer(Env& env) {
    auto listener = env.network.listen({.endpoint = {"127.0.0.1", 0}}, [this](auto stream) {
      connections_.push_back(std::make_unique<Connection>(std::move(stream)));
    });
    if (!listener) {
      fmt::print(stderr, "{}\n", listener.error().message);
      std::exit(1);
    }
    listener_ = std::move(*listener);
  }
  std::uint16_t port() const { return listener_->port(); }
  void drop_connections() { connections_.clear(); }

 private:
  struct Connection final : StreamHandler {
    explicit Connection(std::unique_ptr<Stream> given) : stream(std::move(given)) {
      stream->set_handler(*this);
    }
    void on_bytes(ByteView bytes) override { stream->write(bytes); }
    void on_close(const Error&) override {}
    std::unique_ptr<Stream> stream;
  };
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

/// Keeps `window` messages under way.
class Client final : public StreamHandler {
 public:
  Client(Env& env, std::uint16_t port, std::size_t window)
      : window_(window), stream_(env.network.connect({"127.0.0.1", port}, *this)) {}
  void on_open() override { send(window_); }
  void on_bytes(ByteView bytes) override {
    partial_ += bytes.size();
    const std::size_t whole = partial_ / message_bytes;
    partial_ %= message_bytes;
    messages += whole;
    send(whole);
  }
  void on_close(const Error&) override {}
  std::uint64_t messages = 0;

 private:
  void send(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) stream_->write(message_);
  }
  std::size_t window_;
  std::size_t partial_ = 0;
  Bytes message_ = Bytes(message_bytes, 'x');
  std::unique_ptr<Stream> stream_;
};

/// Runs `task` on the shard and waits for it, while the own loop turns.
void on_shard(Env& main, Env& shard, Task task) {
  shard.loop.post([&main, &task] {
    task();
    main.loop.post([&main] { main.loop.stop(); });
  });
  main.loop.run();
}

void measure(Env& main, Env& shard, std::size_t pairs, std::size_t window) {
  std::unique_ptr<EchoServer> server;
  on_shard(main, shard, [&] { server = std::make_unique<EchoServer>(shard); });
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < pairs; ++i)
    clients.push_back(std::make_unique<Client>(main, server->port(), window));
  const auto turn_for = [&](Duration span) {
    main.loop.run_after(span, [&] { main.loop.stop(); });
    main.loop.run();
  };
  const auto count = [&] {
    std::uint64_t sum = 0;
    for (const auto& client : clients) sum += client->messages;
    return sum;
  };
  turn_for(std::chrono::milliseconds{200});
  double cpu_before = 0;
  double cpu_after = 0;
  on_shard(main, shard, [&] { cpu_before = thread_cpu_s(); });
  const std::uint64_t before = count();
  const MonoTime began = system_mono_now();
  turn_for(std::chrono::seconds{1});
  const double seconds = std::chrono::duration<double>(system_mono_now() - began).count();
  on_shard(main, shard, [&] { cpu_after = thread_cpu_s(); });
  const auto messages = static_cast<double>(count() - before);
  const double cpu_us = (cpu_after - cpu_before) * 1e6;
  fmt::print(
      "{:>5} connections, {:>4} under way: {:>10.0f} messages/s, {:>7.3f} us CPU a message, "
      "{:>10.0f} messages per CPU second\n",
      pairs, window, messages / seconds, cpu_us / messages, messages / cpu_us * 1e6);
  clients.clear();
  on_shard(main, shard, [&] { server.reset(); });
}

std::size_t resident_bytes() {
  long pages = 0;
  long ignored = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &ignored, &pages) != 2) pages = 0;
    std::fclose(file);
  }
  return static_cast<std::size_t>(pages) * 4096;
}

/// Both ends of each connection live in this process.
void measure_idle(Env& main) {
  constexpr std::size_t connections = 4'000;
  EchoServer server(main);
  std::vector<std::unique_ptr<Client>> clients;
  clients.reserve(connections);
  const std::size_t before = resident_bytes();
  for (std::size_t i = 0; i < connections; ++i) {
    clients.push_back(std::make_unique<Client>(main, server.port(), 1));
    if (i % 100 != 99) continue;
    main.loop.run_after(std::chrono::milliseconds{5}, [&] { main.loop.stop(); });
    main.loop.run();
  }
  fmt::print("{} connections that echo one message at a time: {} bytes of memory for each end\n",
             connections, (resident_bytes() - before) / connections / 2);
}

void measure_timers(Env& main) {
  constexpr int rounds = 1'000'000;
  std::vector<TimerId> ids(10'000);
  const double before = thread_cpu_s();
  for (int i = 0; i < rounds; ++i) {
    TimerId& id = ids[static_cast<std::size_t>(i) % ids.size()];
    main.loop.cancel(id);
    id = main.loop.run_after(std::chrono::seconds{60 + i % 7}, [] {});
  }
  fmt::print("10000 timers, re-armed: {:.0f} ns each\n", (thread_cpu_s() - before) * 1e9 / rounds);
  for (const TimerId id : ids) main.loop.cancel(id);
}

int run() {
  OsLoop loop;
  SystemRandom random;
  const auto files = make_os_files();
  Env main{loop, loop, *files, random};
  const auto shards = make_os_shards(main, 2);
  for (const auto& [pairs, window] : {std::pair<std::size_t, std::size_t>{1, 1},
                                      {10, 1},
                                      {100, 1},
                                      {10, 30},
                                      {10, 300},
                                      {1, 300}})
    measure(main, shards->env(1), pairs, window);
  measure_timers(main);
  measure_idle(main);
  return 0;
}

}  // namespace
}  // namespace wireway::net

int main() { return wireway::net::run(); }
