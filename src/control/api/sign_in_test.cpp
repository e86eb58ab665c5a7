// Goal: with name and password people get what they may; a wrong one tells nobody more than that it
// is wrong, and guessing takes too long.

#include "control/api/sign_in.h"

#include "base/bytes.h"
#include "control/access/credentials.h"
#include "control/api/api_fixture.h"
#include "net/os/test_loop.h"
#include "net/random.h"

namespace wireway::control {
namespace {

class Lines final : public AuditSink {
 public:
  void write(std::string line) override { text += line + "\n"; }
  std::string text;
};

class SignInTest : public ApiTest {
 protected:
  SignInTest() {
    now_ = loop_.wall_now();
    AccessOptions options;
    options.clock = [this] { return loop_.wall_now(); };
    options.new_uid = [] { return "id"; };
    options.keys.push_back(*SigningKey::generate());
    access_ = std::make_unique<Access>(std::move(options));
    audit_of_server_ = &lines_;
    guard(access_.get());
    put_user("ann", "correct horse");
    sign_in_ = std::make_unique<SignIn>(env_, *server_);
  }
  ~SignInTest() override {
    sign_in_.reset();
    server_.reset();
  }

  void put_user(const std::string& name, const std::string& password,
                const std::string& groups = "system:masters") {
    const auto encoded = [](std::string_view text) { return base64_encode(as_bytes(text)); };
    json::object secret{{"apiVersion", "v1"}, {"kind", "Secret"}, {"type", user_secret_type}};
    secret["metadata"] = json::object{{"name", name}, {"namespace", user_space}};
    secret["data"] = json::object{{"username", encoded(name)},
                                  {"passwordHash", encoded(*hash_password(password))},
                                  {"groups", encoded(groups)}};
    (void)server_->remove_own({"secrets", std::string(user_space), name});
    ASSERT_TRUE(server_->put_own("secrets", std::move(secret)));
    ASSERT_TRUE(server_->commit());
    server_->tick();
  }

  link::HttpRequest of_browser(std::string method, std::string target, std::string body = "") {
    link::HttpRequest sent = request(std::move(method), std::move(target), std::move(body));
    sent.peer = "127.0.0.1:40000";
    sent.headers.emplace_back("host", "127.0.0.1:8088");
    sent.headers.emplace_back("origin", "http://127.0.0.1:8088");
    if (!cookie_.empty()) sent.headers.emplace_back("cookie", "theme=dark; " + cookie_);
    return sent;
  }
  json::value through(link::HttpRequest sent) {
    bool answered = false;
    sign_in_->handle(std::move(sent), [&](link::HttpResponse response, bool wrote) {
      head_ = std::move(response);
      wrote_ = wrote;
      answered = true;
    });
    EXPECT_TRUE(net::turn_until(loop_, [&] { return answered; }));
    EXPECT_TRUE(server_->commit());
    if (const std::string set = header("Set-Cookie"); !set.empty())
      cookie_ = set.substr(0, set.find(';'));
    return json::parse(head_.body);
  }
  json::value log_in(const std::string& user, const std::string& password, bool token = false) {
    json::object body{{"username", user}, {"password", password}};
    if (token) body["token"] = true;
    return through(of_browser("POST", "/login", json::serialize(body)));
  }
  unsigned reads_secrets() {
    send(of_browser("GET", "/api/v1/secrets"));
    return code();
  }

