// The disk-backed message buffer on a simulated disk: what goes there comes back as it was, in
// order, whatever the disk does.

#include <gtest/gtest.h>

#include "base/log.h"
#include "broker/access/policy.h"
#include "broker/buffer/disk_buffer.h"
#include "broker/session.h"
#include "net/sim/sim_world.h"
#include "wire/mqtt/codec.h"
#include "wire/mqtt/frame.h"

namespace wireway::broker {
namespace {

using buffer::BufferOptions;
using buffer::DiskBuffer;
using buffer::Extents;
using std::chrono::seconds;

TEST(Extents, gives_what_was_given_back_before_the_file_grows) {
  Extents extents;
  extents.set_max(100 * Extents::page_bytes);
  EXPECT_EQ(extents.take(1), 0U);
  EXPECT_EQ(extents.take(3 * Extents::page_bytes), Extents::page_bytes);
  EXPECT_EQ(extents.take(1), 4 * Extents::page_bytes);
  extents.give(Extents::page_bytes, 3 * Extents::page_bytes);
  EXPECT_EQ(extents.take(2 * Extents::page_bytes), Extents::page_bytes);
  EXPECT_EQ(extents.take(2 * Extents::page_bytes), 5 * Extents::page_bytes) << "no room before";
  EXPECT_EQ(extents.take(1), 3 * Extents::page_bytes);
}

TEST(Extents, knows_no_more_than_its_maximum_and_joins_neighbours) {
  Extents extents;
  extents.set_max(4 * Extents::page_bytes);
  std::vector<std::uint64_t> taken;
  for (int i = 0; i < 4; ++i) taken.push_back(*extents.take(100));
  EXPECT_FALSE(extents.take(1));
  for (const std::size_t one : {1, 3, 2, 0}) extents.give(taken[one], 100);
  EXPECT_EQ(extents.used_bytes(), 0U);
  EXPECT_EQ(extents.take(4 * Extents::page_bytes), 0U) << "one free stretch";
  extents.set_max(0);
  EXPECT_FALSE(extents.take(1));
}

TEST(Extents, never_gives_one_place_twice) {
  net::SeededRandom random(7);
  Extents extents;
  extents.set_max(1000 * Extents::page_bytes);
  std::map<std::uint64_t, std::uint64_t> held;
  for (int i = 0; i < 20'000; ++i) {
    if (random.below(2) == 0 && !held.empty()) {
      const auto one = std::next(held.begin(), std::ptrdiff_t(random.below(held.size())));
      extents.give(one->first, one->second);
      held.erase(one);
      continue;
    }
    const std::uint64_t bytes = 1 + random.below(20 * Extents::page_bytes);
    const auto at = extents.take(bytes);
    if (!at) continue;
    const auto next = held.lower_bound(*at);
    ASSERT_TRUE(next == held.end() || *at + bytes <= next->first);
    ASSERT_TRUE(next == held.begin() || std::prev(next)->first + std::prev(next)->second <= *at);
    held.emplace(*at, bytes);
  }
}

/// A client that takes what it is sent, and acknowledges when the test says so.
class Taker final : public Wire {
 public:
  void send(ByteView bytes) override {
    mqtt::FrameHeader header;
    ASSERT_FALSE(mqtt::read_frame_header(bytes, mqtt::packet_bytes_limit, header));
    Bytes scratch;
    const auto packet =
        mqtt::decode(bytes[0], bytes.subspan(header.header_bytes), mqtt::Version::v5, scratch);
    const auto& publish = std::get<mqtt::Publish>(*packet);
    payloads.push_back(to_text(publish.payload));
    identifiers.push_back(publish.packet_identifier);
    subscriptions = {publish.subscription_identifiers.begin(),
                     publish.subscription_identifiers.end()};
    expiry_s = publish.message_expiry_interval_s;
    topic = publish.topic;
  }
  std::size_t pending_bytes() const override { return 0; }
  void close() override {}
  const Permissions* permissions() const override { return rights ? &*rights : nullptr; }

  std::optional<Permissions> rights;
  std::vector<std::string> payloads;
  std::vector<std::uint16_t> identifiers;
  std::vector<std::uint32_t> subscriptions;
  std::optional<std::uint32_t> expiry_s;
  std::string topic;
};

class MessageBuffer : public ::testing::Test {
 protected:
  void SetUp() override {
    log::set_level(log::Level::off);
    disk.set_max(1024 * 1024);
  }

