#include "net/timer_queue.h"

#include <vector>

#include <gtest/gtest.h>

#include "net/random.h"

namespace wireway::net {
namespace {

using std::chrono::milliseconds;

MonoTime at(int ms) { return {milliseconds{ms}}; }

std::vector<int> run_until(TimerQueue& queue, MonoTime now, std::vector<int>& ran) {
  const std::uint64_t end = queue.next_sequence();
  while (Task task = queue.take_due(now, end)) task();
  return ran;
}

TEST(TimerQueue, runs_in_order_of_due_time_and_then_of_setting) {
  TimerQueue queue;
  std::vector<int> ran;
  for (const auto& [due, name] : {std::pair{30, 1}, {10, 2}, {20, 3}, {10, 4}, {40, 5}})
    queue.add(at(due), [&ran, name] { ran.push_back(name); });
  EXPECT_EQ(run_until(queue, at(30), ran), (std::vector{2, 4, 3, 1}));
  EXPECT_EQ(queue.next_due(), at(40));
  EXPECT_EQ(queue.size(), 1U);
}

TEST(TimerQueue, forgets_a_cancelled_timer_and_never_reuses_its_id) {
  TimerQueue queue;
  std::vector<int> ran;
  const TimerId first = queue.add(at(1), [&ran] { ran.push_back(1); });
  EXPECT_TRUE(queue.cancel(first));
  EXPECT_FALSE(queue.cancel(first));
  const TimerId second = queue.add(at(1), [&ran] { ran.push_back(2); });
  EXPECT_NE(first, second);
  EXPECT_FALSE(queue.cancel(first));
  EXPECT_FALSE(queue.cancel(TimerId::none));
  EXPECT_EQ(run_until(queue, at(1), ran), (std::vector{2}));
}

TEST(TimerQueue, leaves_a_timer_that_is_set_during_a_pass_to_the_next_pass) {
  TimerQueue queue;
  std::vector<int> ran;
  queue.add(at(5), [&] {
    ran.push_back(1);
    queue.add(at(5), [&ran] { ran.push_back(2); });
  });
  EXPECT_EQ(run_until(queue, at(5), ran), (std::vector{1}));
  EXPECT_EQ(run_until(queue, at(5), ran), (std::vector{1, 2}));
}

// Method: random adds and cancels against a plain list that is sorted at the end.
TEST(TimerQueue, agrees_with_a_sorted_list_after_many_adds_and_cancels) {
  SeededRandom random(7);
  TimerQueue queue;
  struct Expected {
    int due;
    int name;
    TimerId id;
  };
  std::vector<Expected> model;
  std::vector<int> ran;
  for (int name = 0; name < 20'000; ++name) {
    const int due = static_cast<int>(random.below(1000));
    model.push_back({due, name, queue.add(at(due), [&ran, name] { ran.push_back(name); })});
    if (random.below(3) != 0) continue;
    const std::size_t victim = random.below(model.size());
    EXPECT_TRUE(queue.cancel(model[victim].id));
    model.erase(model.begin() + static_cast<std::ptrdiff_t>(victim));
  }
  std::ranges::stable_sort(model, {}, &Expected::due);
  std::vector<int> expected;
  for (const auto& entry : model) expected.push_back(entry.name);
  EXPECT_EQ(run_until(queue, at(1000), ran), expected);
  EXPECT_TRUE(queue.empty());
}

TEST(Random, makes_version_4_uuids_and_repeats_with_the_same_seed) {
  SeededRandom a(42);
  SeededRandom b(42);
  const std::string id = a.uuid();
  EXPECT_EQ(id, b.uuid());
  EXPECT_NE(id, a.uuid());
  ASSERT_EQ(id.size(), 36U);
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
  SystemRandom system;
  EXPECT_NE(system.next(), system.next());
}

}  // namespace
}  // namespace wireway::net
