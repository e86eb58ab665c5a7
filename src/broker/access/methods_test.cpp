// Goal: each method lets in whom it should and nobody else, and says of everybody else why.

#include <gtest/gtest.h>

#include "broker/access/authenticator.h"
#include "broker/access/certificates.h"
#include "broker/access/custom.h"
#include "broker/access/json_tokens.h"
#include "broker/access/passwords.h"
#include "broker/access/tokens.h"
#include "link/credentials/password.h"
#include "net/os/os_loop.h"
#include "net/sim/sim_world.h"
#include "resource/memory_resources.h"

namespace wireway::broker {
namespace {

using Kind = Opinion::Kind;

constexpr WallTime now{std::chrono::hours{24 * 365 * 56}};

/// Of a method that answers within the call.
Opinion ask(Method& method, const Credentials& credentials) {
  Opinion out = Opinion::unavailable("it has not answered");
  method.check(credentials, now, [&out](Opinion opinion) { out = std::move(opinion); });
  return out;
}

TEST(CertificatesTest, compares_subjects_part_by_part) {
  const std::string plain = normal_subject("CN = Contoso Root CA, OU = Engineering, C = US");
  EXPECT_EQ(plain, normal_subject("C=US,OU=Engineering,CN=Contoso Root CA"));
  EXPECT_EQ(plain, normal_subject("cn=Contoso Root CA + ou=Engineering,c=US"));
  EXPECT_NE(plain, normal_subject("CN=contoso root ca,OU=Engineering,C=US"));
  EXPECT_NE(plain, normal_subject("CN=Contoso Root CA,C=US"));
  EXPECT_NE(normal_subject("CN=a\\,O=b"), normal_subject("CN=a,O=b")) << "an escaped comma is text";
  EXPECT_EQ(normal_subject(""), "");
}

class CertificatesOf : public ::testing::Test {
 protected:
  net::KeyPair issue(const net::KeyPair& by, net::CertificateUse use, Duration life) {
    net::CertificateWish wish;
    wish.use = use;
    wish.common_name = "press-7";
    wish.organizations = {"Contoso"};
    wish.now = now;
    wish.lifetime = life;
    return *net::issue_certificate(by, wish);
  }
  static Credentials shown(const net::KeyPair& pair) { return {.certificates = pair.certificates}; }

