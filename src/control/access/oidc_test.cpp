// Goal: only whom the issuer means gets in, whatever a token says; and an issuer that is away keeps
// nobody else waiting. Method: an issuer of the test's own signs with OpenSSL; its documents come
// through an HttpClient that the test answers for.

#include "control/access/oidc.h"

#include <array>
#include <memory>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "net/sim/sim_world.h"

namespace wireway::control {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view issuer = "https://login.example/realms/plant";
constexpr std::string_view own_issuer = "https://kubernetes.default.svc.cluster.local";

unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// A key of the issuer, which signs with whatever algorithm is asked for.
class IssuerKey {
 public:
  static IssuerKey rsa(unsigned bits = 2048) { return IssuerKey(EVP_RSA_gen(bits)); }
  static IssuerKey ec(const char* curve) { return IssuerKey(EVP_EC_gen(curve)); }
  ~IssuerKey() { EVP_PKEY_free(key_); }
  IssuerKey(const IssuerKey&) = delete;
  IssuerKey(IssuerKey&& from) noexcept : key_(std::exchange(from.key_, nullptr)) {}

  std::string pem() const {
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(out, key_);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(out);
    return pem;
  }
  json::object jwk(std::string_view id, std::string_view algorithm = "") const {
    json::object out = PublicKey::from_pem(pem())->jwk();
    out["kid"] = id;
    out.erase("alg");
    if (!algorithm.empty()) out["alg"] = algorithm;
    return out;
  }
  std::string sign(std::string_view algorithm, const std::string& text) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* options = nullptr;
    const EVP_MD* digest = EVP_get_digestbyname(algorithm.ends_with("256")   ? "SHA256"
                                                : algorithm.ends_with("384") ? "SHA384"
                                                                             : "SHA512");
    EXPECT_EQ(EVP_DigestSignInit(context, &options, digest, nullptr, key_), 1);
    if (algorithm.starts_with("PS")) {
      EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    std::size_t size = 0;
    EVP_DigestSign(context, nullptr, &size, bytes(text), text.size());
    std::string out(size, '\0');
    EXPECT_EQ(EVP_DigestSign(context, bytes(out), &size, bytes(text), text.size()), 1);
    EVP_MD_CTX_free(context);
    out.resize(size);
    return algorithm.starts_with("ES") ? side_by_side(out, algorithm) : out;
  }

 private:
  explicit IssuerKey(EVP_PKEY* key) : key_(key) {}
  static std::string side_by_side(const std::string& der, std::string_view algorithm) {
    const int size = algorithm == "ES256" ? 32 : algorithm == "ES384" ? 48 : 66;
    const unsigned char* at = bytes(der);
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string out(static_cast<std::size_t>(2 * size), '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), bytes(out), size);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), bytes(out) + size, size);
    ECDSA_SIG_free(signature);
    return out;
  }
  EVP_PKEY* key_;
};

std::string token_text(std::string_view header, std::string_view claims) {
  return base64url_encode(header) + "." + base64url_encode(claims);
}

/// Answers for the issuer's web server, in a later turn of the loop.
class IssuerSite {
 public:
  explicit IssuerSite(net::Loop& on) : loop(on) {}

  void publish(json::array keys) {
    documents[fmt::format("{}/.well-known/openid-configuration", issuer)] = json::serialize(
        json::object{{"issuer", issuer}, {"jwks_uri", fmt::format("{}/keys", issuer)}});
    documents[fmt::format("{}/keys", issuer)] =
        json::serialize(json::object{{"keys", std::move(keys)}});
  }

  net::Loop& loop;
  std::map<std::string, std::string> documents;
  std::string trouble;
  std::vector<std::string> asked;
};

class Client final : public link::HttpClient {
 public:
  explicit Client(IssuerSite& site) : site_(site) {}

  std::unique_ptr<link::HttpCall> send(link::HttpClientRequest request, Done done) override {
    site_.asked.push_back(request.url);
    auto call = std::make_unique<Call>(site_.loop);
    call->timer.arm(std::chrono::milliseconds{20}, [this, url = request.url, done] {
      if (!site_.trouble.empty()) return done(fail(Errc::unavailable, site_.trouble));
      const auto found = site_.documents.find(url);
      if (found == site_.documents.end()) return done(link::HttpClientResponse{404, {}, ""});
      done(link::HttpClientResponse{200, {}, found->second});
    });
    return call;
  }
  std::unique_ptr<link::HttpCall> stream(link::HttpClientRequest, OnChunk, Done) override {
    return nullptr;
  }

