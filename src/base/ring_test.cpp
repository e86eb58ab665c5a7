#include "base/ring.h"

#include <deque>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "base/shared_block.h"

namespace wireway {
namespace {

TEST(Ring, behaves_as_a_deque_under_random_use) {
  std::mt19937 random(7);
  Ring<std::string> ring;
  std::deque<std::string> model;
  for (int step = 0; step < 20'000; ++step) {
    const bool push = random() % 5 < (step / 4'000 % 2 == 0 ? 3U : 2U);
    if (push) {
      ring.push_back(std::to_string(step));
      model.push_back(std::to_string(step));
    } else if (!model.empty()) {
      ASSERT_EQ(ring.front(), model.front());
      ring.pop_front();
      model.pop_front();
    }
    ASSERT_EQ(ring.size(), model.size());
    if (!model.empty()) {
      const std::size_t at = random() % model.size();
      ASSERT_EQ(ring[at], model[at]);
      ASSERT_EQ(ring.back(), model.back());
    }
  }
}

TEST(Ring, lets_go_of_what_leaves_at_once) {
  Ring<std::shared_ptr<int>> ring;
  const auto held = std::make_shared<int>(1);
  for (int i = 0; i < 10; ++i) ring.push_back(held);
  for (int i = 0; i < 10; ++i) ring.pop_front();
  EXPECT_EQ(held.use_count(), 1);
}

struct Length {
  std::size_t bytes = 0;
  std::string_view text() const { return {reinterpret_cast<const char*>(this + 1), bytes}; }
};

TEST(SharedBlock, keeps_value_and_bytes_until_the_last_lets_go) {
  const std::string text = "thirteen bytes";
  auto first = SharedBlock<Length>::make({text.size()}, text.size(), [&](std::uint8_t* out) {
    std::copy(text.begin(), text.end(), out);
  });
  SharedBlock<Length> second = first;
  first = {};
  EXPECT_FALSE(first);
  EXPECT_EQ(second->text(), text);
  const SharedBlock<Length> third = std::move(second);
  EXPECT_EQ(third->text(), text);
}

}  // namespace
}  // namespace wireway
