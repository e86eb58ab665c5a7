// Goal: every event is on the disk once, in order, in whole lines, whatever disk and process do;
// what could not be kept is counted.

#include "app/audit_log.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/stat.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "net/os/test_loop.h"
#include "net/random.h"

namespace wireway::app {
namespace {

class AuditLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "wireway-audit-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    options_.folder = root_ + "/audit";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::unique_ptr<AuditLog> open() {
    auto log = AuditLog::open(env_, options_);
    EXPECT_TRUE(log.has_value()) << (log ? "" : log.error().message);
    return log ? std::move(*log) : nullptr;
  }
  std::string text() const {
    std::ifstream file(options_.folder + "/audit.log");
    std::stringstream out;
    out << file.rdbuf();
    return out.str();
  }
  std::vector<std::string> past() const {
    std::vector<std::string> out;
    for (const auto& each : std::filesystem::directory_iterator(options_.folder))
      if (each.path().filename() != "audit.log") out.push_back(each.path().filename().string());
    return out;
  }

  net::OsLoop loop_;
  net::SystemRandom random_;
  std::unique_ptr<net::Files> os_files_ = net::make_os_files();
  net::Env env_{loop_, loop_, *os_files_, random_};
  std::string root_;
  AuditLogOptions options_;
};

TEST_F(AuditLogTest, lines_are_on_disk_soon_in_order_and_for_its_owner_alone) {
  auto log = open();
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    log->write(fmt::format("{{\"n\":{}}}", i));
    expected += fmt::format("{{\"n\":{}}}\n", i);
  }
  EXPECT_TRUE(net::turn_until(loop_, [&] { return text() == expected; }));
  struct stat status{};
  ASSERT_EQ(::stat((options_.folder + "/audit.log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(AuditLogTest, the_end_of_the_process_writes_what_waits_once) {
  for (int round = 0; round < 20; ++round) {
    auto log = open();
    log->write(fmt::format("{}a", round));
    log->write(fmt::format("{}b", round));
  }
  std::string expected;
  for (int round = 0; round < 20; ++round) expected += fmt::format("{}a\n{}b\n", round, round);
  EXPECT_EQ(text(), expected);
}

TEST_F(AuditLogTest, a_line_that_a_crash_cut_off_is_dropped) {
  open().reset();
  std::ofstream(options_.folder + "/audit.log") << "{\"whole\":1}\n{\"cut";
  {
    auto log = open();
    log->write("{\"next\":1}");
  }
  EXPECT_EQ(text(), "{\"whole\":1}\n{\"next\":1}\n");
}

TEST_F(AuditLogTest, a_full_file_is_moved_away_and_the_oldest_go) {
  options_.file_bytes_max = 100;
  options_.files_max = 3;
  AuditFiles files(options_);
  ASSERT_TRUE(files.open());
  const std::string line(89, 'x');
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(files.append(line + "\n", WallTime{std::chrono::seconds{1'800'000'000 + i}}));
  auto names = past();
  std::ranges::sort(names);
  ASSERT_EQ(names.size(), 3U);
  EXPECT_EQ(names.back(), "audit-2027-01-15T080009.000Z.log");
  EXPECT_EQ(text(), line + "\n");
}

TEST_F(AuditLogTest, a_disk_that_fails_loses_nothing_that_fits_and_says_how_much_did_not) {
  options_.waiting_bytes_max = 64;
  std::filesystem::create_directories(options_.folder);
  std::filesystem::create_symlink("/dev/full", options_.folder + "/audit.log");
  AuditFiles files(options_);
  ASSERT_TRUE(files.open());
  const auto full = files.append("x\n", WallTime{});
  ASSERT_FALSE(full.has_value());
  EXPECT_NE(full.error().message.find("No space left"), std::string::npos) << full.error().message;

  auto log = open();
  log->write("first");
  log->write(std::string(60, 'y'));
  log->write(std::string(60, 'z'));  // beyond the limit
  EXPECT_TRUE(net::turn_until(loop_, [n = 0]() mutable { return ++n == 50; }));
  std::filesystem::remove(options_.folder + "/audit.log");
  log.reset();  // tries once more, on a disk that has space again
  EXPECT_TRUE(text().starts_with("first\n" + std::string(60, 'y') + "\n{")) << text();
  EXPECT_NE(text().find("\"wireway.io/events-lost\":\"1\""), std::string::npos) << text();
}

TEST_F(AuditLogTest, what_was_lost_is_an_event_of_its_own) {
  options_.waiting_bytes_max = 8;
  {
    auto log = open();
    log->write("1234567");  // on its way
    log->write("1234567");  // waits
    log->write("1234567");  // is lost
    log->write("1234567");
  }
  const std::string all = text();
  EXPECT_TRUE(all.starts_with("1234567\n1234567\n{")) << all;
  EXPECT_NE(all.find("\"wireway.io/events-lost\":\"2\""), std::string::npos) << all;
}

TEST_F(AuditLogTest, a_folder_that_cannot_be_made_is_named) {
  std::ofstream(root_ + "/audit") << "a file";
  const auto log = AuditLog::open(env_, options_);
  ASSERT_FALSE(log.has_value());
  EXPECT_NE(log.error().message.find(root_ + "/audit"), std::string::npos) << log.error().message;
}

}  // namespace
}  // namespace wireway::app
