// The real folder with a clock that the test turns.

#include "app/key_folder.h"

#include <filesystem>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "net/os/os_loop.h"
#include "net/sim/sim_world.h"

namespace wireway::app {
namespace {

using std::chrono::days;
using std::chrono::seconds;

class Keys : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "wireway-keys-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root = name;
    options.folder = root + "/keys";
    options.names = {"localhost", "127.0.0.1", "edge"};
  }
  void TearDown() override { std::filesystem::remove_all(root); }

  std::string text(const std::string& name) {
    return files->read(options.folder + "/" + name).value_or("");
  }
  static unsigned mode_of(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
  }

  net::SimWorld world{1};
  net::Env sim = world.env("edge");
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::Env env{sim.loop, sim.network, *files, sim.random};
  std::string root;
  KeyFolderOptions options;
};

TEST_F(Keys, are_made_at_the_first_start_and_stay) {
  std::string first_admin;
  {
    const auto keys = KeyFolder::open(env, options);
    ASSERT_TRUE(keys) << keys.error().message;
    first_admin = (*keys)->admin().certificates;
    const auto admin = net::read_certificate(first_admin);
    ASSERT_TRUE(admin);
    EXPECT_EQ(admin->common_name, "admin");
    EXPECT_EQ(admin->organizations, std::vector<std::string>{"system:masters"});
  }
  EXPECT_EQ(mode_of(options.folder), 0700U);
  for (const char* name :
       {"ca.key", "ca.crt", "server.key", "server.crt", "admin.key", "admin.crt"})
    EXPECT_EQ(mode_of(options.folder + "/" + name), 0600U) << name;
  const std::string server = text("server.crt");
  const auto again = KeyFolder::open(env, options);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->admin().certificates, first_admin);
  EXPECT_EQ(text("server.crt"), server);
  options.names.emplace_back("10.1.2.3");
  ASSERT_TRUE(KeyFolder::open(env, options));
  EXPECT_EQ(net::read_certificate(text("server.crt"))->ip_addresses,
            (std::vector<std::string>{"127.0.0.1", "10.1.2.3"}));
}

TEST_F(Keys, that_others_may_read_are_refused_with_the_remedy) {
  ASSERT_TRUE(KeyFolder::open(env, options));
  for (const std::string name : {"ca.key", "server.key", "admin.key"}) {
    const std::string path = options.folder + "/" + name;
    std::filesystem::permissions(path, std::filesystem::perms(0644));
    const auto refused = KeyFolder::open(env, options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::denied);
    EXPECT_TRUE(refused.error().message.ends_with("chmod 600 " + path));
    std::filesystem::permissions(path, std::filesystem::perms(0600));
  }
  ASSERT_TRUE(files->remove(options.folder + "/ca.key"));
  const auto keyless = KeyFolder::open(env, options);
  ASSERT_FALSE(keyless);
  EXPECT_NE(keyless.error().message.find("restore"), std::string::npos);
}

TEST_F(Keys, are_renewed_while_running) {
  auto keys = KeyFolder::open(env, options);
  ASSERT_TRUE(keys);
  int told = 0;
  (*keys)->keep_current([&] { ++told; });
  const std::string server = text("server.crt");
  world.run_for(days{240});
  EXPECT_EQ(text("server.crt"), server);
  world.run_for(days{6});
  EXPECT_NE(text("server.crt"), server);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(net::is_issued_by(text("server.crt"), (*keys)->authority()));
}

TEST_F(Keys, of_the_users_own_must_be_there_and_belong_together) {
  const auto ca = net::make_authority("Site CA", env.loop.wall_now());
  const net::CertificateWish wish{
      .common_name = "edge.example", .names = {"edge.example"}, .now = env.loop.wall_now()};
  const auto pair = net::issue_certificate(*ca, wish);
  options.certificate_file = root + "/own.crt";
  options.key_file = root + "/own.key";
  EXPECT_EQ(KeyFolder::open(env, options).error().code, Errc::not_found);
  ASSERT_TRUE(files->replace(options.certificate_file, pair->certificates));
  ASSERT_TRUE(files->replace(options.key_file, net::issue_certificate(*ca, wish)->key, 0600));
  const auto crossed = KeyFolder::open(env, options);
  ASSERT_FALSE(crossed);
  EXPECT_NE(crossed.error().message.find("is not that of the certificate CN=edge.example"),
            std::string::npos);
  ASSERT_TRUE(files->replace(options.key_file, pair->key, 0600));
  const auto keys = KeyFolder::open(env, options);
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ((*keys)->local_host(), "localhost");
}

}  // namespace
}  // namespace wireway::app
