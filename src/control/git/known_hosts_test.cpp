// Goal: only the host that the file names, with exactly its key, is trusted.
// Method: lines as ssh-keyscan and ssh-keygen -H write them.

#include "control/git/known_hosts.h"

#include <gtest/gtest.h>

namespace wireway::control {
namespace {

// "key one" and "key two" in base64: the format of a key does not matter here.
constexpr std::string_view one = "key one";
constexpr std::string_view plain = "forge.example.com ssh-ed25519 a2V5IG9uZQ==\n";

std::string refusal(std::string_view known, std::string_view host, std::string_view key,
                    unsigned port = 22) {
  const auto result = check_known_host(known, host, port, key);
  return result ? "" : result.error().message;
}

TEST(KnownHosts, trusts_the_host_with_its_key_and_no_other) {
  EXPECT_EQ(refusal(plain, "forge.example.com", one), "");
  EXPECT_NE(refusal(plain, "forge.example.com", "key two").find("compare `ssh-keyscan forge"),
            std::string::npos);
  EXPECT_EQ(refusal(plain, "other.example.com", one),
            "other.example.com is not in known_hosts of the Secret; compare and add the lines of "
            "`ssh-keyscan other.example.com`");
  EXPECT_NE(refusal("", "forge.example.com", one), "");
}

TEST(KnownHosts, a_host_may_have_several_keys_among_comments) {
  const std::string lines =
      "# forge\n\nforge.example.com ssh-rsa a2V5IHR3bw==\n" + std::string(plain);
  EXPECT_EQ(refusal(lines, "forge.example.com", one), "");
  EXPECT_EQ(refusal(lines, "forge.example.com", "key two"), "");
}

TEST(KnownHosts, another_port_is_another_host) {
  EXPECT_NE(refusal(plain, "forge.example.com", one, 2222), "");
  EXPECT_EQ(refusal("[forge.example.com]:2222 x a2V5IG9uZQ==", "forge.example.com", one, 2222), "");
}

TEST(KnownHosts, reads_lists_patterns_and_negations) {
  const std::string_view lines = "10.0.0.7,*.example.com,!bad.example.com x a2V5IG9uZQ==";
  EXPECT_EQ(refusal(lines, "10.0.0.7", one), "");
  EXPECT_EQ(refusal(lines, "forge.example.com", one), "");
  EXPECT_NE(refusal(lines, "bad.example.com", one), "");
  EXPECT_NE(refusal(lines, "example.com", one), "");
}

TEST(KnownHosts, reads_hashed_names) {
  // HMAC-SHA1 of "forge.example.com" with the salt of twenty letters "s".
  const std::string_view line =
      "|1|c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M=|CGCFTz08NoB/MhiZbvIl+FIbiN4= x a2V5IG9uZQ==";
  EXPECT_EQ(refusal(line, "forge.example.com", one), "");
  EXPECT_NE(refusal(line, "other.example.com", one), "");
}

TEST(KnownHosts, a_revoked_key_is_refused_whatever_else_is_there) {
  const std::string lines = std::string(plain) + "@revoked * ssh-ed25519 a2V5IG9uZQ==\n";
  EXPECT_EQ(refusal(lines, "forge.example.com", one),
            "known_hosts revokes the key of forge.example.com");
  EXPECT_NE(refusal("@cert-authority * x a2V5IG9uZQ==", "forge.example.com", one), "");
}

}  // namespace
}  // namespace wireway::control
