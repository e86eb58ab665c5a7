// Streams and listeners on the real loop, over loopback and port 0.

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "net/os/os_loop.h"
#include "net/os/test_loop.h"
#include "net/shards.h"

namespace wireway::net {
namespace {

using std::chrono::milliseconds;

const Endpoint any_port{"127.0.0.1", 0};

/// A connected pair on one loop: `client` and `server` with their handlers.
class Pair : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = loop.listen({.endpoint = any_port}, [this](std::unique_ptr<Stream> stream) {
      server = std::move(stream);
      server->set_handler(server_handler);
    });
    ASSERT_TRUE(opened) << opened.error().message;
    listener = std::move(*opened);
    client = loop.connect({"127.0.0.1", listener->port()}, client_handler);
    ASSERT_TRUE(turn_until(loop, [this] { return server && client_handler.opened == 1; }));
  }

  OsLoop loop;
  RecordingHandler client_handler;
  RecordingHandler server_handler;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

TEST_F(Pair, carries_bytes_both_ways_and_names_the_peer) {
  client->write(as_bytes("ping"));
  server->write(as_bytes("pong"));
  EXPECT_EQ(client->pending_bytes(), 4U);
  ASSERT_TRUE(turn_until(loop, [&] {
    return server_handler.received == "ping" && client_handler.received == "pong";
  }));
  EXPECT_EQ(client->pending_bytes(), 0U);
  EXPECT_EQ(client->peer(), "127.0.0.1:" + std::to_string(listener->port()));
  EXPECT_TRUE(server->peer().starts_with("127.0.0.1:"));
}

TEST_F(Pair, keeps_order_across_a_backlog_and_says_when_it_is_gone) {
  constexpr std::size_t total = 16 * 1024 * 1024;
  server->pause_reading();
  std::string sent(total, '\0');
  for (std::size_t i = 0; i < total; ++i) sent[i] = static_cast<char>((i * 31 + i / 977) & 0xFF);
  for (std::size_t i = 0; i < total; i += 10'000)
    client->write(as_bytes(std::string_view(sent).substr(i, 10'000)));
  std::size_t before = 0;
  ASSERT_TRUE(turn_until(loop, [&] {
    return std::exchange(before, client->pending_bytes()) == client->pending_bytes() &&
           before < total;
  }));
  EXPECT_GT(client->pending_bytes(), 0U);
  EXPECT_EQ(client_handler.drained, 0);
  EXPECT_EQ(server_handler.received.size(), 0U);
  server->resume_reading();
  ASSERT_TRUE(turn_until(loop, [&] { return server_handler.received.size() == total; }));
  EXPECT_EQ(server_handler.received, sent);
  EXPECT_EQ(client_handler.drained, 1);
  EXPECT_EQ(client->pending_bytes(), 0U);
}

TEST_F(Pair, close_sends_what_is_pending_even_if_the_peer_wrote_something_unread) {
  client->write(as_bytes("never read by the server"));
  server->pause_reading();
  ASSERT_TRUE(turn_until(loop, [&] { return client->pending_bytes() == 0; }));
  const std::string last_words(200'000, 'x');
  server->write(as_bytes(last_words));
  server->close();
  server->write(as_bytes("dropped"));
  ASSERT_TRUE(turn_until(loop, [&] { return client_handler.closed == 1; }));
  EXPECT_EQ(client_handler.received, last_words);
  EXPECT_EQ(client_handler.close_reason.message, client->peer() + ": closed by peer");
  EXPECT_EQ(client_handler.close_reason.code, Errc::unavailable);
  EXPECT_EQ(server_handler.closed, 1);
  EXPECT_NE(server_handler.close_reason.message.find("closed by us"), std::string::npos);
}

TEST_F(Pair, cuts_off_a_peer_that_does_not_read_after_close) {
  client->pause_reading();
  server->write(Bytes(16 * 1024 * 1024, 'x'));
  server->close();
  ASSERT_TRUE(turn_until(loop, [&] { return server_handler.closed == 1; }));
  EXPECT_EQ(server_handler.close_reason.code, Errc::timed_out);
}

TEST_F(Pair, reports_a_reset_once) {
  server->write(as_bytes("unread"));
  client->pause_reading();
  ASSERT_TRUE(turn_until(loop, [&] { return server->pending_bytes() == 0; }));
  client.reset();  // closing with unread input sends a reset
  ASSERT_TRUE(turn_until(loop, [&] { return server_handler.closed == 1; }));
  EXPECT_NE(server_handler.close_reason.message.find("connection reset by peer"),
            std::string::npos);
  server->write(as_bytes("into the void"));
  server->close();
  loop.run_after(milliseconds{5}, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(server_handler.closed, 1);
}

TEST_F(Pair, reports_a_reset_of_a_paused_stream_too) {
  server->write(as_bytes("unread"));
  client->pause_reading();
  ASSERT_TRUE(turn_until(loop, [&] { return server->pending_bytes() == 0; }));
  server->pause_reading();
  client.reset();
  EXPECT_TRUE(turn_until(loop, [&] { return server_handler.closed == 1; }));
}

TEST_F(Pair, delivers_the_peers_last_words_before_a_failed_write_ends_it) {
  // The peer sends, then resets; our write fails in the same turn in which its words arrive.
  client->write(as_bytes("refused because"));
  ASSERT_TRUE(turn_until(loop, [&] { return client->pending_bytes() == 0; }));
  client.reset();
  for (int i = 0; i < 3; ++i) server->write(as_bytes("more"));
  ASSERT_TRUE(turn_until(loop, [&] { return server_handler.closed == 1; }));
  EXPECT_EQ(server_handler.received, "refused because");
}

/// Does something to the stream from within a callback.
class ActingHandler final : public RecordingHandler {
 public:
  std::move_only_function<void()> in_open, in_bytes, in_drain, in_close;
  void on_open() override { run(in_open); }
  void on_bytes(ByteView) override { run(in_bytes); }
  void on_drain() override { run(in_drain); }
  void on_close(const Error&) override { run(in_close); }

 private:
  void run(std::move_only_function<void()>& action) {
    ++calls;
    if (action) action();
  }

 public:
  int calls = 0;
};

TEST_F(Pair, may_be_destroyed_within_on_bytes) {
  ActingHandler handler;
  handler.in_bytes = [&] { server.reset(); };
  server->set_handler(handler);
  client->write(as_bytes("x"));
  ASSERT_TRUE(turn_until(loop, [&] { return client_handler.closed == 1; }));
  EXPECT_EQ(handler.calls, 1);
}

TEST_F(Pair, may_be_destroyed_within_on_close) {
  ActingHandler handler;
  handler.in_close = [&] { server.reset(); };
  server->set_handler(handler);
  client.reset();
  ASSERT_TRUE(turn_until(loop, [&] { return server == nullptr; }));
  EXPECT_EQ(handler.calls, 1);
}

TEST_F(Pair, may_be_destroyed_within_on_drain) {
  ActingHandler handler;
  handler.in_drain = [&] { server.reset(); };
  server->set_handler(handler);
  server->write(Bytes(16 * 1024 * 1024, 'x'));
  EXPECT_TRUE(turn_until(loop, [&] { return server == nullptr; }));
}

TEST_F(Pair, gives_unwritten_bytes_one_chance_when_destroyed_by_another_stream) {
  RecordingHandler third_handler;
  const auto third = loop.connect({"127.0.0.1", listener->port()}, third_handler);
  std::unique_ptr<Stream> first_server = std::move(server);
  RecordingHandler first_handler;
  first_server->set_handler(first_handler);
  ASSERT_TRUE(turn_until(loop, [&] { return server && third_handler.opened == 1; }));
  ActingHandler handler;
  handler.in_bytes = [&] {
    client->write(as_bytes("goodbye"));
    client.reset();
  };
  server->set_handler(handler);
  third->write(as_bytes("x"));
  ASSERT_TRUE(turn_until(loop, [&] { return first_handler.closed == 1; }));
  EXPECT_EQ(first_handler.received, "goodbye");
}

TEST_F(Pair, may_destroy_the_stream_within_on_open) {
  ActingHandler handler;
  std::unique_ptr<Stream> second;
  handler.in_open = [&] { second.reset(); };
  second = loop.connect({"localhost", listener->port()}, handler);
  second->write(as_bytes("kept until open"));
  EXPECT_TRUE(turn_until(loop, [&] { return second == nullptr; }));
}

TEST_F(Pair, keeps_what_is_written_before_it_is_open_and_resolves_names) {
  RecordingHandler handler;
  const auto second = loop.connect({"localhost", listener->port()}, handler);
  second->write(as_bytes("early"));
  EXPECT_TRUE(turn_until(loop, [&] { return server_handler.received == "early"; }));
  EXPECT_EQ(handler.opened, 1);
}

TEST_F(Pair, moves_to_another_loop_with_its_pending_bytes) {
  SystemRandom random;
  auto files = make_os_files();
  Env main{loop, loop, *files, random};
  const auto shards = make_os_shards(main, 2);
  Env& other = shards->env(1);
  RecordingHandler moved_handler;
  std::unique_ptr<Stream> moved;

  server->write(as_bytes("pending at the move"));
  other.loop.post([&, detached = server->detach()]() mutable {
    moved = other.network.attach(std::move(detached));
    moved->set_handler(moved_handler);
    moved->write(as_bytes(", then more"));
  });
  server.reset();
  client->write(as_bytes("to the other loop"));
  ASSERT_TRUE(turn_until(
      loop, [&] { return client_handler.received == "pending at the move, then more"; }));
  bool checked = false;
  other.loop.post([&] {
    other.loop.run_after(Duration{0}, [&] {
      moved.reset();
      loop.post([&] { checked = true; });
    });
  });
  ASSERT_TRUE(turn_until(loop, [&] { return checked && client_handler.closed == 1; }));
  EXPECT_EQ(moved_handler.received, "to the other loop");
  EXPECT_EQ(server_handler.closed, 0);
}

TEST(OsListen, names_address_and_remedy_of_a_port_in_use) {
  OsLoop loop;
  const auto first = loop.listen({.endpoint = any_port}, [](auto) {});
  ASSERT_TRUE(first);
  const Endpoint taken{"127.0.0.1", (*first)->port()};
  const auto second = loop.listen({.endpoint = taken}, [](auto) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
  EXPECT_EQ(
      second.error().message,
      fmt::format("127.0.0.1:{0}: the port is in use by another program; stop that program (see "
                  "it with: ss -ltnp 'sport = :{0}') or choose another port",
                  taken.port));
}

TEST(OsListen, refuses_what_is_not_an_address) {
  OsLoop loop;
  const auto listener = loop.listen({.endpoint = {"not an address", 0}}, [](auto) {});
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().message,
            "listen on not an address:0: \"not an address\" is not an IP address");
}

TEST(OsListen, shares_a_port_between_loops_if_asked) {
  OsLoop loop;
  const auto first = loop.listen({.endpoint = any_port, .reuse_port = true}, [](auto) {});
  ASSERT_TRUE(first);
  EXPECT_TRUE(
      loop.listen({.endpoint = {"127.0.0.1", (*first)->port()}, .reuse_port = true}, [](auto) {}));
}

TEST(OsListen, accepts_on_ipv6_and_shows_ipv4_peers_plainly) {
  OsLoop loop;
  std::unique_ptr<Stream> accepted;
  RecordingHandler handler;
  auto listener = loop.listen({.endpoint = {"::", 0}}, [&](auto stream) {
    accepted = std::move(stream);
    accepted->set_handler(handler);
  });
  if (!listener) GTEST_SKIP() << "no IPv6 here: " << listener.error().message;
  const auto client = loop.connect({"127.0.0.1", (*listener)->port()}, handler);
  ASSERT_TRUE(turn_until(loop, [&] { return accepted != nullptr; }));
  EXPECT_TRUE(accepted->peer().starts_with("127.0.0.1:")) << accepted->peer();
}

TEST(OsListen, may_be_destroyed_within_its_callback) {
  OsLoop loop;
  RecordingHandler handler;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Stream> accepted;
  const std::string captured(100, 'x');
  listener = *loop.listen({.endpoint = any_port}, [&, captured](auto stream) {
    listener.reset();
    EXPECT_EQ(captured.size(), 100U);
    accepted = std::move(stream);
    accepted->set_handler(handler);
  });
  const auto client = loop.connect({"127.0.0.1", listener->port()}, handler);
  EXPECT_TRUE(turn_until(loop, [&] { return accepted != nullptr; }));
}

// Method: the limit of open files is lowered to what is open, so that the next accept must fail.
TEST(OsListen, goes_on_accepting_after_descriptors_ran_out) {
  OsLoop loop;
  std::vector<std::unique_ptr<Stream>> accepted;
  RecordingHandler handler;
  const auto listener = loop.listen({.endpoint = any_port}, [&](auto stream) {
    stream->set_handler(handler);
    accepted.push_back(std::move(stream));
  });
  ASSERT_TRUE(listener);
  RecordingHandler client_handler;
  const auto client = loop.connect({"127.0.0.1", (*listener)->port()}, client_handler);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next_fd = ::dup(0);
  ::close(next_fd);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(next_fd);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_TRUE(turn_until(loop, [&] { return client_handler.opened == 1; }));
  EXPECT_TRUE(accepted.empty());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(turn_until(loop, [&] { return accepted.size() == 1; }));
}

TEST(OsConnect, says_that_nothing_listens_there) {
  OsLoop loop;
  std::uint16_t free_port = 0;
  {
    const auto listener = loop.listen({.endpoint = any_port}, [](auto) {});
    free_port = (*listener)->port();
  }
  RecordingHandler handler;
  const auto stream = loop.connect({"127.0.0.1", free_port}, handler);
  EXPECT_EQ(handler.closed, 0);
  ASSERT_TRUE(turn_until(loop, [&] { return handler.closed == 1; }));
  EXPECT_EQ(handler.close_reason.code, Errc::unavailable);
  EXPECT_EQ(
      handler.close_reason.message,
      fmt::format("127.0.0.1:{}: connection refused; nothing listens there: start the server or "
                  "correct the address",
                  free_port));
}

TEST(OsConnect, says_that_a_name_does_not_exist) {
  OsLoop loop;
  RecordingHandler handler;
  const auto stream = loop.connect({"no-such-host.invalid", 1883}, handler);
  ASSERT_TRUE(turn_until(loop, [&] { return handler.closed == 1; }));
  EXPECT_EQ(handler.close_reason.code, Errc::unavailable);
  EXPECT_TRUE(handler.close_reason.message.starts_with(
      "no-such-host.invalid:1883: the name \"no-such-host.invalid\" cannot be resolved"))
      << handler.close_reason.message;
}

// Method: a listener whose queue is full answers no further SYN, as a firewall that drops would.
TEST(OsConnect, gives_up_after_its_time) {
  OsLoop loop;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(fd, 0), 0);
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  std::vector<std::unique_ptr<RecordingHandler>> handlers;
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 4; ++i) {
    handlers.push_back(std::make_unique<RecordingHandler>());
    streams.push_back(
        loop.connect({"127.0.0.1", ntohs(address.sin_port)}, *handlers.back(), milliseconds{100}));
  }
  ASSERT_TRUE(turn_until(loop, [&] { return handlers.back()->closed == 1; }));
  EXPECT_EQ(handlers.back()->close_reason.code, Errc::timed_out);
  EXPECT_NE(handlers.back()->close_reason.message.find("no answer within 0.1 s"),
            std::string::npos);
  ::close(fd);
}

TEST(OsConnect, may_be_closed_or_destroyed_while_it_connects) {
  OsLoop loop;
  const auto listener = loop.listen({.endpoint = any_port}, [](auto) {});
  RecordingHandler closed;
  const auto stream = loop.connect({"127.0.0.1", (*listener)->port()}, closed);
  stream->close();
  {
    const auto destroyed = loop.connect({"localhost", (*listener)->port()}, closed);
  }
  ASSERT_TRUE(turn_until(loop, [&] { return closed.closed == 1; }));
  EXPECT_EQ(closed.opened, 0);
}

}  // namespace
}  // namespace wireway::net
