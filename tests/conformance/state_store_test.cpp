// Goal: the state store through the broker: requests are no messages, answers are, notifications
// reach the connection that asked, once and in order, on however many shards.
// Method: shards without a network; clients say and read packets.

#include <gtest/gtest.h>

#include "broker/store_keeper.h"
#include "conformance/user.h"

namespace wireway::conformance {
namespace {

using namespace std::chrono_literals;

const std::string set_notice = "*4\r\n$6\r\nNOTIFY\r\n$3\r\nSET\r\n$5\r\nVALUE\r\n$1\r\nv\r\n";
const std::string delete_notice = "*2\r\n$6\r\nNOTIFY\r\n$6\r\nDELETE\r\n";

class StoreKeeperTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  LocalMesh mesh{GetParam()};
};

TEST_P(StoreKeeperTest, answers_and_shows_the_request_to_nobody) {
  User asker(mesh, "asker");
  User curious(mesh, "curious");
  curious.subscribe("#");
  asker.subscribe("answers/asker");
  asker.ask({"SET", "k", "v"});
  const auto got = asker.take();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].payload, "+OK\r\n");
  EXPECT_EQ(got[0].properties.correlation_data, Bytes{7});
  EXPECT_EQ(asker.acknowledged, std::vector{mqtt::ReasonCode::success});
  const auto seen = curious.take();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].topic, "answers/asker") << "an answer is a message like others";
}

TEST_P(StoreKeeperTest, keeps_one_store_for_all_clients_and_both_topics) {
  std::vector<std::unique_ptr<User>> users;
  for (int i = 0; i < 8; ++i) {
    users.push_back(std::make_unique<User>(mesh, "u" + std::to_string(i)));
    users.back()->subscribe("answers/#");
  }
  users[0]->ask({"SET", "k", "v", "NX"});
  for (auto& user : users) user->take();
  for (int i = 1; i < 8; ++i)
    users[i]->ask({"SET", "k", "x", "NX"},
                  i % 2 == 0 ? state_store::request_topic : state_store::preview_request_topic);
  EXPECT_EQ(users[0]->payloads(), std::vector<std::string>(7, ":-1\r\n"));
}

TEST_P(StoreKeeperTest, notifies_who_asked_once_in_order_and_not_behind_stop) {
  User writer(mesh, "writer");
  User listener(mesh, "listener");
  listener.subscribe("answers/listener");
  listener.subscribe("clients/statestore/v1/#");
  listener.ask({"KEYNOTIFY", "k"});
  EXPECT_EQ(listener.payloads(), std::vector<std::string>{"+OK\r\n"});
  writer.ask({"SET", "k", "v"});
  writer.ask({"SET", "k", "v"});
  writer.ask({"DEL", "k"});
  const auto got = listener.take();
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0].payload, set_notice);
  EXPECT_EQ(got[1].payload, set_notice);
  EXPECT_EQ(got[2].payload, delete_notice);
  EXPECT_TRUE(got[0].topic.ends_with("/6C697374656E6572/command/notify/6B")) << got[0].topic;
  listener.ask({"KEYNOTIFY", "k", "STOP"});
  writer.ask({"SET", "k", "v"});
  EXPECT_EQ(listener.payloads(), std::vector<std::string>{"+OK\r\n"});
}

TEST_P(StoreKeeperTest, notifies_without_a_subscription_until_the_connection_ends) {
  User writer(mesh, "writer");
  User listener(mesh, "listener", 3600);
  listener.ask({"KEYNOTIFY", "k"});
  writer.ask({"SET", "k", "v"});
  EXPECT_EQ(listener.payloads(), std::vector<std::string>{set_notice});
  listener.leave();
  writer.ask({"SET", "k", "v"});
  listener.connect(3600);
  writer.ask({"SET", "k", "v"});
  EXPECT_TRUE(listener.payloads().empty()) << "the session lives on, what was asked for does not";
  listener.ask({"KEYNOTIFY", "k"});
  writer.ask({"SET", "k", "v"});
  EXPECT_EQ(listener.payloads(), std::vector<std::string>{set_notice});
}

TEST_P(StoreKeeperTest, tells_of_expiry_when_its_time_has_come) {
  User listener(mesh, "listener");
  listener.ask({"KEYNOTIFY", "lock"});
  listener.ask({"SET", "lock", "me", "PX", "500"});
  listener.take();
  broker::Shard& shard = mesh.shard_for(state_store::request_topic);
  EXPECT_EQ(shard.next_deadline(), MonoTime{} + 500ms);
  mesh.tick(MonoTime{} + 499ms);
  EXPECT_TRUE(listener.payloads().empty());
  mesh.tick(MonoTime{} + 500ms);
  EXPECT_EQ(listener.payloads(), std::vector<std::string>{delete_notice});
}

TEST_P(StoreKeeperTest, ends_who_wants_answers_on_the_stores_topics) {
  User bad(mesh, "bad");
  bad.ask({"GET", "k"}, state_store::request_topic, std::string(state_store::request_topic));
  bad.take();
  EXPECT_EQ(bad.ended, mqtt::ReasonCode::topic_name_invalid);
  EXPECT_TRUE(bad.closed_);
}

TEST_P(StoreKeeperTest, refuses_a_request_without_a_valid_way_back) {
  User asker(mesh, "asker");
  asker.ask({"GET", "k"}, state_store::request_topic, "$SYS/broker/uptime");
  asker.take();
  EXPECT_EQ(asker.acknowledged, std::vector{mqtt::ReasonCode::not_authorized});
}

INSTANTIATE_TEST_SUITE_P(Shards, StoreKeeperTest, ::testing::Values(1, 2, 5));

}  // namespace
}  // namespace wireway::conformance