  net::OsLoop loop_;
  net::SystemRandom random_;
  std::unique_ptr<net::Files> files_ = net::make_os_files();
  net::Env env_{loop_, loop_, *files_, random_};
  std::unique_ptr<Access> access_;
  Lines lines_;
  std::unique_ptr<SignIn> sign_in_;
  std::string cookie_;
  bool wrote_ = false;
};

TEST_F(SignInTest, a_session_lets_in_until_its_user_signs_out) {
  EXPECT_EQ(reads_secrets(), 401U) << "a user is set: nobody is believed without credentials";
  const json::value answer = log_in("ann", "correct horse");
  ASSERT_EQ(code(), 200U) << head_.body;
  EXPECT_TRUE(wrote_);
  EXPECT_EQ(text_at(answer, {"username"}), "ann");
  const std::string set = header("Set-Cookie");
  for (const char* part : {"wireway-session=wws_", "HttpOnly", "SameSite=Strict", "Path=/"})
    EXPECT_NE(set.find(part), std::string::npos) << set;
  EXPECT_EQ(set.find("Secure"), std::string::npos) << "came over plain HTTP on the loopback";
  EXPECT_EQ(head_.body.find("wws_"), std::string::npos);
  EXPECT_EQ(reads_secrets(), 200U);
  through(of_browser("POST", "/logout"));
  EXPECT_EQ(code(), 200U);
  EXPECT_NE(header("Set-Cookie").find("Max-Age=0"), std::string::npos);
  const std::string kept = set.substr(0, set.find(';'));
  cookie_ = kept;
  EXPECT_EQ(reads_secrets(), 401U) << "a copy of the cookie is worth nothing";
}

TEST_F(SignInTest, over_https_the_cookie_is_for_https_alone) {
  link::HttpRequest sent =
      of_browser("POST", "/login", R"({"username": "ann", "password": "correct horse"})");
  sent.encrypted = true;
  through(std::move(sent));
  EXPECT_NE(header("Set-Cookie").find("; Secure"), std::string::npos);
}

TEST_F(SignInTest, programs_get_a_token_instead) {
  const json::value answer = log_in("ann", "correct horse", true);
  ASSERT_EQ(code(), 200U) << head_.body;
  EXPECT_EQ(header("Set-Cookie"), "");
  link::HttpRequest sent = request("GET", "/api/v1/secrets");
  sent.headers.emplace_back("authorization", "Bearer " + text_at(answer, {"token"}));
  send(sent);
  EXPECT_EQ(code(), 200U) << head_.body;
}

TEST_F(SignInTest, a_wrong_name_and_a_wrong_password_look_alike_and_guessing_is_slowed_down) {
  const json::value name = log_in("bob", "correct horse");
  EXPECT_EQ(code(), 401U);
  const json::value password = log_in("ann", "correct mule");
  EXPECT_EQ(code(), 401U);
  EXPECT_EQ(name, password);
  EXPECT_FALSE(wrote_);
  for (int i = 0; i < SignIn::failures_free; ++i) log_in("ann", "correct mule");
  log_in("ann", "correct horse");
  EXPECT_EQ(code(), 429U) << head_.body;
  EXPECT_NE(header("Retry-After"), "");
  EXPECT_NE(lines_.text.find("\"code\":429"), std::string::npos) << "and that is recorded";
  put_user("eve", "battery staple");
  log_in("eve", "battery staple");
  EXPECT_EQ(code(), 200U) << "others are not kept out";
}

TEST_F(SignInTest, a_page_of_another_site_gets_no_session_and_cannot_write_by_one) {
  link::HttpRequest sent =
      of_browser("POST", "/login", R"({"username": "ann", "password": "correct horse"})");
  for (auto& [key, value] : sent.headers)
    if (key == "origin") value = "https://evil.example";
  through(sent);
  EXPECT_EQ(code(), 403U);
  log_in("ann", "correct horse");
  ASSERT_EQ(code(), 200U);
  link::HttpRequest write = of_browser("DELETE", "/api/v1/namespaces/default/configmaps/m");
  for (auto& [key, value] : write.headers)
    if (key == "origin") value = "https://evil.example";
  send(write);
  EXPECT_EQ(code(), 401U);
  send(of_browser("DELETE", "/api/v1/namespaces/default/configmaps/m"));
  EXPECT_EQ(code(), 404U) << "its own page may";
}

TEST_F(SignInTest, a_new_password_or_no_user_any_more_ends_sessions_and_their_watches) {
  log_in("ann", "correct horse");
  link::HttpRequest watch = of_browser("GET", "/api/v1/namespaces/default/configmaps?watch=1");
  Reply reply = server_->handle(watch);
  ASSERT_TRUE(reply.watch != nullptr) << reply.response.body;
  WatchLog log;
  server_->start_watch(std::move(reply.watch), std::make_unique<WatchLogSink>(log));
  server_->tick();
  EXPECT_FALSE(log.ended);
  put_user("ann", "another horse");
  server_->tick();
  EXPECT_TRUE(log.ended);
  EXPECT_EQ(reads_secrets(), 401U);
  EXPECT_EQ(access_->users().sessions_of("ann"), 0U) << "its Secret is gone";
}

TEST_F(SignInTest, without_its_last_user_the_system_stays_closed) {
  ASSERT_TRUE(server_->remove_own({"secrets", std::string(user_space), "ann"}));
  ASSERT_TRUE(server_->commit());
  EXPECT_FALSE(access_->users().any());
  EXPECT_FALSE(access_->is_open());
  EXPECT_EQ(reads_secrets(), 401U);
  start();
  EXPECT_EQ(reads_secrets(), 401U) << "also after a restart";
  sign_in_ = std::make_unique<SignIn>(env_, *server_);
}

TEST_F(SignInTest, bad_bodies_are_refused) {
  for (const char* body : {"", "[]", "{", "7", R"({"username": 7, "password": []})",
                           R"({"username": "ann"})", R"({"password": "x"})"}) {
    through(of_browser("POST", "/login", body));
    EXPECT_TRUE(code() == 400 || code() == 401) << body << code();
  }
  through(of_browser("POST", "/login", std::string(20'000, 'x')));
  EXPECT_EQ(code(), 413U);
  through(of_browser("GET", "/login"));
  EXPECT_EQ(code(), 405U);
}

TEST_F(SignInTest, who_signed_in_and_who_could_not_is_recorded_without_passwords) {
  log_in("ann", "correct mule");
  log_in("ann", "correct horse");
  EXPECT_NE(lines_.text.find("\"username\":\"ann\""), std::string::npos) << lines_.text;
  EXPECT_NE(lines_.text.find("\"code\":401"), std::string::npos);
  EXPECT_EQ(lines_.text.find("horse"), std::string::npos);
  EXPECT_EQ(lines_.text.find("mule"), std::string::npos);
  EXPECT_EQ(lines_.text.find("wws_"), std::string::npos);
  EXPECT_EQ(lines_.text.find("argon2id"), std::string::npos);
}

}  // namespace
}  // namespace wireway::control
