#include "broker/detail/deadlines.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace wireway::broker {
namespace {

struct Item {
  MonoTime deadline = never;
  std::uint32_t deadline_place = 0;
};

TEST(Deadlines, gives_the_earliest_whatever_was_set_before) {
  std::mt19937 dice(1);
  std::vector<Item> items(200);
  Deadlines<Item> deadlines;
  for (int step = 0; step < 20'000; ++step) {
    Item& item = items[dice() % items.size()];
    const bool none = dice() % 4 == 0;
    deadlines.set(item, none ? never : MonoTime{std::chrono::milliseconds{dice() % 1000}});
    const auto earliest = std::ranges::min(items, {}, &Item::deadline).deadline;
    const Item* next = deadlines.next();
    ASSERT_EQ(next == nullptr ? never : next->deadline, earliest) << "step " << step;
  }
  for (Item& item : items) deadlines.set(item, never);
  EXPECT_EQ(deadlines.next(), nullptr);
}

}  // namespace
}  // namespace wireway::broker
