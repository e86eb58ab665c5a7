#pragma once
/// What a flow::Sink promises, as tests that run against any of them: a SinkWorld knows how to make
/// one, how to break its destination, how to mend it, and what the destination has.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "flow/door.h"
#include "net/os/os_loop.h"
#include "net/os/test_loop.h"

namespace wireway::contract {

class SinkWorld {
 public:
  virtual ~SinkWorld() = default;
  virtual net::OsLoop& loop() = 0;
  virtual std::unique_ptr<flow::Sink> make() = 0;
  virtual void break_destination() = 0;
  virtual void mend_destination() = 0;
  /// The `n` of every message that the destination has, in its order, repeats included.
  virtual std::vector<int> read() = 0;
};

using MakeWorld = std::unique_ptr<SinkWorld> (*)();  ///< nullptr: a program it needs is missing

struct Candidate {
  const char* name;
  MakeWorld make;
};

/// Puts numbered messages and keeps account of what became of each.
class SinkContract : public testing::TestWithParam<Candidate> {
 protected:
  void SetUp() override {
    world_ = GetParam().make();
    if (!world_) GTEST_SKIP() << "what " << GetParam().name << " needs is not installed";
    sink_ = world_->make();
  }

  void put(int count) {
    for (int end = next_ + count; next_ < end; ++next_) {
      flow::Message message;
      message.topic = "contract/in";
      const std::string text = fmt::format(R"({{"n":{}}})", next_);
      message.payload.assign(text.begin(), text.end());
      sink_->put(std::move(message), flow::Ack([this, n = next_](flow::Outcome outcome) {
                   settled_[n].push_back(outcome);
                   delivered_ += outcome == flow::Outcome::delivered ? 1 : 0;
                 }));
    }
  }

  bool until(std::move_only_function<bool()> condition) {
    return net::turn_until(world_->loop(), std::move(condition), std::chrono::seconds{60});
  }
  bool all_delivered() {
    sink_->flush_hint();
    return until([this] { return delivered_ == next_; });
  }

  void expect_settled_once(flow::Outcome outcome) {
    EXPECT_EQ(settled_.size(), static_cast<std::size_t>(next_));
    for (const auto& [n, outcomes] : settled_) {
      ASSERT_EQ(outcomes.size(), 1u) << n;
      ASSERT_EQ(outcomes[0], outcome) << n;
    }
  }

  /// Every number is there at least once, and first sightings come in order.
  void expect_read_all() {
    const auto complete = [&] {
      std::vector<bool> seen(static_cast<std::size_t>(next_), false);
      for (const int n : world_->read()) seen.at(static_cast<std::size_t>(n)) = true;
      return std::ranges::all_of(seen, [](bool one) { return one; });
    };
    EXPECT_TRUE(until(complete));
    int newest = -1;
    std::map<int, int> times;
    for (const int n : world_->read()) {
      EXPECT_TRUE(times[n]++ > 0 || n == newest + 1) << n << " is out of order";
      newest = std::max(newest, n);
    }
  }

  std::unique_ptr<SinkWorld> world_;
  std::unique_ptr<flow::Sink> sink_;
  std::map<int, std::vector<flow::Outcome>> settled_;
  int next_ = 0;
  int delivered_ = 0;
};

}  // namespace wireway::contract