  net::KeyPair authority = *net::make_authority("Plant CA", now);
  net::KeyPair other = *net::make_authority("Other CA", now);
};

TEST_F(CertificatesOf, takes_those_of_its_authorities_for_clients) {
  Certificates method(other.certificates + authority.certificates,
                      {{normal_subject("O=Contoso, CN=press-7"), {{"hall", "north"}}},
                       {normal_subject("CN=Plant CA"), {{"hall", "south"}, {"plant", "1"}}}});
  const auto good = issue(authority, net::CertificateUse::client, std::chrono::days{1});
  EXPECT_FALSE(method.concerns({}));
  ASSERT_TRUE(method.concerns(shown(good)));
  const Opinion opinion = ask(method, shown(good));
  ASSERT_EQ(opinion.kind, Kind::accept) << opinion.why;
  EXPECT_EQ(opinion.principal.username, "press-7");
  EXPECT_EQ(opinion.principal.attributes, (Attributes{{"hall", "north"}}))
      << "the first subject that has some gives all";
  EXPECT_EQ(*opinion.principal.expires_at - now, std::chrono::days{1});
}

TEST_F(CertificatesOf, gives_the_attributes_of_the_authority_where_its_own_has_none) {
  Certificates method(authority.certificates, {{normal_subject("CN=Plant CA"), {{"plant", "1"}}}});
  const auto good = issue(authority, net::CertificateUse::client, std::chrono::days{1});
  EXPECT_EQ(ask(method, shown(good)).principal.attributes, (Attributes{{"plant", "1"}}));
}

TEST_F(CertificatesOf, refuses_strangers_servers_the_expired_and_nonsense) {
  Certificates method(authority.certificates, {});
  EXPECT_EQ(
      ask(method, shown(issue(other, net::CertificateUse::client, std::chrono::days{1}))).kind,
      Kind::deny);
  EXPECT_EQ(
      ask(method, shown(issue(authority, net::CertificateUse::server, std::chrono::days{1}))).kind,
      Kind::deny);
  const Opinion late =
      ask(method, shown(issue(authority, net::CertificateUse::client, -std::chrono::minutes{1})));
  EXPECT_EQ(late.kind, Kind::deny);
  EXPECT_TRUE(late.why.contains("expired")) << late.why;
  EXPECT_EQ(ask(method, {.certificates = "nonsense"}).kind, Kind::deny);
}

TEST(CustomTest, asks_as_documented) {
  EXPECT_EQ(custom_question({}), R"({"type":"connect"})");
  EXPECT_EQ(custom_question({.username = "u", .password = "pass", .certificates = "PEM"}),
            R"({"type":"connect","username":"u","password":"cGFzcw==","certs":"PEM"})");
  EXPECT_EQ(
      custom_question({.username = "u", .method = "SCRAM", .data = "data", .is_renewal = true}),
      R"({"type":"auth","enhancedAuthentication":{"method":"SCRAM","data":"ZGF0YQ=="}})");
}

TEST(CustomTest, understands_what_is_documented_and_takes_everything_else_for_no_answer) {
  EXPECT_EQ(custom_opinion(200, "{}").kind, Kind::accept);
  const Opinion full = custom_opinion(
      200, R"({"expiry":"2030-01-02T03:04:05Z","attributes":{"hall":"north","n":1}})");
  ASSERT_EQ(full.kind, Kind::accept);
  EXPECT_EQ(full.principal.attributes, (Attributes{{"hall", "north"}}));
  EXPECT_EQ(to_rfc3339(*full.principal.expires_at), "2030-01-02T03:04:05Z");
  struct Case {
    unsigned status;
    std::string_view body;
    Kind kind;
    mqtt::ReasonCode reason;
  };
  for (const Case& each :
       {Case{403, R"({"reason":138,"message":"no"})", Kind::deny, mqtt::ReasonCode::banned},
        Case{403, R"({"reason":0})", Kind::deny, mqtt::ReasonCode::not_authorized},
        Case{403, R"({"reason":5})", Kind::deny, mqtt::ReasonCode::not_authorized},
        Case{403, R"({"reason":65536})", Kind::deny, mqtt::ReasonCode::not_authorized},
        Case{403, "go away", Kind::deny, mqtt::ReasonCode::not_authorized},
        Case{200, "", Kind::unavailable, mqtt::ReasonCode::server_unavailable},
        Case{200, "[]", Kind::unavailable, mqtt::ReasonCode::server_unavailable},
        Case{200, R"({"expiry":"soon"})", Kind::unavailable, mqtt::ReasonCode::server_unavailable},
        Case{400, "{}", Kind::unavailable, mqtt::ReasonCode::server_unavailable},
        Case{405, "{}", Kind::unavailable, mqtt::ReasonCode::server_unavailable},
        Case{500, "{}", Kind::unavailable, mqtt::ReasonCode::server_unavailable}}) {
    const Opinion opinion = custom_opinion(each.status, each.body);
    EXPECT_EQ(opinion.kind, each.kind) << each.status << " " << each.body;
    EXPECT_EQ(opinion.reason, each.reason) << each.status << " " << each.body;
  }
}

TEST(PasswordsTest, reads_lines_and_never_repeats_what_is_wrong_with_them) {
  const auto good = parse_passwords("# people\nann:$argon2id$x\r\n\nbob:$argon2id$y\n");
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, (PasswordFile{{"ann", "$argon2id$x"}, {"bob", "$argon2id$y"}}));
  for (const std::string_view wrong : {"ann:secret", "ann", ":$argon2id$x", "ann:$6$x"}) {
    const auto refused = parse_passwords(std::string("\n") + std::string(wrong));
    ASSERT_FALSE(refused) << wrong;
    EXPECT_TRUE(refused.error().message.starts_with("line 2 ")) << refused.error().message;
    EXPECT_FALSE(refused.error().message.contains("secret"));
  }
}

TEST(PasswordsTest, checks_on_a_thread_of_its_own) {
  net::OsLoop loop;
  Passwords method(loop, {{"ann", *link::hash_password("correct horse")}},
                   {{"ann", {{"hall", "north"}}}});
  const auto answer = [&](const std::string& user, const std::string& password) {
    std::optional<Opinion> out;
    method.check({.username = user, .password = password}, now, [&out, &loop](Opinion opinion) {
      out = std::move(opinion);
      loop.stop();
    });
    EXPECT_FALSE(out) << "the loop goes on meanwhile";
    loop.run();
    return *out;
  };
  const Opinion good = answer("ann", "correct horse");
  EXPECT_EQ(good.kind, Kind::accept);
  EXPECT_EQ(good.principal.username, "ann");
  EXPECT_EQ(good.principal.attributes, (Attributes{{"hall", "north"}}));
  EXPECT_EQ(answer("ann", "wrong horse").kind, Kind::deny);
  EXPECT_EQ(answer("bob", "correct horse").why, answer("ann", "").why.replace(6, 3, "bob"))
      << "nobody learns who exists";
  EXPECT_FALSE(method.concerns({.username = "ann"}));
  EXPECT_FALSE(method.concerns({.username = "ann", .password = "x", .method = "JWT"}));
}

class TokensOf : public ::testing::Test {
 protected:
  std::string token(json::object more = {}) {
    json::object claims{
        {"iss", "https://issuer"},
        {"sub", "ann"},
        {"aud", "plant"},
        {"exp", (now.since_epoch + std::chrono::hours{1}) / std::chrono::seconds{1}}};
    for (auto& [name, value] : more) claims[name] = value;
    return *key.sign(claims);
  }
  JsonTokens method(std::vector<link::PublicKey> keys) {
    return JsonTokens({.issuer = "https://issuer",
                       .audiences = {"plant"},
                       .keys = std::move(keys),
                       .attributes = {{"role", "roles"}, {"hall", "hall"}}});
  }