  void publish(int number, MonoTime expires_at = never) {
    const std::string payload = std::to_string(number);
    MessageView view;
    view.topic = "plant/line";
    view.payload = as_bytes(payload);
    view.publisher = "p";
    view.qos = mqtt::Qos::at_least_once;
    view.expires_at = expires_at;
    Passage passage(view, cache);
    const std::uint32_t identifiers[] = {7, 9};
    session.deliver(passage, {mqtt::Qos::at_least_once, false, identifiers}, world.now());
  }
  void publish_all(int first, int last) {
    for (int i = first; i <= last; ++i) publish(i);
  }
  std::size_t spill_all() {
    std::size_t begun = 0;
    while (const std::size_t more = session.spill(disk, 1'000'000)) {
      begun += more;
      settle();
    }
    return begun;
  }
  void settle() { world.run_for(std::chrono::milliseconds{100}); }
  void connect(std::uint16_t receive_maximum = 65535) {
    Outlet outlet;
    outlet.wire = &taker;
    outlet.receive_maximum = receive_maximum;
    session.attach(std::move(outlet), world.now());
  }
  /// Acknowledges everything until nothing comes any more.
  void drain() {
    settle();
    for (std::size_t done = 0; done < taker.identifiers.size(); settle())
      for (; done < taker.identifiers.size(); ++done)
        EXPECT_TRUE(session.on_puback(taker.identifiers[done], world.now()));
  }
  static std::vector<std::string> numbers(int first, int last) {
    std::vector<std::string> out;
    for (int i = first; i <= last; ++i) out.push_back(std::to_string(i));
    return out;
  }
  void expect_nothing_left() const {
    EXPECT_EQ(counters.queued_messages, 0U);
    EXPECT_EQ(counters.queued_bytes, 0U);
    EXPECT_EQ(counters.buffered_messages, 0U);
    EXPECT_EQ(counters.buffered_bytes, 0U);
    EXPECT_EQ(counters.buffer_disk_bytes, 0U);
    EXPECT_EQ(session.queued_bytes(), 0U);
  }

