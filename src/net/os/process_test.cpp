#include "net/os/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "net/os/test_loop.h"

namespace wireway::net {
namespace {

struct Recorded {
  std::vector<std::string> lines;
  std::optional<ExitStatus> exit;
};

ProcessOptions shell(std::string script, Recorded& recorded) {
  ProcessOptions options;
  options.arguments = {"/bin/sh", "-c", std::move(script)};
  options.on_output = [&recorded](std::string_view line) { recorded.lines.emplace_back(line); };
  options.on_exit = [&recorded](const ExitStatus& status) { recorded.exit = status; };
  return options;
}

TEST(Process, gives_each_line_of_output_and_then_the_exit_code) {
  OsLoop loop;
  Recorded recorded;
  auto options = shell("echo one; echo $WORD >&2; printf 'no newline'; exit 3", recorded);
  options.environment_extra = {"WORD=two"};
  const auto process = start_process(loop, std::move(options));
  ASSERT_TRUE(process) << process.error().message;
  ASSERT_TRUE(turn_until(loop, [&] { return recorded.exit.has_value(); }));
  EXPECT_EQ(recorded.lines, (std::vector<std::string>{"one", "two", "no newline"}));
  EXPECT_EQ(recorded.exit->to_string(), "exited with code 3");
}

TEST(Process, cuts_a_line_without_end) {
  OsLoop loop;
  Recorded recorded;
  const auto process =
      start_process(loop, shell("head -c 40000 /dev/zero | tr '\\0' x; echo; echo end", recorded));
  ASSERT_TRUE(process);
  ASSERT_TRUE(turn_until(loop, [&] { return recorded.exit.has_value(); }));
  ASSERT_EQ(recorded.lines.size(), 4U);
  EXPECT_EQ(recorded.lines[0].size(), 16U * 1024);
  EXPECT_EQ(recorded.lines[2].size(), 40'000U - 2 * 16 * 1024);
  EXPECT_EQ(recorded.lines[3], "end");
}

TEST(Process, reports_a_signal_by_name) {
  OsLoop loop;
  Recorded recorded;
  const auto process = start_process(loop, shell("echo ready; exec sleep 600", recorded));
  ASSERT_TRUE(process);
  ASSERT_TRUE(turn_until(loop, [&] { return !recorded.lines.empty(); }));
  (*process)->signal(SIGKILL);
  ASSERT_TRUE(turn_until(loop, [&] { return recorded.exit.has_value(); }));
  EXPECT_EQ(recorded.exit->to_string(), "was killed by signal 9 (SIGKILL)");
  (*process)->signal(SIGTERM);  // ended: nothing happens
}

TEST(Process, ends_its_child_when_it_is_destroyed) {
  OsLoop loop;
  Recorded recorded;
  auto process = start_process(loop, shell("exec sleep 600", recorded));
  ASSERT_TRUE(process);
  const pid_t pid = (*process)->pid();
  process->reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  EXPECT_FALSE(recorded.exit);
}

TEST(Process, may_be_destroyed_within_on_exit) {
  OsLoop loop;
  Recorded recorded;
  std::unique_ptr<Process> process;
  auto options = shell("exit 0", recorded);
  options.on_exit = [&](const ExitStatus&) { process.reset(); };
  process = *start_process(loop, std::move(options));
  EXPECT_TRUE(turn_until(loop, [&] { return process == nullptr; }));
}

TEST(Process, names_the_program_that_cannot_be_started) {
  OsLoop loop;
  const auto missing = start_process(loop, {.arguments = {"/no/such/program"}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_EQ(missing.error().message, "start /no/such/program: no such program; check its path");
  const auto denied = start_process(loop, {.arguments = {"/etc/passwd"}});
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, Errc::denied);
}

TEST(Process, passes_on_no_descriptor_and_no_blocked_or_ignored_signal) {
  OsLoop loop;
  loop.on_signals({SIGUSR1}, [](int) {});
  Recorded recorded;
  const auto process = start_process(
      loop, shell("ls /proc/self/fd | wc -l; grep -E 'SigBlk|SigIgn' /proc/self/status", recorded));
  ASSERT_TRUE(process);
  ASSERT_TRUE(turn_until(loop, [&] { return recorded.exit.has_value(); }));
  ASSERT_EQ(recorded.lines.size(), 3U);
  EXPECT_EQ(recorded.lines[0], "4");  // 0, 1, 2 and the one with which ls reads the folder
  EXPECT_EQ(recorded.lines[1], "SigBlk:\t0000000000000000");
  const auto ignored = std::stoull(recorded.lines[2].substr(8), nullptr, 16);
  EXPECT_EQ(ignored & (1ULL << (SIGPIPE - 1)), 0U);
}

/// In the intermediate process: starts a child, tells its pid and waits to be killed.
[[noreturn]] void be_the_parent(int report_fd) {
  OsLoop loop;
  Recorded recorded;
  const auto process = start_process(loop, shell("exec sleep 600", recorded));
  const pid_t pid = process ? (*process)->pid() : 0;
  if (::write(report_fd, &pid, sizeof pid) != sizeof pid) ::_exit(1);
  loop.run();
  ::_exit(0);
}

// Method: a forked intermediate process starts the child and is killed; a pidfd of the grandchild
// becomes readable when it ends, without any polling of pids that could be reused.
TEST(Process, takes_its_child_along_when_the_parent_is_killed) {
  int report[2];
  ASSERT_EQ(::pipe2(report, O_CLOEXEC), 0);
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) be_the_parent(report[1]);
  ::close(report[1]);
  pid_t child = 0;
  ASSERT_EQ(::read(report[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  ::close(report[0]);
  ASSERT_GT(child, 0);
  const int child_fd = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  ASSERT_GE(child_fd, 0);
  pollfd ended{.fd = child_fd, .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ended, 1, 0), 0) << "the child lives as long as its parent";
  ASSERT_EQ(::kill(parent, SIGKILL), 0);
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  EXPECT_EQ(::poll(&ended, 1, 10'000), 1) << "the child outlived its parent";
  ::close(child_fd);
}

TEST(Process, may_have_as_many_files_open_as_the_system_lets_it) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 128;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_open_files_max(), before.rlim_max);
  rlimit after{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Process, knows_its_own_path) {
  EXPECT_EQ(own_program_path().substr(own_program_path().rfind('/')), "/net_test");
}

}  // namespace
}  // namespace wireway::net
