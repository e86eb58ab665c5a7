// The server against raw bytes, against curl, and on virtual time where only time matters.

#include "link/http_server.h"

#include <gtest/gtest.h>

#include "net/os/os_loop.h"
#include "net/os/process.h"
#include "net/os/test_loop.h"

namespace wireway::link {
namespace {

using net::turn_until;
using std::chrono::milliseconds;

class Server : public ::testing::Test {
 protected:
  void start(HttpServerOptions options, HttpHandler handler) {
    options.endpoint = {"127.0.0.1", 0};
    auto started = HttpServer::start(env, std::move(options), std::move(handler));
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
  }
  void start_hello(HttpServerOptions options = {}) {
    start(std::move(options), [this](HttpRequest request, auto responder) {
      ++requests;
      responder->respond({200, {{"Content-Type", "text/plain"}}, request.method + request.path});
    });
  }

  /// One raw connection.
  struct Client : net::RecordingHandler {
    std::unique_ptr<net::Stream> stream;
    bool has(std::string_view text) const { return received.find(text) != std::string::npos; }
    void send(std::string_view text) { stream->write(as_bytes(text)); }
  };
  std::unique_ptr<Client> connect() {
    auto client = std::make_unique<Client>();
    client->stream = loop.connect({"127.0.0.1", server->port()}, *client);
    return client;
  }
  bool until(std::move_only_function<bool()> condition) {
    return turn_until(loop, std::move(condition));
  }

