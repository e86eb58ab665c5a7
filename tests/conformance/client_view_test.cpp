// Goal: what people are told of a client is what is so: what waits, how old it is, who is slow, and
// which category it counts for, also after its end.

#include <gtest/gtest.h>

#include "conformance/user.h"

namespace wireway::conformance {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime start;

TEST(ClientView, tells_what_waits_how_old_it_is_and_who_is_slow) {
  LocalMesh mesh{2};
  User reader(mesh, "reader", 60);
  User writer(mesh, "writer");
  reader.subscribe("plant/#");
  broker::Shard& shard = mesh.shard_for("reader");
  EXPECT_FALSE(shard.client("reader", start)->oldest_message_age);
  writer.publish("plant/oven", "hot");
  writer.publish("plant/oven", "hotter");
  const auto waits = shard.client("reader", start + 3s);
  ASSERT_TRUE(waits);
  EXPECT_TRUE(waits->connected);
  EXPECT_FALSE(waits->slow);
  EXPECT_EQ(waits->in_flight, 2U);
  EXPECT_EQ(waits->oldest_message_age, 3s);
  EXPECT_EQ(waits->traffic.messages_out, 2U);
  EXPECT_EQ(waits->traffic.payload_out, 9U);
  EXPECT_EQ(waits->filters, std::vector<std::string>{"plant/#"});
  EXPECT_TRUE(shard.client("reader", start + 11s)->slow) << "it has not acknowledged for long";
  reader.take();
  const auto quick = shard.client("reader", start + 11s);
  EXPECT_FALSE(quick->slow);
  EXPECT_EQ(quick->in_flight, 0U);
  EXPECT_FALSE(quick->oldest_message_age);
  reader.leave();
  writer.publish("plant/oven", "cold");
  const auto away = shard.client("reader", start + 30s);
  EXPECT_FALSE(away->connected);
  EXPECT_FALSE(away->slow) << "who is away is not slow";
  EXPECT_EQ(away->queued_messages, 1U);
  EXPECT_FALSE(shard.client("nobody", start));
  EXPECT_FALSE(shard.kick("reader")) << "there is no connection to end";
}

TEST(ClientView, comes_in_pages_of_names_in_order) {
  LocalMesh mesh{1};
  std::vector<std::unique_ptr<User>> users;
  for (const char* name : {"d", "a", "c", "b", "x1", "x2"})
    users.push_back(std::make_unique<User>(mesh, name));
  const auto names = [&mesh](const broker::PageQuery& query) {
    std::string out;
    for (const auto& view : mesh.shard_for("a").clients(query, start))
      out += view.client_identifier + " ";
    return out;
  };
  EXPECT_EQ(names({"", "", 3}), "a b c ");
  EXPECT_EQ(names({"c", "", 3}), "d x1 x2 ");
  EXPECT_EQ(names({"", "x", 1}), "x1 ");
  EXPECT_EQ(names({"x2", "", 3}), "");
}

TEST(ClientView, ends_a_trace_after_its_time) {
  LocalMesh mesh{1};
  User writer(mesh, "writer");
  broker::Shard& shard = mesh.shard_for("writer");
  const broker::ClientTrace* trace = shard.trace("writer", start);
  ASSERT_NE(trace, nullptr);
  writer.publish("plant/oven", "hot");
  ASSERT_EQ(trace->events().size(), 1U);
  EXPECT_EQ(trace->events()[0].topic, "plant/oven");
  EXPECT_EQ(shard.trace("writer", start + 9min), trace);
  EXPECT_TRUE(shard.trace("writer", start + 10min)->events().empty()) << "a new one";
  EXPECT_EQ(shard.trace("nobody", start), nullptr);
}

TEST(ClientTrace, keeps_the_newest_and_numbers_tell_what_is_missing) {
  broker::ClientTrace trace(start);
  for (std::size_t at = 0; at < broker::ClientTrace::events_max + 5; ++at) trace.note({});
  EXPECT_EQ(trace.events().size(), broker::ClientTrace::events_max);
  EXPECT_EQ(trace.events().front().number, 6U);
}

TEST(Categories, count_sessions_that_have_ended_too) {
  LocalMesh mesh{1};
  broker::Shard& shard = mesh.shard_for("writer");
  {
    User writer(mesh, "writer");
    writer.publish("plant/oven", "hot");
    EXPECT_EQ(shard.categories().at("uncategorized").connected, 1U);
  }
  const auto after = shard.categories().at("uncategorized");
  EXPECT_EQ(after.connected, 0U);
  EXPECT_EQ(after.traffic.messages_in, 1U);
  EXPECT_EQ(after.traffic.payload_in, 3U);
}

}  // namespace
}  // namespace wireway::conformance
