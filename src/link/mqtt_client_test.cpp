// Dialogues of the MQTT client with a scripted server, on virtual time.

#include "link/mqtt_client.h"

#include <gtest/gtest.h>

#include "link/mqtt_script.h"
#include "net/sim/sim_world.h"

namespace wireway::link {
namespace {

using flow::Outcome;
using flow::Qos;
using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::mqtt::PacketType;
using wire::mqtt::ReasonCode;
using Lines = std::vector<std::string>;

class Dialogue : public ::testing::Test {
 protected:
  struct Received {
    flow::Message message;
    flow::Ack ack;
  };

  void open(MqttClientOptions options = {}) {
    options.server = {"broker", 1883};
    if (options.client_id.empty()) options.client_id = "c";
    client = std::make_unique<MqttClient>(
        env, std::move(options), [this](const MqttState& state) { states.push_back(state); },
        [this](flow::Message message, flow::Ack ack) {
          received.push_back({std::move(message), std::move(ack)});
        });
    client->start();
  }
  void open_and_accept(MqttClientOptions options = {}) {
    open(std::move(options));
    settle();
    server.accept();
    settle();
    server.take();
    states.clear();
  }
  /// Lets all that is under way arrive; shorter than any timer of the client.
  void settle() { world.run_for(milliseconds{5}); }
  /// Until the client has connected again and said CONNECT.
  bool reconnected() {
    return world.run_until([&] { return server.last().starts_with("CONNECT"); }, seconds{30});
  }

  void publish(std::string topic, std::string payload, Qos qos) {
    flow::Message message;
    message.topic = std::move(topic);
    message.payload = Bytes(payload.begin(), payload.end());
    message.qos = qos;
    const auto put = client->publish(
        std::move(message),
        flow::Ack([this, payload](Outcome outcome) { outcomes.emplace_back(payload, outcome); }));
    if (!put) refused.push_back(put.error());
  }
  static wire::mqtt::Publish message(std::uint16_t id, std::string_view topic,
                                     std::string_view text, bool duplicate = false) {
    wire::mqtt::Publish publish;
    publish.duplicate = duplicate;
    publish.qos = wire::mqtt::Qos::at_least_once;
    publish.packet_identifier = id;
    publish.topic = topic;
    publish.payload = as_bytes(text);
    return publish;
  }

