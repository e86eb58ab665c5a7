#include "net/tls/certificate.h"

#include <gtest/gtest.h>

namespace wireway::net {
namespace {

using std::chrono::days;
using std::chrono::minutes;

const WallTime now = *parse_rfc3339("2026-03-01T12:00:00Z");

KeyPair authority() { return *make_authority("Test CA", now); }

TEST(Certificate, of_a_server_says_what_was_wished) {
  const KeyPair ca = authority();
  const auto pair = issue_certificate(
      ca, {.common_name = "edge-1",
           .names = {"localhost", "127.0.0.1", "::1", "edge-1.plant.example", "a,DNS:b"},
           .now = now,
           .lifetime = days{365}});
  ASSERT_TRUE(pair) << pair.error().message;
  ASSERT_TRUE(check_key_pair(*pair));
  const auto read = read_certificate(pair->certificates);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->common_name, "edge-1");
  EXPECT_EQ(read->issuer, "CN=Test CA");
  EXPECT_EQ(read->not_before, now + -clock_skew_max);
  EXPECT_EQ(read->not_after, now + days{365});
  EXPECT_EQ(read->dns_names,
            (std::vector<std::string>{"localhost", "edge-1.plant.example", "a,DNS:b"}));
  EXPECT_EQ(read->ip_addresses, (std::vector<std::string>{"127.0.0.1", "::1"}));
  EXPECT_EQ(read->fingerprint.size(), 64U);
  EXPECT_EQ(read->serial.size(), 32U);
}

TEST(Certificate, has_a_key_of_the_wished_kind_or_keeps_the_one_it_is_given) {
  const KeyPair ca = authority();
  for (const KeyAlgorithm algorithm :
       {KeyAlgorithm::ec256, KeyAlgorithm::ec384, KeyAlgorithm::ec521, KeyAlgorithm::ed25519,
        KeyAlgorithm::rsa2048}) {
    const auto pair =
        issue_certificate(ca, {.common_name = "x", .now = now, .algorithm = algorithm});
    ASSERT_TRUE(pair) << pair.error().message;
    EXPECT_EQ(algorithm_of(pair->key), algorithm);
    EXPECT_TRUE(check_key_pair(*pair));
    EXPECT_TRUE(is_issued_by(pair->certificates, ca.certificates));
    const auto again = issue_certificate(ca, {.common_name = "y", .now = now, .key = pair->key});
    ASSERT_TRUE(again);
    EXPECT_EQ(again->key, pair->key);
    EXPECT_TRUE(check_key_pair(*again));
    EXPECT_NE(again->certificates, pair->certificates);
  }
  EXPECT_FALSE(issue_certificate(ca, {.common_name = "x", .now = now, .key = "none"}));
  EXPECT_FALSE(algorithm_of("none"));
}

TEST(Certificate, of_a_client_names_its_user_and_groups) {
  const KeyPair ca = authority();
  const auto pair = issue_certificate(ca, {.use = CertificateUse::client,
                                           .common_name = "admin",
                                           .organizations = {"system:masters", "Jürgen, GmbH"},
                                           .now = now});
  ASSERT_TRUE(pair);
  const auto read = read_certificate(pair->certificates);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->common_name, "admin");
  EXPECT_EQ(read->organizations, (std::vector<std::string>{"system:masters", "Jürgen, GmbH"}));
  EXPECT_EQ(read->subject, "CN=admin,O=Jürgen\\, GmbH,O=system:masters");
}

TEST(Certificate, of_an_authority_lives_ten_years_and_signs_its_own) {
  const KeyPair ca = authority();
  const KeyPair other = authority();
  const auto read = read_certificate(ca.certificates);
  ASSERT_TRUE(read);
  EXPECT_GT(read->not_after, *parse_rfc3339("2036-02-28T00:00:00Z"));
  const auto pair = issue_certificate(ca, {.common_name = "x", .now = now});
  ASSERT_TRUE(pair);
  EXPECT_TRUE(is_issued_by(pair->certificates, ca.certificates));
  EXPECT_FALSE(is_issued_by(pair->certificates, other.certificates)) << "same name, other key";
}

TEST(Certificate, never_repeats_a_serial_or_a_key) {
  const KeyPair ca = authority();
  const CertificateWish wish{.common_name = "x", .now = now};
  const auto first = issue_certificate(ca, wish);
  const auto second = issue_certificate(ca, wish);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->key, second->key);
  EXPECT_NE(read_certificate(first->certificates)->serial,
            read_certificate(second->certificates)->serial);
}

TEST(Certificate, is_due_for_renewal_in_the_last_third_of_its_life) {
  const KeyPair ca = authority();
  const auto pair = issue_certificate(ca, {.common_name = "x", .now = now, .lifetime = days{365}});
  const auto read = read_certificate(pair->certificates);
  EXPECT_FALSE(renewal_due(*read, now));
  EXPECT_FALSE(renewal_due(*read, now + days{243}));
  EXPECT_TRUE(renewal_due(*read, now + days{244}));
  EXPECT_TRUE(renewal_due(*read, now + days{400}));
}

TEST(Certificate, says_what_is_wrong_with_a_text_and_never_shows_a_key) {
  const KeyPair ca = authority();
  const KeyPair other = authority();
  EXPECT_EQ(read_certificate("").error().message,
            "the text holds no certificate in PEM form (\"-----BEGIN CERTIFICATE-----\")");
  std::string damaged = ca.certificates;
  damaged.replace(100, 8, "????????");
  EXPECT_EQ(read_certificate(damaged).error().code, Errc::invalid);
  const auto crossed = check_key_pair({ca.certificates, other.key});
  ASSERT_FALSE(crossed);
  EXPECT_EQ(crossed.error().message,
            "the private key is not that of the certificate CN=Test CA; give the key with which it "
            "was requested");
  const auto keyless = check_key_pair({ca.certificates, ca.certificates});
  EXPECT_EQ(keyless.error().message,
            "the private key holds no private key in PEM form (\"-----BEGIN PRIVATE KEY-----\")");
  std::string cut = ca.key;
  cut.erase(60, 20);
  const auto broken = check_key_pair({ca.certificates, cut});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message.find(ca.key.substr(40, 10)), std::string::npos);
  const std::string locked =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBK\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n";
  EXPECT_NE(check_key_pair({ca.certificates, locked}).error().message.find("is encrypted"),
            std::string::npos);
}

}  // namespace
}  // namespace wireway::net
