#include "net/sim/sim_world.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace wireway::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Answers all that it gets; counts.
class Echo final : public StreamHandler {
 public:
  explicit Echo(Env env, std::uint16_t port = 7) {
    listener_ = std::move(*env.network.listen({.endpoint = {"0.0.0.0", port}}, [this](auto stream) {
      stream->set_handler(*this);
      stream_ = std::move(stream);
    }));
  }
  void on_bytes(ByteView bytes) override { stream_->write(bytes); }
  void on_close(const Error&) override { ++closed; }
  Stream& stream() { return *stream_; }

  int closed = 0;

 private:
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Stream> stream_;
};

class Recorder final : public StreamHandler {
 public:
  void on_open() override { ++opened; }
  void on_bytes(ByteView bytes) override {
    received += as_text(bytes);
    ++pieces;
  }
  void on_drain() override { ++drained; }
  void on_close(const Error& error) override {
    ++closed;
    reason = error;
  }
  int opened = 0, pieces = 0, drained = 0, closed = 0;
  std::string received;
  Error reason;
};

TEST(SimWorld, jumps_from_timer_to_timer_without_waiting) {
  SimWorld world(1);
  Env env = world.env("a");
  std::vector<std::int64_t> fired;
  const auto note = [&] {
    fired.push_back(std::chrono::duration_cast<seconds>(env.loop.now().since_start).count());
  };
  env.loop.run_after(seconds{86'400}, note);
  env.loop.run_after(seconds{5}, note);
  const TimerId cancelled = env.loop.run_after(seconds{6}, note);
  env.loop.cancel(cancelled);
  const WallTime before = env.loop.wall_now();
  world.run_for(seconds{90'000});
  EXPECT_EQ(fired, (std::vector<std::int64_t>{5, 86'400}));
  EXPECT_EQ(env.loop.wall_now() - before, seconds{90'000});
}

TEST(SimWorld, carries_bytes_in_order_through_fragments) {
  SimWorld world(2, {.fragment_bytes_max = 7});
  Echo echo(world.env("server"));
  Recorder recorder;
  const auto client = world.env("client").network.connect({"server", 7}, recorder);
  std::string sent;
  for (int i = 0; i < 500; ++i) sent += std::to_string(i) + ",";
  client->write(as_bytes(sent));
  ASSERT_TRUE(
      world.run_until([&] { return recorder.received.size() == sent.size(); }, seconds{60}));
  EXPECT_EQ(recorder.received, sent);
  EXPECT_EQ(recorder.opened, 1);
  EXPECT_GT(recorder.pieces, 100);
}

/// One run with every fault; its result must depend on the seed alone.
std::uint64_t eventful_run(std::uint64_t seed) {
  SimWorld world(seed, {.break_per_million = 2'000, .fragment_bytes_max = 20});
  Echo echo(world.env("server"));
  Recorder recorder;
  Env env = world.env("client");
  std::unique_ptr<Stream> client;
  for (int i = 0; i < 200; ++i) {
    if (!client || recorder.closed > 0) {
      recorder.closed = 0;
      client = env.network.connect({"server", 7}, recorder);
    }
    client->write(as_bytes(env.random.uuid()));
    if (i == 50) world.partition("client", "server");
    if (i == 60) world.heal("client", "server");
    world.run_for(milliseconds{2});
  }
  return world.fingerprint();
}

TEST(SimWorld, replays_the_same_run_from_the_same_seed) {
  EXPECT_EQ(eventful_run(11), eventful_run(11));
  EXPECT_NE(eventful_run(11), eventful_run(12));
}

TEST(SimWorld, holds_packets_during_a_partition_and_delivers_them_after) {
  SimWorld world(3);
  Echo echo(world.env("server"));
  Recorder recorder;
  const auto client = world.env("client").network.connect({"server", 7}, recorder);
  ASSERT_TRUE(world.run_until([&] { return recorder.opened == 1; }, seconds{1}));
  world.partition("server", "client");
  client->write(as_bytes("one "));
  world.run_for(seconds{10});
  client->write(as_bytes("two"));
  world.run_for(seconds{10});
  EXPECT_EQ(recorder.received, "");
  world.heal("client", "server");
  world.run_for(seconds{1});
  EXPECT_EQ(recorder.received, "one two");
}

TEST(SimWorld, breaks_both_ends_of_a_connection) {
  SimWorld world(4);
  Echo echo(world.env("server"));
  Recorder recorder;
  const auto client = world.env("client").network.connect({"server", 7}, recorder);
  ASSERT_TRUE(world.run_until([&] { return recorder.opened == 1; }, seconds{1}));
  world.reset_connections("client");
  EXPECT_EQ(recorder.closed, 1);
  EXPECT_EQ(echo.closed, 1);
  EXPECT_EQ(recorder.reason.message, "server:7: connection reset by peer");
  client->write(as_bytes("into the void"));
  world.run_for(seconds{1});
  EXPECT_EQ(recorder.closed, 1);
}

TEST(SimWorld, keeps_a_writers_bytes_while_the_reader_pauses) {
  SimWorld world(5);
  Echo echo(world.env("server"));
  Recorder recorder;
  const auto client = world.env("client").network.connect({"server", 7}, recorder);
  ASSERT_TRUE(world.run_until([&] { return recorder.opened == 1; }, seconds{1}));
  world.run_for(milliseconds{10});
  client->pause_reading();
  const std::string large(1'000'000, 'x');
  echo.stream().write(as_bytes(large));
  world.run_for(seconds{1});
  EXPECT_EQ(echo.stream().pending_bytes(), large.size() - 256 * 1024);
  EXPECT_EQ(recorder.received, "");
  client->resume_reading();
  world.run_for(seconds{1});
  EXPECT_EQ(recorder.received.size(), large.size());
  EXPECT_EQ(echo.stream().pending_bytes(), 0U);
}

TEST(SimWorld, closes_after_what_is_pending_and_tells_both_sides) {
  SimWorld world(6);
  Recorder server_side;
  std::unique_ptr<Stream> server;
  const auto listener =
      world.env("server").network.listen({.endpoint = {"::", 1}}, [&](auto stream) {
        server = std::move(stream);
        server->set_handler(server_side);
        server->write(as_bytes("last words"));
        server->close();
      });
  Recorder recorder;
  const auto client = world.env("client").network.connect({"server", 1}, recorder);
  client->write(as_bytes("too late"));
  world.run_for(seconds{1});
  EXPECT_EQ(recorder.received, "last words");
  EXPECT_EQ(recorder.reason.message, "server:1: closed by peer");
  EXPECT_EQ(server_side.closed, 1);
  EXPECT_EQ(server_side.received, "");
}

TEST(SimWorld, moves_a_stream_between_two_shards_of_one_machine) {
  SimWorld world(7);
  Env first = world.env("server");
  Env second = world.env("server/1");
  Recorder moved_side;
  std::unique_ptr<Stream> moved;
  const auto listener = first.network.listen({.endpoint = {"::", 1}}, [&](auto stream) {
    stream->write(as_bytes("before, "));
    second.loop.post([&, detached = stream->detach()]() mutable {
      moved = second.network.attach(std::move(detached));
      moved->set_handler(moved_side);
      moved->write(as_bytes("after"));
    });
  });
  Recorder recorder;
  const auto client = world.env("client").network.connect({"server", 1}, recorder);
  client->write(as_bytes("hello"));
  world.run_for(seconds{1});
  EXPECT_EQ(recorder.received, "before, after");
  EXPECT_EQ(moved_side.received, "hello");
  moved.reset();
  world.run_for(seconds{1});
  EXPECT_EQ(recorder.closed, 1);
}

TEST(SimWorld, refuses_as_the_real_network_does) {
  SimWorld world(8);
  Env env = world.env("client");
  Echo echo(world.env("server"));
  Recorder refused;
  Recorder unknown;
  Recorder silent;
  const auto b = env.network.connect({"nowhere", 8}, unknown);
  world.partition("client", "server");
  const auto c = env.network.connect({"server", 7}, silent, seconds{3});
  world.run_for(seconds{1});
  EXPECT_NE(unknown.reason.message.find("cannot be resolved"), std::string::npos);
  world.run_for(seconds{4});
  EXPECT_EQ(silent.reason.code, Errc::timed_out);
  world.heal("client", "server");
  const auto d = env.network.connect({"server", 8}, refused);
  world.run_for(seconds{4});
  EXPECT_NE(refused.reason.message.find("connection refused"), std::string::npos);
  const auto taken = world.env("server").network.listen({.endpoint = {"::", 7}}, [](auto) {});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::conflict);
}

TEST(SimWorld, gives_each_machine_its_own_disk) {
  SimWorld world(9);
  Files& files = world.env("a").files;
  EXPECT_EQ(files.replace("/data/x", "1").error().code, Errc::not_found);
  ASSERT_TRUE(files.make_folders("/data/sub"));
  ASSERT_TRUE(files.replace("/data/x", "1"));
  ASSERT_TRUE(files.replace("/data/./x", "2"));
  EXPECT_EQ(*files.read("/data/x"), "2");
  EXPECT_EQ(files.create_new("/data/x", "3").error().code, Errc::conflict);
  const auto entries = files.list("/data/");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].name, "sub");
  EXPECT_TRUE(world.env("a/1").files.exists("/data/x"));
  EXPECT_FALSE(world.env("b").files.exists("/data/x"));
  ASSERT_TRUE(files.remove("/data/x"));
  EXPECT_FALSE(files.exists("/data/x"));
}

}  // namespace
}  // namespace wireway::net
