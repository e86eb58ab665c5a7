#include "net/os/os_loop.h"

#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "net/os/test_loop.h"
#include "net/shards.h"
#include "net/worker.h"

namespace wireway::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(OsLoop, runs_timers_in_order_and_never_early) {
  OsLoop loop;
  std::vector<int> ran;
  std::vector<Duration> late;
  const auto timer = [&](int ms, int name) {
    const MonoTime set = system_mono_now();
    return loop.run_after(milliseconds{ms}, [&, set, ms, name] {
      ran.push_back(name);
      late.push_back(system_mono_now() - set - milliseconds{ms});
    });
  };
  timer(20, 1);
  timer(5, 2);
  const TimerId dropped = timer(10, 3);
  timer(5, 4);
  loop.cancel(dropped);
  loop.run_after(milliseconds{25}, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(ran, (std::vector{2, 4, 1}));
  for (const Duration each : late) EXPECT_GE(each.count(), 0);
}

Duration cpu_of_thread() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

/// The processor's time that a loop takes to wait for a timer.
Duration cost_of_waiting(Duration busy_poll) {
  OsLoop loop;
  loop.set_busy_poll(busy_poll);
  loop.run_after(milliseconds{100}, [&] { loop.stop(); });
  const Duration before = cpu_of_thread();
  loop.run();
  return cpu_of_thread() - before;
}

TEST(OsLoop, looks_for_events_as_long_as_it_is_told_to_before_it_sleeps) {
  EXPECT_LT(cost_of_waiting(Duration{0}), milliseconds{5});
  EXPECT_LT(cost_of_waiting(milliseconds{1}), milliseconds{5});
  EXPECT_GT(cost_of_waiting(seconds{1}), milliseconds{10});
}

TEST(OsLoop, hears_of_posts_and_bytes_while_it_polls_busily) {
  OsLoop loop;
  loop.set_busy_poll(seconds{5});
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  bool read = false;
  loop.watch(ends[0], true, false, [&](bool readable, bool) {
    read = readable;
    loop.unwatch(ends[0]);
    loop.stop();
  });
  bool posted = false;
  const MonoTime begin = system_mono_now();
  std::thread other([&] {
    loop.post([&] {
      posted = true;
      const char byte = 0;
      EXPECT_EQ(::write(ends[1], &byte, 1), 1);
    });
  });
  loop.run();
  other.join();
  EXPECT_TRUE(posted && read);
  EXPECT_LT(system_mono_now() - begin, seconds{4});
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(OsLoop, lets_a_timer_rearm_itself_and_forgets_it_with_its_owner) {
  OsLoop loop;
  int runs = 0;
  auto timer = std::make_unique<Timer>(loop);
  std::move_only_function<void()> again = [&] {
    if (++runs < 3)
      timer->arm(milliseconds{1}, [&] { again(); });
    else
      timer->arm(milliseconds{5}, [&] { runs += 100; });
  };
  timer->arm(Duration{0}, [&] { again(); });
  ASSERT_TRUE(turn_until(loop, [&] { return runs == 3; }));
  timer.reset();
  loop.run_after(milliseconds{10}, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(runs, 3);
}

TEST(OsLoop, runs_deferred_tasks_in_the_same_turn_as_their_cause) {
  OsLoop loop;
  std::vector<int> order;
  MonoTime posted_turn;
  loop.post([&] {
    order.push_back(1);
    posted_turn = loop.now();
    loop.defer([&] {
      order.push_back(3);
      EXPECT_EQ(loop.now(), posted_turn);
      loop.stop();
    });
    order.push_back(2);
  });
  loop.run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(OsLoop, runs_posts_of_each_thread_in_order) {
  OsLoop loop;
  constexpr int threads_max = 4;
  constexpr int posts_max = 5'000;
  std::vector<std::vector<int>> seen(threads_max);
  int total = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < threads_max; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < posts_max; ++i) {
        loop.post([&, t, i] {
          seen[static_cast<std::size_t>(t)].push_back(i);
          if (++total == threads_max * posts_max) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (auto& thread : threads) thread.join();
  for (const auto& list : seen) {
    ASSERT_EQ(list.size(), static_cast<std::size_t>(posts_max));
    EXPECT_TRUE(std::ranges::is_sorted(list));
  }
}

TEST(OsLoop, wakes_when_it_sleeps) {
  OsLoop loop;
  std::thread other([&] {
    std::this_thread::sleep_for(milliseconds{5});  // so that the loop sleeps: it has no timer
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  other.join();
}

TEST(OsLoop, keeps_posts_between_runs_and_destroys_them_unrun_at_its_end) {
  auto witness = std::make_shared<int>(1);
  bool ran = false;
  {
    OsLoop loop;
    loop.post([&] { loop.stop(); });
    loop.run();
    loop.post([&] {
      ran = true;
      loop.stop();
    });
    loop.run();
    EXPECT_TRUE(ran);
    loop.post([witness] { *witness = 2; });
    loop.defer([witness] { *witness = 3; });
    loop.run_after(Duration{0}, [witness] { *witness = 4; });
  }
  EXPECT_EQ(*witness, 1);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(OsLoop, reports_readiness_of_foreign_descriptors) {
  OsLoop loop;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  std::string got;
  loop.watch(ends[0], true, false, [&](bool readable, bool) {
    EXPECT_TRUE(readable);
    char piece[16];
    const ssize_t length = ::read(ends[0], piece, sizeof piece);
    if (length > 0)
      got.append(piece, static_cast<std::size_t>(length));
    else
      loop.unwatch(ends[0]);  // end of file: unwatched from within its own call
    if (length <= 0) loop.stop();
  });
  loop.run_after(milliseconds{1}, [&] {
    EXPECT_EQ(::write(ends[1], "hello", 5), 5);
    ::close(ends[1]);
  });
  loop.run();
  EXPECT_EQ(got, "hello");
  ::close(ends[0]);
}

TEST(OsLoop, hands_signals_to_the_loop) {
  OsLoop loop;
  int seen = 0;
  loop.on_signals({SIGUSR1, SIGUSR2}, [&](int signal) { seen = signal; });
  ::kill(::getpid(), SIGUSR2);
  EXPECT_TRUE(turn_until(loop, [&] { return seen == SIGUSR2; }));
}

TEST(OsShards, moves_work_between_loops_by_post) {
  OsLoop loop;
  SystemRandom random;
  auto files = make_os_files();
  Env main{loop, loop, *files, random};
  const auto shards = make_os_shards(main, 4);
  ASSERT_EQ(shards->count(), 4U);
  std::set<std::thread::id> threads;
  for (std::size_t i = 0; i < shards->count(); ++i) {
    shards->env(i).loop.post([&] {
      const auto id = std::this_thread::get_id();
      loop.post([&, id] {
        threads.insert(id);
        if (threads.size() == 4) loop.stop();
      });
    });
  }
  loop.run();
  EXPECT_EQ(threads.size(), 4U);
}

TEST(Worker, runs_tasks_in_order_and_answers_by_post) {
  OsLoop loop;
  Worker worker("test-worker");
  std::vector<int> answers;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(
        worker.run([&loop, &answers, i] { loop.post([&answers, i] { answers.push_back(i); }); }));
  }
  ASSERT_TRUE(turn_until(loop, [&] { return answers.size() == 100; }));
  EXPECT_TRUE(std::ranges::is_sorted(answers));
}

TEST(Worker, asks_a_long_task_to_end_and_drops_the_rest) {
  std::atomic<bool> began{false};
  std::atomic<bool> asked{false};
  auto witness = std::make_shared<int>(1);
  {
    Worker worker("stubborn");
    ASSERT_TRUE(worker.run([&] {
      began = true;
      while (!worker.stop_requested()) worker.wait_for_task(seconds{60});
      asked = true;
    }));
    while (!began) std::this_thread::yield();
    ASSERT_TRUE(worker.run([witness] { *witness = 2; }));
  }
  EXPECT_TRUE(asked);
  EXPECT_EQ(*witness, 1);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(Worker, wakes_a_polling_task_when_another_is_queued) {
  OsLoop loop;
  Worker worker("polling");
  bool second_ran = false;
  ASSERT_TRUE(worker.run([&] {
    while (!worker.wait_for_task(seconds{60})) {
    }
  }));
  ASSERT_TRUE(worker.run([&] { loop.post([&] { second_ran = true; }); }));
  EXPECT_TRUE(turn_until(loop, [&] { return second_ran; }));
}

}  // namespace
}  // namespace wireway::net