 private:
  struct Call final : link::HttpCall {
    explicit Call(net::Loop& loop) : timer(loop) {}
    net::Timer timer;
  };
  IssuerSite& site_;
};

class OidcTest : public testing::Test {
 protected:
  OidcTest() { site_.publish({key_.jwk("k1")}); }

  static OidcOptions options() {
    OidcOptions out;
    out.issuer = issuer;
    out.client_id = "wireway";
    return out;
  }
  void start(OidcOptions given = options()) {
    ASSERT_TRUE(check_options(given, own_issuer));
    oidc_ = std::make_unique<Oidc>(loop_, std::make_unique<Client>(site_), std::move(given));
    world_.run_for(seconds{1});
  }
  json::object claims() const {
    const std::int64_t now = loop_.wall_now().since_epoch / seconds{1};
    return {{"iss", issuer}, {"sub", "ann"}, {"aud", "wireway"}, {"iat", now}, {"exp", now + 3600}};
  }
  json::object claims_with(std::string_view name, json::value value) const {
    json::object out = claims();
    out[name] = std::move(value);
    return out;
  }
  std::string token(const json::object& claims, std::string_view algorithm = "RS256",
                    std::string_view id = "k1") const {
    return signed_by(key_, claims, algorithm, id);
  }
  static std::string signed_by(const IssuerKey& key, const json::object& claims,
                               std::string_view algorithm, std::string_view id) {
    const json::object header{{"alg", algorithm}, {"kid", id}};
    const std::string text = token_text(json::serialize(header), json::serialize(claims));
    return text + "." + base64url_encode(key.sign(algorithm, text));
  }
  /// The user's name, or why not.
  std::string answer(const std::string& text) {
    const auto jwt = Jwt::parse(text);
    if (!jwt) return "refused: " + jwt.error().message;
    const auto who = oidc_->check(*jwt, loop_.wall_now());
    if (!who) return "not mine";
    return *who ? (*who)->user : "refused: " + who->error().message;
  }
  std::string answer(const json::object& claims) { return answer(token(claims)); }

