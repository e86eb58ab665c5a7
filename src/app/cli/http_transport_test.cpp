// Goal: the blocking client reaches a real server over a real port: methods, bodies, warnings,
// credentials, and sentences when there is none.

#include "app/cli/http_transport.h"

#include <future>

#include "app/cli/cli_fixture.h"
#include "app/cli/get.h"
#include "control/api/http.h"
#include "link/http_server.h"
#include "net/os/os_loop.h"
#include "net/shards.h"

namespace wireway::app::cli {
namespace {

/// An API server on a port, in a loop of its own.
class ServedApi {
 public:
  ServedApi() : shards_(net::make_os_shards(main_env_, 2)) {
    on_loop([this] {
      store_ = std::move(*control::Store::open({.path = ":memory:"}));
      api_ = std::move(*control::ApiHttp::start(env(), *store_));
      server_ = std::move(*link::HttpServer::start(
          env(), {.endpoint = {"127.0.0.1", 0}},
          [this](link::HttpRequest request, std::shared_ptr<link::HttpResponder> responder) {
            last_ = request;
            api_->handle(std::move(request), std::move(responder));
          }));
    });
  }
  ~ServedApi() {
    on_loop([this] {
      server_.reset();
      api_.reset();
      store_.reset();
    });
  }
  Connection connection() {
    return {.server = fmt::format("http://127.0.0.1:{}", server_->port()),
            .space = "default",
            .user = "",
            .token = "let-me-in",
            .from = "test"};
  }
  link::HttpRequest last() {
    link::HttpRequest out;
    on_loop([&] { out = last_; });
    return out;
  }

 private:
  net::Env& env() { return shards_->env(1); }
  void on_loop(std::move_only_function<void()> work) {
    std::promise<void> done;
    env().loop.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  net::OsLoop loop_;
  std::unique_ptr<net::Files> files_ = net::make_os_files();
  net::SystemRandom random_;
  net::Env main_env_{loop_, loop_, *files_, random_};
  std::unique_ptr<net::Shards> shards_;
  std::unique_ptr<control::Store> store_;
  std::unique_ptr<control::ApiHttp> api_;
  std::unique_ptr<link::HttpServer> server_;
  link::HttpRequest last_;
};

TEST(HttpTransportTest, carries_methods_bodies_tokens_and_warnings) {
  ServedApi served;
  HttpTransport transport(served.connection());
  auto created = transport.send({.method = "POST",
                                 .path = "/api/v1/namespaces/default/configmaps",
                                 .body = R"({"metadata":{"name":"a"},"surprise":1})"});
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(created->status, 201u) << created->body;
  ASSERT_EQ(created->warnings.size(), 1u);
  EXPECT_NE(created->warnings[0].find("unknown field"), std::string::npos);
  EXPECT_EQ(served.last().header("authorization"), "Bearer let-me-in");
  auto read = transport.send({.path = "/api/v1/namespaces/default/configmaps/a"});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status, 200u);
  EXPECT_EQ(served.last().method, "GET");
  EXPECT_EQ(served.last().body, "");
  auto gone = transport.send(
      {.method = "DELETE", .path = "/api/v1/namespaces/default/configmaps/a", .body = "{}"});
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->status, 200u);
  EXPECT_EQ(transport.send({.path = "/api/v1/namespaces/default/configmaps/a"})->status, 404u);
}

TEST(HttpTransportTest, a_whole_command_works_over_it) {
  ServedApi served;
  HttpTransport transport(served.connection());
  TestConsole console;
  const auto files = net::make_os_files();
  Session session(transport, console, *files, "default");
  EXPECT_EQ(run_get(session, {.words = {"namespaces"}, .output = "name"}), 0) << console.told;
  EXPECT_NE(console.printed.find("namespace/azure-iot-operations\n"), std::string::npos);
}

TEST(HttpTransportTest, says_who_is_not_there_and_what_to_look_at) {
  Connection connection;
  {
    ServedApi served;
    connection = served.connection();
  }
  HttpTransport transport(connection);
  auto answer = transport.send({.path = "/api"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_NE(answer.error().message.find("is `wireway up` running there?"), std::string::npos)
      << answer.error().message;
}

}  // namespace
}  // namespace wireway::app::cli