  net::SimWorld world{1};
  net::Env env = world.env("client");
  MqttScript server{world.env("broker")};
  std::vector<MqttState> states;
  std::vector<Received> received;
  std::vector<std::pair<std::string, Outcome>> outcomes;
  std::vector<Error> refused;
  std::unique_ptr<MqttClient> client;
};

using Outcomes = std::vector<std::pair<std::string, Outcome>>;

TEST_F(Dialogue, connects_with_its_options_and_says_so) {
  open({.client_id = "dataflow-1",
        .username = "u",
        .keep_alive_s = 30,
        .session_expiry_s = 600,
        .clean_start = false});
  settle();
  EXPECT_EQ(server.take(), (Lines{"-- connection",
                                  "CONNECT dataflow-1 clean=false keep=30 "
                                  "expiry=600 user=u"}));
  EXPECT_TRUE(states.empty());
  server.accept(true);
  settle();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_TRUE(states[0].connected);
  EXPECT_TRUE(states[0].session_present);
  EXPECT_EQ(states[0].message, "connected to broker:1883");
}

TEST_F(Dialogue, publishes_at_each_quality_and_settles_when_it_is_due) {
  open_and_accept();
  publish("t", "zero", Qos::at_most_once);
  publish("t", "one", Qos::at_least_once);
  publish("t", "two", Qos::exactly_once);
  settle();
  EXPECT_EQ(server.take(),
            (Lines{"PUBLISH 0 q0 t=zero", "PUBLISH 1 q1 t=one", "PUBLISH 2 q2 t=two"}));
  EXPECT_EQ(outcomes, (Outcomes{{"zero", Outcome::delivered}}));
  EXPECT_EQ(client->unacknowledged(), 2U);
  server.reply(PacketType::pubrec, 2);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBREL 2"}));
  EXPECT_EQ(outcomes.size(), 1U);
  server.reply(PacketType::pubcomp, 2);
  server.reply(PacketType::puback, 1, ReasonCode::no_matching_subscribers);
  settle();
  EXPECT_EQ(outcomes, (Outcomes{{"zero", Outcome::delivered},
                                {"two", Outcome::delivered},
                                {"one", Outcome::delivered}}));
  EXPECT_EQ(client->unacknowledged(), 0U);
}

TEST_F(Dialogue, keeps_messages_in_order_while_there_is_no_connection) {
  open();
  publish("t", "a", Qos::at_least_once);
  publish("t", "b", Qos::at_most_once);
  publish("t", "c", Qos::at_least_once);
  settle();
  server.accept();
  settle();
  server.take();
  world.run_for(milliseconds{1});
  EXPECT_EQ(outcomes, (Outcomes{{"b", Outcome::delivered}}));
  EXPECT_EQ(client->unacknowledged(), 2U);
}

TEST_F(Dialogue, never_has_more_under_way_than_the_server_allows) {
  open();
  settle();
  wire::mqtt::Properties properties;
  properties.receive_maximum = 2;
  server.accept(false, properties);
  settle();
  server.take();
  for (const char* text : {"a", "b", "c", "d"}) publish("t", text, Qos::at_least_once);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBLISH 1 q1 t=a", "PUBLISH 2 q1 t=b"}));
  server.reply(PacketType::puback, 2);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBLISH 3 q1 t=c"}));
  server.reply(PacketType::puback, 1);
  server.reply(PacketType::puback, 3);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBLISH 4 q1 t=d"}));
}

TEST_F(Dialogue, sends_again_with_dup_after_a_resumed_session) {
  open_and_accept({.session_expiry_s = 60});
  publish("t", "a", Qos::at_least_once);
  publish("t", "b", Qos::exactly_once);
  publish("t", "c", Qos::at_least_once);
  settle();
  server.reply(PacketType::pubrec, 2);
  server.reply(PacketType::puback, 3);
  settle();
  server.take();
  server.hang_up();
  settle();
  publish("t", "d", Qos::at_least_once);
  ASSERT_TRUE(reconnected());
  EXPECT_EQ(server.last(), "CONNECT c clean=false keep=60 expiry=60 user=-");
  server.take();
  server.accept(true);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBLISH 1 q1 dup t=a", "PUBREL 2", "PUBLISH 4 q1 t=d"}));
  server.reply(PacketType::puback, 1);
  server.reply(PacketType::pubcomp, 2);
  server.reply(PacketType::puback, 4);
  settle();
  EXPECT_EQ(client->unacknowledged(), 0U);
  for (const auto& [text, outcome] : outcomes) EXPECT_EQ(outcome, Outcome::delivered) << text;
}

TEST_F(Dialogue, begins_again_without_dup_if_the_session_is_lost) {
  open_and_accept({.session_expiry_s = 60});
  client->subscribe("x/#", Qos::at_least_once);
  publish("t", "a", Qos::at_least_once);
  publish("t", "b", Qos::exactly_once);
  settle();
  server.reply(PacketType::pubrec, 3);
  settle();
  server.hang_up();
  ASSERT_TRUE(reconnected());
  server.take();
  server.accept(false);
  settle();
  EXPECT_EQ(server.take(), (Lines{"SUBSCRIBE 4 x/#:q1", "PUBLISH 2 q1 t=a", "PUBLISH 3 q2 t=b"}));
}

TEST_F(Dialogue, subscribes_again_only_what_the_server_does_not_know) {
  open();
  client->subscribe("a", Qos::at_least_once);
  client->subscribe("b", Qos::at_most_once);
  settle();
  server.accept();
  settle();
  EXPECT_EQ(server.last(), "SUBSCRIBE 1 a:q1 b:q0");
  server.say(wire::mqtt::SubscribeReply{.packet_identifier = 1,
                                        .reasons = {ReasonCode::granted_qos_1, ReasonCode::success},
                                        .properties = {}});
  settle();
  server.hang_up();
  settle();
  client->subscribe("c", Qos::exactly_once);
  client->unsubscribe("a");
  ASSERT_TRUE(reconnected());
  server.take();
  server.accept(true);
  settle();
  EXPECT_EQ(server.take(), (Lines{"SUBSCRIBE 2 c:q2", "UNSUBSCRIBE 3 a"}));
  server.hang_up();
  ASSERT_TRUE(reconnected());
  server.take();
  server.accept(false);
  settle();
  EXPECT_EQ(server.take(), (Lines{"SUBSCRIBE 4 b:q0 c:q2"}));
}

TEST_F(Dialogue, says_which_subscription_was_refused_and_stays_connected) {
  open_and_accept();
  client->subscribe("secret/#", Qos::at_least_once);
  settle();
  server.say(wire::mqtt::SubscribeReply{
      .packet_identifier = 1, .reasons = {ReasonCode::not_authorized}, .properties = {}});
  settle();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_TRUE(states[0].connected);
  EXPECT_EQ(states[0].message,
            "broker:1883 refused the subscription to \"secret/#\": Not authorized (0x87)");
}

TEST_F(Dialogue, acknowledges_only_what_is_settled) {
  open_and_accept();
  server.say_publish(message(7, "t", "a"));
  server.say_publish(message(8, "t", "b"));
  server.say_publish(message(9, "t", "c"));
  settle();
  ASSERT_EQ(received.size(), 3U);
  EXPECT_TRUE(server.take().empty());
  received[1].ack.settle(Outcome::filtered);
  received[2].ack.settle(Outcome::abandoned);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBACK 8"}));
  received[0].ack.settle(Outcome::dead_lettered);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBACK 7"}));
}

TEST_F(Dialogue, takes_each_qos_2_message_once) {
  open_and_accept();
  auto publish_2 = message(7, "t", "a");
  publish_2.qos = wire::mqtt::Qos::exactly_once;
  server.say_publish(publish_2);
  settle();
  received.at(0).ack.settle(Outcome::delivered);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBREC 7"}));
  publish_2.duplicate = true;
  server.say_publish(publish_2);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBREC 7"}));
  EXPECT_EQ(received.size(), 1U);
  server.reply(PacketType::pubrel, 7);
  server.reply(PacketType::pubrel, 7);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBCOMP 7", "PUBCOMP 7 0x92"}));
}

TEST_F(Dialogue, never_sends_an_acknowledgement_on_a_connection_that_does_not_know_it) {
  open_and_accept({.session_expiry_s = 60});
  server.say_publish(message(7, "t", "old"));
  settle();
  server.hang_up();
  ASSERT_TRUE(reconnected());
  server.take();
  server.accept(false);
  server.say_publish(message(7, "t", "new"));  // the same identifier, another message
  settle();
  ASSERT_EQ(received.size(), 2U);
  received[0].ack.settle(Outcome::delivered);
  settle();
  EXPECT_TRUE(server.take().empty());
  received[1].ack.settle(Outcome::delivered);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBACK 7"}));
}

TEST_F(Dialogue, gives_a_repeated_message_to_the_application_once_and_then_acknowledges_it) {
  open_and_accept({.session_expiry_s = 60});
  for (std::uint16_t id = 7; id < 10; ++id) server.say_publish(message(id, "t", "x"));
  settle();
  server.hang_up();
  settle();
  received.at(0).ack.settle(Outcome::delivered);  // while there is no connection
  ASSERT_TRUE(reconnected());
  server.take();
  server.accept(true);
  settle();
  received.at(1).ack.settle(Outcome::delivered);  // before the server has sent it on this one
  settle();
  EXPECT_TRUE(server.take().empty());
  for (std::uint16_t id = 7; id < 10; ++id) server.say_publish(message(id, "t", "x", true));
  settle();
  EXPECT_EQ(received.size(), 3U);
  EXPECT_EQ(server.take(), (Lines{"PUBACK 7", "PUBACK 8"}));
  received.at(2).ack.settle(Outcome::delivered);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBACK 9"}));
}

TEST_F(Dialogue, outlives_its_acknowledgements_and_they_it) {
  open_and_accept();
  server.say_publish(message(7, "t", "a"));
  settle();
  publish("t", "unsettled", Qos::at_least_once);
  client.reset();
  EXPECT_EQ(outcomes, (Outcomes{{"unsettled", Outcome::abandoned}}));
  received.at(0).ack.settle(Outcome::delivered);
  settle();
}

TEST_F(Dialogue, says_why_it_was_refused_once_and_goes_on_trying) {
  open();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(reconnected());
    wire::mqtt::Connack no{.reason = ReasonCode::not_authorized, .properties = {}};
    no.properties.reason_string = "ask the administrator";
    server.say(no);
    server.take();
    settle();
  }
  ASSERT_EQ(states.size(), 1U);
  EXPECT_FALSE(states[0].connected);
  EXPECT_EQ(states[0].message,
            "broker:1883 refused: Not authorized (0x87): ask the administrator; retrying");
  ASSERT_TRUE(reconnected());
  server.accept();
  settle();
  EXPECT_TRUE(states.back().connected);
}

TEST_F(Dialogue, waits_longer_after_each_failure_up_to_its_limit) {
  net::Env nobody = world.env("lonely");
  std::vector<MonoTime> attempts;
  MqttScript other(nobody, 9);
  MqttClient lonely(env, {.server = {"lonely", 9}, .client_id = "l"}, nullptr, nullptr);
  lonely.start();
  for (int i = 0; i < 14; ++i) {
    ASSERT_TRUE(world.run_until([&] { return other.last().starts_with("CONNECT"); }, seconds{30}));
    attempts.push_back(world.now());
    other.take();
    other.hang_up();
  }
  EXPECT_LT(attempts[1] - attempts[0], milliseconds{105});
  for (std::size_t i = 9; i < attempts.size(); ++i) {
    EXPECT_GE(attempts[i] - attempts[i - 1], seconds{5});
    EXPECT_LE(attempts[i] - attempts[i - 1], milliseconds{10'010});
  }
}

TEST_F(Dialogue, says_why_the_server_ended_the_connection) {
  open_and_accept();
  server.say(wire::mqtt::Disconnect{.reason = ReasonCode::session_taken_over, .properties = {}});
  settle();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].message,
            "broker:1883 ended the connection: Session taken over (0x8E); retrying");
}

TEST_F(Dialogue, breaks_silence_by_pingreq_and_gives_up_on_a_dead_server) {
  open_and_accept({.keep_alive_s = 10});
  world.run_for(seconds{6});
  EXPECT_EQ(server.take(), (Lines{"PINGREQ"}));
  server.say_pingresp();
  world.run_for(seconds{10});
  EXPECT_EQ(server.take(), (Lines{"PINGREQ"}));
  EXPECT_TRUE(states.empty());
  ASSERT_TRUE(world.run_until([&] { return !states.empty(); }, seconds{10}));
  EXPECT_EQ(states[0].message, "broker:1883 did not answer PINGREQ within 5 s; retrying");
}

TEST_F(Dialogue, obeys_the_servers_keep_alive) {
  open({.keep_alive_s = 600});
  settle();
  wire::mqtt::Properties properties;
  properties.server_keep_alive_s = 4;
  server.accept(false, properties);
  settle();
  server.take();
  world.run_for(seconds{3});
  EXPECT_EQ(server.take(), (Lines{"PINGREQ"}));
}

TEST_F(Dialogue, leaves_a_server_that_speaks_something_else) {
  open();
  settle();
  server.take();
  server.say_bytes(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
  settle();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_TRUE(states[0].message.starts_with("broker:1883 does not speak MQTT 5 properly: "))
      << states[0].message;
  EXPECT_TRUE(world.run_until([&] { return server.last().starts_with("CONNECT"); }, seconds{30}));
}

TEST_F(Dialogue, refuses_a_server_packet_of_the_wrong_kind_with_its_reason) {
  open_and_accept();
  wire::mqtt::Connect nonsense;
  Bytes bytes;
  append(nonsense, bytes);
  server.say_bytes(bytes);
  settle();
  const Lines lines = server.take();
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines[0], "DISCONNECT 0x82");
}

TEST_F(Dialogue, refuses_more_than_its_queue_holds_and_settles_what_it_refuses) {
  open({.publish_queue_max = 2});
  for (const char* text : {"a", "b", "c"}) publish("t", text, Qos::at_least_once);
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].code, Errc::exhausted);
  EXPECT_EQ(outcomes, (Outcomes{{"c", Outcome::abandoned}}));
}

