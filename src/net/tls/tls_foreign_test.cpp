// Our ends against the openssl program's, over loopback.

#include <filesystem>

#include <sys/stat.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "net/os/os_loop.h"
#include "net/os/process.h"
#include "net/os/test_loop.h"
#include "net/tls/context.h"
#include "net/tls/stream.h"

namespace wireway::net {
namespace {

class TlsForeign : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string pattern = ::testing::TempDir() + "tlsXXXXXX";
    std::vector<char> name(pattern.begin(), pattern.end());
    name.push_back('\0');
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name.data();
    const WallTime now = system_wall_now();
    authority = *make_authority("Plant CA", now);
    server_pair = *issue_certificate(
        authority, {.common_name = "edge", .names = {"localhost", "127.0.0.1"}, .now = now});
    client_pair = *issue_certificate(authority, {.use = CertificateUse::client,
                                                 .common_name = "admin",
                                                 .organizations = {"system:masters"},
                                                 .now = now});
    put("ca.crt", authority.certificates);
    put("server.crt", server_pair.certificates);
    put("server.key", server_pair.key);
    put("client.crt", client_pair.certificates);
    put("client.key", client_pair.key);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  void put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(files->replace(folder + "/" + name, text, 0600));
  }

  /// An echoing server of ours.
  void serve(ClientCertificates client_certificates) {
    auto made = TlsServerContext::create({.certificates = {server_pair},
                                          .client_ca = authority.certificates,
                                          .client_certificates = client_certificates,
                                          .alpn = {"http/1.1"}});
    ASSERT_TRUE(made) << made.error().message;
    server = std::move(*made);
    listener = *loop.listen({.endpoint = {"127.0.0.1", 0}}, [this](auto stream) {
      auto& end = ends.emplace_back(std::make_unique<Echo>());
      end->bytes_max = echo_bytes;
      end->stream = server->accept(loop, std::move(stream));
      end->stream->set_handler(*end);
    });
  }
  struct Echo : RecordingHandler {
    void on_bytes(ByteView bytes) override {
      RecordingHandler::on_bytes(bytes);
      version = stream->version();
      resumed = stream->resumed();
      if (const auto certificate = stream->peer_certificate()) peer_name = certificate->common_name;
      stream->write(bytes);
      if (received.size() >= bytes_max) stream->close();
    }
    std::unique_ptr<TlsStream> stream;
    std::size_t bytes_max = 0;  ///< closes after so many
    std::string version, peer_name;
    bool resumed = false;
  };

  /// Runs a shell line with $CA etc. in the folder; its output is in `output` at its end.
  void run(const std::string& line) {
    output.clear();
    bool ended = false;
    auto started = start_process(
        loop, {.arguments = {"/bin/sh", "-c", "cd " + folder + "; " + line + " 2>&1"},
               .on_output = [this](std::string_view text) { output += std::string(text) + "\n"; },
               .on_exit = [&ended](const ExitStatus&) { ended = true; }});
    ASSERT_TRUE(started) << started.error().message;
    ASSERT_TRUE(turn_until(loop, [&] { return ended; })) << output;
  }
  std::string s_client(const std::string& options) {
    return fmt::format(
        "printf 'hello\\n' | timeout 20 openssl s_client -ign_eof -connect 127.0.0.1:{} -CAfile "
        "ca.crt -verify_return_error -verify_ip 127.0.0.1 {}",
        listener->port(), options);
  }
  bool said(std::string_view text) const { return output.find(text) != std::string::npos; }

  OsLoop loop;
  std::unique_ptr<Files> files = make_os_files();
  std::string folder;
  KeyPair authority, server_pair, client_pair;
  std::unique_ptr<TlsServerContext> server;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Echo>> ends;
  std::size_t echo_bytes = std::string_view("hello\n").size();
  std::string output;
};

TEST_F(TlsForeign, openssl_talks_to_our_server_in_both_versions_and_no_older_one) {
  serve(ClientCertificates::none);
  run(s_client("-tls1_3 -alpn h2,http/1.1"));
  ASSERT_EQ(ends.size(), 1U) << output;
  EXPECT_TRUE(said("Verify return code: 0 (ok)")) << output;
  EXPECT_TRUE(said("ALPN protocol: http/1.1")) << output;
  EXPECT_TRUE(said("Secure Renegotiation IS NOT supported") || said("TLSv1.3")) << output;
  EXPECT_EQ(ends[0]->received, "hello\n");
  EXPECT_EQ(ends[0]->version, "TLSv1.3");
  run(s_client("-tls1_2"));
  ASSERT_EQ(ends.size(), 2U) << output;
  EXPECT_EQ(ends[1]->version, "TLSv1.2") << output;
  EXPECT_TRUE(said("hello"));
  run(s_client("-tls1_1 -cipher ALL:@SECLEVEL=0"));
  EXPECT_TRUE(turn_until(loop, [&] { return ends.size() == 3 && ends[2]->closed == 1; }));
  EXPECT_NE(ends[2]->close_reason.message.find("must speak TLS 1.2 or 1.3"), std::string::npos)
      << ends[2]->close_reason.message << output;
  run(s_client("-tls1_2 -cipher AES128-SHA:@SECLEVEL=0"));
  EXPECT_TRUE(turn_until(loop, [&] { return ends.size() == 4 && ends[3]->closed == 1; }));
  EXPECT_NE(ends[3]->close_reason.message.find("no cipher in common"), std::string::npos);
}

