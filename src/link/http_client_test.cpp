// Our client against our server, over loopback and port 0.

#include "link/http_client.h"

#include <gtest/gtest.h>

#include "link/http_server.h"
#include "net/os/test_loop.h"

namespace wireway::link {
namespace {

using net::turn_until;
using std::chrono::milliseconds;

class Client : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = HttpServer::start(env, {.endpoint = {"127.0.0.1", 0}},
                                     [this](HttpRequest request, auto responder) {
                                       peers.insert(request.peer);
                                       handle(std::move(request), std::move(responder));
                                     });
    ASSERT_TRUE(started);
    server = std::move(*started);
  }

  void handle(HttpRequest request, std::shared_ptr<HttpResponder> responder) {
    if (request.path == "/echo") {
      responder->respond(
          {201,
           {{"X-Method", request.method}, {"X-Type", std::string(request.header("content-type"))}},
           request.body});
    } else if (request.path == "/large") {
      responder->respond({200, {}, std::string(2'000'000, 'x')});
    } else if (request.path == "/moved") {
      responder->respond({302, {{"Location", "/echo"}}, "elsewhere"});
    } else if (request.path == "/watch") {
      watch = std::move(responder);
      watch->begin_stream({}, [this] { ++gone; });
      watch->write("first\n");
    } else {
      silent.push_back(std::move(responder));
    }
  }

  std::string url(std::string_view path) const {
    return fmt::format("http://127.0.0.1:{}{}", server->port(), path);
  }
  HttpClient::Done record() {
    return [this](Result<HttpClientResponse> result) { results.push_back(std::move(result)); };
  }
  bool until(std::move_only_function<bool()> condition) {
    return turn_until(loop, std::move(condition));
  }

  net::OsLoop loop;
  net::SystemRandom random;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::Env env{loop, loop, *files, random};
  std::unique_ptr<HttpServer> server;
  std::unique_ptr<HttpClient> client = HttpClient::create(loop);
  std::set<std::string> peers;
  std::shared_ptr<HttpResponder> watch;
  std::vector<std::shared_ptr<HttpResponder>> silent;
  int gone = 0;
  std::vector<Result<HttpClientResponse>> results;
};

TEST_F(Client, sends_method_headers_and_body_and_reads_the_answer) {
  HttpClientRequest request;
  request.method = "PATCH";
  request.url = url("/echo");
  request.headers = {{"Content-Type", "application/merge-patch+json"}};
  request.body = std::string("{}\0binary", 9);
  const auto call = client->send(request, record());
  ASSERT_TRUE(until([&] { return results.size() == 1; }));
  ASSERT_TRUE(results[0]) << results[0].error().message;
  EXPECT_EQ(results[0]->status, 201U);
  EXPECT_EQ(results[0]->body, request.body);
  const std::pair<std::string, std::string> method{"x-method", "PATCH"};
  const std::pair<std::string, std::string> type{"x-type", "application/merge-patch+json"};
  EXPECT_NE(std::ranges::find(results[0]->headers, method), results[0]->headers.end());
  EXPECT_NE(std::ranges::find(results[0]->headers, type), results[0]->headers.end());
}

TEST_F(Client, reuses_its_connection) {
  for (std::size_t i = 1; i <= 5; ++i) {
    const auto call = client->send({.url = url("/echo")}, record());
    ASSERT_TRUE(until([&] { return results.size() == i; }));
  }
  EXPECT_EQ(peers.size(), 1U);
}

TEST_F(Client, follows_a_redirect_and_gives_the_last_headers_only) {
  const auto call = client->send({.url = url("/moved")}, record());
  ASSERT_TRUE(until([&] { return results.size() == 1; }));
  ASSERT_TRUE(results[0]);
  EXPECT_EQ(results[0]->status, 201U);
  for (const auto& [name, value] : results[0]->headers) EXPECT_NE(name, "location");
}