  net::SimWorld world{1};
  Settings settings;
  Counters counters;
  PacketCache cache;
  int rooms = 0;
  DiskBuffer disk{world.env("broker"), "/buffer", counters, [this] { ++rooms; },
                  BufferOptions{.run_bytes = 1000, .run_bytes_min = 200, .kept_bytes = 300}};
  Taker taker;
  SessionHost host{settings, counters};
  Session session{"reader", host};
};

TEST_F(MessageBuffer, takes_a_queue_out_of_memory_and_gives_it_back_as_it_was) {
  publish(0, world.now() + std::chrono::hours{1});
  publish_all(1, 199);
  const std::size_t all = session.queued_bytes();
  EXPECT_GT(spill_all(), all / 2);
  EXPECT_EQ(session.queued_bytes(), all);
  EXPECT_EQ(session.queued_messages(), 200U);
  EXPECT_EQ(counters.queued_bytes + counters.buffered_bytes, all);
  EXPECT_LT(counters.queued_bytes, 600U) << "but for the front";
  EXPECT_GT(counters.buffer_disk_bytes, 0U);
  publish_all(200, 250);
  connect(5);
  settle();
  EXPECT_EQ(taker.payloads.size(), 5U);
  EXPECT_LT(counters.queued_bytes, all / 2) << "it is read as it is sent";
  drain();
  EXPECT_EQ(taker.payloads, numbers(0, 250));
  EXPECT_EQ(taker.subscriptions, (std::vector<std::uint32_t>{7, 9}));
  EXPECT_EQ(taker.topic, "plant/line");
  expect_nothing_left();
}

TEST_F(MessageBuffer, keeps_a_messages_expiry) {
  publish_all(0, 99);
  publish(100, world.now() + seconds{5});
  publish(101, world.now() + std::chrono::hours{1});
  publish_all(102, 150);
  spill_all();
  world.run_for(seconds{10});
  connect();
  drain();
  EXPECT_EQ(taker.payloads.size(), 150U);
  EXPECT_EQ(std::ranges::count(taker.payloads, "100"), 0);
  EXPECT_EQ(std::ranges::count(taker.payloads, "101"), 1);
  expect_nothing_left();
}

TEST_F(MessageBuffer, goes_on_when_the_client_comes_while_it_is_written) {
  publish_all(0, 99);
  EXPECT_GT(session.spill(disk, 1'000'000), 0U);
  connect();
  EXPECT_EQ(taker.payloads.size(), 100U) << "what is being written is still in memory";
  drain();
  settle();
  expect_nothing_left();
}

TEST_F(MessageBuffer, a_session_that_ends_leaves_nothing) {
  auto other = std::make_unique<Session>("other", host);
  for (int i = 0; i < 100; ++i) {
    MessageView view;
    view.topic = "t";
    view.qos = mqtt::Qos::at_least_once;
    Passage passage(view, cache);
    other->deliver(passage, {mqtt::Qos::at_least_once, false, {}}, world.now());
  }
  other->spill(disk, 2'000);
  settle();
  other->spill(disk, 2'000);  // being written when it ends
  other.reset();
  settle();
  expect_nothing_left();
}

TEST_F(MessageBuffer, stays_in_memory_while_the_disk_takes_nothing) {
  world.set_disk("broker", {.capacity_bytes = 0});
  publish_all(0, 199);
  session.spill(disk, 1'000'000);
  settle();
  EXPECT_FALSE(disk.is_open());
  EXPECT_EQ(counters.buffered_messages, 0U);
  EXPECT_EQ(counters.queued_bytes, session.queued_bytes());
  EXPECT_NE(disk.trouble().find("No space left on device"), std::string::npos) << disk.trouble();
  EXPECT_EQ(session.spill(disk, 1'000'000), 0U);
  rooms = 0;
  world.set_disk("broker", {});
  world.run_for(seconds{5});
  EXPECT_EQ(rooms, 1) << "the shard is told";
  EXPECT_EQ(disk.trouble(), "");
  spill_all();
  EXPECT_GT(counters.buffered_messages, 100U);
  connect();
  drain();
  EXPECT_EQ(taker.payloads, numbers(0, 199));
  expect_nothing_left();
}

TEST_F(MessageBuffer, what_cannot_be_read_waits_and_is_not_lost) {
  publish_all(0, 199);
  spill_all();
  world.set_disk("broker", {.read_error_per_million = 1'000'000});
  connect();
  drain();
  const std::size_t before = taker.payloads.size();
  EXPECT_LT(before, 50U);
  EXPECT_NE(disk.trouble().find("client reader"), std::string::npos) << disk.trouble();
  world.run_for(seconds{100});
  EXPECT_EQ(taker.payloads.size(), before);
  world.set_disk("broker", {});
  world.run_for(DiskBuffer::retry_max);
  EXPECT_EQ(disk.trouble(), "");
  for (std::size_t i = before; i < taker.identifiers.size(); ++i)
    session.on_puback(taker.identifiers[i], world.now());
  for (int i = 0; i < 100; ++i) {
    settle();
    for (const std::uint16_t one : taker.identifiers) session.on_puback(one, world.now());
  }
  EXPECT_EQ(taker.payloads, numbers(0, 199));
  expect_nothing_left();
}

TEST_F(MessageBuffer, is_closed_while_full_and_open_again_when_somebody_reads) {
  disk.set_max(4 * Extents::page_bytes);
  publish_all(0, 199);
  spill_all();
  EXPECT_FALSE(disk.is_open());
  EXPECT_NE(disk.trouble().find("maxSize"), std::string::npos);
  EXPECT_EQ(counters.buffer_disk_bytes, 4 * Extents::page_bytes);
  rooms = 0;
  connect();
  drain();
  EXPECT_TRUE(disk.is_open());
  EXPECT_GT(rooms, 0);
  EXPECT_EQ(disk.trouble(), "");
  EXPECT_EQ(taker.payloads, numbers(0, 199));
  expect_nothing_left();
}

TEST_F(MessageBuffer, turned_off_writes_nothing_more_and_gives_back_what_it_has) {
  publish_all(0, 199);
  spill_all();
  disk.set_max(0);
  EXPECT_FALSE(disk.is_open());
  publish_all(200, 299);
  EXPECT_EQ(session.spill(disk, 1'000'000), 0U);
  connect();
  drain();
  EXPECT_EQ(taker.payloads, numbers(0, 299));
  expect_nothing_left();
}

TEST_F(MessageBuffer, a_limited_queue_drops_its_oldest_although_they_are_on_disk) {
  settings.queue_messages_max = 100;
  settings.drop_oldest = true;
  publish_all(0, 99);
  spill_all();
  publish_all(100, 160);
  EXPECT_EQ(session.queued_messages(), 100U);
  EXPECT_EQ(counters.dropped, 61U);
  connect();
  drain();
  EXPECT_EQ(taker.payloads, numbers(61, 160));
  expect_nothing_left();
}

TEST_F(MessageBuffer, what_may_not_be_sent_any_more_is_dropped_although_it_is_on_disk) {
  taker.rights = Permissions();
  publish_all(0, 199);
  spill_all();
  session.keep_queued([](std::string_view) { return false; });
  EXPECT_GT(counters.dropped, 0U);
  EXPECT_GT(session.queued_messages(), 100U) << "it is looked at when its turn comes";
  connect();
  drain();
  EXPECT_EQ(taker.payloads.size(), 0U);
  EXPECT_EQ(counters.dropped, 200U);
  expect_nothing_left();
}

TEST_F(MessageBuffer, what_a_slow_client_has_not_taken_goes_back) {
  publish_all(0, 199);
  spill_all();
  connect(1);
  settle();
  const std::uint64_t in_memory = counters.queued_bytes;
  EXPECT_GT(in_memory, 700U) << "read ahead of it";
  spill_all();
  EXPECT_LT(counters.queued_bytes, in_memory);
  drain();
  EXPECT_EQ(taker.payloads, numbers(0, 199));
  expect_nothing_left();
}

TEST_F(MessageBuffer, a_disk_that_gives_back_something_else_is_noticed) {
  publish_all(0, 99);
  spill_all();
  world.set_disk("broker", {.garbled_read_per_million = 1'000'000});
  connect();
  drain();
  EXPECT_LT(taker.payloads.size(), 50U);
  EXPECT_NE(disk.trouble().find("is not what was written there"), std::string::npos)
      << disk.trouble();
  world.set_disk("broker", {});
  world.run_for(DiskBuffer::retry_max);
  for (int i = 0; i < 100; ++i) {
    for (const std::uint16_t one : taker.identifiers) session.on_puback(one, world.now());
    settle();
  }
  EXPECT_EQ(taker.payloads, numbers(0, 99));
}

}  // namespace
}  // namespace wireway::broker
