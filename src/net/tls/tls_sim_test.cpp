// TLS over the simulated network: both ends are ours, time and delivery are the test's.

#include <gtest/gtest.h>

#include "net/os/test_loop.h"
#include "net/sim/sim_world.h"
#include "net/tls/context.h"
#include "net/tls/stream.h"

namespace wireway::net {
namespace {

using std::chrono::days;
using std::chrono::seconds;

/// One end of a connection, with what it has heard and in how many pieces.
struct End : RecordingHandler {
  void on_bytes(ByteView bytes) override {
    RecordingHandler::on_bytes(bytes);
    ++pieces;
    if (on_piece) on_piece();
  }
  void on_open() override {
    RecordingHandler::on_open();
    if (on_opened) on_opened();
  }
  void on_close(const Error& reason) override {
    RecordingHandler::on_close(reason);
    if (on_closed) on_closed();
  }
  void write(std::string_view text) { stream->write(as_bytes(text)); }

  std::unique_ptr<TlsStream> stream;
  int pieces = 0;
  std::function<void()> on_piece;
  std::function<void()> on_opened;
  std::function<void()> on_closed;
};

/// A world with an authority, a server "server:1" that keeps what it accepts, and clients.
class TlsWorld {
 public:
  explicit TlsWorld(std::uint64_t seed = 1, NetworkFaults faults = {})
      : world(seed, faults),
        server_env(world.env("server")),
        client_env(world.env("client")),
        authority(*make_authority("Plant CA", now())) {
    server_options.certificates = {server_pair({"server"})};
    client_options.ca = authority.certificates;
  }

  WallTime now() const { return server_env.loop.wall_now(); }
  KeyPair server_pair(std::vector<std::string> names, Duration lifetime = days{365}) {
    return *issue_certificate(
        authority, {.common_name = names[0], .names = names, .now = now(), .lifetime = lifetime});
  }
  KeyPair client_pair(const KeyPair& signer, Duration lifetime = days{365}) {
    return *issue_certificate(signer, {.use = CertificateUse::client,
                                       .common_name = "admin",
                                       .organizations = {"system:masters"},
                                       .now = now(),
                                       .lifetime = lifetime});
  }

  void listen(PlainText plain = PlainText::refuse) {
    auto context = TlsServerContext::create(server_options);
    ASSERT_TRUE(context) << context.error().message;
    server = std::move(*context);
    listener = *server_env.network.listen({.endpoint = {"::", 1}}, [this, plain](auto stream) {
      auto& end = accepted.emplace_back(std::make_unique<End>());
      end->stream = server->accept(server_env.loop, std::move(stream), plain);
      end->stream->set_handler(*end);
      if (on_accept) on_accept(*end);
    });
  }
  std::unique_ptr<End> connect(const std::string& server_name = "") {
    if (!client) {
      auto context = TlsClientContext::create(client_options);
      EXPECT_TRUE(context) << context.error().message;
      client = std::move(*context);
    }
    auto end = std::make_unique<End>();
    end->stream = client->connect(client_env.loop, client_env.network,
                                  {.endpoint = {"server", 1}, .server_name = server_name}, *end);
    return end;
  }
  std::unique_ptr<Stream> connect_plain(StreamHandler& handler) {
    return client_env.network.connect({"server", 1}, handler);
  }
  bool until(std::move_only_function<bool()> condition) {
    return world.run_until(std::move(condition), seconds{60});
  }

