#include <filesystem>

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "net/os/os_loop.h"

namespace wireway::net {
namespace {

class OsFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "wireway-files-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::string in(std::string_view name) const { return folder + "/" + std::string(name); }

  std::unique_ptr<Files> files = make_os_files();
  std::string folder;
};

TEST_F(OsFiles, replaces_a_file_and_leaves_nothing_beside_it) {
  ASSERT_TRUE(files->replace(in("a"), "one", 0600));
  ASSERT_TRUE(files->replace(in("a"), "two", 0600));
  EXPECT_EQ(*files->read(in("a")), "two");
  const auto entries = files->list(folder);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1U);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[0].size_bytes, 3U);
  struct stat status{};
  ASSERT_EQ(::stat(in("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(OsFiles, creates_a_file_once) {
  ASSERT_TRUE(files->create_new(in("0.json"), "first"));
  const auto second = files->create_new(in("0.json"), "second");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
  EXPECT_NE(second.error().message.find(in("0.json")), std::string::npos);
  EXPECT_EQ(*files->read(in("0.json")), "first");
  EXPECT_EQ(files->list(folder)->size(), 1U);
}

TEST_F(OsFiles, names_path_and_reason_of_a_failure) {
  const auto missing = files->read(in("none"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_EQ(missing.error().message, "open " + in("none") + ": No such file or directory");
  ASSERT_TRUE(files->replace(in("file"), "x"));
  EXPECT_FALSE(files->make_folders(in("file/below")));
  EXPECT_FALSE(files->list(in("file")));
  EXPECT_EQ(files->remove(in("none")).error().code, Errc::not_found);
}

// Method: a limit on the size of files stands for a full disk; both fail in the middle of write(2).
TEST_F(OsFiles, keeps_the_old_content_if_the_new_does_not_fit) {
  ASSERT_TRUE(files->replace(in("a"), "old"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 4096;
  const auto ignored = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = files->replace(in("a"), std::string(100'000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, ignored);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::io);
  EXPECT_EQ(written.error().message, "write " + in("a") + ": File too large");
  EXPECT_EQ(*files->read(in("a")), "old");
  EXPECT_EQ(files->list(folder)->size(), 1U);
}

TEST_F(OsFiles, lists_sorted_with_folders) {
  ASSERT_TRUE(files->make_folders(in("b/c/d")));
  ASSERT_TRUE(files->replace(in("a"), ""));
  const auto entries = files->list(folder);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_FALSE((*entries)[0].is_folder);
  EXPECT_EQ((*entries)[1].name, "b");
  EXPECT_TRUE((*entries)[1].is_folder);
  EXPECT_TRUE(files->remove(in("b/c/d")));
  EXPECT_FALSE(files->exists(in("b/c/d")));
}

TEST_F(OsFiles, reads_a_secret_only_if_nobody_else_can) {
  ASSERT_TRUE(files->replace(in("key"), "secret", 0600));
  EXPECT_EQ(files->read_secret(in("key")), "secret");
  ASSERT_TRUE(files->replace(in("key"), "secret", 0640));
  const auto refused = files->read_secret(in("key"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_TRUE(refused.error().message.ends_with("chmod 600 " + in("key")));
  EXPECT_EQ(files->read_secret(in("none")).error().code, Errc::not_found);
}

}  // namespace
}  // namespace wireway::net
