// TLS and plain text on one port: against curl, against our client, and on virtual time.

#include <filesystem>

#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "link/http_client.h"
#include "link/http_server.h"
#include "net/os/process.h"
#include "net/os/test_loop.h"
#include "net/sim/sim_world.h"
#include "net/tls/context.h"
#include "net/tls/stream.h"

namespace wireway::link {
namespace {

using net::turn_until;
using std::chrono::seconds;

/// An authority with a server's and a client's certificate.
struct Keys {
  explicit Keys(WallTime now) {
    authority = *net::make_authority("Plant CA", now);
    server = *net::issue_certificate(
        authority,
        {.common_name = "edge", .names = {"localhost", "127.0.0.1", "edge"}, .now = now});
    admin = *net::issue_certificate(authority, {.use = net::CertificateUse::client,
                                                .common_name = "admin",
                                                .organizations = {"system:masters"},
                                                .now = now});
  }
  net::TlsServerOptions options() const {
    return {.certificates = {server},
            .client_ca = authority.certificates,
            .client_certificates = net::ClientCertificates::optional,
            .alpn = {"http/1.1"}};
  }
  net::KeyPair authority, server, admin;
};

/// Tells who asks and how.
void answer_who(const HttpRequest& request, HttpResponder& responder) {
  const std::string who =
      request.client_certificate
          ? fmt::format("{} of {}", request.client_certificate->common_name,
                        fmt::join(request.client_certificate->organizations, "+"))
          : "nobody";
  responder.respond({200, {}, fmt::format("{} {}", request.encrypted ? "TLS" : "plain", who)});
}

class Https : public ::testing::Test {
 protected:
  void SetUp() override {
    tls = std::move(*net::TlsServerContext::create(keys.options()));
    auto started = HttpServer::start(env, {.endpoint = {"127.0.0.1", 0}, .tls = tls.get()},
                                     [this](HttpRequest request, auto responder) {
                                       if (handler) return handler(request, responder);
                                       answer_who(request, *responder);
                                     });
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
    const std::string pattern = ::testing::TempDir() + "httpsXXXXXX";
    std::vector<char> name(pattern.c_str(), pattern.c_str() + pattern.size() + 1);
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name.data();
    for (const auto& [file, text] : {std::pair{"ca.crt", keys.authority.certificates},
                                     {"admin.crt", keys.admin.certificates},
                                     {"admin.key", keys.admin.key}})
      ASSERT_TRUE(files->replace(folder + "/" + file, text, 0600));
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string curl(const std::string& options) {
    std::string output;
    bool ended = false;
    const auto process = net::start_process(
        loop, {.arguments = {"/bin/sh", "-c",
                             fmt::format("cd {}; curl -sS --noproxy '*' --max-time 20 {} 2>&1",
                                         folder, options)},
               .on_output = [&](std::string_view line) { output += line; },
               .on_exit = [&](const net::ExitStatus&) { ended = true; }});
    EXPECT_TRUE(process);
    EXPECT_TRUE(turn_until(loop, [&] { return ended; }));
    return output;
  }
  Result<HttpClientResponse> send(HttpClientRequest request) {
    std::optional<Result<HttpClientResponse>> result;
    const auto call = client->send(std::move(request), [&](auto got) { result = std::move(got); });
    EXPECT_TRUE(turn_until(loop, [&] { return result.has_value(); }));
    return std::move(*result);
  }
  std::string url(std::string_view scheme, std::string_view host = "127.0.0.1") const {
    return fmt::format("{}://{}:{}/", scheme, host, server->port());
  }

  net::OsLoop loop;
  net::SystemRandom random;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::Env env{loop, loop, *files, random};
  Keys keys{system_wall_now()};
  std::unique_ptr<net::TlsServerContext> tls;
  std::function<void(const HttpRequest&, std::shared_ptr<HttpResponder>)> handler;
  std::unique_ptr<HttpServer> server;
  std::unique_ptr<HttpClient> client = HttpClient::create(loop);
  std::string folder;
};

TEST_F(Https, serves_curl_with_and_without_tls_on_one_port) {
  if (::access("/usr/bin/curl", X_OK) != 0) GTEST_SKIP() << "curl is not installed";
  EXPECT_EQ(curl(url("http")), "plain nobody");
  EXPECT_EQ(curl("--cacert ca.crt " + url("https")), "TLS nobody");
  EXPECT_EQ(curl("--cacert ca.crt " + url("https", "localhost")), "TLS nobody");
  EXPECT_EQ(curl("--cacert ca.crt --cert admin.crt --key admin.key " + url("https")),
            "TLS admin of system:masters");
  EXPECT_EQ(curl("--cacert ca.crt --tls-max 1.2 " + url("https")), "TLS nobody");
  EXPECT_EQ(curl("--cacert ca.crt -o /dev/null -w '%{http_version}' " + url("https")), "1.1");
  EXPECT_NE(curl(url("https")).find("self-signed certificate"), std::string::npos);
}

TEST_F(Https, carries_large_bodies_both_ways) {
  if (::access("/usr/bin/curl", X_OK) != 0) GTEST_SKIP() << "curl is not installed";
  handler = [](const HttpRequest& request, auto responder) {
    responder->respond({200, {}, request.body});
  };
  EXPECT_EQ(curl("--version >/dev/null; head -c 3000000 /dev/urandom > sent; curl -sS --noproxy "
                 "'*' --cacert ca.crt --data-binary @sent -o got " +
                 url("https") + "; cmp sent got && echo the same"),
            "the same");
}

TEST_F(Https, our_client_shows_its_certificate_and_checks_the_servers) {
  const auto trusting = send({.url = url("https"), .ca = keys.authority.certificates});
  ASSERT_TRUE(trusting) << trusting.error().message;
  EXPECT_EQ(trusting->body, "TLS nobody");
  const auto by_file = send({.url = url("https"), .ca_file = folder + "/ca.crt"});
  ASSERT_TRUE(by_file) << by_file.error().message;
  const auto known =
      send({.url = url("https"), .ca = keys.authority.certificates, .identity = keys.admin});
  ASSERT_TRUE(known) << known.error().message;
  EXPECT_EQ(known->body, "TLS admin of system:masters");
  const auto distrusting = send(
      {.url = url("https"), .ca = net::make_authority("Other", system_wall_now())->certificates});
  ASSERT_FALSE(distrusting);
  EXPECT_EQ(distrusting.error().code, Errc::denied);
  EXPECT_NE(distrusting.error().message.find("check the server's certificate and the CA file"),
            std::string::npos);
}

TEST_F(Https, is_not_sent_from_https_to_plain_http) {
  handler = [this](const HttpRequest& request, auto responder) {
    if (request.path == "/") return responder->respond({200, {}, "here"});
    responder->respond({302, {{"Location", url(request.path == "/plain" ? "http" : "https")}}, ""});
  };
  const auto same = send({.url = url("https") + "same", .ca = keys.authority.certificates});
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_EQ(same->body, "here");
  const auto down = send({.url = url("https") + "plain", .ca = keys.authority.certificates});
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().code, Errc::invalid) << down.error().message;
}

TEST_F(Https, shows_new_certificates_to_new_connections) {
  if (::access("/usr/bin/curl", X_OK) != 0) GTEST_SKIP() << "curl is not installed";
  const Keys other(system_wall_now());
  ASSERT_TRUE(tls->replace(other.options()));
  EXPECT_NE(curl("--cacert ca.crt " + url("https")).find("certificate"), std::string::npos);
  ASSERT_TRUE(files->replace(folder + "/ca.crt", other.authority.certificates));
  EXPECT_EQ(curl("--cacert ca.crt " + url("https")), "TLS nobody");
}

TEST_F(Https, streams_and_notices_a_client_that_goes) {
  std::shared_ptr<HttpResponder> watch;
  int gone = 0;
  handler = [&](const HttpRequest&, auto responder) {
    watch = std::move(responder);
    watch->begin_stream({}, [&] { ++gone; });
    watch->write("first\n");
  };
  std::string received;
  auto call = client->stream(
      {.url = url("https"), .ca = keys.authority.certificates},
      [&](unsigned, std::string_view chunk) { received += chunk; }, [](auto) {});
  ASSERT_TRUE(turn_until(loop, [&] { return received == "first\n"; }));
  watch->write("second\n");
  ASSERT_TRUE(turn_until(loop, [&] { return received == "first\nsecond\n"; }));
  call.reset();
  EXPECT_TRUE(turn_until(loop, [&] { return gone == 1; }));
}

TEST(HttpsOffLoopback, refuses_plain_text_with_a_sentence_and_serves_tls) {
  net::SimWorld world(1);
  net::Env server_env = world.env("edge");
  net::Env client_env = world.env("elsewhere");
  const Keys keys(server_env.loop.wall_now());
  const auto tls = std::move(*net::TlsServerContext::create(keys.options()));
  int requests = 0;
  const auto server = HttpServer::start(server_env, {.endpoint = {"::", 1}, .tls = tls.get()},
                                        [&](HttpRequest request, auto responder) {
                                          ++requests;
                                          answer_who(request, *responder);
                                        });
  ASSERT_TRUE(server);
  net::RecordingHandler plain;
  const auto stream = client_env.network.connect({"edge", 1}, plain);
  stream->write(as_bytes("GET /api/v1/secrets HTTP/1.1\r\nHost: edge\r\n\r\n"));
  ASSERT_TRUE(world.run_until([&] { return plain.closed == 1; }, seconds{30}));
  EXPECT_TRUE(plain.received.starts_with("HTTP/1.1 400 Bad Request"));
  EXPECT_NE(plain.received.find("use https://"), std::string::npos);
  EXPECT_EQ(requests, 0);
  const auto client =
      std::move(*net::TlsClientContext::create({.ca = keys.authority.certificates}));
  net::RecordingHandler secured;
  const auto over_tls =
      client->connect(client_env.loop, client_env.network, {.endpoint = {"edge", 1}}, secured);
  over_tls->write(as_bytes("GET / HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n"));
  ASSERT_TRUE(world.run_until([&] { return secured.closed == 1; }, seconds{30}));
  EXPECT_TRUE(secured.received.ends_with("TLS nobody")) << secured.received;
}

}  // namespace
}  // namespace wireway::link
