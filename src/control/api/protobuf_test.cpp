// Goal: bodies in protobuf give the same objects as in JSON; broken ones give an error.

#include "control/api/protobuf.h"

#include <random>

#include <gtest/gtest.h>

namespace wireway::control {
namespace {

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string bytes_field(int number, const std::string& content) {
  return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(content.size()) + content;
}
std::string integer_field(int number, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(number) << 3) + varint(value);
}
std::string body(const std::string& version, const std::string& kind, const std::string& object) {
  return std::string("k8s\0", 4) + bytes_field(1, bytes_field(1, version) + bytes_field(2, kind)) +
         bytes_field(2, object) + bytes_field(3, "") + bytes_field(4, "");
}
std::string entry(const std::string& key, const std::string& value) {
  return bytes_field(1, key) + bytes_field(2, value);
}

TEST(Protobuf, reads_a_secret_as_kubectl_sends_it) {
  const std::string metadata = bytes_field(1, "login") + bytes_field(2, "") + integer_field(7, 0) +
                               bytes_field(8, "") + bytes_field(11, entry("a", "b")) +
                               bytes_field(14, "x/y");
  const auto read = read_protobuf(
      body("v1", "Secret",
           bytes_field(1, metadata) + bytes_field(2, entry("username", "me")) +
               bytes_field(3, "Opaque") + bytes_field(4, entry("text", "")) + integer_field(5, 1)));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, json::parse(R"({"apiVersion":"v1","kind":"Secret",
      "metadata":{"name":"login","generation":0,"labels":{"a":"b"},"finalizers":["x/y"]},
      "data":{"username":"bWU="},"type":"Opaque","stringData":{"text":""},"immutable":true})"));
}

TEST(Protobuf, reads_times_of_events) {
  const auto read = read_protobuf(
      body("v1", "Event",
           bytes_field(2, bytes_field(1, "Asset") + bytes_field(3, "oven")) +
               bytes_field(6, integer_field(1, 1'800'000'000)) +
               bytes_field(10, integer_field(1, 1'800'000'000) + integer_field(2, 5000)) +
               integer_field(8, 300)));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(text_at(*read, {"firstTimestamp"}), "2027-01-15T08:00:00Z");
  EXPECT_EQ(text_at(*read, {"eventTime"}), "2027-01-15T08:00:00.000005Z");
  EXPECT_EQ(int_at(*read, {"count"}, 0), 300);
  EXPECT_EQ(text_at(*read, {"involvedObject", "name"}), "oven");
}

TEST(Protobuf, reads_what_a_token_is_bound_to) {
  const auto read = read_protobuf(
      body("authentication.k8s.io/v1", "TokenRequest",
           bytes_field(2, bytes_field(3, bytes_field(1, "Secret") + bytes_field(2, "v1") +
                                             bytes_field(3, "shift") + bytes_field(4, "u1")) +
                              integer_field(4, 600))));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->at("spec"), json::parse(R"({"boundObjectRef":{"kind":"Secret","apiVersion":"v1",
      "name":"shift","uid":"u1"},"expirationSeconds":600})"));
}

TEST(Protobuf, refuses_unknown_kinds_and_broken_bytes) {
  EXPECT_EQ(read_protobuf(body("v1", "Pod", "")).error().code, 415u);
  EXPECT_EQ(read_protobuf("{}").error().code, 400u);
  EXPECT_EQ(read_protobuf(body("v1", "Secret", "\xff\xff")).error().code, 400u);
  EXPECT_EQ(read_protobuf(body("v1", "Secret", bytes_field(3, "\xff"))).error().code, 400u);
}

TEST(Protobuf, mutated_bodies_never_do_worse_than_an_error) {
  std::mt19937_64 random(7);
  const std::string good = body("v1", "ConfigMap",
                                bytes_field(1, bytes_field(1, "a") + bytes_field(8, "")) +
                                    bytes_field(2, entry("k", "v")) + integer_field(4, 1));
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    for (std::size_t n = random() % 4 + 1; n-- > 0;) {
      bad[random() % bad.size()] = static_cast<char>(random());
      if (random() % 8 == 0) bad.resize(random() % bad.size() + 1);
    }
    const auto read = read_protobuf(bad);
    EXPECT_TRUE(!read || parse_json(json::serialize(*read)));
  }
}

}  // namespace
}  // namespace wireway::control