TEST_F(TlsForeign, openssl_shows_its_certificate_and_resumes) {
  serve(ClientCertificates::required);
  for (const std::string version : {"-tls1_2", "-tls1_3"}) {
    ends.clear();
    const std::string with = version + " -cert client.crt -key client.key ";
    run(s_client(with + "-sess_out session"));
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0]->peer_name, "admin") << output;
    EXPECT_FALSE(ends[0]->resumed);
    run(s_client(with + "-sess_in session"));
    ASSERT_EQ(ends.size(), 2U);
    EXPECT_TRUE(said("Reused, TLSv1.")) << output;
    EXPECT_TRUE(ends[1]->resumed);
    EXPECT_EQ(ends[1]->peer_name, "admin");
  }
  ends.clear();
  run(s_client(""));
  EXPECT_TRUE(turn_until(loop, [&] { return ends.size() == 1 && ends[0]->closed == 1; }));
  EXPECT_EQ(ends[0]->close_reason.code, Errc::denied);
  EXPECT_TRUE(said("certificate required")) << output;
}

TEST_F(TlsForeign, our_server_allows_no_renegotiation) {
  echo_bytes = SIZE_MAX;
  serve(ClientCertificates::none);
  // Commands are read a line at a time, so each waits until the one before has shown its effect.
  run(fmt::format(
      "said() {{ until grep -q \"$1\" log; do sleep 0.01; done; }}; touch log; "
      "(printf 'hello\\n'; said ^hello; printf 'R\\n'; said 'no renegotiation') | "
      "timeout 20 openssl s_client -connect 127.0.0.1:{} -tls1_2 -CAfile ca.crt >log 2>&1; cat log",
      listener->port()));
  EXPECT_TRUE(said("RENEGOTIATING")) << output;
  EXPECT_TRUE(said("no renegotiation")) << output;
}

TEST_F(TlsForeign, our_client_talks_to_openssl_and_resumes) {
  for (const std::string version : {"-tls1_2", "-tls1_3"}) {
    std::string log;
    const std::string line = fmt::format(
        "cd {}; exec openssl s_server -accept 127.0.0.1:0 {} -cert server.crt -key server.key "
        "-CAfile ca.crt -Verify 2 -rev 2>&1",
        folder, version);
    auto started = start_process(
        loop, {.arguments = {"/bin/sh", "-c", line},
               .on_output = [&](std::string_view text) { log += std::string(text) + "\n"; }});
    ASSERT_TRUE(started);
    const std::string marker = "ACCEPT 127.0.0.1:";
    ASSERT_TRUE(turn_until(loop, [&] {
      const std::size_t at = log.find(marker);
      return at != std::string::npos && log.find('\n', at) != std::string::npos;
    })) << log;
    const auto port =
        static_cast<std::uint16_t>(std::stoi(log.substr(log.find(marker) + marker.size())));
    auto client =
        TlsClientContext::create({.ca = authority.certificates, .certificate = {client_pair}});
    ASSERT_TRUE(client);
    for (const bool resumed : {false, true}) {
      RecordingHandler handler;
      const auto stream =
          (*client)->connect(loop, loop, {.endpoint = {"127.0.0.1", port}}, handler);
      stream->write(as_bytes("stressed\n"));
      ASSERT_TRUE(turn_until(loop, [&] { return handler.received == "desserts\n"; }))
          << handler.close_reason.message << log;
      EXPECT_EQ(stream->resumed(), resumed) << version;
    }
  }
}

TEST_F(TlsForeign, megabytes_pass_through_our_echo_unharmed) {
  echo_bytes = 8'000'000;
  serve(ClientCertificates::none);
  run(
      fmt::format("head -c {} /dev/urandom > sent; timeout 20 openssl s_client -quiet -connect "
                  "127.0.0.1:{} -CAfile ca.crt < sent > received 2> log; cmp sent received && echo "
                  "the same",
                  echo_bytes, listener->port()));
  EXPECT_TRUE(said("the same")) << output;
}

}  // namespace
}  // namespace wireway::net
