#include "app/addresses.h"

#include <gtest/gtest.h>

namespace wireway::app {
namespace {

TEST(Addresses, are_read_with_and_without_a_port) {
  EXPECT_EQ(*parse_address("192.168.1.5"), (net::Endpoint{"192.168.1.5", 0}));
  EXPECT_EQ(*parse_address("0.0.0.0:8443"), (net::Endpoint{"0.0.0.0", 8443}));
  EXPECT_EQ(*parse_address("::"), (net::Endpoint{"::", 0}));
  EXPECT_EQ(*parse_address("[::1]:8443"), (net::Endpoint{"::1", 8443}));
  for (const char* wrong : {"", "edge-1", "1.2.3", "1.2.3.4:", "1.2.3.4:99999", "1.2.3.4:80a",
                            "[::1", "[::1]x:80", "::1:"}) {
    const auto refused = parse_address(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_NE(refused.error().message.find("192.168.1.5:8443"), std::string::npos);
  }
}

TEST(Addresses, give_the_names_of_the_certificate_once_each) {
  const auto names = own_names({{"10.0.0.7", 0}, {"127.0.0.1", 0}}, {"edge.example", "10.0.0.7"});
  for (const char* name : {"localhost", "127.0.0.1", "::1", "10.0.0.7", "edge.example"})
    EXPECT_EQ(std::ranges::count(names, name), 1) << name;
}

}  // namespace
}  // namespace wireway::app
