// Goal: what is asked of all shards at once comes together without a race: the self-check, the
// metrics, the view of clients.
// Method: a broker on three threads, many requests at once; of most use under the thread sanitizer.

#include <filesystem>

#include <gtest/gtest.h>

#include "broker/service.h"
#include "net/os/test_loop.h"
#include "net/shards.h"
#include "resource/memory_resources.h"

namespace wireway::broker {
namespace {

using namespace std::chrono_literals;

class BrokerThreadsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "wireway-broker-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  /// The answers to `count` requests that are under way together.
  std::vector<std::string> ask(const json::value& where, const std::string& target,
                               std::size_t count) {
    const std::string url = text_at(where, {"url"});
    const auto port = std::uint16_t(std::stoi(url.substr(url.rfind(':') + 1)));
    const std::string head = "GET " + target +
                             " HTTP/1.1\r\nHost: b\r\nConnection: close\r\nAuthorization: Bearer " +
                             text_at(where, {"token"}) + "\r\n\r\n";
    std::vector<net::RecordingHandler> handlers(count);
    std::vector<std::unique_ptr<net::Stream>> streams;
    for (net::RecordingHandler& handler : handlers) {
      streams.push_back(loop.connect({"127.0.0.1", port}, handler));
      streams.back()->write(as_bytes(head));
    }
    EXPECT_TRUE(turn_until(loop, [&] {
      return std::ranges::all_of(handlers, [](const auto& one) { return one.closed > 0; });
    }));
    std::vector<std::string> out;
    for (const net::RecordingHandler& handler : handlers) out.push_back(handler.received);
    return out;
  }

  std::string folder;
  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
};

TEST_F(BrokerThreadsTest, answers_many_at_once_while_it_checks_itself) {
  const auto shards = net::make_os_shards(env, 3);
  resource::MemoryResources resources{loop};
  resources.put({{"apiVersion", resource::api_version(resource::broker)},
                 {"kind", resource::broker.kind},
                 {"metadata", {{"namespace", resource::default_namespace}, {"name", "default"}}},
                 {"spec", {{"diagnostics", {{"metrics", {{"prometheusPort", 0}}}}}}}});
  {
    BrokerService service{*shards, resources, {.folder = folder}};
    service.start();
    const auto text = files->read(folder + "/admin.json");
    ASSERT_TRUE(text) << text.error().message;
    const json::value where = *parse_json(*text);
    for (int round = 0; round < 5; ++round)
      for (const char* target : {"/clients", "/retained", "/client?id=nobody", "/trace?id=nobody"})
        for (const std::string& answer : ask(where, target, 10))
          EXPECT_TRUE(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 404"))
              << answer;
    // The self-check's sessions have come and gone, and $SYS is retained.
    const MonoTime deadline = system_mono_now() + 20s;
    bool retained = false;
    while (!retained && system_mono_now() < deadline)
      retained = ask(where, "/retained?filter=$SYS/broker/version", 1)[0].contains("payloadBytes");
    EXPECT_TRUE(retained) << "$SYS is there after a second";
    bool stopped = false;
    service.stop([&stopped] { stopped = true; });
    EXPECT_TRUE(turn_until(loop, [&stopped] { return stopped; }));
  }
}

}  // namespace
}  // namespace wireway::broker