TEST_F(Dialogue, dead_letters_what_the_server_refuses_or_cannot_take) {
  open();
  settle();
  wire::mqtt::Properties properties;
  properties.maximum_packet_size = 200;
  properties.maximum_qos = 1;
  properties.retain_available = 0;
  server.accept(false, properties);
  settle();
  server.take();
  publish("t", std::string(300, 'x'), Qos::at_least_once);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].second, Outcome::dead_lettered);
  publish("t", "downgraded", Qos::exactly_once);
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBLISH 1 q1 t=downgraded"}));
  server.reply(PacketType::puback, 1, ReasonCode::quota_exceeded);
  settle();
  EXPECT_EQ(outcomes.back(), (Outcomes::value_type{"downgraded", Outcome::dead_lettered}));
}

TEST_F(Dialogue, lets_a_message_expire_while_it_waits) {
  open();
  for (const std::uint32_t expiry : {5U, 500U}) {
    flow::Message short_lived;
    short_lived.topic = "t";
    short_lived.expiry_s = expiry;
    ASSERT_TRUE(client->publish(std::move(short_lived), flow::Ack([this, expiry](Outcome outcome) {
                                  outcomes.emplace_back(std::to_string(expiry), outcome);
                                })));
  }
  world.run_for(seconds{6});
  ASSERT_TRUE(reconnected());
  server.accept();
  settle();
  EXPECT_EQ(outcomes, (Outcomes{{"5", Outcome::dead_lettered}}));
  EXPECT_EQ(server.last(), "PUBLISH 1 q1 t=");
}