  net::OsLoop loop;
  net::SystemRandom random;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::Env env{loop, loop, *files, random};
  std::unique_ptr<HttpServer> server;
  int requests = 0;
};

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_F(Server, answers_pipelined_requests_in_order_on_one_connection) {
  start_hello();
  auto client = connect();
  client->send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(until([&] { return client->has("GET/2"); }));
  EXPECT_LT(client->received.find("GET/1"), client->received.find("GET/2"));
  client->send("GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(until([&] { return client->closed == 1; }));
  EXPECT_TRUE(client->has("GET/3"));
  EXPECT_EQ(requests, 3);
}

TEST_F(Server, answers_later_and_only_then_begins_the_next_request) {
  std::vector<std::shared_ptr<HttpResponder>> waiting;
  start({}, [&](HttpRequest, auto responder) { waiting.push_back(std::move(responder)); });
  auto client = connect();
  client->send(get + get);
  ASSERT_TRUE(until([&] { return waiting.size() == 1; }));
  waiting[0]->respond({200, {}, "first"});
  waiting[0]->respond({200, {}, "twice"});
  ASSERT_TRUE(until([&] { return waiting.size() == 2 && client->has("first"); }));
  waiting[1]->respond({200, {}, "second"});
  ASSERT_TRUE(until([&] { return client->has("second"); }));
  EXPECT_FALSE(client->has("twice"));
}

TEST_F(Server, answers_500_if_nobody_answers) {
  start({}, [](HttpRequest, auto) {});
  auto client = connect();
  client->send(get);
  EXPECT_TRUE(until([&] { return client->has("HTTP/1.1 500 Internal Server Error"); }));
}

TEST_F(Server, leaves_the_body_out_of_an_answer_to_head) {
  start_hello();
  auto client = connect();
  client->send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(until([&] { return client->has("GET/next"); }));
  EXPECT_TRUE(client->has("Content-Length: 5"));
  EXPECT_FALSE(client->has("HEAD/"));
}

TEST_F(Server, streams_chunks_and_goes_on_with_the_connection) {
  std::shared_ptr<HttpResponder> watch;
  start({}, [&](HttpRequest request, auto responder) {
    if (request.path == "/watch") {
      watch = std::move(responder);
      watch->begin_stream({200, {{"Content-Type", "application/json"}}, ""}, [] {});
      watch->write("one\n");
    } else {
      responder->respond({200, {}, "after"});
    }
  });
  auto client = connect();
  client->send("GET /watch HTTP/1.1\r\nHost: h\r\n\r\n" + get);
  ASSERT_TRUE(until([&] { return client->has("4\r\none\n\r\n"); }));
  EXPECT_TRUE(watch->write("two\n"));
  ASSERT_TRUE(until([&] { return client->has("4\r\ntwo\n\r\n"); }));
  EXPECT_FALSE(client->has("after"));
  watch->end();
  EXPECT_FALSE(watch->write("too late"));
  ASSERT_TRUE(until([&] { return client->has("0\r\n\r\n") && client->has("after"); }));
}

TEST_F(Server, tells_a_streamer_once_that_its_client_left) {
  std::shared_ptr<HttpResponder> watch;
  int gone = 0;
  start({}, [&](HttpRequest, auto responder) {
    watch = std::move(responder);
    watch->begin_stream({}, [&] {
      ++gone;
      watch.reset();
    });
  });
  auto client = connect();
  client->send(get);
  ASSERT_TRUE(until([&] { return client->has("200 OK"); }));
  client->stream.reset();
  ASSERT_TRUE(until([&] { return gone > 0; }));
  EXPECT_EQ(gone, 1);
  EXPECT_EQ(watch, nullptr);
}

TEST_F(Server, cuts_off_a_watcher_that_does_not_read) {
  std::shared_ptr<HttpResponder> watch;
  int gone = 0;
  start({.stream_pending_bytes_max = 1024 * 1024}, [&](HttpRequest, auto responder) {
    watch = std::move(responder);
    watch->begin_stream({}, [&] { ++gone; });
  });
  auto client = connect();
  client->send(get);
  ASSERT_TRUE(until([&] { return client->has("200 OK"); }));
  client->stream->pause_reading();
  const std::string chunk(256 * 1024, 'x');
  bool cut = false;
  ASSERT_TRUE(until([&] { return cut = cut || !watch->write(chunk); }));
  EXPECT_EQ(gone, 0) << "not within write()";
  EXPECT_FALSE(watch->write("more"));
  ASSERT_TRUE(until([&] { return gone == 1; }));
}

TEST_F(Server, ends_a_stream_to_an_old_client_by_closing) {
  start({}, [&](HttpRequest, auto responder) {
    responder->begin_stream({}, [] {});
    responder->write("plain");
    responder->end();
  });
  auto client = connect();
  client->send("GET / HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(until([&] { return client->closed == 1; }));
  EXPECT_TRUE(client->received.ends_with("\r\n\r\nplain")) << client->received;
}

TEST_F(Server, refuses_malformed_and_oversized_requests_and_closes) {
  start_hello({.header_bytes_max = 1024, .body_bytes_max = 10});
  const std::pair<std::string, std::string> cases[] = {
      {"\x16\x03\x01 not http\r\n\r\n", "HTTP/1.1 400 "},
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'x') + "\r\n\r\n", "HTTP/1.1 431 "},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", "HTTP/1.1 413 "},
  };
  for (const auto& [text, status] : cases) {
    auto client = connect();
    client->send(text);
    ASSERT_TRUE(until([&] { return client->closed == 1; })) << status;
    EXPECT_TRUE(client->received.starts_with(status)) << client->received;
  }
  EXPECT_EQ(requests, 0);
}

TEST_F(Server, answers_408_to_half_a_request_and_closes_an_idle_connection) {
  start_hello({.idle_timeout = milliseconds{50}, .read_timeout = milliseconds{20}});
  auto half = connect();
  half->send("GET / HTT");
  auto idle = connect();
  idle->send(get);
  ASSERT_TRUE(until([&] { return half->closed == 1 && idle->closed == 1; }));
  EXPECT_TRUE(half->received.starts_with("HTTP/1.1 408 ")) << half->received;
  EXPECT_TRUE(idle->received.ends_with("GET/"));
}

TEST_F(Server, turns_clients_away_beyond_its_limit) {
  start_hello({.connections_max = 2});
  auto a = connect();
  auto b = connect();
  ASSERT_TRUE(until([&] { return a->opened + b->opened == 2; }));
  auto c = connect();
  ASSERT_TRUE(until([&] { return c->closed == 1; }));
  EXPECT_TRUE(c->received.starts_with("HTTP/1.1 503 ")) << c->received;
  a->stream.reset();
  // The place becomes free in some later turn: a client that comes again gets in.
  std::unique_ptr<Client> d = connect();
  d->send(get);
  ASSERT_TRUE(until([&] {
    if (d->closed > 0) {
      d = connect();
      d->send(get);
    }
    return d->has("HTTP/1.1 200 ");
  }));
}

TEST_F(Server, stops_reading_ahead_while_an_answer_is_under_way) {
  std::shared_ptr<HttpResponder> first;
  start({}, [&](HttpRequest, auto responder) {
    ++requests;
    if (!first)
      first = std::move(responder);
    else
      responder->respond({});
  });
  auto client = connect();
  const std::string padded =
      "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'x') + "\r\n\r\n";
  constexpr int count = 5'000;  // more bytes than the kernel's buffers hold
  std::string many;
  for (int i = 0; i < count; ++i) many += padded;
  client->send(many);
  std::size_t before = 0;
  ASSERT_TRUE(until([&] {
    const std::size_t now = client->stream->pending_bytes();
    return std::exchange(before, now) == now && first != nullptr;
  }));
  EXPECT_GT(client->stream->pending_bytes(), 0U);
  first->respond({});
  EXPECT_TRUE(until([&] { return requests == count; }));
}

TEST_F(Server, may_be_destroyed_while_answers_are_under_way) {
  std::shared_ptr<HttpResponder> plain, watch;
  start({}, [&](HttpRequest request, auto responder) {
    if (request.path == "/") {
      plain = std::move(responder);
    } else {
      watch = std::move(responder);
      watch->begin_stream({}, [] {});
    }
  });
  auto a = connect();
  a->send(get);
  auto b = connect();
  b->send("GET /w HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(until([&] { return plain && watch; }));
  server.reset();
  plain->respond({});
  EXPECT_FALSE(watch->write("x"));
  ASSERT_TRUE(until([&] { return a->closed == 1 && b->closed == 1; }));
}

TEST_F(Server, names_the_port_that_is_in_use) {
  start_hello();
  const auto second =
      HttpServer::start(env, {.endpoint = {"127.0.0.1", server->port()}}, [](auto, auto) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
  EXPECT_TRUE(second.error().message.starts_with("HTTP server: 127.0.0.1:"));
}

// Method: curl is the client that is not ours; it sends Expect: 100-continue for a body this large.
TEST_F(Server, serves_curl_with_a_large_body_and_chunks) {
  if (::access("/usr/bin/curl", X_OK) != 0) GTEST_SKIP() << "curl is not installed";
  start({}, [&](HttpRequest request, auto responder) {
    responder->begin_stream({200, {}, ""}, [] {});
    responder->write(std::to_string(request.body.size()) + " ");
    responder->write(std::string(request.query_value("q")));
    responder->write(std::string(" ") + std::string(request.header("x-test")));
    responder->end();
  });
  const std::string url = fmt::format("http://127.0.0.1:{}/a?q=%C3%A4", server->port());
  std::string output;
  bool ended = false;
  net::ProcessOptions options;
  options.arguments = {"/bin/sh", "-c",
                       "head -c 3000000 /dev/zero | curl -sS --noproxy '*' --data-binary @- "
                       "-H 'X-Test: yes' '" +
                           url + "' -H 'Expect: 100-continue' --http1.1"};
  options.on_output = [&](std::string_view line) { output += line; };
  options.on_exit = [&](const net::ExitStatus& status) {
    ended = true;
    EXPECT_EQ(status.code, 0) << output;
  };
  const auto process = net::start_process(loop, std::move(options));
  ASSERT_TRUE(process);
  ASSERT_TRUE(until([&] { return ended; }));
  EXPECT_EQ(output, "3000000 \xC3\xA4 yes");
}

}  // namespace
}  // namespace wireway::link