TEST_F(Client, streams_chunks_as_they_come_until_the_end) {
  std::string received;
  unsigned status_seen = 0;
  const auto call = client->stream(
      {.url = url("/watch")},
      [&](unsigned status, std::string_view chunk) {
        status_seen = status;
        received += chunk;
      },
      record());
  ASSERT_TRUE(until([&] { return received == "first\n"; }));
  EXPECT_EQ(status_seen, 200U);
  watch->write("second\n");
  ASSERT_TRUE(until([&] { return received == "first\nsecond\n"; }));
  EXPECT_TRUE(results.empty());
  watch->end();
  ASSERT_TRUE(until([&] { return results.size() == 1; }));
  ASSERT_TRUE(results[0]);
  EXPECT_EQ(results[0]->body, "");
}

TEST_F(Client, cancels_by_destruction_also_within_on_chunk) {
  std::unique_ptr<HttpCall> call;
  int chunks = 0;
  call = client->stream(
      {.url = url("/watch")},
      [&](unsigned, std::string_view) {
        ++chunks;
        call.reset();
      },
      record());
  ASSERT_TRUE(until([&] { return gone == 1; }));
  EXPECT_EQ(chunks, 1);
  EXPECT_TRUE(results.empty());
}

TEST_F(Client, begins_a_further_request_within_on_chunk_and_done) {
  std::unique_ptr<HttpCall> second;
  std::unique_ptr<HttpCall> third;
  const auto first = client->stream(
      {.url = url("/watch")},
      [&](unsigned, std::string_view) {
        second = client->send({.url = url("/echo")}, [&](auto) {
          third = client->send({.url = url("/echo")}, record());
          second.reset();
        });
      },
      record());
  ASSERT_TRUE(until([&] { return results.size() == 1; }));
  EXPECT_TRUE(results[0]);
}

TEST_F(Client, may_be_destroyed_within_done) {
  bool done = false;
  const auto call = client->send({.url = url("/echo")}, [&](auto) {
    client.reset();
    done = true;
  });
  const auto other = client->stream({.url = url("/watch")}, [](auto, auto) {}, record());
  ASSERT_TRUE(until([&] { return done; }));
  EXPECT_TRUE(until([&] { return watch == nullptr || gone == 1; }));
  EXPECT_TRUE(results.empty());
}

TEST_F(Client, names_the_url_of_a_refused_connection) {
  const std::string target = url("/x");
  server.reset();
  const auto call = client->send({.url = target}, record());
  ASSERT_TRUE(until([&] { return results.size() == 1; }));
  ASSERT_FALSE(results[0]);
  EXPECT_EQ(results[0].error().code, Errc::unavailable);
  EXPECT_TRUE(results[0].error().message.starts_with("GET " + target + ": "))
      << results[0].error().message;
  EXPECT_TRUE(results[0].error().message.ends_with("; is the server running there?"));
}

TEST_F(Client, gives_up_after_its_time) {
  HttpClientRequest request{.url = url("/silent")};
  request.total_timeout = milliseconds{50};
  const auto call = client->send(request, record());
  ASSERT_TRUE(until([&] { return results.size() == 1; }));
  ASSERT_FALSE(results[0]);
  EXPECT_EQ(results[0].error().code, Errc::timed_out);
}

TEST_F(Client, refuses_an_answer_that_is_too_large_and_an_unknown_scheme) {
  const auto large = client->send({.url = url("/large"), .body_bytes_max = 1'000'000}, record());
  ASSERT_TRUE(until([&] { return results.size() == 1; }));
  ASSERT_FALSE(results[0]);
  EXPECT_EQ(results[0].error().code, Errc::exhausted);
  const auto file = client->send({.url = "file:///etc/passwd"}, record());
  ASSERT_TRUE(until([&] { return results.size() == 2; }));
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().code, Errc::invalid);
}

TEST_F(Client, runs_many_requests_at_a_time) {
  std::vector<std::unique_ptr<HttpCall>> calls;
  for (int i = 0; i < 100; ++i) calls.push_back(client->send({.url = url("/large")}, record()));
  ASSERT_TRUE(until([&] { return results.size() == 100; }));
  for (const auto& each : results) {
    ASSERT_TRUE(each) << each.error().message;
    EXPECT_EQ(each->body.size(), 2'000'000U);
  }
}

}  // namespace
}  // namespace wireway::link