TEST_F(Dialogue, carries_all_properties_both_ways) {
  open_and_accept();
  flow::Message sent;
  sent.topic = "t";
  sent.payload = {1, 2};
  sent.content_type = "application/json";
  sent.payload_is_utf8 = true;
  sent.response_topic = "r";
  sent.correlation_data = {9};
  sent.user_properties = {{"k", "1"}, {"k", "2"}};
  wire::mqtt::Publish echoed = message(3, "t", "x");
  const Bytes forwarded =
      wire::mqtt::encode_forwarded({true, sent.content_type, "r", {9}, sent.user_properties});
  echoed.forwarded_properties = forwarded;
  echoed.message_expiry_interval_s = 7;
  server.say_publish(echoed);
  settle();
  const flow::Message& got = received.at(0).message;
  EXPECT_EQ(got.content_type, sent.content_type);
  EXPECT_TRUE(got.payload_is_utf8);
  EXPECT_EQ(got.response_topic, "r");
  EXPECT_EQ(got.correlation_data, Bytes{9});
  EXPECT_EQ(got.user_properties, sent.user_properties);
  EXPECT_EQ(got.expiry_s, 7U);
}

TEST_F(Dialogue, says_goodbye_when_stopped_even_if_destroyed_at_once) {
  open_and_accept();
  publish("t", "last", Qos::at_most_once);
  client->stop();
  client.reset();
  settle();
  EXPECT_EQ(server.take(), (Lines{"PUBLISH 0 q0 t=last", "DISCONNECT 0x00", "-- closed"}));
}

