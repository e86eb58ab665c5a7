// The door behind a load balancer, on the simulated network: hosts are named by their addresses.

#include "link/proxy_door.h"

#include <gtest/gtest.h>

#include "net/os/test_loop.h"
#include "net/sim/sim_world.h"
#include "net/tls/context.h"
#include "net/tls/stream.h"

namespace wireway::link {
namespace {

using net::RecordingHandler;
using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string line = "PROXY TCP4 192.0.2.7 198.51.100.1 53312 8883\r\n";

/// What stands behind the door: a stream with what it has heard.
struct Accepted : RecordingHandler {
  void on_bytes(ByteView bytes) override {
    RecordingHandler::on_bytes(bytes);
    if (on_heard) on_heard();
  }
  std::unique_ptr<net::Stream> stream;
  std::function<void()> on_heard;
};

/// A server with a door that trusts 10.0.0.0/8, and a load balancer "10.0.0.1".
struct DoorWorld {
  explicit DoorWorld(net::NetworkFaults faults = {}, ProxyDoorOptions options = {})
      : world(5, faults), server(world.env("server")) {
    options.trusted = {*IpNetwork::parse("10.0.0.0/8")};
    door = std::make_unique<ProxyDoor>(server.loop, std::move(options), [this](auto stream) {
      accepted.push_back(std::make_unique<Accepted>());
      accepted.back()->stream = on_accept ? on_accept(std::move(stream)) : std::move(stream);
      accepted.back()->stream->set_handler(*accepted.back());
      if (on_accepted) on_accepted(*accepted.back());
    });
    listener = *server.network.listen({.endpoint = {"::", 1}},
                                      [this](auto stream) { door->accept(std::move(stream)); });
  }
  std::unique_ptr<net::Stream> connect(RecordingHandler& client, std::string_view text,
                                       const std::string& host = "10.0.0.1") {
    auto stream = world.env(host).network.connect({"server", 1}, client);
    stream->write(as_bytes(text));
    return stream;
  }
  void run() { world.run_for(milliseconds{100}); }

