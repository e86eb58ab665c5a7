// Goal: whatever was reported durable is there after kill -9 at any instant, on the real disk, and
// what is there is a prefix of what was appended.
//
// WIREWAY_CRASHES=N makes it N crashes instead of 50.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "broker/journal/local_journal.h"
#include "net/os/os_loop.h"

namespace wireway::broker {
namespace {

LocalJournalOptions options_of(const std::string& folder) {
  return {.folder = folder,
          .key = std::vector<std::uint8_t>(32, 3),
          .quota_bytes = 0,
          .segment_bytes = 256 * 1024};
}

/// The record of each position follows from it.
std::string record(std::uint64_t position) {
  return fmt::format("{} {}", position, std::string(position * 31 % 300, 'x'));
}

/// Appends for ever and tells its parent each durable position; a checkpoint now and then.
class Writer final : public JournalHandler {
 public:
  Writer(const std::string& folder, int out) : out_(out) {
    auto opened = LocalJournal::open(loop_, *files_, options_of(folder),
                                     [](ByteView) -> Result<> { return {}; });
    if (!opened) _exit(1);
    journal_ = std::move(*opened);
    journal_->set_handler(*this);
  }
  [[noreturn]] void run() {
    on_durable();
    loop_.run();
    _exit(3);
  }
  void on_durable() override {
    const std::uint64_t durable = journal_->durable();
    if (::write(out_, &durable, sizeof durable) != sizeof durable) _exit(4);
    for (int i = 0; i < 40; ++i) journal_->append(as_bytes(record(journal_->appended() + 1)));
    if (++groups_ % 40 == 20) journal_->begin_checkpoint();
    if (groups_ % 40 == 30) journal_->end_checkpoint();
  }
  void on_failed(const Error&) override { _exit(5); }
  void on_recovered() override {}

 private:
  int out_;
  int groups_ = 0;
  net::OsLoop loop_;
  std::unique_ptr<net::Files> files_ = net::make_os_files();
  std::unique_ptr<LocalJournal> journal_;
};

class JournalCrash : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "wireway-journal-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void crash(std::uint64_t words, std::chrono::microseconds spin) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) Writer(folder_, ends[1]).run();
    close(ends[1]);
    std::uint64_t heard = 0;
    while (heard < words && hear(ends[0])) ++heard;
    const auto until = std::chrono::steady_clock::now() + spin;
    while (std::chrono::steady_clock::now() < until) {
    }
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << WEXITSTATUS(status);
    while (hear(ends[0])) {
    }
    close(ends[0]);
  }
  bool hear(int from) {
    std::uint64_t position = 0;
    if (read(from, &position, sizeof position) != sizeof position) return false;
    // The first word of a life may be smaller: the last group is written once more.
    durable_ = std::max(durable_, position);
    return true;
  }

  void check() {
    net::OsLoop loop;
    const auto files = net::make_os_files();
    std::vector<std::string> replayed;
    auto opened =
        LocalJournal::open(loop, *files, options_of(folder_), [&](ByteView one) -> Result<> {
          replayed.push_back(to_text(one));
          return {};
        });
    ASSERT_TRUE(opened) << opened.error().message;
    const std::uint64_t end = (*opened)->appended();
    ASSERT_GE(end, durable_);
    ASSERT_LE(replayed.size(), end);
    const std::uint64_t start = end - replayed.size();
    for (std::uint64_t i = 0; i < replayed.size(); ++i)
      ASSERT_EQ(replayed[i], record(start + i + 1));
  }

  std::string folder_;
  std::uint64_t durable_ = 0;
};

TEST_F(JournalCrash, every_durable_record_survives_kill_9_at_any_instant) {
  const char* asked = std::getenv("WIREWAY_CRASHES");
  const int crashes = asked != nullptr ? std::atoi(asked) : 50;
  std::mt19937_64 random(20261123);
  for (int i = 0; i < crashes && !HasFatalFailure(); ++i) {
    SCOPED_TRACE(fmt::format("crash {}", i));
    const std::uint64_t words = random() % 5 == 0 ? 0 : random() % 60;
    crash(words, std::chrono::microseconds{random() % 4000});
    check();
  }
  EXPECT_GT(durable_, static_cast<std::uint64_t>(crashes) * 40);
  RecordProperty("durable", static_cast<int>(durable_));
}

}  // namespace
}  // namespace wireway::broker
