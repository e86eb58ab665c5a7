// Goal: what is encoded decodes to the same value in both versions, and every malformed packet is
// refused with the statement that it breaks. Method: round trips, and a table of bytes.

#include "wire/mqtt/codec.h"

#include <random>

#include <gtest/gtest.h>

#include "wire/mqtt/frame.h"

namespace wireway::wire::mqtt {
namespace {

/// Decodes the one packet in `bytes`.
Decoded<Packet> decode_whole(ByteView bytes, Version version, Bytes& scratch) {
  Decoded<Packet> out = std::unexpected(Refused{ReasonCode::unspecified_error, "nothing decoded"});
  FrameReader reader;
  const auto refused = reader.read(bytes, [&](std::uint8_t first, ByteView body) {
    out = decode(first, body, version, scratch);
    return true;
  });
  if (refused) return std::unexpected(*refused);
  return out;
}

template <class T>
T round_trip(const Bytes& bytes, Version version = Version::v5) {
  Bytes scratch;
  auto packet = decode_whole(bytes, version, scratch);
  EXPECT_TRUE(packet.has_value()) << (packet ? "" : packet.error().clause);
  if (!packet) return {};
  EXPECT_TRUE(std::holds_alternative<T>(*packet));
  return std::get<T>(std::move(*packet));
}

TEST(Codec, connect_survives_a_round_trip_with_everything) {
  Connect connect;
  connect.clean_start = false;
  connect.keep_alive_s = 60;
  connect.client_identifier = "client";
  connect.will = Will{"w/t", {1, 2}, Qos::exactly_once, true, {}};
  connect.will->properties.will_delay_interval_s = 5;
  connect.user_name = "user";
  connect.password = Bytes{9};
  connect.properties.session_expiry_interval_s = 7;
  connect.properties.receive_maximum = 10;
  connect.properties.user_properties = {{"a", "b"}, {"a", "c"}};
  Bytes bytes;
  append(connect, bytes);
  const auto back = round_trip<Connect>(bytes);
  EXPECT_EQ(back.client_identifier, "client");
  EXPECT_FALSE(back.clean_start);
  ASSERT_TRUE(back.will);
  EXPECT_EQ(back.will->topic, "w/t");
  EXPECT_EQ(back.will->qos, Qos::exactly_once);
  EXPECT_EQ(back.will->properties.will_delay_interval_s, 5U);
  EXPECT_EQ(back.password, Bytes{9});
  EXPECT_EQ(back.properties.user_properties.size(), 2U);
  EXPECT_EQ(back.properties.receive_maximum, 10);
}

TEST(Codec, publish_survives_a_round_trip_in_both_versions) {
  const Bytes payload{1, 2, 3};
  const Bytes forwarded = encode_forwarded({.payload_is_utf8 = true,
                                            .content_type = "application/json",
                                            .response_topic = "r",
                                            .correlation_data = {4},
                                            .user_properties = {{"k", "v"}}});
  Publish publish;
  publish.qos = Qos::at_least_once;
  publish.retain = true;
  publish.packet_identifier = 77;
  publish.topic = "a/b";
  publish.message_expiry_interval_s = 30;
  publish.topic_alias = 3;
  publish.subscription_identifiers = {1, 200'000};
  publish.forwarded_properties = forwarded;
  publish.payload = payload;
  for (const Version version : {Version::v311, Version::v5}) {
    Bytes bytes;
    append_publish(publish, version, bytes);
    EXPECT_EQ(bytes.size(), publish_bytes(publish, version));
    Bytes scratch;
    const auto packet = decode_whole(bytes, version, scratch);
    ASSERT_TRUE(packet);
    const auto& back = std::get<Publish>(*packet);
    EXPECT_EQ(back.topic, "a/b");
    EXPECT_EQ(back.packet_identifier, 77);
    EXPECT_EQ(to_text(back.payload), to_text(payload));
    if (version == Version::v311) continue;
    EXPECT_EQ(back.message_expiry_interval_s, 30U);
    EXPECT_EQ(back.subscription_identifiers, publish.subscription_identifiers);
    const PublishProperties properties = parse_forwarded(back.forwarded_properties);
    EXPECT_TRUE(properties.payload_is_utf8);
    EXPECT_EQ(properties.content_type, "application/json");
    EXPECT_EQ(properties.correlation_data, Bytes{4});
    EXPECT_EQ(properties.user_properties[0].second, "v");
  }
}

TEST(Codec, gathers_forwarded_properties_that_lie_apart) {
  // user property, topic alias, content type
  const Bytes bytes{0x30, 20,  0,    1, 't', 16,   0x26, 0, 1,   'k', 0,
                    1,    'v', 0x23, 0, 9,   0x03, 0,    3, 'a', 'b', 'c'};
  Bytes scratch;
  const auto packet = decode_whole(bytes, Version::v5, scratch);
  ASSERT_TRUE(packet) << packet.error().clause;
  const auto& publish = std::get<Publish>(*packet);
  EXPECT_EQ(publish.topic_alias, 9);
  const PublishProperties properties = parse_forwarded(publish.forwarded_properties);
  EXPECT_EQ(properties.content_type, "abc");
  ASSERT_EQ(properties.user_properties.size(), 1U);
}

TEST(Codec, subscriptions_and_replies_survive_a_round_trip) {
  Bytes bytes;
  Subscribe subscribe{5, {{"a/#", Qos::exactly_once, true, true, RetainHandling::never}}, {}};
  subscribe.properties.subscription_identifier = 9;
  append(subscribe, Version::v5, bytes);
  const auto back = round_trip<Subscribe>(bytes);
  EXPECT_EQ(back.entries[0].filter, "a/#");
  EXPECT_TRUE(back.entries[0].no_local);
  EXPECT_EQ(back.entries[0].retain_handling, RetainHandling::never);
  EXPECT_EQ(back.properties.subscription_identifier, 9U);

  bytes.clear();
  append(SubscribeReply{PacketType::suback, 5, {ReasonCode::not_authorized}, {}}, Version::v311,
         bytes);
  EXPECT_EQ(bytes, (Bytes{0x90, 3, 0, 5, 0x80}));
  bytes.clear();
  append(PublishReply{PacketType::pubrel, 6, ReasonCode::success, {}}, Version::v5, bytes);
  EXPECT_EQ(bytes, (Bytes{0x62, 2, 0, 6}));
  PublishReply refused{PacketType::puback, 6, ReasonCode::quota_exceeded, {}};
  refused.properties.reason_string = "full";
  bytes.clear();
  append(refused, Version::v5, bytes);
  const auto reply = round_trip<PublishReply>(bytes);
  EXPECT_EQ(reply.reason, ReasonCode::quota_exceeded);
  EXPECT_EQ(reply.properties.reason_string, "full");
}

TEST(Codec, connack_and_disconnect_survive_a_round_trip) {
  Connack connack{true, ReasonCode::success, {}};
  connack.properties.assigned_client_identifier = "given";
  connack.properties.server_keep_alive_s = 20;
  Bytes bytes;
  append(connack, Version::v5, bytes);
  const auto back = round_trip<Connack>(bytes);
  EXPECT_TRUE(back.session_present);
  EXPECT_EQ(back.properties.assigned_client_identifier, "given");
  bytes.clear();
  append(Disconnect{ReasonCode::session_taken_over, {}}, Version::v5, bytes);
  EXPECT_EQ(bytes, (Bytes{0xE0, 1, 0x8E}));
  EXPECT_EQ(round_trip<Disconnect>(bytes).reason, ReasonCode::session_taken_over);
}

struct Case {
  const char* name;
  Bytes bytes;
  std::string_view clause;
  Version version = Version::v5;
};

TEST(Codec, refuses_malformed_packets_with_their_clause) {
  const Bytes connect_head{0, 4, 'M', 'Q', 'T', 'T'};
  const auto connect = [&](std::uint8_t level, std::uint8_t flags, const Bytes& rest) {
    Bytes out{0x10, std::uint8_t(connect_head.size() + 4 + rest.size())};
    out.insert(out.end(), connect_head.begin(), connect_head.end());
    out.insert(out.end(), {level, flags, 0, 10});
    out.insert(out.end(), rest.begin(), rest.end());
    return out;
  };
  const std::vector<Case> cases{
      {"reserved type 0", {0x00, 0}, "MQTT-2.1.2"},
      {"subscribe with flags 0", {0x80, 2, 0, 1}, "MQTT-2.1.3-1"},
      {"pingreq with flags", {0xC1, 0}, "MQTT-2.1.3-1"},
      {"pingreq with a body", {0xC0, 1, 0}, "MQTT-2.1.4"},
      {"publish at QoS 3", {0x36, 5, 0, 1, 't', 0, 1}, "MQTT-3.3.1-4"},
      {"publish at QoS 0 with DUP", {0x38, 4, 0, 1, 't', 0}, "MQTT-3.3.1-2"},
      {"publish without topic or alias", {0x30, 3, 0, 0, 0}, "MQTT-3.3.2-1"},
      {"publish to a wildcard", {0x30, 4, 0, 1, '#', 0}, "MQTT-3.3.2-2"},
      {"publish with identifier 0", {0x32, 6, 0, 1, 't', 0, 0, 0}, "MQTT-2.2.1-3"},
      {"publish with alias 0", {0x30, 7, 0, 1, 't', 3, 0x23, 0, 0}, "MQTT-3.3.2-8"},
      {"publish with a CONNECT property", {0x30, 7, 0, 1, 't', 3, 0x21, 0, 1}, "MQTT-2.2.2-1"},
      {"publish with two aliases",
       {0x30, 10, 0, 1, 't', 6, 0x23, 0, 1, 0x23, 0, 1},
       "MQTT-3.3.2.3"},
      {"publish with null in the topic", {0x30, 4, 0, 1, 0, 0}, "MQTT-1.5.4-1"},
      {"publish with a surrogate", {0x30, 6, 0, 3, 0xED, 0xA0, 0x80, 0}, "MQTT-1.5.4-1"},
      {"publish cut short", {0x30, 2, 0, 5}, "MQTT-2.1.4"},
      {"response topic with a wildcard", {0x30, 8, 0, 1, 't', 4, 0x08, 0, 1, '+'}, "MQTT-3.3.2-14"},
      {"connect with another name",
       {0x10, 10, 0, 4, 'M', 'Q', 'T', 'X', 5, 0, 0, 0},
       "MQTT-3.1.2-1"},
      {"connect level 3", connect(3, 0, {}), "MQTT-3.1.2-2"},
      {"connect with the reserved flag", connect(5, 1, {0, 0, 0}), "MQTT-3.1.2-3"},
      {"connect with will QoS and no will", connect(5, 0x08, {0, 0, 0}), "MQTT-3.1.2-11"},
      {"connect with will retain and no will", connect(5, 0x20, {0, 0, 0}), "MQTT-3.1.2-13"},
      {"connect with will QoS 3", connect(5, 0x1C, {0, 0, 0}), "MQTT-3.1.2-12"},
      {"3.1.1 password without user", connect(4, 0x40, {0, 0, 0, 0}), "MQTT-3.1.2-22"},
      {"connect receive maximum 0", connect(5, 2, {3, 0x21, 0, 0, 0, 0}), "MQTT-3.1.2.11.3"},
      {"subscribe without filters", {0x82, 3, 0, 1, 0}, "MQTT-3.8.3-2"},
      {"subscribe at QoS 3", {0x82, 7, 0, 1, 0, 0, 1, 'a', 3}, "MQTT-3.8.3-5"},
      {"subscribe with reserved bits", {0x82, 7, 0, 1, 0, 0, 1, 'a', 0xC0}, "MQTT-3.8.3-5"},
      {"3.1.1 subscribe with version 5 options",
       {0x82, 6, 0, 1, 0, 1, 'a', 0x04},
       "MQTT-3.8.3-4",
       Version::v311},
      {"unsubscribe without filters", {0xA2, 3, 0, 1, 0}, "MQTT-3.10.3-2"},
      {"puback with an unknown reason", {0x40, 3, 0, 1, 0x55}, "MQTT-3.4.2-1"},
      {"auth in 3.1.1", {0xF0, 0}, "MQTT-2.1.2", Version::v311},
  };
  for (const Case& one : cases) {
    Bytes scratch;
    const auto packet = decode_whole(one.bytes, one.version, scratch);
    ASSERT_FALSE(packet) << one.name;
    EXPECT_EQ(packet.error().clause, one.clause) << one.name;
  }
}

TEST(Codec, never_reads_past_a_packet_that_was_cut_anywhere) {
  Connect connect;
  connect.client_identifier = "abc";
  connect.will = Will{"t", {1}, Qos::at_least_once, false, {}};
  connect.user_name = "u";
  Bytes bytes;
  append(connect, bytes);
  for (std::size_t length = 2; length + 1 < bytes.size(); ++length) {
    Bytes cut(bytes.begin(), bytes.begin() + std::ptrdiff_t(length));
    cut[1] = std::uint8_t(length - 2);
    Bytes scratch;
    EXPECT_FALSE(decode_whole(cut, Version::v5, scratch)) << length;
  }
}

/// Any bytes: what the short way takes, the long way takes with the same result.
TEST(Codec, short_ways_agree_with_the_long_ones_on_mutated_packets) {
  std::mt19937 random(11);
  int plain = 0;
  for (int round = 0; round < 200'000; ++round) {
    const Version version = round % 2 == 0 ? Version::v5 : Version::v311;
    Publish publish;
    publish.topic = "plant/a";
    publish.qos = static_cast<Qos>(round % 3);
    publish.packet_identifier = publish.qos == Qos::at_most_once ? 0 : 7;
    const Bytes payload(random() % 4, 'x');
    publish.payload = payload;
    Bytes bytes;
    append_publish(publish, version, bytes);
    for (unsigned change = random() % 3; change > 0; --change)
      bytes[random() % bytes.size()] ^= std::uint8_t(1U << (random() % 8));
    const std::uint8_t first = bytes[0];
    const ByteView body = ByteView(bytes).subspan(2);
    Publish quick;
    if (decode_plain_publish(first, body, version, "plant/a", quick)) {
      ++plain;
      Bytes scratch;
      const auto slow = decode_publish(first, body, version, scratch);
      ASSERT_TRUE(slow.has_value());
      EXPECT_EQ(quick.topic, slow->topic);
      EXPECT_EQ(quick.packet_identifier, slow->packet_identifier);
      EXPECT_EQ(quick.qos, slow->qos);
      EXPECT_EQ(quick.retain, slow->retain);
      EXPECT_EQ(quick.duplicate, slow->duplicate);
      EXPECT_EQ(to_text(quick.payload), to_text(slow->payload));
      EXPECT_TRUE(slow->forwarded_properties.empty());
    }
    const std::uint8_t reply_first = std::uint8_t(random());
    const Bytes reply_body(random() % 4, std::uint8_t(random() % 3));
    if (const std::uint16_t identifier = decode_plain_reply(reply_first, reply_body)) {
      Bytes scratch;
      const auto type = type_of(reply_first);
      if (type < PacketType::puback || type > PacketType::pubcomp) continue;
      const auto slow = decode(reply_first, reply_body, version, scratch);
      ASSERT_TRUE(slow.has_value());
      EXPECT_EQ(std::get<PublishReply>(*slow).packet_identifier, identifier);
    }
  }
  EXPECT_GT(plain, 10'000);
}

TEST(Codec, finds_a_user_property_by_name) {
  const Bytes encoded = encode_forwarded({.payload_is_utf8 = true,
                                          .content_type = "text/plain",
                                          .response_topic = "answer",
                                          .correlation_data = {1, 2},
                                          .user_properties = {{"a", "1"}, {"$partition", "k"}}});
  EXPECT_EQ(user_property(encoded, "$partition"), "k");
  EXPECT_EQ(user_property(encoded, "b"), std::nullopt);
}

}  // namespace
}  // namespace wireway::wire::mqtt