  net::SimWorld world;
  net::Env server;
  std::unique_ptr<ProxyDoor> door;
  std::vector<std::unique_ptr<Accepted>> accepted;
  std::function<std::unique_ptr<net::Stream>(std::unique_ptr<net::Stream>)> on_accept;
  std::function<void(Accepted&)> on_accepted;
  std::unique_ptr<net::Listener> listener;
};

/// The client's way through a balancer: what it connects begins with a header.
struct Balanced final : net::Network {
  explicit Balanced(net::Network& direct) : network(direct) {}
  Result<std::unique_ptr<net::Listener>> listen(const net::ListenOptions& options,
                                                net::AcceptCallback accept) override {
    return network.listen(options, std::move(accept));
  }
  std::unique_ptr<net::Stream> connect(const net::Endpoint& endpoint, net::StreamHandler& handler,
                                       Duration limit) override {
    auto stream = network.connect(endpoint, handler, limit);
    stream->write(as_bytes(line));
    return stream;
  }
  std::unique_ptr<net::Stream> attach(std::unique_ptr<net::DetachedStream> stream) override {
    return network.attach(std::move(stream));
  }
  net::Network& network;
};

TEST(ProxyDoor, hands_a_stream_on_under_the_clients_address) {
  for (const std::size_t fragment : {0, 1, 3, 50}) {
    DoorWorld w({.fragment_bytes_max = fragment});
    RecordingHandler client;
    const auto stream = w.connect(client, line + "hello");
    w.run();
    ASSERT_EQ(w.accepted.size(), 1U) << fragment;
    EXPECT_EQ(w.accepted[0]->stream->peer(), "192.0.2.7:53312");
    EXPECT_EQ(w.accepted[0]->received, "hello");
    stream->write(as_bytes(" again"));
    w.accepted[0]->stream->write(as_bytes("welcome"));
    w.run();
    EXPECT_EQ(w.accepted[0]->received, "hello again");
    EXPECT_EQ(client.received, "welcome");
    EXPECT_EQ(w.door->waiting(), 0U);
    stream->close();
    w.run();
    EXPECT_EQ(w.accepted[0]->closed, 1);
    EXPECT_EQ(w.accepted[0]->close_reason.message, "192.0.2.7:53312: closed by peer");
  }
}

TEST(ProxyDoor, keeps_the_balancers_address_where_it_speaks_for_itself) {
  DoorWorld w;
  RecordingHandler client;
  const Bytes local{0x0D, 0x0A, 0x0D, 0x0A, 0,    0x0D, 0x0A, 0x51,
                    0x55, 0x49, 0x54, 0x0A, 0x20, 0,    0,    0};
  const auto a = w.connect(client, as_text(local));
  const auto b = w.connect(client, "PROXY UNKNOWN\r\n");
  w.run();
  ASSERT_EQ(w.accepted.size(), 2U);
  EXPECT_TRUE(w.accepted[0]->stream->peer().starts_with("10.0.0.1:"));
  EXPECT_TRUE(w.accepted[1]->stream->peer().starts_with("10.0.0.1:"));
}

TEST(ProxyDoor, refuses_who_is_not_trusted_and_who_sends_no_header) {
  DoorWorld w;
  RecordingHandler stranger;
  RecordingHandler plain;
  const auto a = w.connect(stranger, line, "203.0.113.9");
  const auto b = w.connect(plain, std::string("\x10\x0C\x00\x04MQTT", 8));
  w.run();
  EXPECT_EQ(stranger.closed, 1);
  EXPECT_EQ(plain.closed, 1);
  EXPECT_EQ(w.door->refused(), 2U);
  EXPECT_TRUE(w.accepted.empty());
  EXPECT_EQ(w.door->waiting(), 0U);
}

TEST(ProxyDoor, waits_for_a_header_only_so_long) {
  DoorWorld w;
  RecordingHandler client;
  const auto stream = w.connect(client, "");
  for (int second = 0; second < 4; ++second) {  // a byte a second does not extend it
    stream->write(as_bytes(line.substr(static_cast<std::size_t>(second), 1)));
    w.world.run_for(seconds{1});
    EXPECT_EQ(client.closed, 0) << second;
  }
  EXPECT_EQ(w.door->waiting(), 1U);
  w.world.run_for(seconds{2});
  EXPECT_EQ(client.closed, 1);
  EXPECT_EQ(w.door->refused(), 1U);
  EXPECT_EQ(w.door->waiting(), 0U);
}

TEST(ProxyDoor, lets_only_so_many_wait_and_goes_on_when_they_have_gone) {
  DoorWorld w({}, {.waiting_max = 3});
  RecordingHandler silent;
  RecordingHandler late;
  std::vector<std::unique_ptr<net::Stream>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(w.connect(silent, "PROXY"));
  w.run();
  const auto refused = w.connect(late, line);
  w.run();
  EXPECT_EQ(late.closed, 1);
  EXPECT_EQ(w.door->refused(), 1U);
  EXPECT_EQ(w.door->waiting(), 3U);
  waiting.clear();  // that is no refusal: a balancer that looks whether the port is open does so
  w.run();
  EXPECT_EQ(w.door->waiting(), 0U);
  EXPECT_EQ(w.door->refused(), 1U);
  RecordingHandler client;
  const auto stream = w.connect(client, line);
  w.run();
  EXPECT_EQ(w.accepted.size(), 1U);
}

TEST(ProxyDoor, keeps_what_came_behind_the_header_while_its_owner_does_not_read) {
  DoorWorld w;
  w.on_accepted = [](Accepted& end) { end.stream->pause_reading(); };
  RecordingHandler client;
  const auto stream = w.connect(client, line + "first ");
  w.run();
  stream->write(as_bytes("second"));
  w.run();
  ASSERT_EQ(w.accepted.size(), 1U);
  EXPECT_EQ(w.accepted[0]->received, "");
  w.accepted[0]->stream->resume_reading();
  w.run();
  EXPECT_EQ(w.accepted[0]->received, "first second");
}

TEST(ProxyDoor, delivers_what_came_together_with_the_end) {
  DoorWorld w;
  RecordingHandler client;
  const auto stream = w.connect(client, "");
  w.run();
  stream->write(as_bytes(line + "last words"));
  stream->close();
  w.run();
  ASSERT_EQ(w.accepted.size(), 1U);
  EXPECT_EQ(w.accepted[0]->received, "last words");
  EXPECT_EQ(w.accepted[0]->closed, 1);
}

TEST(ProxyDoor, lets_a_stream_be_destroyed_by_its_owner_at_any_time) {
  DoorWorld w;
  RecordingHandler client;
  w.on_accepted = [](Accepted& end) { end.stream.reset(); };
  const auto at_once = w.connect(client, line + "x");
  w.run();
  EXPECT_EQ(client.closed, 1);
  w.on_accepted = [](Accepted& end) { end.on_heard = [&end] { end.stream.reset(); }; };
  const auto when_heard = w.connect(client, line + "x");
  w.run();
  EXPECT_EQ(client.closed, 2);
  const auto waiting = w.connect(client, "PROXY");
  w.run();
  w.door.reset();
  w.run();
  EXPECT_EQ(client.closed, 3) << "the door closes those who wait";
}

TEST(ProxyDoor, hands_on_streams_that_move_to_another_loop) {
  DoorWorld w;
  const net::Env other = w.world.env("server/1");
  Accepted moved;
  std::unique_ptr<net::DetachedStream> detached;
  w.on_accepted = [&](Accepted& end) {
    end.on_heard = [&end, &detached] { detached = end.stream->detach(); };
  };
  RecordingHandler client;
  const auto stream = w.connect(client, line + "hello");
  w.run();
  ASSERT_NE(detached, nullptr);
  other.loop.post([&] {
    moved.stream = other.network.attach(std::move(detached));
    moved.stream->set_handler(moved);
    moved.stream->write(as_bytes("welcome"));
  });
  stream->write(as_bytes("there"));
  w.run();
  EXPECT_EQ(moved.stream->peer(), "192.0.2.7:53312");
  EXPECT_EQ(moved.received, "there");
  EXPECT_EQ(client.received, "welcome");
  w.accepted.clear();
  stream->write(as_bytes(" and on"));
  w.run();
  EXPECT_EQ(moved.received, "there and on");
}

TEST(ProxyDoor, stands_under_tls) {
  DoorWorld w({.fragment_bytes_max = 40});
  const WallTime now = w.server.loop.wall_now();
  const net::KeyPair authority = *net::make_authority("Plant CA", now);
  const auto server = net::TlsServerContext::create(
      {.certificates = {*net::issue_certificate(
           authority, {.common_name = "server", .names = {"server"}, .now = now})}});
  ASSERT_TRUE(server);
  w.on_accept = [&](auto stream) { return (*server)->accept(w.server.loop, std::move(stream)); };
  const net::Env client_env = w.world.env("10.0.0.1");
  const auto context = net::TlsClientContext::create({.ca = authority.certificates});
  RecordingHandler client;
  Balanced balanced(client_env.network);
  const auto stream =
      (*context)->connect(client_env.loop, balanced, {.endpoint = {"server", 1}}, client);
  stream->write(as_bytes("through all of it"));
  w.run();
  ASSERT_EQ(w.accepted.size(), 1U);
  EXPECT_EQ(w.accepted[0]->stream->peer(), "192.0.2.7:53312");
  EXPECT_EQ(w.accepted[0]->received, "through all of it");
  w.accepted[0]->stream->write(as_bytes("and back"));
  w.run();
  EXPECT_EQ(client.received, "and back");
}

}  // namespace
}  // namespace wireway::link
