#include "control/access/access.h"

#include <gtest/gtest.h>

#include "base/yaml.h"

namespace wireway::control {
namespace {

class AccessTest : public testing::Test {
 protected:
  AccessTest() : access_(options()) { put_account("uid-1"); }

  AccessOptions options() {
    AccessOptions out;
    out.clock = [this] { return now_; };
    out.new_uid = [] { return "id"; };
    out.keys.push_back(key_);
    return out;
  }
  void put_account(const std::string& uid) {
    const json::value account{{"metadata", {{"uid", uid}}}};
    access_.on_object("serviceaccounts", "line", "opcua", &account);
  }
  void put_user() {
    const json::value secret{{"type", "wireway.io/user"}};
    access_.on_object("secrets", "wireway-system", "ann", &secret);
  }
  static link::HttpRequest request(std::vector<std::pair<std::string, std::string>> headers = {}) {
    link::HttpRequest out;
    out.method = "GET";
    out.peer = "127.0.0.1:50000";
    out.headers = std::move(headers);
    if (out.header("host").empty()) out.headers.emplace_back("host", "127.0.0.1:8088");
    return out;
  }
  std::string user_of(const link::HttpRequest& request) {
    const auto who = access_.authenticate(request);
    return who ? who->user : "refused: " + who.error().message;
  }
  std::string token(std::vector<std::string> audiences = {}) {
    const auto issued =
        access_.issue({.space = "line", .account = "opcua", .audiences = std::move(audiences)});
    EXPECT_TRUE(issued.has_value());
    return issued->token;
  }

