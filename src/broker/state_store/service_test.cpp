// Goal: what the broker does with a PUBLISH to the request topic, and the PUBLISHes that answer it.

#include "broker/state_store/service.h"

#include <gtest/gtest.h>

#include "wire/mqtt/codec.h"

namespace wireway::broker::state_store {
namespace {

class OneKey final : public Rights {
 public:
  bool may_read_key(ByteView key) const override { return as_text(key) == "mine"; }
  bool may_write_key(ByteView) const override { return false; }
  bool may_subscribe(std::string_view topic) const override { return topic.starts_with("r/"); }
};

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    properties.response_topic = "r/1";
    properties.correlation_data = {1, 2, 3};
    properties.user_properties = {{"__ts", "5:0:c"}, {"__ft", "4:0:c"}, {"other", "x"}};
  }
  Admission admitted() {
    forwarded = mqtt::encode_forwarded(properties);
    publish.forwarded_properties = forwarded;
    publish.payload = as_bytes(payload);
    return admit(publish, sender);
  }

  mqtt::PublishProperties properties;
  Bytes forwarded;
  std::string payload = "*2\r\n$3\r\nGET\r\n$4\r\nmine\r\n";
  mqtt::Publish publish = [] {
    mqtt::Publish out;
    out.qos = mqtt::Qos::at_least_once;
    out.topic = request_topic;
    return out;
  }();
  Sender sender{"c1", 7, mqtt::Version::v5, nullptr};
};

TEST_F(ServiceTest, admits_a_request) {
  publish.message_expiry_interval_s = 10;
  const Admission out = admitted();
  ASSERT_TRUE(out.asked);
  EXPECT_EQ(out.reason, mqtt::ReasonCode::success);
  EXPECT_EQ(out.asked->asker, (Listener{"c1", 7, false}));
  EXPECT_EQ(out.asked->response_topic, "r/1");
  EXPECT_EQ(out.asked->correlation_data, (Bytes{1, 2, 3}));
  EXPECT_EQ(out.asked->timestamp, "5:0:c");
  EXPECT_EQ(out.asked->fencing_token, "4:0:c");
  EXPECT_EQ(out.asked->expiry_s, 10U);
  EXPECT_TRUE(out.asked->authorized);
  EXPECT_FALSE(out.asked->keep_asked);
  EXPECT_FALSE(out.asked->listens);
  publish.topic = preview_request_topic;
  payload = "*2\r\n$9\r\nKEYNOTIFY\r\n$1\r\nk\r\n";
  properties.user_properties.emplace_back("aio-persistence", "true");
  const Admission preview = admitted();
  EXPECT_TRUE(preview.asked->asker.preview);
  EXPECT_TRUE(preview.asked->listens);
  EXPECT_TRUE(preview.asked->keep_asked);
}

TEST_F(ServiceTest, refuses_what_cannot_be_answered) {
  const auto is_refused = [this] {
    const Admission out = admitted();
    return !out.asked && !out.disconnects && out.reason == mqtt::ReasonCode::not_authorized &&
           !out.why.empty();
  };
  sender.version = mqtt::Version::v311;
  EXPECT_TRUE(is_refused());
  sender.version = mqtt::Version::v5;
  publish.qos = mqtt::Qos::at_most_once;
  EXPECT_TRUE(is_refused());
  publish.qos = mqtt::Qos::exactly_once;
  EXPECT_TRUE(is_refused());
  publish.qos = mqtt::Qos::at_least_once;
  for (const char* topic : {"", "a/+", "a/#", "$SYS/x", "$share/g/t"}) {
    properties.response_topic = topic;
    EXPECT_TRUE(is_refused()) << topic;
  }
  properties.response_topic = "r/1";
  properties.correlation_data.clear();
  EXPECT_TRUE(is_refused());
}

TEST_F(ServiceTest, ends_a_connection_that_would_be_answered_on_the_stores_own_topics) {
  for (const std::string_view topic :
       {request_topic, preview_request_topic,
        std::string_view("clients/statestore/v1/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8"),
        std::string_view("clients/statestore/v1/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8/x/y"),
        std::string_view("clients/statestore/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8/x")}) {
    properties.response_topic = std::string(topic);
    const Admission out = admitted();
    EXPECT_TRUE(out.disconnects) << topic;
    EXPECT_FALSE(out.asked);
  }
}

TEST_F(ServiceTest, asks_the_rights_for_the_key_and_the_way_back) {
  const OneKey rights;
  sender.rights = &rights;
  EXPECT_TRUE(admitted().asked->authorized);
  payload = "*2\r\n$3\r\nDEL\r\n$4\r\nmine\r\n";
  EXPECT_FALSE(admitted().asked->authorized);
  payload = "*2\r\n$9\r\nKEYNOTIFY\r\n$5\r\nother\r\n";
  EXPECT_FALSE(admitted().asked->authorized);
  properties.response_topic = "elsewhere";
  EXPECT_EQ(admitted().reason, mqtt::ReasonCode::not_authorized)
      << "an answer must not be a way to publish where the client may not";
}

TEST_F(ServiceTest, makes_the_response) {
  const Asked asked = *admitted().asked;
  const Message out = response_to(asked, {"+OK\r\n", Hlc{5, 1, "StateStore"}, {}, {}});
  EXPECT_EQ(out.topic, "r/1");
  EXPECT_EQ(out.payload, "+OK\r\n");
  const auto said = mqtt::parse_forwarded(out.forwarded_properties);
  EXPECT_EQ(said.content_type, "application/octet-stream");
  EXPECT_EQ(said.correlation_data, (Bytes{1, 2, 3}));
  EXPECT_FALSE(said.payload_is_utf8);
  EXPECT_EQ(
      said.user_properties,
      (mqtt::UserProperties{
          {"__stat", "200"}, {"__ts", "000000000000005:00001:StateStore"}, {"__protVer", "1.0"}}));
  const Message miss = response_to(asked, {"$-1\r\n", std::nullopt, {}, {}});
  EXPECT_EQ(mqtt::parse_forwarded(miss.forwarded_properties).user_properties,
            (mqtt::UserProperties{{"__stat", "200"}, {"__protVer", "1.0"}}));
}

TEST_F(ServiceTest, makes_the_notification) {
  Notice notice{{"client-id1", 1, false}, "SOMEKEY", "payload", Hlc{5, 1, "StateStore"}};
  EXPECT_EQ(notification_of(notice).topic,
            "clients/statestore/v1/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8/636C69656E742D696431/"
            "command/notify/534F4D454B4559");
  notice.to.preview = true;
  notice.key = "\xAB";
  EXPECT_EQ(notification_of(notice).topic,
            "clients/statestore/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8/636C69656E742D696431/"
            "command/notify/AB");
  const auto said = mqtt::parse_forwarded(notification_of(notice).forwarded_properties);
  EXPECT_EQ(said.response_topic, "");
  EXPECT_EQ(
      said.user_properties,
      (mqtt::UserProperties{{"__ts", "000000000000005:00001:StateStore"}, {"__protVer", "1.0"}}));
}

}  // namespace
}  // namespace wireway::broker::state_store
