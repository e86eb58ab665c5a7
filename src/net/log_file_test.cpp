// The door for logs on the real file system.

#include "net/log_file.h"

#include <filesystem>
#include <fstream>

#include <stdlib.h>

#include <gtest/gtest.h>

#include "net/os/test_loop.h"

namespace wireway::net {
namespace {

class OsLogs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "wireway-logs-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::unique_ptr<LogFolder> open() {
    auto opened = files->open_logs(loop, folder, {.reserve_bytes = 64 * 1024});
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  /// Runs the loop until the call that `begin` makes has its answer.
  Result<> wait(std::move_only_function<void(LogFolder::Done)> begin) {
    std::optional<Result<>> answer;
    begin([&](Result<> result) { answer = std::move(result); });
    EXPECT_FALSE(answer) << "a Done never runs inside the call";
    EXPECT_TRUE(turn_until(loop, [&] { return answer.has_value(); }));
    return *answer;
  }
  Result<> create(LogFolder& logs, std::string name, std::string_view head) {
    return wait([&](auto done) { logs.create(name, as_bytes(head), std::move(done)); });
  }
  Result<> append(LogFolder& logs, std::string_view bytes) {
    return wait([&](auto done) { logs.append(as_bytes(bytes), std::move(done)); });
  }
  static std::string content(LogFolder& logs, const std::string& name) {
    auto reader = logs.read(name);
    EXPECT_TRUE(reader);
    Bytes bytes((*reader)->size_bytes());
    EXPECT_EQ(*(*reader)->read(0, bytes), bytes.size());
    return to_text(bytes);
  }

  OsLoop loop;
  std::unique_ptr<Files> files = make_os_files();
  std::string folder;
};

TEST_F(OsLogs, appends_behind_the_head_and_reserves_space) {
  auto logs = open();
  ASSERT_TRUE(create(*logs, "1.log", "head "));
  ASSERT_TRUE(append(*logs, "one "));
  ASSERT_TRUE(append(*logs, "two"));
  EXPECT_TRUE(content(*logs, "1.log").starts_with("head one two"));
  EXPECT_EQ(std::filesystem::file_size(folder + "/1.log"), 64U * 1024U);
  ASSERT_TRUE(create(*logs, "2.log", "next"));
  EXPECT_EQ(content(*logs, "1.log"), "head one two") << "the reserve is given back";
  EXPECT_EQ(logs->list()->size(), 2U);
}

TEST_F(OsLogs, grows_beyond_its_first_reserve) {
  auto logs = open();
  ASSERT_TRUE(create(*logs, "1.log", ""));
  const std::string large(200'000, 'x');
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(append(*logs, large));
  ASSERT_TRUE(create(*logs, "2.log", ""));
  EXPECT_EQ(content(*logs, "1.log"), large + large + large);
}

TEST_F(OsLogs, replaces_a_log_of_the_same_name_and_removes_what_was_left_unfinished) {
  std::ofstream(folder + "/7.log.new") << "half";
  auto logs = open();
  ASSERT_TRUE(create(*logs, "1.log", "first"));
  ASSERT_TRUE(create(*logs, "1.log", "second"));
  EXPECT_EQ(content(*logs, "1.log").substr(0, 6), "second");
  EXPECT_EQ(logs->list()->size(), 1U);
  EXPECT_FALSE(files->exists(folder + "/7.log.new"));
}

TEST_F(OsLogs, removes_logs_also_those_that_are_gone) {
  auto logs = open();
  for (const char* name : {"1.log", "2.log", "3.log"}) ASSERT_TRUE(create(*logs, name, "x"));
  ASSERT_TRUE(wait([&](auto done) { logs->remove({"1.log", "0.log", "2.log"}, std::move(done)); }));
  ASSERT_EQ(logs->list()->size(), 1U);
  EXPECT_EQ((*logs->list())[0].name, "3.log");
  EXPECT_EQ(logs->read("1.log").error().code, Errc::not_found);
}

TEST_F(OsLogs, is_locked_until_it_is_gone) {
  auto logs = open();
  const auto second = files->open_logs(loop, folder);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
  EXPECT_NE(second.error().message.find(folder + " is in use"), std::string::npos);
  logs.reset();
  EXPECT_TRUE(files->open_logs(loop, folder));
}

TEST_F(OsLogs, refuses_to_append_where_nothing_is_open) {
  auto logs = open();
  EXPECT_EQ(append(*logs, "x").error().code, Errc::io);
  std::filesystem::remove_all(folder);
  const auto lost = create(*logs, "1.log", "x");
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().message, "create " + folder + "/1.log: No such file or directory");
}

TEST_F(OsLogs, says_nothing_after_its_end) {
  bool told = false;
  auto logs = open();
  logs->create("1.log", as_bytes("x"), [&](Result<>) { told = true; });
  logs.reset();
  bool later = false;
  loop.run_after(std::chrono::milliseconds{1}, [&] { later = true; });
  ASSERT_TRUE(turn_until(loop, [&] { return later; }));
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace wireway::net