  WallTime now_{std::chrono::seconds{1'800'000'000}};
  SigningKey key_ = *SigningKey::generate();
  Access access_;
};

TEST_F(AccessTest, OpenToThisMachineUntilThereIsAUser) {
  EXPECT_EQ(user_of(request()), "local");
  const Identity local = *access_.authenticate(request());
  EXPECT_TRUE(access_.is_living(local));
  put_user();
  EXPECT_EQ(user_of(request()), "system:anonymous");
  EXPECT_FALSE(access_.is_living(local)) << "its watches end";
  access_.on_object("secrets", "wireway-system", "ann", nullptr);
  EXPECT_EQ(user_of(request()), "local");
}

TEST_F(AccessTest, NotOpenToOthersNorToPagesOfOthers) {
  auto from_afar = request();
  from_afar.peer = "10.0.0.7:40000";
  EXPECT_EQ(user_of(from_afar), "system:anonymous");
  for (const char* host :
       {"evil.example", "127.evil.example:8088", "127.0.0.1.evil.example", "[::1].evil.example"})
    EXPECT_EQ(user_of(request({{"host", host}})), "system:anonymous") << "DNS rebinding: " << host;
  EXPECT_EQ(user_of(request({{"sec-fetch-site", "cross-site"}})), "system:anonymous");
  EXPECT_EQ(user_of(request({{"x-forwarded-for", "10.0.0.7"}})), "system:anonymous") << "a proxy";
  EXPECT_EQ(user_of(request({{"origin", "http://evil.example"}})), "system:anonymous");
  EXPECT_EQ(user_of(request({{"origin", "http://127.0.0.1:8088"}})), "local");
  EXPECT_EQ(user_of(request({{"sec-fetch-site", "same-origin"}})), "local");
}

TEST_F(AccessTest, ATokenOfAServiceAccount) {
  const auto who = access_.authenticate(request({{"authorization", "Bearer " + token()}}));
  ASSERT_TRUE(who.has_value()) << who.error().message;
  EXPECT_EQ(who->user, "system:serviceaccount:line:opcua");
  EXPECT_EQ(who->uid, "uid-1");
  EXPECT_TRUE(who->in_group("system:serviceaccounts:line"));
  EXPECT_TRUE(who->in_group("system:authenticated"));
}

TEST_F(AccessTest, AClientCertificateSaysWhoAndWhichGroups) {
  auto certified = request();
  certified.peer = "10.0.0.7:40000";
  certified.client_certificate.emplace();
  certified.client_certificate->common_name = "ann";
  certified.client_certificate->organizations = {"operators"};
  const auto who = access_.authenticate(certified);
  ASSERT_TRUE(who.has_value());
  EXPECT_EQ(who->user, "ann");
  EXPECT_TRUE(who->in_group("operators"));
  EXPECT_TRUE(who->in_group("system:authenticated"));
  certified.headers.emplace_back("authorization", "Bearer " + token());
  EXPECT_EQ(user_of(certified), "system:serviceaccount:line:opcua") << "the token was chosen";
}

TEST_F(AccessTest, WrongCredentialsAreNeverAnonymous) {
  EXPECT_EQ(user_of(request({{"authorization", "Bearer x"}})),
            "refused: the token is no JSON Web Token");
  EXPECT_EQ(user_of(request({{"authorization", "Basic YTpi"}})),
            "refused: the Authorization header holds no bearer token");
}

TEST_F(AccessTest, ATokenEndsWithItsTimeItsAccountAndItsAudience) {
  const link::HttpRequest with_token = request({{"authorization", "Bearer " + token()}});
  const std::string elsewhere = token({"aio-internal"});
  now_ = now_ + std::chrono::hours{2};
  EXPECT_TRUE(user_of(with_token).starts_with("refused: the token expired at "));
  now_ = now_ + -std::chrono::hours{2};
  put_account("uid-2");
  EXPECT_EQ(user_of(with_token), "refused: the ServiceAccount line/opcua of the token is gone");
  put_account("uid-1");
  EXPECT_EQ(user_of(request({{"authorization", "Bearer " + elsewhere}})),
            "refused: the token is for aio-internal, not for "
            "https://kubernetes.default.svc.cluster.local");
  const auto reviewed = access_.review(elsewhere, {"other", "aio-internal"});
  ASSERT_TRUE(reviewed.has_value());
  EXPECT_EQ(reviewed->audiences, std::vector<std::string>{"aio-internal"});
}

TEST_F(AccessTest, ATokenThatIsRememberedIsAskedEverythingButItsSignature) {
  const std::string good = token();
  const link::HttpRequest with_token = request({{"authorization", "Bearer " + good}});
  EXPECT_EQ(user_of(with_token), "system:serviceaccount:line:opcua");
  EXPECT_EQ(user_of(with_token), "system:serviceaccount:line:opcua");
  std::string forged = good;
  forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_TRUE(user_of(request({{"authorization", "Bearer " + forged}})).starts_with("refused: "));
  EXPECT_FALSE(access_.review(good, {"elsewhere"}).has_value());
  access_.on_object("serviceaccounts", "line", "opcua", nullptr);
  EXPECT_EQ(user_of(with_token), "refused: the ServiceAccount line/opcua of the token is gone");
  put_account("uid-1");
  EXPECT_EQ(user_of(with_token), "system:serviceaccount:line:opcua");
  now_ = now_ + std::chrono::hours{2};
  EXPECT_TRUE(user_of(with_token).starts_with("refused: the token expired at "));
}

TEST(VerifiedTokens, RemembersSoManyAndNoMore) {
  VerifiedTokens tokens;
  EXPECT_EQ(tokens.find("a"), nullptr);
  Jwt jwt;
  jwt.algorithm = "ES256";
  EXPECT_EQ(tokens.remember("a", jwt).algorithm, "ES256");
  ASSERT_NE(tokens.find("a"), nullptr);
  EXPECT_EQ(tokens.find("b"), nullptr);
  EXPECT_EQ(tokens.find(std::string(token_bytes_max + 1, 'a')), nullptr);
  for (std::size_t i = 0; i < verified_tokens_max; ++i) tokens.remember(std::to_string(i), {});
  EXPECT_EQ(tokens.find("a"), nullptr) << "forgotten with all others when there was no room";
  EXPECT_NE(tokens.find(std::to_string(verified_tokens_max - 1)), nullptr);
}

TEST_F(AccessTest, AnOldKeyIsAcceptedWhileItIsKept) {
  const std::string before = token();
  AccessOptions both = options();
  both.keys.insert(both.keys.begin(), *SigningKey::generate());
  Access renewed(std::move(both));
  const json::value account{{"metadata", {{"uid", "uid-1"}}}};
  renewed.on_object("serviceaccounts", "line", "opcua", &account);
  EXPECT_TRUE(renewed.review(before, {}));
  EXPECT_EQ(renewed.jwks().at("keys").as_array().size(), 2u);
}

TEST_F(AccessTest, TokensForAccountsThatAreNotThere) {
  const auto none = access_.issue({.space = "line", .account = "nobody"});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, Errc::not_found);
}

TEST(Cookies, OneOfSeveral) {
  link::HttpRequest request;
  request.headers = {{"cookie", "a=1; wireway-session=abc.def; b=2"}};
  EXPECT_EQ(cookie(request, "wireway-session"), "abc.def");
  EXPECT_EQ(cookie(request, "session"), "");
}

}  // namespace
}  // namespace wireway::control
