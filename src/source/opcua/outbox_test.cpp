#include "source/opcua/outbox.h"

#include <vector>

#include <gtest/gtest.h>

namespace wireway::source::opcua {
namespace {

class HeldPublisher final : public Publisher {
 public:
  Result<> publish(flow::Message message, flow::Ack ack) override {
    messages.push_back(std::move(message));
    acks.push_back(std::move(ack));
    return {};
  }
  bool is_connected() const override { return connected; }
  std::string state_text() const override { return ""; }
  void stop() override {}

  bool connected = true;
  std::vector<flow::Message> messages;
  std::vector<flow::Ack> acks;
};

const resource::ObjectKey oven{"n", "oven"};

flow::Message message(int number, std::size_t size = 1) {
  flow::Message result;
  result.topic = std::to_string(number);
  result.payload.resize(size);
  return result;
}

TEST(OutboxTest, hands_messages_over_in_order_and_only_while_the_broker_is_there) {
  Outbox outbox;
  HeldPublisher publisher;
  publisher.connected = false;
  outbox.set_publisher(&publisher);
  outbox.put(oven, message(1));
  outbox.put(oven, message(2));
  EXPECT_TRUE(publisher.messages.empty());
  publisher.connected = true;
  outbox.pump();
  ASSERT_EQ(publisher.messages.size(), 2U);
  EXPECT_EQ(publisher.messages[0].topic, "1");
  outbox.set_publisher(nullptr);
}

TEST(OutboxTest, keeps_the_newest_and_counts_what_it_drops) {
  Outbox outbox;
  for (std::size_t i = 0; i < Outbox::messages_max + 5; ++i)
    outbox.put(oven, message(static_cast<int>(i)));
  EXPECT_EQ(outbox.waiting(), Outbox::messages_max);
  EXPECT_EQ(outbox.dropped(oven), 5U);
  HeldPublisher publisher;
  outbox.set_publisher(&publisher);
  EXPECT_EQ(publisher.messages.front().topic, "5") << "the oldest went first";
  EXPECT_EQ(publisher.messages.size(), Outbox::window_max) << "the rest waits for acknowledgements";
  for (flow::Ack& ack : std::exchange(publisher.acks, {})) ack.settle(flow::Outcome::delivered);
  EXPECT_EQ(publisher.messages.size(), 2 * Outbox::window_max);
  EXPECT_EQ(outbox.dropped(oven), 5U);
  outbox.set_publisher(nullptr);  // what is still in flight is abandoned, to nobody
}

TEST(OutboxTest, bounds_the_bytes_that_wait) {
  Outbox outbox;
  for (int i = 0; i < 10; ++i) outbox.put(oven, message(i, Outbox::bytes_max / 8));
  EXPECT_LT(outbox.waiting(), 8U);
  EXPECT_GE(outbox.dropped(oven), 3U);
}

TEST(OutboxTest, counts_what_the_broker_refuses_for_ever) {
  Outbox outbox;
  HeldPublisher publisher;
  outbox.set_publisher(&publisher);
  outbox.put(oven, message(1));
  publisher.acks.at(0).settle(flow::Outcome::dead_lettered);
  EXPECT_EQ(outbox.dropped(oven), 1U);
}

}  // namespace
}  // namespace wireway::source::opcua
