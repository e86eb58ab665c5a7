// The door for scratch files on the real file system.

#include "net/scratch_file.h"

#include <filesystem>

#include <stdlib.h>

#include <gtest/gtest.h>

#include "net/os/test_loop.h"

namespace wireway::net {
namespace {

class OsScratch : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "wireway-scratch-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    auto opened = files->open_scratch(loop, folder + "/buffer");
    ASSERT_TRUE(opened) << opened.error().message;
    file = std::move(*opened);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Result<> write(std::uint64_t offset, std::string_view text) {
    std::optional<Result<>> answer;
    file->write(offset, Bytes(text.begin(), text.end()),
                [&](Result<> result) { answer = std::move(result); });
    EXPECT_FALSE(answer) << "a Done never runs inside the call";
    EXPECT_TRUE(turn_until(loop, [&] { return answer.has_value(); }));
    return *answer;
  }
  Result<Bytes> read(std::uint64_t offset, std::size_t bytes) {
    std::optional<Result<Bytes>> answer;
    file->read(offset, bytes, [&](Result<Bytes> result) { answer = std::move(result); });
    EXPECT_TRUE(turn_until(loop, [&] { return answer.has_value(); }));
    return *answer;
  }

  OsLoop loop;
  std::unique_ptr<Files> files = make_os_files();
  std::string folder;
  std::unique_ptr<ScratchFile> file;
};

TEST_F(OsScratch, gives_back_what_was_written_and_leaves_no_name) {
  ASSERT_TRUE(write(8192, "two"));
  ASSERT_TRUE(write(0, "one"));
  EXPECT_EQ(to_text(*read(8192, 3)), "two");
  EXPECT_EQ(to_text(*read(0, 3)), "one");
  EXPECT_TRUE(std::filesystem::is_empty(folder + "/buffer"));
}

TEST_F(OsScratch, keeps_the_rest_when_a_part_is_discarded) {
  const std::string large(64 * 1024, 'x');
  ASSERT_TRUE(write(0, large));
  file->discard(4096, 4096);
  const auto all = read(0, large.size());
  ASSERT_TRUE(all);
  EXPECT_EQ(to_text(ByteView(*all).first(4096)), large.substr(0, 4096));
  EXPECT_EQ(to_text(ByteView(*all).subspan(8192)), large.substr(8192));
}

TEST_F(OsScratch, says_what_cannot_be_read) {
  ASSERT_TRUE(write(0, "short"));
  const auto beyond = read(0, 100);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Errc::io);
  EXPECT_NE(beyond.error().message.find("the scratch file in " + folder), std::string::npos);
}

TEST_F(OsScratch, runs_no_answer_after_its_end) {
  bool told = false;
  file->write(0, Bytes(1024 * 1024), [&](Result<>) { told = true; });
  file.reset();
  bool turned = false;
  loop.post([&] { turned = true; });
  ASSERT_TRUE(turn_until(loop, [&] { return turned; }));
  EXPECT_FALSE(told);
}

TEST_F(OsScratch, needs_a_folder) {
  const auto opened = files->open_scratch(loop, "/dev/null/buffer");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("/dev/null"), std::string::npos);
}

}  // namespace
}  // namespace wireway::net
