#include "wire/mqtt/codec.h"

#include <gtest/gtest.h>

#include "wire/mqtt/frame.h"

namespace wireway::wire::mqtt {
namespace {

Bytes from_hex(std::string_view text) {
  Bytes bytes;
  std::string digits;
  for (const char c : text) {
    if (c == ' ') continue;
    digits.push_back(c);
    if (digits.size() < 2) continue;
    bytes.push_back(std::uint8_t(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

/// Decodes the one packet in `bytes`.
std::expected<Packet, Refused> decode_whole(const Bytes& bytes, Version version) {
  FrameHeader header;
  if (const auto refused = read_frame_header(bytes, packet_bytes_limit, header))
    return std::unexpected(*refused);
  EXPECT_EQ(header.header_bytes + header.body_bytes, bytes.size()) << hex_encode(bytes);
  return decode(header.first_byte, ByteView(bytes).subspan(header.header_bytes), version);
}

struct RefusedCase {
  const char* name;
  Version version;
  const char* hex;
  ReasonCode code;
  std::string_view clause;
};

constexpr Version v5 = Version::v5;
constexpr Version v311 = Version::v311;
constexpr ReasonCode malformed = ReasonCode::malformed_packet;
constexpr ReasonCode protocol = ReasonCode::protocol_error;

const RefusedCase refused_cases[] = {
    {"packet type 0", v5, "00 00", malformed, "MQTT section 2.1.2"},
    {"AUTH in 3.1.1", v311, "F0 00", malformed, "MQTT section 2.1.2"},
    {"CONNECT with flags", v5, "11 00", malformed, "MQTT-2.1.3-1"},
    {"PINGREQ with flags", v5, "C1 00", malformed, "MQTT-2.1.3-1"},
    {"PINGREQ with a body", v5, "C0 01 00", malformed, "MQTT-4.13.1-1"},
    {"PUBREL without flags", v5, "60 02 00 01", malformed, "MQTT-3.6.1-1"},
    {"SUBSCRIBE without flags", v5, "80 02 00 01", malformed, "MQTT-3.8.1-1"},
    {"UNSUBSCRIBE without flags", v5, "A0 02 00 01", malformed, "MQTT-3.10.1-1"},
    {"DISCONNECT with flags", v5, "E1 00", malformed, "MQTT-3.14.1-1"},
    {"AUTH with flags", v5, "F1 00", malformed, "MQTT-3.15.1-1"},
    {"CONNECT cut short", v5, "10 03 00 04 4D", malformed, "MQTT-4.13.1-1"},
    {"CONNECT of another protocol", v5, "10 0D 00 04 4D 51 54 58 05 02 00 00 00 00 00",
     ReasonCode::unsupported_protocol_version, "MQTT-3.1.2-1"},
    {"CONNECT version 6", v5, "10 0D 00 04 4D 51 54 54 06 02 00 00 00 00 00",
     ReasonCode::unsupported_protocol_version, "MQTT-3.1.2-2"},
    {"CONNECT reserved flag", v5, "10 0D 00 04 4D 51 54 54 05 03 00 00 00 00 00", malformed,
     "MQTT-3.1.2-3"},
    {"CONNECT will QoS without will", v5, "10 0D 00 04 4D 51 54 54 05 0A 00 00 00 00 00", malformed,
     "MQTT-3.1.2-11"},
    {"CONNECT will retain without will", v5, "10 0D 00 04 4D 51 54 54 05 22 00 00 00 00 00",
     malformed, "MQTT-3.1.2-13"},
    {"CONNECT will QoS 3", v5, "10 0D 00 04 4D 51 54 54 05 1E 00 00 00 00 00", malformed,
     "MQTT-3.1.2-12"},
    {"3.1.1 password without user name", v311, "10 0C 00 04 4D 51 54 54 04 42 00 00 00 00",
     malformed, "MQTT-3.1.2-22"},
    {"CONNECT with bytes left over", v5, "10 0E 00 04 4D 51 54 54 05 02 00 00 00 00 00 00",
     malformed, "MQTT-4.13.1-1"},
    {"CONNECT with a null in the client identifier", v5,
     "10 0E 00 04 4D 51 54 54 05 02 00 00 00 00 01 00", malformed, "MQTT-1.5.4-2"},
    {"CONNECT with a surrogate", v5, "10 10 00 04 4D 51 54 54 05 02 00 00 00 00 03 ED A0 80",
     malformed, "MQTT-1.5.4-1"},
    {"CONNECT receive maximum 0", v5, "10 10 00 04 4D 51 54 54 05 02 00 00 03 21 00 00 00 00",
     protocol, "MQTT section 2.2.2.2"},
    {"CONNECT maximum packet size 0", v5,
     "10 12 00 04 4D 51 54 54 05 02 00 00 05 27 00 00 00 00 00 00", protocol,
     "MQTT section 2.2.2.2"},
    {"CONNECT property twice", v5,
     "10 13 00 04 4D 51 54 54 05 02 00 00 06 21 00 01 21 00 01 00 00", protocol,
     "MQTT section 2.2.2.2"},
    {"CONNECT with a property of PUBLISH", v5,
     "10 0F 00 04 4D 51 54 54 05 02 00 00 02 01 01 00 00", malformed, "MQTT section 2.2.2.2"},
    {"CONNECT request problem information 2", v5,
     "10 0F 00 04 4D 51 54 54 05 02 00 00 02 17 02 00 00", protocol, "MQTT section 2.2.2.2"},
    {"CONNECT authentication data without method", v5,
     "10 10 00 04 4D 51 54 54 05 02 00 00 03 16 00 00 00 00", protocol,
     "MQTT section 3.1.2.11.10"},
    {"CONNECT property length beyond the packet", v5,
     "10 0D 00 04 4D 51 54 54 05 02 00 00 09 00 00", malformed, "MQTT-4.13.1-1"},
    {"will topic with a wildcard", v311,
     "10 13 00 04 4D 51 54 54 04 06 00 00 00 00 00 03 61 2F 23 00 00",
     ReasonCode::topic_name_invalid, "MQTT-3.3.2-2"},
    {"PUBLISH QoS 3", v5, "36 06 00 01 61 00 01 00", malformed, "MQTT-3.3.1-4"},
    {"PUBLISH DUP at QoS 0", v5, "38 04 00 01 61 00", malformed, "MQTT-3.3.1-2"},
    {"PUBLISH topic with +", v5, "30 06 00 03 61 2F 2B 00", ReasonCode::topic_name_invalid,
     "MQTT-3.3.2-2"},
    {"PUBLISH topic with #", v311, "30 05 00 03 61 2F 23", ReasonCode::topic_name_invalid,
     "MQTT-3.3.2-2"},
    {"PUBLISH without topic or alias", v5, "30 03 00 00 00", protocol, "MQTT-4.7.3-1"},
    {"PUBLISH without topic in 3.1.1", v311, "30 02 00 00", protocol, "MQTT-4.7.3-1"},
    {"PUBLISH topic of bad UTF-8", v5, "30 04 00 01 FF 00", malformed, "MQTT-1.5.4-1"},
    {"PUBLISH packet identifier 0", v5, "32 06 00 01 61 00 00 00", protocol, "MQTT-2.2.1-3"},
    {"PUBLISH without packet identifier", v5, "32 03 00 01 61", malformed, "MQTT-4.13.1-1"},
    {"PUBLISH topic alias 0", v5, "30 07 00 01 61 03 23 00 00", ReasonCode::topic_alias_invalid,
     "MQTT-3.3.2-8"},
    {"PUBLISH topic alias twice", v5, "30 0A 00 01 61 06 23 00 01 23 00 01", protocol,
     "MQTT section 3.3.2.3"},
    {"PUBLISH expiry twice", v5, "30 0E 00 01 61 0A 02 00 00 00 01 02 00 00 00 01", protocol,
     "MQTT section 3.3.2.3"},
    {"PUBLISH payload format 2", v5, "30 06 00 01 61 02 01 02", protocol, "MQTT section 3.3.2.3"},
    {"PUBLISH content type twice", v5, "30 0A 00 01 61 06 03 00 00 03 00 00", protocol,
     "MQTT section 3.3.2.3"},
    {"PUBLISH response topic with wildcard", v5, "30 08 00 01 61 04 08 00 01 23", protocol,
     "MQTT-3.3.2-14"},
    {"PUBLISH subscription identifier 0", v5, "30 06 00 01 61 02 0B 00", protocol,
     "MQTT section 3.3.2.3"},
    {"PUBLISH with a property of CONNECT", v5, "30 07 00 01 61 03 21 00 01", malformed,
     "MQTT section 3.3.2.3"},
    {"PUBLISH with properties beyond the packet", v5, "30 04 00 01 61 05", malformed,
     "MQTT-4.13.1-1"},
    {"PUBLISH with an overlong property length", v5, "30 06 00 01 61 81 00 01", malformed,
     "MQTT-1.5.5-1"},
    {"PUBACK of identifier 0", v5, "40 02 00 00", protocol, "MQTT-2.2.1-3"},
    {"PUBACK cut short", v5, "40 01 00", malformed, "MQTT-4.13.1-1"},
    {"3.1.1 PUBACK with a reason", v311, "40 03 00 01 00", malformed, "MQTT-4.13.1-1"},
    {"PUBREC with a property of CONNECT", v5, "50 07 00 01 00 03 21 00 01", malformed,
     "MQTT section 2.2.2.2"},
    {"SUBSCRIBE of nothing", v5, "82 03 00 01 00", protocol, "MQTT-3.8.3-2"},
    {"SUBSCRIBE identifier 0", v5, "82 07 00 00 00 00 01 61 00", protocol, "MQTT-2.2.1-3"},
    {"SUBSCRIBE reserved option bits", v5, "82 07 00 01 00 00 01 61 40", malformed,
     "MQTT-3.8.3-5"},
    {"3.1.1 SUBSCRIBE reserved bits", v311, "82 06 00 01 00 01 61 04", malformed, "MQTT-3.8.3-5"},
    {"SUBSCRIBE QoS 3", v5, "82 07 00 01 00 00 01 61 03", protocol, "MQTT section 3.8.3.1"},
    {"SUBSCRIBE retain handling 3", v5, "82 07 00 01 00 00 01 61 30", protocol,
     "MQTT section 3.8.3.1"},
    {"SUBSCRIBE without options", v5, "82 06 00 01 00 00 01 61", malformed, "MQTT-4.13.1-1"},
    {"SUBSCRIBE no local on a shared subscription", v5,
     "82 10 00 01 00 00 0A 24 73 68 61 72 65 2F 67 2F 61 04", protocol, "MQTT-3.8.3-4"},
    {"SUBSCRIBE subscription identifier 0", v5, "82 09 00 01 02 0B 00 00 01 61 00", protocol,
     "MQTT section 2.2.2.2"},
    {"UNSUBSCRIBE of nothing", v5, "A2 03 00 01 00", protocol, "MQTT-3.10.3-2"},
    {"UNSUBSCRIBE identifier 0", v311, "A2 05 00 00 00 01 61", protocol, "MQTT-2.2.1-3"},
    {"3.1.1 DISCONNECT with a body", v311, "E0 01 00", malformed, "MQTT-4.13.1-1"},
    {"DISCONNECT with a property of PUBLISH", v5, "E0 04 00 02 01 01", malformed,
     "MQTT section 2.2.2.2"},
    {"CONNACK with flags", v5, "20 03 02 00 00", malformed, "MQTT-3.2.2-1"},
};

TEST(Codec, refuses_what_breaks_a_rule_and_names_the_clause) {
  for (const RefusedCase& c : refused_cases) {
    const Bytes bytes = from_hex(c.hex);
    const auto decoded = decode_whole(bytes, c.version);
    ASSERT_FALSE(decoded.has_value()) << c.name;
    EXPECT_EQ(decoded.error().code, c.code) << c.name << ": " << to_string(decoded.error().code);
    EXPECT_EQ(decoded.error().clause, c.clause) << c.name;
  }
}

/// Encodes, decodes, encodes again: nothing may be lost and the bytes must agree.
template <class T, class Encode>
T round_trip(Version version, Encode encode_to) {
  Bytes first;
  encode_to(first);
  const auto decoded = decode_whole(first, version);
  EXPECT_TRUE(decoded.has_value()) << hex_encode(first)
                                   << (decoded ? "" : decoded.error().clause);
  if (!decoded || !std::holds_alternative<T>(*decoded)) return T{};
  return std::get<T>(*decoded);
}

TEST(Codec, connect_survives_both_ways) {
  for (const Version version : {v311, v5}) {
    Connect connect{.version = version, .clean_start = false, .keep_alive_s = 300};
    connect.client_identifier = "plc-1";
    connect.user_name = "operator";
    connect.password = Bytes{0, 1, 2};
    connect.will = Will{.topic = "gone", .payload = {'x'}, .qos = Qos::exactly_once, .retain = true};
    if (version == v5) {
      connect.properties.session_expiry_interval_s = 77;
      connect.properties.receive_maximum = 9;
      connect.properties.user_properties = {{"k", "1"}, {"k", "2"}};
      connect.will->properties.will_delay_interval_s = 5;
      connect.will->properties.content_type = "text/plain";
    }
    const auto got =
        round_trip<Connect>(version, [&](Bytes& out) { encode(connect, out); });
    EXPECT_EQ(got.version, version);
    EXPECT_FALSE(got.clean_start);
    EXPECT_EQ(got.keep_alive_s, 300);
    EXPECT_EQ(got.client_identifier, "plc-1");
    EXPECT_EQ(got.user_name, "operator");
    EXPECT_EQ(got.password, (Bytes{0, 1, 2}));
    ASSERT_TRUE(got.will);
    EXPECT_EQ(got.will->topic, "gone");
    EXPECT_EQ(got.will->qos, Qos::exactly_once);
    EXPECT_TRUE(got.will->retain);
    EXPECT_EQ(got.properties.session_expiry_interval_s, connect.properties.session_expiry_interval_s);
    EXPECT_EQ(got.properties.user_properties, connect.properties.user_properties);
    EXPECT_EQ(got.will->properties.will_delay_interval_s,
              connect.will->properties.will_delay_interval_s);
  }
}

TEST(Codec, connack_carries_every_property) {
  Connack connack{.session_present = true};
  Properties& p = connack.properties;
  p.session_expiry_interval_s = 1;
  p.receive_maximum = 2;
  p.maximum_qos = 1;
  p.retain_available = 0;
  p.maximum_packet_size = 70000;
  p.assigned_client_identifier = "auto";
  p.topic_alias_maximum = 3;
  p.reason_string = "because";
  p.wildcard_subscription_available = 0;
  p.subscription_identifier_available = 1;
  p.shared_subscription_available = 1;
  p.server_keep_alive_s = 60;
  p.response_information = "resp";
  p.server_reference = "other";
  p.authentication_method = "m";
  p.authentication_data = Bytes{9};
  const auto got = round_trip<Connack>(v5, [&](Bytes& out) { encode(connack, v5, out); });
  EXPECT_TRUE(got.session_present);
  EXPECT_EQ(got.properties.assigned_client_identifier, "auto");
  Bytes a, b;
  encode(connack, v5, a);
  encode(got, v5, b);
  EXPECT_EQ(a, b);
  const auto old = round_trip<Connack>(v311, [&](Bytes& out) {
    encode(Connack{.reason = ReasonCode::not_authorized}, v311, out);
  });
  EXPECT_EQ(old.reason, ReasonCode::not_authorized);
}

TEST(Codec, publish_hands_on_properties_as_they_came) {
  PublishProperties properties{.payload_is_utf8 = true, .content_type = "application/json",
                               .response_topic = "answers/1", .correlation_data = {1, 2},
                               .user_properties = {{"b", "2"}, {"a", "1"}, {"b", "3"}}};
  Bytes forwarded;
  append_forwarded(properties, forwarded);
  const Bytes payload = {'4', '2'};
  Publish publish;
  publish.duplicate = true;
  publish.qos = Qos::at_least_once;
  publish.retain = true;
  publish.packet_identifier = 513;
  publish.topic = "oven/temperature";
  publish.topic_alias = 7;
  publish.message_expiry_interval_s = 3600;
  publish.subscription_identifiers = {1, 200};
  publish.forwarded_properties = forwarded;
  publish.payload = payload;
  Bytes bytes;
  encode(publish, v5, bytes);
  EXPECT_EQ(bytes.size(), encoded_bytes(publish, v5));
  const auto decoded = decode_whole(bytes, v5);
  ASSERT_TRUE(decoded.has_value());
  const Publish& got = std::get<Publish>(*decoded);
  EXPECT_TRUE(got.duplicate);
  EXPECT_TRUE(got.retain);
  EXPECT_EQ(got.packet_identifier, 513);
  EXPECT_EQ(got.topic, "oven/temperature");
  EXPECT_EQ(got.topic_alias, 7);
  EXPECT_EQ(got.message_expiry_interval_s, 3600u);
  EXPECT_EQ(got.subscription_identifiers, (std::vector<std::uint32_t>{1, 200}));
  EXPECT_EQ(as_text(got.payload), "42");
  EXPECT_TRUE(got.gathered.empty());
  const PublishProperties read = read_forwarded(got.forwarded_properties);
  EXPECT_EQ(read.user_properties, properties.user_properties);
  EXPECT_EQ(read.content_type, "application/json");
  EXPECT_EQ(read.response_topic, "answers/1");
  EXPECT_TRUE(read.payload_is_utf8);
}

TEST(Codec, publish_gathers_properties_that_an_alias_interrupts) {
  // user a=1, alias 2, content type "t", expiry 1 s, user b=2
  const Bytes bytes = from_hex(
      "30 20 00 01 61 1A 26 00 01 61 00 01 31 23 00 02 03 00 01 74 02 00 00 00 01 "
      "26 00 01 62 00 01 32 68 69");
  auto decoded = decode_whole(bytes, v5);
  ASSERT_TRUE(decoded.has_value());
  const Publish got = std::move(std::get<Publish>(*decoded));
  EXPECT_EQ(got.topic_alias, 2);
  EXPECT_EQ(got.message_expiry_interval_s, 1u);
  EXPECT_EQ(as_text(got.payload), "hi");
  const PublishProperties read = read_forwarded(got.forwarded_properties);
  EXPECT_EQ(read.content_type, "t");
  EXPECT_EQ(read.user_properties, (UserProperties{{"a", "1"}, {"b", "2"}}));
}

TEST(Codec, replies_are_short_where_they_may_be) {
  Bytes out;
  encode_reply(PacketType::puback, 258, ReasonCode::success, v5, out);
  encode_reply(PacketType::pubrel, 1, ReasonCode::success, v311, out);
  encode_reply(PacketType::puback, 1, ReasonCode::quota_exceeded, v5, out);
  encode_reply(PacketType::puback, 1, ReasonCode::quota_exceeded, v311, out);
  EXPECT_EQ(hex_encode(out), "40020102" "62020001" "4003000197" "40020001");
  PublishReply with_text{.type = PacketType::pubrec, .packet_identifier = 5,
                         .reason = ReasonCode::not_authorized};
  with_text.properties.reason_string = "no";
  const auto got =
      round_trip<PublishReply>(v5, [&](Bytes& bytes) { encode(with_text, v5, bytes); });
  EXPECT_EQ(got.properties.reason_string, "no");
  EXPECT_EQ(got.reason, ReasonCode::not_authorized);
}

TEST(Codec, subscribe_and_its_reply_survive) {
  Subscribe subscribe{.packet_identifier = 3};
  subscribe.entries.push_back({.filter = "a/#", .qos = Qos::exactly_once, .no_local = true,
                               .retain_as_published = true,
                               .retain_handling = RetainHandling::never});
  subscribe.entries.push_back({.filter = "$share/g/b"});
  subscribe.properties.subscription_identifier = 268'435'455;
  const auto got = round_trip<Subscribe>(v5, [&](Bytes& out) { encode(subscribe, v5, out); });
  ASSERT_EQ(got.entries.size(), 2u);
  EXPECT_EQ(got.entries[0].filter, "a/#");
  EXPECT_TRUE(got.entries[0].no_local);
  EXPECT_EQ(got.entries[0].retain_handling, RetainHandling::never);
  EXPECT_EQ(got.properties.subscription_identifier, 268'435'455u);
  const SubscribeReply reply{.packet_identifier = 3,
                             .reasons = {ReasonCode::granted_qos_2, ReasonCode::not_authorized}};
  const auto old = round_trip<SubscribeReply>(v311, [&](Bytes& out) { encode(reply, v311, out); });
  EXPECT_EQ(old.reasons, (std::vector{ReasonCode::granted_qos_2, ReasonCode::unspecified_error}));
  const Unsubscribe unsubscribe{.packet_identifier = 4, .filters = {"a", "b"}};
  const auto gone =
      round_trip<Unsubscribe>(v5, [&](Bytes& out) { encode(unsubscribe, v5, out); });
  EXPECT_EQ(gone.filters, unsubscribe.filters);
}

TEST(Codec, disconnect_and_auth_survive) {
  Disconnect disconnect{.reason = ReasonCode::session_taken_over};
  disconnect.properties.reason_string = "another client has this identifier";
  const auto got = round_trip<Disconnect>(v5, [&](Bytes& out) { encode(disconnect, v5, out); });
  EXPECT_EQ(got.reason, ReasonCode::session_taken_over);
  EXPECT_EQ(got.properties.reason_string, disconnect.properties.reason_string);
  Bytes plain;
  encode(Disconnect{}, v5, plain);
  encode(Disconnect{.reason = ReasonCode::server_busy}, v311, plain);
  encode(Auth{}, v311, plain);
  EXPECT_EQ(hex_encode(plain), "e000e000");
  Auth auth{.reason = ReasonCode::continue_authentication};
  auth.properties.authentication_method = "SCRAM";
  auth.properties.authentication_data = Bytes{1};
  const auto method = round_trip<Auth>(v5, [&](Bytes& out) { encode(auth, v5, out); });
  EXPECT_EQ(method.properties.authentication_method, "SCRAM");
}

TEST(Codec, words_of_reason_codes) {
  EXPECT_EQ(to_string(ReasonCode::not_authorized), "Not authorized");
  EXPECT_EQ(to_string(ReasonCode(0x77)), "Unknown reason");
}

}  // namespace
}  // namespace wireway::wire::mqtt
