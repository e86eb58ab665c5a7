#include "app/front_door.h"

#include <gtest/gtest.h>

#include "control/access/access.h"
#include "net/os/os_loop.h"

namespace wireway::app {
namespace {

TEST(FrontDoor, leaves_loopback_only_if_there_is_a_user) {
  net::OsLoop loop;
  net::SystemRandom random;
  const std::unique_ptr<net::Files> files = net::make_os_files();
  net::Env env{loop, loop, *files, random};
  FrontDoorOptions options{.database = ":memory:", .addresses = {{"0.0.0.0", 0}}};
  const auto nobody = FrontDoor::open(env, options);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Errc::denied);
  EXPECT_NE(nobody.error().message.find("only once a user is set"), std::string::npos);
  control::AccessOptions rules;
  rules.clock = [&loop] { return loop.wall_now(); };
  rules.keys.push_back(*control::SigningKey::generate());
  control::Access access(std::move(rules));
  options.access = &access;
  EXPECT_FALSE(FrontDoor::open(env, options));
  const json::value user{{"type", control::user_secret_type}};
  access.on_object("secrets", std::string(control::user_space), "ann", &user);
  const auto somebody = FrontDoor::open(env, options);
  ASSERT_TRUE(somebody) << somebody.error().message;
  EXPECT_EQ((*somebody)->network_urls().size(), 1U);
  options.access = nullptr;
  options.addresses = {{"127.0.0.2", 0}, {"localhost", 0}};
  const auto local = FrontDoor::open(env, options);
  ASSERT_TRUE(local) << local.error().message;
  EXPECT_TRUE((*local)->network_urls().empty());
}

}  // namespace
}  // namespace wireway::app
