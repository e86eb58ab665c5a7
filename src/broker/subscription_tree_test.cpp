// Goal: the tree gives each topic exactly the sessions, groups and shards whose filters match it,
// also after filters have come and gone. Method: random filters of few levels, so that they collide
// and share levels, inserted and erased at random beside a plain list of them.

#include "broker/subscription_tree.h"

#include <array>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "wire/mqtt/topic.h"

namespace wireway::broker {
namespace {

/// A target that nobody looks into.
Session* session(std::size_t index) {
  static std::array<std::uint64_t, 64> places;
  return reinterpret_cast<Session*>(&places.at(index));
}

Subscription of(Session* session) {
  Subscription out;
  out.session = session;
  return out;
}

class TreeAndList : public ::testing::Test {
 protected:
  std::string name(std::initializer_list<const char*> words) {
    std::string out;
    const auto levels = std::uniform_int_distribution<std::size_t>(1, 4)(random_);
    for (std::size_t i = 0; i < levels; ++i) {
      const auto pick = std::uniform_int_distribution<std::size_t>(0, words.size() - 1)(random_);
      const std::string_view word = *(words.begin() + pick);
      out += (i == 0 ? "" : "/") + std::string(word);
      if (word == "#") break;
    }
    return out;
  }
  void change() {
    const std::string filter = name({"a", "b", "", "+", "#", "$SYS", "long level beyond 15"});
    Session* const who = session(random_() % 8);
    if (random_() % 2 == 0) {
      (void)tree_.insert(filter, of(who));
      list_.emplace(filter, who);
    } else {
      (void)tree_.erase(filter, of(who));
      list_.erase({filter, who});
    }
  }
  void expect_same(const std::string& topic) {
    std::map<Session*, int> expected;
    for (const auto& [filter, who] : list_)
      if (wire::mqtt::topic_matches(filter, topic)) ++expected[who];
    std::map<Session*, int> found;
    Session* last = nullptr;
    for (const Subscription& one : tree_.match(topic).subscriptions) {
      EXPECT_TRUE(one.session == last || !found.contains(one.session)) << "stand together";
      ++found[last = one.session];
    }
    EXPECT_EQ(found, expected) << topic;
  }

  std::mt19937 random_{20261123};
  SubscriptionTree tree_;
  std::set<std::pair<std::string, Session*>> list_;
};

TEST_F(TreeAndList, GiveTheSameWhateverCameAndWent) {
  for (int round = 0; round < 3000; ++round) {
    change();
    expect_same(name({"a", "b", "", "$SYS", "long level beyond 15", "never asked for"}));
    EXPECT_EQ(tree_.size(), list_.size());
  }
}

TEST_F(TreeAndList, AreBothEmptyInTheEndAndGoOn) {
  for (int round = 0; round < 300; ++round) change();
  for (const auto& [filter, who] : list_) (void)tree_.erase(filter, of(who));
  list_.clear();
  expect_same("a/b");
  for (int round = 0; round < 300; ++round) change();
  for (int round = 0; round < 300; ++round) expect_same(name({"a", "b", "", "$SYS"}));
}

TEST_F(TreeAndList, MoreTopicsThanTheCacheHolds) {
  (void)tree_.insert("n/+/v", of(session(1)));
  const std::uint64_t age = tree_.cache_age();
  for (std::size_t i = 0; i < 3 * SubscriptionTree::cache_topics_min; ++i) {
    const Route& route = tree_.match("n/" + std::to_string(i) + "/v");
    ASSERT_EQ(route.subscriptions.size(), 1);
    ASSERT_EQ(route.subscriptions.front().session, session(1));
  }
  EXPECT_GT(tree_.cache_age(), age);
  EXPECT_TRUE(tree_.match("n/1/w").subscriptions.empty());
}

TEST_F(TreeAndList, RoutesOfManyReceiversAreBoundedInBytes) {
  for (const char* filter : {"#", "+/#", "+/+", "+/x", "t/#", "t/+", "t/x"})
    for (std::size_t i = 0; i < 64; ++i) (void)tree_.insert(filter, of(session(i)));
  const std::size_t bytes = tree_.match("t/x").subscriptions.size_bytes();
  const std::size_t enough = SubscriptionTree::cache_bytes_max / bytes;
  ASSERT_LT(enough, SubscriptionTree::cache_topics_min) << "their number is not what bounds them";
  const std::uint64_t age = tree_.cache_age();
  // Each change makes what was found before stale; what replaces it counts too.
  for (std::size_t i = 0; i <= enough; ++i) {
    (void)tree_.insert("t/x", of(session(0)));
    (void)tree_.match("t/x");
  }
  EXPECT_GT(tree_.cache_age(), age);
}

TEST(SubscriptionTree, CountsAShardAndTellsAboutLocalTargets) {
  using Change = SubscriptionTree::Change;
  SubscriptionTree tree;
  Subscription shard;
  shard.shard = 3;
  EXPECT_EQ(tree.insert("a/#", shard), Change::first_of_filter);
  EXPECT_EQ(tree.insert("a/#", shard), Change::none);
  EXPECT_EQ(tree.insert("a/#", of(session(1))), Change::first_of_filter);
  EXPECT_EQ(tree.insert("a/#", of(session(2))), Change::another);
  EXPECT_EQ(tree.insert("a/#", of(session(2))), Change::none);
  const Route& route = tree.match("a");
  EXPECT_EQ(route.shards, 8U);
  EXPECT_TRUE(tree.current(route));
  EXPECT_EQ(tree.erase("a/#", shard), Change::none);
  EXPECT_EQ(tree.match("a").shards, 8U);
  EXPECT_EQ(tree.erase("a/#", of(session(1))), Change::another);
  EXPECT_FALSE(tree.current(route)) << "stale, but still there";
  EXPECT_EQ(tree.erase("a/#", of(session(2))), Change::first_of_filter);
  (void)tree.erase("a/#", shard);
  EXPECT_EQ(tree.match("a").shards, 0U);
  EXPECT_EQ(tree.erase("b/never", of(session(1))), Change::none);
}

}  // namespace
}  // namespace wireway::broker