  SimWorld world;
  Env server_env;
  Env client_env;
  KeyPair authority;
  TlsServerOptions server_options;
  TlsClientOptions client_options;
  std::unique_ptr<TlsServerContext> server;
  std::unique_ptr<TlsClientContext> client;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<End>> accepted;
  std::function<void(End&)> on_accept;
};

TEST(Tls, carries_bytes_both_ways_through_short_reads_and_keeps_what_was_written_too_early) {
  TlsWorld w(2, {.fragment_bytes_max = 7});
  w.on_accept = [](End& end) { end.write("welcome "); };
  w.listen();
  const auto client = w.connect();
  client->write("too early ");
  std::string sent = "too early ";
  for (int i = 0; i < 3'000; ++i) sent += std::to_string(i) + ",";
  client->write(sent.substr(10));
  ASSERT_TRUE(w.until([&] { return !w.accepted.empty() && w.accepted[0]->received == sent; }));
  w.accepted[0]->write("and thanks");
  ASSERT_TRUE(w.until([&] { return client->received == "welcome and thanks"; }));
  EXPECT_EQ(client->opened, 1);
  EXPECT_EQ(w.accepted[0]->opened, 0);
  EXPECT_EQ(client->stream->version(), "TLSv1.3");
  EXPECT_TRUE(client->stream->encrypted());
  EXPECT_EQ(client->stream->peer_certificate()->common_name, "server");
  EXPECT_EQ(w.accepted[0]->stream->server_name(), "server");
}

TEST(Tls, makes_one_record_of_what_a_turn_writes) {
  TlsWorld w;
  w.listen();
  const auto client = w.connect();
  ASSERT_TRUE(w.until([&] { return client->opened == 1; }));
  w.client_env.loop.post([&] {
    for (int i = 0; i < 100; ++i)
      client->write("fifty bytes of a message, which many a one is....|");
  });
  ASSERT_TRUE(w.until([&] { return w.accepted[0]->received.size() == 5'000; }));
  EXPECT_EQ(w.accepted[0]->pieces, 1);
  w.accepted[0]->pieces = 0;
  w.client_env.loop.post([&] {
    for (int i = 0; i < 100; ++i) client->write(std::string(1'000, 'x'));
  });
  ASSERT_TRUE(w.until([&] { return w.accepted[0]->received.size() == 105'000; }));
  EXPECT_EQ(w.accepted[0]->pieces, 7) << "100,000 bytes in records of 16 KiB";
}

TEST(Tls, moves_megabytes_in_order_and_reports_the_drain) {
  TlsWorld w(3, {.fragment_bytes_max = 60'000});
  w.listen();
  const auto client = w.connect();
  ASSERT_TRUE(w.until([&] { return client->opened == 1; }));
  std::string large;
  for (int i = 0; large.size() < 4'000'000; ++i) large += std::to_string(i) + ";";
  client->write(large);
  EXPECT_GE(client->stream->pending_bytes(), large.size());
  ASSERT_TRUE(w.until([&] { return w.accepted[0]->received.size() == large.size(); }));
  EXPECT_TRUE(w.accepted[0]->received == large);
  EXPECT_EQ(client->stream->pending_bytes(), 0U);
  EXPECT_EQ(client->drained, 1);
}

TEST(Tls, keeps_bytes_back_while_the_reader_pauses) {
  TlsWorld w(4);
  w.listen();
  const auto client = w.connect();
  ASSERT_TRUE(w.until([&] { return client->opened == 1; }));
  End& server = *w.accepted[0];
  server.on_piece = [&] { server.stream->pause_reading(); };
  const std::string large(1'000'000, 'x');
  client->write(large);
  w.world.run_for(seconds{5});
  EXPECT_EQ(server.pieces, 1);
  EXPECT_GT(client->stream->pending_bytes(), 400'000U) << "the writer is slowed down";
  for (int i = 0; i < 100 && server.received.size() < large.size(); ++i) {
    server.stream->resume_reading();
    const int before = server.pieces;
    w.world.run_for(seconds{1});
    EXPECT_EQ(server.pieces, before + 1) << "one record, then paused again";
  }
  EXPECT_EQ(server.received, large);
}

TEST(Tls, pausing_does_not_hold_up_the_handshake) {
  TlsWorld w(5);
  w.on_accept = [](End& end) { end.stream->pause_reading(); };
  w.listen();
  const auto client = w.connect();
  client->stream->pause_reading();
  client->write("hello");
  ASSERT_TRUE(w.until([&] { return client->opened == 1; }));
  w.world.run_for(seconds{2});
  EXPECT_EQ(w.accepted[0]->received, "");
  w.accepted[0]->stream->resume_reading();
  ASSERT_TRUE(w.until([&] { return w.accepted[0]->received == "hello"; }));
}

TEST(Tls, gives_a_server_the_verified_certificate_of_its_client) {
  TlsWorld w;
  w.server_options.client_ca = w.authority.certificates;
  w.server_options.client_certificates = ClientCertificates::optional;
  w.listen();
  const auto without = w.connect();
  without->write("hello");
  ASSERT_TRUE(w.until([&] { return !w.accepted.empty() && w.accepted[0]->received == "hello"; }));
  EXPECT_FALSE(w.accepted[0]->stream->peer_certificate());
  w.client_options.certificate = {w.client_pair(w.authority)};
  ASSERT_TRUE(w.client->replace(w.client_options));
  const auto with = w.connect();
  with->write("hello");
  ASSERT_TRUE(
      w.until([&] { return w.accepted.size() == 2 && w.accepted[1]->received == "hello"; }));
  const auto certificate = w.accepted[1]->stream->peer_certificate();
  ASSERT_TRUE(certificate);
  EXPECT_EQ(certificate->common_name, "admin");
  EXPECT_EQ(certificate->organizations, std::vector<std::string>{"system:masters"});
}

TEST(Tls, refuses_clients_whose_certificate_does_not_hold) {
  TlsWorld w;
  w.server_options.client_ca = w.authority.certificates;
  w.server_options.client_certificates = ClientCertificates::required;
  w.listen();
  const auto nobody = w.connect();
  ASSERT_TRUE(w.until([&] { return nobody->closed == 1 && w.accepted[0]->closed == 1; }));
  EXPECT_EQ(nobody->close_reason.message,
            "server:1: it requires a client certificate; configure one");
  EXPECT_EQ(nobody->close_reason.code, Errc::denied);
  EXPECT_TRUE(w.accepted[0]->close_reason.message.ends_with(
      "it gave no client certificate, which is required here; configure one in the client"));

  const KeyPair other = *make_authority("Other CA", w.now());
  w.client_options.certificate = {w.client_pair(other)};
  ASSERT_TRUE(w.client->replace(w.client_options));
  const auto stranger = w.connect();
  ASSERT_TRUE(w.until([&] { return stranger->closed == 1 && w.accepted[1]->closed == 1; }));
  EXPECT_TRUE(w.accepted[1]->close_reason.message.ends_with(
      "the client's certificate (CN=admin,O=system:masters) is signed by an unknown authority "
      "(CN=Other CA); use a certificate of an authority that is trusted here"))
      << w.accepted[1]->close_reason.message;
  EXPECT_NE(stranger->close_reason.message.find("it does not know the authority"),
            std::string::npos)
      << stranger->close_reason.message;

  w.client_options.certificate = {w.server_pair({"server"})};  // right authority, wrong purpose
  ASSERT_TRUE(w.client->replace(w.client_options));
  const auto misused = w.connect();
  ASSERT_TRUE(w.until([&] { return w.accepted.size() == 3 && w.accepted[2]->closed == 1; }));
  EXPECT_NE(w.accepted[2]->close_reason.message.find("is not meant for a client"),
            std::string::npos)
      << w.accepted[2]->close_reason.message;
}

TEST(Tls, refuses_servers_that_are_not_who_they_should_be) {
  TlsWorld w;
  w.server_options.certificates = {w.server_pair({"server", "10.0.0.7"})};
  w.listen();
  const auto misnamed = w.connect("broker.plant.example");
  ASSERT_TRUE(w.until([&] { return misnamed->closed == 1; }));
  EXPECT_EQ(misnamed->close_reason.message,
            "server:1: the server's certificate (CN=server) is for server, 10.0.0.7, not for "
            "broker.plant.example; connect by one of its names, or have it issued for this one");
  EXPECT_EQ(misnamed->opened, 0);
  const auto by_address = w.connect("10.0.0.7");
  ASSERT_TRUE(w.until([&] { return by_address->opened == 1; }));
  const auto by_other_address = w.connect("10.0.0.8");
  ASSERT_TRUE(w.until([&] { return by_other_address->closed == 1; }));
  EXPECT_EQ(by_other_address->close_reason.code, Errc::denied);

  w.client_options.ca = make_authority("Other CA", w.now())->certificates;
  ASSERT_TRUE(w.client->replace(w.client_options));
  const auto distrusting = w.connect();
  ASSERT_TRUE(w.until([&] { return distrusting->closed == 1; }));
  EXPECT_EQ(distrusting->close_reason.message,
            "server:1: the server's certificate (CN=server) is signed by an unknown authority "
            "(CN=Plant CA); give that authority's certificate as the CA to trust");
}

TEST(Tls, judges_validity_by_the_loops_clock) {
  TlsWorld w;
  w.server_options.certificates = {w.server_pair({"server"}, days{30})};
  w.listen();
  w.world.run_for(days{29});
  const auto in_time = w.connect();
  ASSERT_TRUE(w.until([&] { return in_time->opened == 1; }));
  w.world.run_for(days{2});
  const auto late = w.connect();
  ASSERT_TRUE(w.until([&] { return late->closed == 1; }));
  EXPECT_EQ(late->close_reason.message,
            "server:1: the server's certificate (CN=server) expired on 2026-01-31T00:00:00Z (it is "
            "2026-02-01T00:00:00Z now); renew it");
  EXPECT_EQ(in_time->closed, 0) << "who is in stays in";
}

TEST(Tls, continues_a_session_with_the_same_server) {
  TlsWorld w;
  w.server_options.client_ca = w.authority.certificates;
  w.server_options.client_certificates = ClientCertificates::optional;
  w.client_options.certificate = {w.client_pair(w.authority, days{1})};
  w.listen();
  const auto say_hello = [&](std::unique_ptr<End>& end) {
    const std::size_t count = w.accepted.size();
    end = w.connect();
    end->write("hello");
    w.until([&] {
      return end->closed > 0 ||
             (w.accepted.size() > count && w.accepted.back()->received == "hello");
    });
    w.world.run_for(seconds{1});  // tickets arrive
  };
  std::unique_ptr<End> first;
  std::unique_ptr<End> second;
  std::unique_ptr<End> third;
  say_hello(first);
  EXPECT_FALSE(first->stream->resumed());
  first.reset();
  say_hello(second);
  EXPECT_TRUE(second->stream->resumed());
  EXPECT_TRUE(w.accepted.back()->stream->resumed());
  EXPECT_EQ(w.accepted.back()->stream->peer_certificate()->common_name, "admin");

  // Other authorities: a session that the old ones vouched for is not continued.
  w.server_options.client_ca += make_authority("Second CA", w.now())->certificates;
  w.server_options.ticket_secret = "the same";
  ASSERT_TRUE(w.server->replace(w.server_options));
  say_hello(third);
  EXPECT_FALSE(third->stream->resumed());
  std::unique_ptr<End> fourth;
  say_hello(fourth);
  EXPECT_TRUE(fourth->stream->resumed());

  // A session does not outlive the certificate that it began with: the handshake is a full one,
  // which the expired certificate then fails and a renewed one passes.
  w.world.run_for(days{2});
  std::unique_ptr<End> fifth;
  say_hello(fifth);
  EXPECT_EQ(w.accepted.back()->received, "");
  EXPECT_NE(w.accepted.back()->close_reason.message.find("expired on 2026-01-02"),
            std::string::npos)
      << w.accepted.back()->close_reason.message;
}

TEST(Tls, a_renewed_server_certificate_needs_no_new_client) {
  TlsWorld w;
  w.server_options.certificates = {w.server_pair({"server"}, days{30})};
  w.server_options.ticket_secret = "the same";
  w.listen();
  const auto first = w.connect();
  ASSERT_TRUE(w.until([&] { return first->opened == 1; }));
  w.world.run_for(days{31});
  w.server_options.certificates = {w.server_pair({"server"}, days{30})};
  ASSERT_TRUE(w.server->replace(w.server_options));
  const auto second = w.connect();
  ASSERT_TRUE(w.until([&] { return second->opened + second->closed == 1; }));
  EXPECT_EQ(second->opened, 1) << second->close_reason.message;
  EXPECT_FALSE(second->stream->resumed());
}

TEST(Tls, shares_sessions_between_contexts_of_one_secret) {
  TlsWorld w;
  w.server_options.ticket_secret = "shared by the shards of one port";
  w.listen();
  auto first = w.connect();
  ASSERT_TRUE(w.until([&] { return first->opened == 1; }));
  w.world.run_for(seconds{1});
  w.server = std::move(*TlsServerContext::create(w.server_options));
  const auto second = w.connect();
  ASSERT_TRUE(w.until([&] { return second->opened == 1; }));
  EXPECT_TRUE(second->stream->resumed());
}

TEST(Tls, takes_a_new_certificate_for_new_connections_only) {
  TlsWorld w;
  w.listen();
  const auto old = w.connect();
  ASSERT_TRUE(w.until([&] { return old->opened == 1; }));
  const std::string before = old->stream->peer_certificate()->fingerprint;
  w.server_options.certificates = {w.server_pair({"server"})};
  ASSERT_TRUE(w.server->replace(w.server_options));
  const auto fresh = w.connect();
  ASSERT_TRUE(w.until([&] { return fresh->opened == 1; }));
  EXPECT_NE(fresh->stream->peer_certificate()->fingerprint, before);
  old->write("still here");
  ASSERT_TRUE(w.until([&] { return w.accepted[0]->received == "still here"; }));
  EXPECT_EQ(w.server->replace({}).error().code, Errc::invalid);
  const auto after_failure = w.connect();
  EXPECT_TRUE(w.until([&] { return after_failure->opened == 1; }));
}

TEST(Tls, chooses_the_certificate_by_the_name_that_is_asked_for) {
  TlsWorld w;
  w.server_options.certificates = {w.server_pair({"server"}), w.server_pair({"*.plant.example"}),
                                   w.server_pair({"lake.example"})};
  w.listen();
  for (const std::string name : {"server", "press.plant.example", "lake.example"}) {
    const auto client = w.connect(name);
    EXPECT_TRUE(w.until([&] { return client->opened + client->closed == 1; }));
    EXPECT_EQ(client->opened, 1) << client->close_reason.message;
  }
  const auto too_deep = w.connect("a.b.plant.example");
  EXPECT_TRUE(w.until([&] { return too_deep->closed == 1; }));
}

TEST(Tls, agrees_on_an_application_protocol_or_says_that_there_is_none) {
  TlsWorld w;
  w.server_options.alpn = {"mqtt", "x-amzn-mqtt-ca"};
  w.client_options.alpn = {"h2", "x-amzn-mqtt-ca", "mqtt"};
  w.listen();
  const auto client = w.connect();
  ASSERT_TRUE(w.until([&] { return client->opened == 1; }));
  EXPECT_EQ(client->stream->alpn(), "mqtt") << "the server's preference";
  w.client_options.alpn = {"h2"};
  ASSERT_TRUE(w.client->replace(w.client_options));
  const auto other = w.connect();
  ASSERT_TRUE(w.until([&] { return other->closed == 1; }));
  EXPECT_EQ(other->close_reason.message, "server:1: no application protocol (ALPN) in common");
}

TEST(Tls, gives_up_on_handshakes_that_do_not_end) {
  TlsWorld w;
  w.server_options.handshake_timeout = seconds{10};
  w.listen();
  RecordingHandler silent;
  const auto stream = w.connect_plain(silent);
  w.world.run_for(seconds{9});
  EXPECT_EQ(silent.closed, 0);
  w.world.run_for(seconds{2});
  EXPECT_EQ(silent.closed, 1);
  EXPECT_EQ(w.accepted[0]->close_reason.code, Errc::timed_out);
  RecordingHandler slow;
  const auto dripping = w.connect_plain(slow);
  const std::string begin("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  for (const char c : begin) {
    dripping->write(as_bytes({&c, 1}));
    w.world.run_for(seconds{1});
  }
  w.world.run_for(seconds{1});
  EXPECT_EQ(w.accepted[1]->close_reason.code, Errc::timed_out);
}

TEST(Tls, says_so_when_the_other_side_does_not_speak_tls) {
  TlsWorld w;
  w.listen();
  const auto refusal = [&](std::string_view text) {
    RecordingHandler plain;
    const auto stream = w.connect_plain(plain);
    const std::size_t count = w.accepted.size();
    stream->write(as_bytes(text));
    EXPECT_TRUE(
        w.until([&] { return w.accepted.size() > count && w.accepted.back()->closed == 1; }));
    EXPECT_EQ(w.accepted.back()->close_reason.code, Errc::invalid);
    return w.accepted.back()->close_reason.message;
  };
  EXPECT_TRUE(refusal("GET / HTTP/1.1\r\n").ends_with("plain HTTP on a TLS port; use https://"));
  EXPECT_NE(refusal("\x10\x0c").find("plain MQTT on a TLS port"), std::string::npos);
  EXPECT_NE(refusal("SSH-2.0-OpenSSH").find("its first bytes are 5353482d322e302d"),
            std::string::npos);

  const auto plain_server =
      *w.server_env.network.listen({.endpoint = {"::", 80}}, [](std::unique_ptr<Stream> stream) {
        static RecordingHandler ignored;
        static std::unique_ptr<Stream> kept;
        stream->set_handler(ignored);
        stream->write(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
        kept = std::move(stream);
        kept->close();
        kept.reset();
      });
  End end;
  auto context = TlsClientContext::create(w.client_options);
  end.stream = (*context)->connect(w.client_env.loop, w.client_env.network,
                                   {.endpoint = {"server", 80}}, end);
  ASSERT_TRUE(w.until([&] { return end.closed == 1; }));
  EXPECT_NE(end.close_reason.message.find("the server's port is not an HTTPS one"),
            std::string::npos)
      << end.close_reason.message;
}

TEST(Tls, lets_plain_text_pass_where_it_may) {
  TlsWorld w;
  w.listen(PlainText::pass_through);
  RecordingHandler plain;
  const auto stream = w.connect_plain(plain);
  stream->write(as_bytes("GET / HTTP/1.1"));
  ASSERT_TRUE(w.until([&] { return !w.accepted.empty() && w.accepted[0]->received.size() == 14; }));
  EXPECT_FALSE(w.accepted[0]->stream->encrypted());
  EXPECT_FALSE(w.accepted[0]->stream->peer_certificate());
  w.accepted[0]->write("HTTP/1.1 200 OK");
  w.accepted[0]->stream->close();
  ASSERT_TRUE(w.until([&] { return plain.closed == 1; }));
  EXPECT_EQ(plain.received, "HTTP/1.1 200 OK");
  const auto client = w.connect();
  client->write("secret");
  ASSERT_TRUE(w.until([&] { return w.accepted.size() == 2 && w.accepted[1]->pieces > 0; }));
  EXPECT_TRUE(w.accepted[1]->stream->encrypted());
}

TEST(Tls, says_goodbye_and_tells_it_from_a_cut) {
  TlsWorld w;
  w.listen();
  const auto client = w.connect();
  ASSERT_TRUE(w.until([&] { return client->opened == 1; }));
  w.accepted[0]->write("last words");
  w.accepted[0]->stream->close();
  w.accepted[0]->write("never said");
  ASSERT_TRUE(w.until([&] { return client->closed == 1 && w.accepted[0]->closed == 1; }));
  EXPECT_EQ(client->received, "last words");
  EXPECT_EQ(client->close_reason.message, "server:1: closed by peer");
  EXPECT_TRUE(w.accepted[0]->close_reason.message.ends_with("closed by us"));

  const auto abandoned = w.connect();
  ASSERT_TRUE(
      w.until([&] { return abandoned->opened == 1 && w.accepted[1]->stream->encrypted(); }));
  w.accepted[1]->write("destroyed with a goodbye");
  w.accepted[1]->stream.reset();
  ASSERT_TRUE(w.until([&] { return abandoned->closed == 1; }));
  EXPECT_EQ(abandoned->received, "destroyed with a goodbye");
  EXPECT_EQ(abandoned->close_reason.message, "server:1: closed by peer");

  const auto broken = w.connect();
  ASSERT_TRUE(w.until([&] { return broken->opened == 1; }));
  w.world.reset_connections("server");
  ASSERT_TRUE(w.until([&] { return broken->closed == 1; }));
  EXPECT_EQ(broken->close_reason.message, "server:1: connection reset by peer");
}

TEST(Tls, says_what_it_has_to_say_before_it_closes_even_if_that_came_too_early) {
  TlsWorld w;
  w.on_accept = [](End& end) {
    end.write("too many of you");
    end.stream->close();
    end.write("never said");
  };
  w.listen();
  const auto client = w.connect();
  client->write("question");
  ASSERT_TRUE(w.until([&] { return client->closed == 1 && w.accepted[0]->closed == 1; }));
  EXPECT_EQ(client->received, "too many of you");
  w.on_accept = [](End& end) { end.stream->close(); };
  const auto second = w.connect();
  ASSERT_TRUE(w.until([&] { return second->closed == 1 && w.accepted[1]->closed == 1; }));
  EXPECT_TRUE(second->close_reason.message.ends_with("before the TLS handshake was done"));
}

TEST(Tls, may_be_destroyed_within_any_callback) {
  for (int place = 0; place < 4; ++place) {
    TlsWorld w(static_cast<std::uint64_t>(place) + 1, {.fragment_bytes_max = 100});
    w.on_accept = [&](End& end) {
      end.write("hello from the server");
      if (place == 0) end.on_piece = [&end] { end.stream.reset(); };
    };
    w.listen();
    const auto client = w.connect();
    client->write(std::string(100'000, 'c'));
    if (place == 1) client->on_opened = [&] { client->stream.reset(); };
    if (place == 2) client->on_piece = [&] { client->stream.reset(); };
    if (place == 3) {
      client->on_closed = [&] { client->stream.reset(); };
      client->on_piece = [&] { w.accepted[0]->stream->close(); };
    }
    w.world.run_for(seconds{60});
    EXPECT_EQ(place == 0 || place == 3 ? client->closed : w.accepted[0]->closed, 1) << place;
  }
}

TEST(Tls, moves_between_two_shards_in_the_midst_of_its_records) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    TlsWorld w(seed, {.fragment_bytes_max = 3'000});
    Env second = w.world.env("server/1");
    End moved;
    std::unique_ptr<Stream> stream;
    std::string first_part;
    w.on_accept = [&](End& end) {
      end.on_piece = [&w, &end, &second, &stream, &moved, &first_part] {
        first_part = end.received;
        end.stream->write(as_bytes("before, "));
        second.loop.post([&, detached = end.stream->detach()]() mutable {
          stream = second.network.attach(std::move(detached));
          stream->set_handler(moved);
          stream->write(as_bytes("after"));
        });
        w.server_env.loop.defer([&end] { end.stream.reset(); });
      };
    };
    w.listen();
    const auto client = w.connect();
    std::string sent;
    for (int i = 0; i < 20'000; ++i) sent += std::to_string(i);
    client->write(sent);
    ASSERT_TRUE(w.until([&] { return first_part.size() + moved.received.size() == sent.size(); }))
        << seed;
    EXPECT_EQ(first_part + moved.received, sent);
    EXPECT_FALSE(first_part.empty());
    ASSERT_TRUE(w.until([&] { return client->received == "before, after"; }));
    stream.reset();
    ASSERT_TRUE(w.until([&] { return client->closed == 1; }));
  }
}

/// Sits between a client and the server and flips one bit of what passes, in either direction.
class Forger {
 public:
  Forger(TlsWorld& w, std::uint64_t seed) : random_(seed) {
    at_ = random_.below(4'000);
    env_ = std::make_unique<Env>(w.world.env("forger"));
    listener_ = *env_->network.listen({.endpoint = {"::", 1}}, [this](auto stream) {
      near_.to = &far_stream_;
      far_.to = &near_stream_;
      near_.forger = far_.forger = this;
      near_stream_ = std::move(stream);
      near_stream_->set_handler(near_);
      far_stream_ = env_->network.connect({"server", 1}, far_);
    });
  }

 private:
  struct Half : StreamHandler {
    void on_bytes(ByteView bytes) override {
      Bytes copy(bytes.begin(), bytes.end());
      for (std::uint8_t& byte : copy)
        if (forger->count_++ == forger->at_)
          byte ^= static_cast<std::uint8_t>(1U << forger->random_.below(8));
      if (*to) (*to)->write(copy);
    }
    void on_close(const Error&) override {
      if (*to) (*to)->close();
    }
    std::unique_ptr<Stream>* to = nullptr;
    Forger* forger = nullptr;
  };

  SeededRandom random_;
  std::unique_ptr<Env> env_;
  std::uint64_t at_ = 0;
  std::uint64_t count_ = 0;
  std::unique_ptr<Listener> listener_;
  Half near_;
  Half far_;
  std::unique_ptr<Stream> near_stream_;
  std::unique_ptr<Stream> far_stream_;
};

TEST(Tls, never_delivers_a_forged_byte) {
  int failed = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    TlsWorld w(seed, {.fragment_bytes_max = 500});
    w.on_accept = [](End& end) { end.on_piece = [&end] { end.write(end.received); }; };
    w.listen();
    Forger forger(w, seed);
    End client;
    auto context = TlsClientContext::create(w.client_options);
    client.stream =
        (*context)->connect(w.client_env.loop, w.client_env.network,
                            {.endpoint = {"forger", 1}, .server_name = "server"}, client);
    const std::string text(500, 't');
    client.write(text);
    w.world.run_for(seconds{30});
    // A forged length may make either side wait for more; it never takes the bytes for good.
    EXPECT_TRUE(client.received == text || client.received.empty()) << seed;
    const std::string heard = w.accepted.empty() ? "" : w.accepted[0]->received;
    EXPECT_TRUE(heard == text || heard.empty()) << seed;
    failed += client.closed;
  }
  EXPECT_GT(failed, 100) << "the forger was at work";
}

TEST(Tls, survives_whatever_a_stranger_sends) {
  TlsWorld w;
  w.listen();
  SeededRandom random(7);
  const std::string hello_head("\x16\x03\x01\x00\xf0\x01\x00\x00\xec\x03\x03", 11);
  for (int i = 0; i < 2'000; ++i) {
    w.accepted.clear();
    RecordingHandler handler;
    const auto stream = w.connect_plain(handler);
    std::string text = hello_head.substr(0, random.below(hello_head.size()) + 1);
    for (std::uint64_t n = random.below(600); n > 0; --n)
      text += static_cast<char>(random.below(256));
    stream->write(as_bytes(text));
    w.world.run_for(seconds{11});
    ASSERT_EQ(w.accepted[0]->closed, 1) << i;
    ASSERT_EQ(w.accepted[0]->received, "") << i;
  }
}

TEST(Tls, names_bad_settings) {
  TlsWorld w;
  TlsServerOptions options = w.server_options;
  options.certificates[0].key = make_authority("x", w.now())->key;
  EXPECT_NE(TlsServerContext::create(options).error().message.find("is not that of"),
            std::string::npos);
  options = w.server_options;
  options.client_certificates = ClientCertificates::required;
  EXPECT_NE(TlsServerContext::create(options).error().message.find("the CA file holds no"),
            std::string::npos);
  EXPECT_EQ(TlsClientContext::create({.ca = "rubbish"}).error().code, Errc::invalid);
}

}  // namespace
}  // namespace wireway::net
