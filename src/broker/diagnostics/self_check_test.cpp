// Goal: a broker that does not answer is found out, by operation and number of routes.
// Method: doors that lose what they are given, on virtual time.

#include "broker/diagnostics/self_check.h"

#include <gtest/gtest.h>

#include "net/sim/sim_world.h"

namespace wireway::broker::diagnostics {
namespace {

using namespace std::chrono_literals;

TEST(SelfCheck, says_what_failed_on_how_many_routes_and_tries_again) {
  net::SimWorld world{1};
  net::Env env = world.env("broker");
  int rounds = 0;
  int streams = 0;
  SelfCheck check(env, 2,
                  {[&streams](std::unique_ptr<net::Stream>) { ++streams; },
                   [](std::size_t shard) { return "probe-" + std::to_string(shard); },
                   [&rounds] { ++rounds; }});
  check.start({true, 30s, 5s});
  ASSERT_TRUE(world.run_until([&] { return rounds == 1; }, 1min));
  EXPECT_TRUE(check.figures().ran);
  EXPECT_FALSE(check.figures().good);
  EXPECT_EQ(check.figures().message, "Probe failed: Failed Operation CONNECT (2/2)");
  EXPECT_EQ(streams, 2);
  ASSERT_TRUE(world.run_until([&] { return rounds == 2; }, 1min));
  check.start({false, 30s, 5s});
  world.run_for(5min);
  EXPECT_EQ(rounds, 2) << "a disabled check is silent";
}

}  // namespace
}  // namespace wireway::broker::diagnostics
