#include "link/credentials/jwt.h"

#include <gtest/gtest.h>

namespace wireway::link {
namespace {

constexpr WallTime now{std::chrono::seconds{1'800'000'000}};

SigningKey make_key() {
  auto key = SigningKey::generate();
  EXPECT_TRUE(key.has_value());
  return std::move(*key);
}

std::string signed_by(const SigningKey& key, json::object claims) {
  auto token = key.sign(claims);
  EXPECT_TRUE(token.has_value());
  return *token;
}

std::string forged(std::string_view header, std::string_view claims, std::string_view signature) {
  return base64url_encode(header) + "." + base64url_encode(claims) + "." +
         base64url_encode(signature);
}

TEST(Jwt, ASignedTokenIsKnownByItsKeyAlone) {
  const SigningKey key = make_key();
  const auto token = Jwt::parse(signed_by(key, {{"iss", "me"}, {"aud", {"a", "b"}}}));
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->issuer(), "me");
  EXPECT_EQ(token->audiences(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(token->check_signature({key.public_key()}));
  EXPECT_FALSE(token->check_signature({make_key().public_key()}));
  EXPECT_FALSE(token->check_signature({}));
}

TEST(Jwt, EveryChangedByteBreaksTheSignature) {
  const SigningKey key = make_key();
  const std::string good = signed_by(key, {{"sub", "ann"}});
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    const auto token = Jwt::parse(bad);
    EXPECT_FALSE(token && token->check_signature({key.public_key()})) << "byte " << i;
  }
}

TEST(Jwt, AKeySurvivesPemAndJwk) {
  const SigningKey key = make_key();
  const auto again = SigningKey::from_pem(key.to_pem());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->public_key().id(), key.public_key().id());
  const auto published = PublicKey::from_jwk(key.public_key().jwk());
  ASSERT_TRUE(published.has_value());
  EXPECT_EQ(published->id(), key.public_key().id());
  EXPECT_TRUE(Jwt::parse(signed_by(*again, {}))->check_signature({*published}));
}

// RFC 7515 appendix A.2 and A.3: keys and tokens that are not ours.
TEST(Jwt, TheExamplesOfTheRfc) {
  const auto rsa = PublicKey::from_jwk(
      {{"kty", "RSA"},
       {"n",
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0B"
        "m4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5"
        "z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7"
        "aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},
       {"e", "AQAB"}});
  ASSERT_TRUE(rsa.has_value());
  const auto rs256 = Jwt::parse(
      "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
      "NvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AA"
      "uHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75"
      "vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6Bf"
      "I7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe7"
      "7Rw");
  ASSERT_TRUE(rs256.has_value());
  EXPECT_TRUE(rs256->check_signature({*rsa}));
  EXPECT_FALSE(rs256->check_time(now)) << "it expired in 2011";

  const auto ec = PublicKey::from_jwk({{"kty", "EC"},
                                       {"crv", "P-256"},
                                       {"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"},
                                       {"y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}});
  ASSERT_TRUE(ec.has_value());
  const auto es256 = Jwt::parse(
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
      "NvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApm"
      "WQxfKTUJqPP3-Kg6NU1Q");
  ASSERT_TRUE(es256.has_value());
  EXPECT_TRUE(es256->check_signature({*ec}));
  EXPECT_FALSE(es256->check_signature({*rsa})) << "no confusion of key types";
}

TEST(Jwt, NoneAndConfusedAlgorithmsAreRefused) {
  const SigningKey key = make_key();
  for (const char* algorithm : {"none", "HS256", "RS256", "ES384", ""}) {
    const std::string header = std::string(R"({"alg":")") + algorithm + R"("})";
    const auto token = Jwt::parse(forged(header, R"({"sub":"ann"})", std::string(64, 'x')));
    ASSERT_TRUE(token.has_value());
    EXPECT_FALSE(token->check_signature({key.public_key()})) << algorithm;
  }
}

TEST(Jwt, WhatIsNoTokenIsRefused) {
  EXPECT_FALSE(Jwt::parse(""));
  EXPECT_FALSE(Jwt::parse("a.b"));
  EXPECT_FALSE(Jwt::parse("a.b.c.d"));
  EXPECT_FALSE(Jwt::parse("!.!.!"));
  EXPECT_FALSE(Jwt::parse(forged("[]", "{}", "x")));
  EXPECT_FALSE(Jwt::parse(forged(R"({"alg":"ES256","crit":["b64"]})", "{}", "x")));
  EXPECT_FALSE(Jwt::parse(std::string(token_bytes_max + 1, 'a')));
}

TEST(Jwt, TimesAreCheckedWithTheSkewOfClocks) {
  const auto at = [](std::int64_t begins, std::int64_t expires) {
    Jwt token;
    token.claims = {{"nbf", 1'800'000'000 + begins}, {"exp", 1'800'000'000 + expires}};
    return token.check_time(now).has_value();
  };
  EXPECT_TRUE(at(-10, 10));
  EXPECT_TRUE(at(-10, -59));
  EXPECT_FALSE(at(-10, -60));
  EXPECT_TRUE(at(59, 100));
  EXPECT_FALSE(at(61, 100));
  EXPECT_FALSE(Jwt{}.check_time(now)) << "a token without an end";
}

TEST(Jwt, KeysThatAreTooWeakOrOfAnotherKindAreRefused) {
  EXPECT_FALSE(PublicKey::from_jwk({{"kty", "oct"}, {"k", "c2VjcmV0"}}));
  EXPECT_FALSE(PublicKey::from_jwk({{"kty", "RSA"}, {"n", "AQAB"}, {"e", "AQAB"}}));
  EXPECT_FALSE(PublicKey::from_jwk({{"kty", "EC"}, {"crv", "P-256"}, {"x", "AA"}, {"y", "AA"}}));
  EXPECT_FALSE(PublicKey::from_jwk(json::object{}));
  EXPECT_FALSE(SigningKey::from_pem("no key"));
}

TEST(Base64Url, RoundTripAndStrictness) {
  for (const char* text : {"", "a", "ab", "abc", "\xff\xfe?>"}) {
    EXPECT_EQ(base64url_decode(base64url_encode(text)).value(), text);
  }
  EXPECT_FALSE(base64url_decode("a"));
  EXPECT_FALSE(base64url_decode("ab="));
  EXPECT_FALSE(base64url_decode("a+b/"));
  EXPECT_FALSE(base64url_decode("ab")) << "bits that mean nothing";
}

}  // namespace
}  // namespace wireway::link
