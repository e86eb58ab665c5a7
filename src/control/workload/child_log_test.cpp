// Goal: what a child printed is there afterwards, and never more than two files of it.

#include "control/workload/child_log.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace wireway::control {
namespace {

class ChildLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "wireway-log-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string text(const std::string& name) {
    std::ostringstream out;
    out << std::ifstream(folder_ + "/logs/" + name).rdbuf();
    return out.str();
  }
  std::string folder_;
};

TEST_F(ChildLogTest, goes_on_where_the_last_life_ended) {
  {
    ChildLog log(folder_ + "/logs", "broker");
    log.write("one");
    EXPECT_EQ(text("broker.log"), "one\n") << "a line is there at once";
  }
  ChildLog(folder_ + "/logs", "broker").write("two");
  EXPECT_EQ(text("broker.log"), "one\ntwo\n");
}

TEST_F(ChildLogTest, keeps_two_files_of_bounded_size) {
  ChildLog log(folder_ + "/logs", "broker");
  const std::string line(1024 * 1024, 'x');
  for (int i = 0; i < 20; ++i) log.write(line);
  log.write("last");
  EXPECT_TRUE(text("broker.log").ends_with("last\n"));
  EXPECT_LE(text("broker.log").size(), ChildLog::file_bytes_max);
  EXPECT_LE(text("broker.previous.log").size(), ChildLog::file_bytes_max);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_ + "/logs"),
                          std::filesystem::directory_iterator()),
            2);
}

TEST_F(ChildLogTest, a_folder_that_cannot_be_had_stops_nobody) {
  std::ofstream(folder_ + "/logs") << "a file";
  ChildLog log(folder_ + "/logs", "broker");
  log.write("lost");
  ChildLog("", "broker").write("kept nowhere");
  EXPECT_EQ(std::filesystem::file_size(folder_ + "/logs"), 6u);
}

}  // namespace
}  // namespace wireway::control
