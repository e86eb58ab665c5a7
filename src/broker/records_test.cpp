// Goal: each record reads back as it was written, and one that is cut short anywhere is refused or
// reads as something that is written back the same. Method: one of each, cut at every byte.

#include "broker/records.h"

#include <gtest/gtest.h>

namespace wireway::broker::records {
namespace {

MessageData message() {
  MessageData out;
  out.view.topic = "plant/oven";
  out.view.payload = as_bytes("21.5");
  out.view.forwarded_properties = as_bytes("props");
  out.view.publisher = "sensor";
  out.view.qos = mqtt::Qos::exactly_once;
  out.view.retain = true;
  out.expires_at = WallTime{std::chrono::milliseconds{1'800'000'000'123}};
  return out;
}

SessionTerms terms() {
  SessionTerms out;
  out.number = 300 << 6;
  out.client_identifier = "client";
  out.expiry_s = mqtt::session_never_expires;
  out.receive_maximum = 20;
  out.disconnected_at = WallTime{std::chrono::milliseconds{5}};
  out.will = WillData{message(), 60, 5};
  return out;
}

std::vector<Record> one_of_each() {
  SessionState state;
  state.terms = terms();
  state.next_sequence = 70'000;
  state.subscriptions = {{"a/+", mqtt::Qos::at_least_once, true, true, 9},
                         {"b/#", {}, false, false, 0}};
  state.receiving = {1, 65535};
  state.queued = {{1, 5, mqtt::Qos::exactly_once, true, false, {7, 300}},
                  {0, 6, mqtt::Qos::exactly_once, false, true, {}}};
  state.half_received = {{7, 0, {}}, {9, UINT64_MAX, {129, 256}}};
  return {terms(),
          SessionEnded{64},
          SubscriptionAdded{64, {"a/#", mqtt::Qos::exactly_once, false, true, 128}},
          SubscriptionRemoved{64, "a/#"},
          MessageQueued{
              message(),
              {{64, 1, mqtt::Qos::at_least_once, true, false, {1}}, {128, 7, {}, false, true, {}}},
              192,
              65535},
          DeliveryDone{64, 1'000'000},
          DeliveryReceived{64, 3},
          ReceiveState{64, 65535, true},
          RetainedSet{message()},
          StoreChanged{as_bytes("change")},
          Body{5, message()},
          state};
}

Bytes written(const Record& record) {
  Bytes out;
  std::visit([&out](const auto& one) { encode(one, out); }, record);
  return out;
}

TEST(BrokerRecords, read_back_as_they_were_written) {
  for (const Record& record : one_of_each()) {
    const Bytes bytes = written(record);
    const auto back = decode(bytes);
    ASSERT_TRUE(back.has_value()) << record.index() << ": " << back.error().message;
    EXPECT_EQ(back->index(), record.index());
    EXPECT_EQ(written(*back), bytes) << record.index();
  }
}

TEST(BrokerRecords, keep_every_field_of_a_message) {
  const Bytes bytes = written(RetainedSet{message()});
  const auto back = decode(bytes);
  ASSERT_TRUE(back.has_value());
  const MessageData& read = std::get<RetainedSet>(*back).message;
  EXPECT_EQ(read.view.topic, "plant/oven");
  EXPECT_EQ(as_text(read.view.payload), "21.5");
  EXPECT_EQ(as_text(read.view.forwarded_properties), "props");
  EXPECT_EQ(read.view.publisher, "sensor");
  EXPECT_EQ(read.view.qos, mqtt::Qos::exactly_once);
  EXPECT_TRUE(read.view.retain);
  EXPECT_EQ(read.expires_at, message().expires_at);
}

/// Where the version before ended such a record; 0 = as now.
std::size_t end_before(const Record& record) {
  const auto without = [](auto older, auto clear) {
    clear(older);
    return written(older).size();
  };
  if (const auto* queued = std::get_if<MessageQueued>(&record))
    return without(*queued, [](MessageQueued& older) { older.publisher = 0; });
  if (const auto* state = std::get_if<SessionState>(&record))  // and without the count
    return without(*state, [](SessionState& older) { older.half_received.clear(); }) - 1;
  return 0;
}

TEST(BrokerRecords, refuse_what_is_cut_short) {
  for (const Record& record : one_of_each()) {
    const Bytes bytes = written(record);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      if (length == end_before(record)) continue;
      EXPECT_FALSE(decode(ByteView(bytes).first(length)).has_value())
          << record.index() << " at " << length;
    }
  }
}

TEST(BrokerRecords, name_the_remedy_for_an_unknown_type) {
  const Bytes bytes = {99, 1, 2};
  const auto back = decode(bytes);
  ASSERT_FALSE(back.has_value());
  EXPECT_NE(back.error().message.find("unknown type 99"), std::string::npos);
}

TEST(BrokerRecords, a_newer_version_may_append) {
  Bytes bytes = written(DeliveryDone{64, 7});
  bytes.push_back(1);
  const auto back = decode(bytes);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(std::get<DeliveryDone>(*back).sequence, 7U);
}

}  // namespace
}  // namespace wireway::broker::records