  link::SigningKey key = *link::SigningKey::generate();
};

TEST_F(TokensOf, json_tokens_of_the_issuer_are_good_where_everything_fits) {
  JsonTokens tokens = method({key.public_key()});
  const auto as_password = [](const std::string& text) {
    return Credentials{.username = "x", .password = text};
  };
  const std::string good = token({{"roles", {"reader", "writer"}}, {"hall", "north"}});
  ASSERT_TRUE(tokens.concerns(as_password(good)));
  const Opinion opinion = ask(tokens, as_password(good));
  ASSERT_EQ(opinion.kind, Kind::accept) << opinion.why;
  EXPECT_EQ(opinion.principal.username, "ann");
  EXPECT_EQ(opinion.principal.attributes, (Attributes{{"hall", "north"}, {"role", "reader"}}));
  EXPECT_EQ(ask(tokens, {.method = "JWT", .data = good}).kind, Kind::accept);
  EXPECT_FALSE(tokens.concerns({.method = "OTHER", .data = good}));
  EXPECT_FALSE(tokens.concerns(as_password(token({{"iss", "https://other"}}))));
  EXPECT_FALSE(tokens.concerns(as_password("x")));
  for (const std::string& wrong :
       {token({{"aud", "office"}}), token({{"exp", 1}}), token({{"sub", ""}}),
        token({{"nbf", (now.since_epoch + std::chrono::hours{1}) / std::chrono::seconds{1}}})})
    EXPECT_EQ(ask(tokens, as_password(wrong)).kind, Kind::deny);
  JsonTokens others = method({link::SigningKey::generate()->public_key()});
  EXPECT_EQ(ask(others, as_password(good)).kind, Kind::deny);
}

TEST_F(TokensOf, a_key_set_needs_a_key) {
  const json::object set{{"keys", {key.public_key().jwk(), {{"kty", "oct"}, {"k", "eA"}}}}};
  EXPECT_EQ(parse_key_set(json::serialize(set))->size(), 1U);
  for (const std::string_view wrong : {"", "{}", R"({"keys":[]})", R"({"keys":[{"kty":"oct"}]})"})
    EXPECT_FALSE(parse_key_set(wrong)) << wrong;
}

/// An API that answers TokenReviews as the test says.
class Reviewer final : public resource::MemoryResources {
 public:
  explicit Reviewer(net::Loop& loop) : MemoryResources(loop), loop_(loop) {}
  void create(const json::value& object, Done done) override {
    asked = object;
    loop_.post([answer = answer, done] { done(answer); });
  }
  json::value asked;
  Result<json::value> answer = json::value{};