  net::SimWorld world_{1};
  net::Loop& loop_ = world_.env("api").loop;
  IssuerKey key_ = IssuerKey::rsa();
  IssuerSite site_{loop_};
  std::unique_ptr<Oidc> oidc_;
};

TEST_F(OidcTest, knows_the_user_and_groups_that_a_token_names) {
  OidcOptions given = options();
  given.groups_claim = "roles";
  given.groups_prefix = "corp:";
  start(given);
  json::object said = claims_with("roles", json::array{"operators", "line-4"});
  said["jti"] = "42";
  const auto who = oidc_->check(*Jwt::parse(token(said)), loop_.wall_now());
  ASSERT_TRUE(who && *who) << answer(said);
  EXPECT_EQ((*who)->user, fmt::format("{}#ann", issuer));
  EXPECT_EQ((*who)->groups, (std::vector<std::string>{"corp:operators", "corp:line-4"}));
  EXPECT_EQ((*who)->extra.at("authentication.kubernetes.io/credential-id").front(), "JTI=42");
  EXPECT_EQ((*who)->expires, Jwt::parse(token(said))->expires());
}

TEST_F(OidcTest, prefixes_follow_the_rules_of_kube_apiserver) {
  OidcOptions given = options();
  given.username_claim = "email";
  start(given);
  EXPECT_EQ(answer(claims_with("email", "ann@plant.example")), "ann@plant.example");
  given.username_prefix = "corp:";
  start(given);
  EXPECT_EQ(answer(claims_with("email", "ann@plant.example")), "corp:ann@plant.example");
  given.username_claim = "sub";
  given.username_prefix = "-";
  start(given);
  EXPECT_EQ(answer(claims()), "ann");
}

TEST_F(OidcTest, an_unverified_address_names_nobody) {
  OidcOptions given = options();
  given.username_claim = "email";
  start(given);
  json::object said = claims_with("email", "ann@plant.example");
  said["email_verified"] = false;
  EXPECT_TRUE(answer(said).starts_with("refused: the issuer has not verified"));
  said["email_verified"] = "true";
  EXPECT_TRUE(answer(said).starts_with("refused: the issuer has not verified"));
  said["email_verified"] = true;
  EXPECT_EQ(answer(said), "ann@plant.example");
}

TEST_F(OidcTest, every_algorithm_with_a_key_of_its_kind) {
  const IssuerKey p256 = IssuerKey::ec("P-256");
  const IssuerKey p384 = IssuerKey::ec("P-384");
  const IssuerKey p521 = IssuerKey::ec("P-521");
  const std::array<std::pair<const char*, const IssuerKey*>, 9> all{{{"RS256", &key_},
                                                                     {"RS384", &key_},
                                                                     {"RS512", &key_},
                                                                     {"PS256", &key_},
                                                                     {"PS384", &key_},
                                                                     {"PS512", &key_},
                                                                     {"ES256", &p256},
                                                                     {"ES384", &p384},
                                                                     {"ES512", &p521}}};
  site_.publish({key_.jwk("k1"), p256.jwk("p256"), p384.jwk("p384"), p521.jwk("p521")});
  OidcOptions given = options();
  given.username_prefix = "-";
  for (const auto& [algorithm, key] : all) {
    given.algorithms = {algorithm};
    start(given);
    for (const auto& [signed_with, signer] : all) {
      const char* id = signer == &key_   ? "k1"
                       : signer == &p256 ? "p256"
                       : signer == &p384 ? "p384"
                                         : "p521";
      const std::string said = answer(signed_by(*signer, claims(), signed_with, id));
      if (signed_with == algorithm)
        EXPECT_EQ(said, "ann") << algorithm;
      else
        EXPECT_EQ(said, fmt::format("refused: the token is not signed by {} (--oidc-signing-algs)",
                                    algorithm));
    }
  }
}

TEST_F(OidcTest, a_key_checks_only_the_algorithm_that_its_issuer_published_it_for) {
  site_.publish({key_.jwk("k1", "PS256")});
  OidcOptions given = options();
  given.algorithms = {"RS256", "PS256"};
  start(given);
  EXPECT_TRUE(answer(token(claims(), "RS256")).starts_with("refused: the token's signature"));
  EXPECT_TRUE(answer(token(claims(), "PS256")).ends_with("#ann"));
}

TEST_F(OidcTest, refuses_forged_signatures) {
  start();
  const std::string body = json::serialize(claims());
  EXPECT_TRUE(answer(token_text(R"({"alg":"none"})", body) + ".")
                  .starts_with("refused: the token is not signed by RS256"));
  // The issuer's public key as the secret of an HMAC: the classic confusion.
  const std::string text = token_text(R"({"alg":"HS256","kid":"k1"})", body);
  const std::string secret = key_.pem();
  std::string mac(32, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes(text), text.size(),
       bytes(mac), &size);
  EXPECT_TRUE(answer(text + "." + base64url_encode(mac))
                  .starts_with("refused: the token is not signed by RS256"));
  const IssuerKey other = IssuerKey::rsa();
  EXPECT_EQ(answer(signed_by(other, claims(), "RS256", "k1")),
            "refused: the token's signature is not of a key that is known here");
  std::string changed = token(claims());
  changed[changed.find('.') + 10] ^= 1;
  EXPECT_TRUE(answer(changed).starts_with("refused: ") || answer(changed) == "not mine");
}

TEST_F(OidcTest, a_token_under_the_name_of_another_key_is_refused) {
  const IssuerKey second = IssuerKey::rsa();
  site_.publish({key_.jwk("k1"), second.jwk("k2")});
  start();
  EXPECT_TRUE(answer(signed_by(second, claims(), "RS256", "k2")).ends_with("#ann"));
  EXPECT_EQ(answer(signed_by(second, claims(), "RS256", "k1")),
            "refused: the token's signature is not of a key that is known here");
}

TEST_F(OidcTest, refuses_claims_that_are_wrong) {
  OidcOptions given = options();
  given.groups_claim = "groups";
  given.required_claims = {"hd=plant.example"};
  given.username_prefix = "-";
  start(given);
  const std::int64_t now = loop_.wall_now().since_epoch / seconds{1};
  const auto refusal = [&](std::string_view name, json::value value) {
    json::object said = claims_with("hd", "plant.example");
    said[name] = std::move(value);
    return answer(said);
  };
  EXPECT_EQ(refusal("sub", "ann"), "ann");
  EXPECT_EQ(refusal("aud", json::array{"other", "wireway"}), "ann");
  EXPECT_EQ(refusal("aud", "other"),
            "refused: the token is for other, not for wireway (--oidc-client-id)");
  EXPECT_TRUE(refusal("aud", json::array{}).starts_with("refused: the token is for "));
  EXPECT_TRUE(refusal("exp", now - 61).starts_with("refused: the token expired at "));
  EXPECT_EQ(refusal("exp", now - 59), "ann");
  EXPECT_EQ(refusal("exp", "never"), "refused: the token's claim \"exp\" is not a time");
  EXPECT_TRUE(refusal("nbf", now + 61).starts_with("refused: the token is not valid before "));
  EXPECT_TRUE(refusal("iat", now + 61).starts_with("refused: the token was issued in the future"));
  EXPECT_EQ(refusal("hd", "elsewhere.example"),
            "refused: the token's claim \"hd\" is not as --oidc-required-claim wants it");
  EXPECT_TRUE(refusal("hd", 1).starts_with("refused: the token's claim \"hd\""));
  EXPECT_TRUE(refusal("sub", "").starts_with("refused: the token has no claim \"sub\""));
  EXPECT_TRUE(refusal("sub", 7).starts_with("refused: the token has no claim \"sub\""));
  EXPECT_EQ(refusal("iss", "https://login.example/realms/plant/"), "not mine");
  EXPECT_TRUE(refusal("groups", json::array{"a", 1}).starts_with("refused: the token's claim"));
  EXPECT_EQ(refusal("groups", "one"), "ann");
  json::object endless = claims_with("hd", "plant.example");
  endless.erase("exp");
  EXPECT_EQ(answer(endless), "refused: the token does not say when it expires");
}

TEST_F(OidcTest, nobody_elsewhere_becomes_one_of_the_system) {
  OidcOptions given = options();
  given.username_prefix = "-";
  given.groups_claim = "groups";
  start(given);
  EXPECT_EQ(answer(claims_with("sub", "system:admin")),
            "refused: the user name \"system:admin\" is reserved; set --oidc-username-prefix");
  EXPECT_EQ(answer(claims_with("groups", json::array{"a", "system:masters"})),
            "refused: the token's group \"system:masters\" is reserved; set --oidc-groups-prefix");
  given.username_prefix = "system:serviceaccount:";
  given.groups_claim = "";
  start(given);
  EXPECT_TRUE(answer(claims_with("sub", "line:opcua")).starts_with("refused: the user name"));
}

TEST_F(OidcTest, refuses_what_says_a_thing_twice_or_too_much) {
  start();
  const std::string header = R"({"alg":"RS256","kid":"k1"})";
  const auto signed_text = [this](const std::string& text) {
    return text + "." + base64url_encode(key_.sign("RS256", text));
  };
  std::string body = json::serialize(claims());
  body.insert(1, R"("sub":"root",)");
  EXPECT_EQ(answer(signed_text(token_text(header, body))),
            "refused: the token says the same thing twice");
  EXPECT_EQ(
      answer(signed_text(token_text(R"({"alg":"none","alg":"RS256"})", json::serialize(claims())))),
      "refused: the token says the same thing twice");
  EXPECT_TRUE(answer(claims_with("note", R"(a "quoted": \ text: with colons)")).ends_with("#ann"));
  EXPECT_EQ(answer(claims_with("note", json::string(token_bytes_max, 'x'))),
            "refused: the token is too long");
}

TEST_F(OidcTest, an_issuer_that_is_away_is_named_and_asked_again) {
  site_.trouble = "Connection refused";
  start();
  EXPECT_EQ(answer(claims()),
            fmt::format("refused: the keys of the token's issuer {} cannot be had: Connection "
                        "refused; try again once it answers",
                        issuer));
  site_.trouble.clear();
  world_.run_for(seconds{4});
  EXPECT_TRUE(answer(claims()).ends_with("#ann"));
}

TEST_F(OidcTest, known_keys_go_on_while_the_issuer_is_away) {
  start();
  site_.trouble = "Connection refused";
  world_.run_for(hours{3});
  EXPECT_TRUE(answer(claims()).ends_with("#ann"));
  EXPECT_LT(site_.asked.size(), 200u) << "once a minute and no more";
  EXPECT_GT(site_.asked.size(), 100u);
}

TEST_F(OidcTest, a_new_key_is_fetched_when_a_token_names_it) {
  start();
  const IssuerKey second = IssuerKey::rsa();
  site_.publish({key_.jwk("k1"), second.jwk("k2")});
  world_.run_for(minutes{1});
  const std::string token = signed_by(second, claims(), "RS256", "k2");
  EXPECT_EQ(answer(token), fmt::format("refused: the token's issuer {} is being asked for the key "
                                       "of this token; try again",
                                       issuer));
  world_.run_for(seconds{1});
  EXPECT_TRUE(answer(token).ends_with("#ann"));
}

TEST_F(OidcTest, tokens_of_unknown_keys_do_not_make_us_flood_the_issuer) {
  start();
  const IssuerKey other = IssuerKey::rsa();
  const std::string token = signed_by(other, claims(), "RS256", "k9");
  for (int i = 0; i < 600; ++i) {
    answer(token);
    world_.run_for(std::chrono::milliseconds{100});
  }
  EXPECT_LE(site_.asked.size(), 2u * (1 + 6 + 1)) << "two documents every ten seconds";
  EXPECT_EQ(answer(token), "refused: the token's signature is not of a key that is known here");
}

TEST_F(OidcTest, a_key_that_its_issuer_withdraws_is_forgotten_within_the_hour) {
  start();
  const std::string before = token(claims_with("exp", 4'000'000'000));
  const IssuerKey second = IssuerKey::rsa();
  site_.publish({second.jwk("k2")});
  EXPECT_TRUE(answer(before).ends_with("#ann"));
  world_.run_for(hours{1} + minutes{1});
  EXPECT_TRUE(answer(before).starts_with("refused: "));
}

TEST_F(OidcTest, documents_that_are_wrong_give_no_keys) {
  const auto said_after = [this] {
    oidc_.reset();
    start();
    return answer(claims());
  };
  const std::string discovery = fmt::format("{}/.well-known/openid-configuration", issuer);
  site_.documents[discovery] = R"({"issuer":"https://evil.example","jwks_uri":"https://x/"})";
  EXPECT_NE(said_after().find("of the issuer \"https://evil.example\""), std::string::npos);
  site_.documents[discovery] =
      fmt::format(R"({{"issuer":"{}","jwks_uri":"http://127.0.0.1/keys"}})", issuer);
  EXPECT_NE(said_after().find("which is not https"), std::string::npos);
  site_.documents[discovery] = "<html>";
  EXPECT_NE(said_after().find("is not a JSON object"), std::string::npos);
  site_.documents.erase(discovery);
  EXPECT_NE(said_after().find("HTTP status 404"), std::string::npos);
  site_.publish({json::object{{"kty", "oct"}, {"k", "c2VjcmV0"}}, "text", key_.jwk("k1", "RS256")});
  EXPECT_TRUE(said_after().ends_with("#ann")) << "what cannot be used is passed over";
  site_.publish({});
  EXPECT_NE(said_after().find("no key that can check a signature"), std::string::npos);
}

TEST(OidcOptions, name_what_is_wrong) {
  const auto fault = [](auto&& change) {
    OidcOptions out;
    out.issuer = issuer;
    out.client_id = "wireway";
    change(out);
    const auto good = check_options(out, own_issuer);
    return good ? std::string() : good.error().message;
  };
  EXPECT_EQ(fault([](OidcOptions&) {}), "");
  EXPECT_NE(fault([](OidcOptions& o) { o.client_id.clear(); }), "");
  EXPECT_NE(fault([](OidcOptions& o) { o.issuer = own_issuer; }).find("ServiceAccounts"),
            std::string::npos)
      << "the services' own tokens would be asked of it";
  for (const char* url : {"http://login.example", "https://", "ftp://x", "https://x/?a=b",
                          "https://ann@x/", "http://127.0.0.1@evil.example/", "login.example"})
    EXPECT_TRUE(fault([url](OidcOptions& o) { o.issuer = url; }).starts_with("--oidc-issuer-url"))
        << url;
  for (const char* url : {"http://127.0.0.1:8080/x", "http://localhost:1", "http://[::1]:2/"})
    EXPECT_EQ(fault([url](OidcOptions& o) { o.issuer = url; }), "") << url;
  EXPECT_TRUE(fault([](OidcOptions& o) {
                o.algorithms = {"none"};
              }).starts_with("--oidc-signing-algs none"));
  EXPECT_NE(fault([](OidcOptions& o) { o.algorithms = {"HS256"}; }), "");
  EXPECT_NE(fault([](OidcOptions& o) { o.required_claims = {"hd"}; }), "");
  EXPECT_NE(fault([](OidcOptions& o) { o.username_claim = ""; }), "");
}

}  // namespace
}  // namespace wireway::control
