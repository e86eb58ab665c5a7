#include "base/ip_address.h"

#include <gtest/gtest.h>

namespace wireway {
namespace {

std::string canonical(std::string_view text) {
  const auto address = IpAddress::parse(text);
  return address ? address->to_string() : "none";
}

TEST(IpAddress, has_one_canonical_form) {
  EXPECT_EQ(canonical("10.0.0.7"), "10.0.0.7");
  EXPECT_EQ(canonical("255.255.255.255"), "255.255.255.255");
  EXPECT_EQ(canonical("::"), "::");
  EXPECT_EQ(canonical("::1"), "::1");
  EXPECT_EQ(canonical("1::"), "1::");
  EXPECT_EQ(canonical("2001:0DB8:0:0:0:0:0:0007"), "2001:db8::7");
  EXPECT_EQ(canonical("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1") << "one zero stays";
  EXPECT_EQ(canonical("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1") << "the longest run goes";
  EXPECT_EQ(canonical("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1") << "the first of equals";
  EXPECT_EQ(canonical("::ffff:192.0.2.1"), "::ffff:192.0.2.1");
  EXPECT_EQ(canonical("::ffff:c000:201"), "::ffff:192.0.2.1");
  EXPECT_EQ(canonical("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
  EXPECT_EQ(canonical("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8");
  EXPECT_EQ(canonical("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0");
}

TEST(IpAddress, refuses_what_is_none) {
  for (const char* text : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "1.2.3.-4",
                           "01.2.3.4",
                           "1.2.3.04",
                           "1.2.3. 4",
                           "1.2.3.4 ",
                           "a.b.c.d",
                           ":",
                           ":::",
                           "1:",
                           ":1",
                           "1:2",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "1::2::3",
                           "12345::",
                           "g::",
                           "::1%eth0",
                           "[::1]",
                           "::1.2.3",
                           "1.2.3.4::",
                           "1.2.3.4:1::",
                           "::1.2.3.4:5",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "localhost"})
    EXPECT_EQ(canonical(text), "none") << text;
}

TEST(IpNetwork, holds_the_addresses_with_its_first_bits) {
  const auto holds = [](std::string_view network, std::string_view address) {
    const auto read = IpNetwork::parse(network);
    EXPECT_TRUE(read) << network;
    return read && read->contains(*IpAddress::parse(address));
  };
  EXPECT_TRUE(holds("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(holds("10.1.2.128/25", "10.1.2.200"));
  EXPECT_FALSE(holds("10.1.2.128/25", "10.1.2.127"));
  EXPECT_TRUE(holds("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(holds("0.0.0.0/0", "::1"));
  EXPECT_TRUE(holds("127.0.0.1", "127.0.0.1"));
  EXPECT_FALSE(holds("127.0.0.1", "127.0.0.2"));
  EXPECT_TRUE(holds("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(holds("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(holds("10.0.0.0/8", "::ffff:10.0.0.7")) << "a dual-stack socket shows it so";
  EXPECT_TRUE(holds("::/0", "::ffff:10.0.0.7"));
}

TEST(IpNetwork, clears_what_stands_behind_its_prefix_and_refuses_what_is_none) {
  EXPECT_EQ(IpNetwork::parse("10.1.2.3/8")->to_string(), "10.0.0.0/8");
  EXPECT_EQ(IpNetwork::parse("::1")->to_string(), "::1/128");
  EXPECT_EQ(*IpNetwork::parse("10.1.2.3/8"), *IpNetwork::parse("10.9.9.9/8"));
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08",
                           "::/129", "10.0.0.0/8/8", "all"})
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
}

}  // namespace
}  // namespace wireway