 private:
  net::Loop& loop_;
};

class AccountTokens : public TokensOf {
 protected:
  void SetUp() override {
    resources.put({{"apiVersion", "v1"},
                   {"kind", "ServiceAccount"},
                   {"metadata",
                    {{"namespace", "plant"},
                     {"name", "reader"},
                     {"annotations",
                      {{"aio-broker-auth/role", "reader"},
                       {"aio-mq-broker-auth/hall", "north"},
                       {"other/role", "writer"}}}}}});
  }
  Opinion review(json::value status) {
    resources.answer = json::value{{"status", std::move(status)}};
    return outcome();
  }
  Opinion outcome() {
    std::optional<Opinion> out;
    tokens.check({.method = "K8S-SAT", .data = token()}, now,
                 [&out](Opinion opinion) { out = std::move(opinion); });
    EXPECT_TRUE(world.run_until([&out] { return out.has_value(); }, std::chrono::minutes{1}));
    return *out;
  }
  static json::object good() {
    return {{"authenticated", true},
            {"audiences", {"aio-internal"}},
            {"user", {{"username", "system:serviceaccount:plant:reader"}}}};
  }

  net::SimWorld world{1};
  net::Env env = world.env("broker");
  Reviewer resources{env.loop};
  Tokens tokens{resources, {"aio-internal", "other"}};
};

TEST_F(AccountTokens, are_reviewed_by_the_api) {
  const Opinion opinion = review(good());
  ASSERT_EQ(opinion.kind, Kind::accept) << opinion.why;
  EXPECT_EQ(opinion.principal.username, "system:serviceaccount:plant:reader");
  EXPECT_EQ(opinion.principal.attributes, (Attributes{{"hall", "north"}, {"role", "reader"}}));
  EXPECT_TRUE(opinion.principal.expires_at);
  EXPECT_EQ(json::serialize(resources.asked.at("spec").at("audiences")),
            R"(["aio-internal","other"])");
}

TEST_F(AccountTokens, are_refused_where_the_review_does_not_say_yes_for_us) {
  json::object no = good();
  no["authenticated"] = false;
  EXPECT_EQ(review(no).kind, Kind::deny);
  json::object elsewhere = good();
  elsewhere["audiences"] = {"https://api"};
  EXPECT_EQ(review(elsewhere).kind, Kind::deny) << "it was not made for us";
  json::object silent = good();
  silent.erase("audiences");
  EXPECT_EQ(review(silent).kind, Kind::deny) << "an API that does not know audiences";
  json::object person = good();
  person["user"] = {{"username", "ann"}};
  EXPECT_EQ(review(person).kind, Kind::deny);
  json::object gone = good();
  gone["user"] = {{"username", "system:serviceaccount:plant:nobody"}};
  EXPECT_NE(review(gone).kind, Kind::accept);
  resources.answer = fail(Errc::unavailable, "connection refused");
  EXPECT_EQ(outcome().kind, Kind::unavailable) << "the next method's turn";
  EXPECT_FALSE(tokens.concerns({.username = "ann", .password = "x"}));
  EXPECT_TRUE(tokens.concerns({.username = "K8S-SAT", .password = "x"}));
}

class AuthenticatorTest : public AccountTokens {
 protected:
  Result<std::unique_ptr<Authenticator>> make(json::array methods) {
    const json::object set{{"keys", json::array{key.public_key().jwk()}}};
    keys = {{"data", {{"keys.json", json::serialize(set)}}}};
    return Authenticator::from(
        {{"spec", {{"authenticationMethods", std::move(methods)}}}},
        {env, resources, nullptr,
         [this](const resource::Kind&, const std::string& name) -> const json::value* {
           return name == "keys" ? &keys : nullptr;
         }});
  }
  static json::object jwt(std::string_view issuer) {
    return {{"method", "Jwt"},
            {"jwtSettings",
             {{"issuer", issuer}, {"audiences", json::array{"plant"}}, {"keysConfigMap", "keys"}}}};
  }
  static json::object custom() {
    return {{"method", "Custom"}, {"customSettings", {{"endpoint", "https://logins"}}}};
  }
  Opinion decide(Authenticator& authenticator, Credentials credentials) {
    std::optional<Opinion> out;
    authenticator.authenticate(std::move(credentials),
                               [&out](Opinion opinion) { out = std::move(opinion); });
    EXPECT_TRUE(world.run_until([&out] { return out.has_value(); }, std::chrono::minutes{1}));
    return *out;
  }
  Credentials from(const std::string& issuer, const std::string& audience = "plant") {
    const auto end = env.loop.wall_now().since_epoch + std::chrono::hours{1};
    return {.client_identifier = "c",
            .username = "x",
            .password = token(
                {{"iss", issuer}, {"aud", audience}, {"exp", end / std::chrono::seconds{1}}})};
  }
  json::value keys;
};

TEST_F(AuthenticatorTest, asks_in_order_and_stops_at_the_first_that_is_concerned) {
  auto made = make({jwt("a"), jwt("b")});
  ASSERT_TRUE(made) << made.error().message;
  const Opinion opinion = decide(**made, from("b"));
  EXPECT_EQ(opinion.kind, Kind::accept) << opinion.why;
  EXPECT_EQ(opinion.principal.client_identifier, "c");
  EXPECT_TRUE((*made)->vouchers().contains(opinion.principal.voucher));
  EXPECT_EQ(decide(**made, from("b", "office")).kind, Kind::deny);
  const Opinion nobody = decide(**made, {.username = "x", .password = "y"});
  EXPECT_EQ(nobody.kind, Kind::deny);
  EXPECT_TRUE(nobody.why.contains("Jwt, Jwt")) << nobody.why;
}

TEST_F(AuthenticatorTest, passes_over_who_cannot_be_asked) {
  auto made = make({custom(), jwt("a")});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(decide(**made, from("a")).kind, Kind::accept);
  const Opinion nobody = decide(**made, {.username = "x", .password = "y"});
  EXPECT_EQ(nobody.kind, Kind::unavailable) << "later it may be otherwise";
}

TEST_F(AuthenticatorTest, other_settings_are_other_vouchers) {
  auto first = make({jwt("a")});
  auto same = make({jwt("a")});
  auto other = make({jwt("b")});
  EXPECT_EQ((*first)->fingerprint(), (*same)->fingerprint());
  EXPECT_EQ((*first)->vouchers(), (*same)->vouchers());
  EXPECT_NE((*first)->vouchers(), (*other)->vouchers());
  key = *link::SigningKey::generate();
  auto rekeyed = make({jwt("a")});
  EXPECT_NE((*first)->fingerprint(), (*rekeyed)->fingerprint());
}

TEST_F(AuthenticatorTest, names_the_place_of_what_is_wrong) {
  const auto says = [this](json::array methods) {
    const auto made = make(std::move(methods));
    return made ? "nothing" : made.error().message;
  };
  EXPECT_TRUE(says({}).contains("authenticationMethods is empty"));
  EXPECT_TRUE(says({{{"method", "Magic"}}}).starts_with("spec.authenticationMethods[0].method"));
  json::object lost = jwt("a");
  lost["jwtSettings"].as_object()["keysConfigMap"] = "gone";
  EXPECT_EQ(
      says({jwt("a"), lost}),
      "spec.authenticationMethods[1].jwtSettings.keysConfigMap names ConfigMap gone, which does "
      "not exist; create it, or correct the name");
  json::object plain = custom();
  plain["customSettings"].as_object()["endpoint"] = "http://logins";
  EXPECT_TRUE(says({plain}).contains("must begin with https://"));
}

}  // namespace
}  // namespace wireway::broker