TEST_F(Dialogue, stays_away_after_stop_and_comes_back_after_start) {
  open_and_accept();
  client->stop();
  world.run_for(seconds{60});
  EXPECT_EQ(server.take(), (Lines{"DISCONNECT 0x00", "-- closed"}));
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].message, "disconnected from broker:1883");
  client->start();
  EXPECT_TRUE(reconnected());
}

// Method: the client is destroyed within each of its callbacks in turn; the sanitizers watch.
TEST_F(Dialogue, may_be_destroyed_within_any_callback) {
  std::unique_ptr<MqttClient> victim;
  for (const std::string where : {"state", "message", "ack", "refusal"}) {
    const std::string captured(100, 'x');
    bool gone = false;
    const auto destroy = [&, captured] {
      victim.reset();
      gone = captured.size() == 100;
    };
    victim = std::make_unique<MqttClient>(
        env, MqttClientOptions{.server = {"broker", 1883}, .client_id = where},
        [&, destroy](const MqttState& state) {
          if (where == "state" ||
              (where == "refusal" && state.message.find("refused") != std::string::npos))
            destroy();
        },
        [&, destroy](flow::Message, flow::Ack) {
          if (where == "message") destroy();
        });
    victim->start();
    if (where == "refusal") victim->subscribe("x", Qos::at_least_once);
    ASSERT_TRUE(reconnected());
    server.accept();
    settle();
    if (victim) {
      flow::Message sent;
      sent.topic = "t";
      static_cast<void>(victim->publish(std::move(sent), flow::Ack([&, destroy](Outcome) {
                                          if (where == "ack") destroy();
                                        })));
      settle();
      server.reply(PacketType::puback, 1);
      server.say(wire::mqtt::SubscribeReply{
          .packet_identifier = 1, .reasons = {ReasonCode::not_authorized}, .properties = {}});
      for (std::uint16_t id = 1; id < 4; ++id) server.say_publish(message(id, "t", "x"));
      server.reply(PacketType::puback, 2);
      settle();
    }
    EXPECT_TRUE(gone) << where;
    server.take();
  }
}

}  // namespace
}  // namespace wireway::link
