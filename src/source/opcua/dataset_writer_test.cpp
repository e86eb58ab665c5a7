#include "source/opcua/dataset_writer.h"

#include <gtest/gtest.h>
#include <open62541/types_generated.h>

#include "base/json.h"

namespace wireway::source::opcua {
namespace {

const WallTime noon{std::chrono::seconds{1'722'254'400} + std::chrono::microseconds{123'456}};

class Writer : public testing::Test {
 protected:
  Writer() {
    model.name = "default";
    model.topic = "azure-iot-operations/data/oven";
    model.points = {{"Temperature", "i=1"}, {"Tag \"10\"", "i=2"}};
    writer.configure(model, identity);
  }

  void add(std::size_t index, std::int32_t number, UA_StatusCode status = UA_STATUSCODE_GOOD) {
    UA_DataValue value;
    UA_DataValue_init(&value);
    UA_Variant_setScalar(&value.value, &number, &UA_TYPES[UA_TYPES_INT32]);
    value.hasValue = true;
    value.hasStatus = status != UA_STATUSCODE_GOOD;
    value.status = status;
    value.hasSourceTimestamp = true;
    value.sourceTimestamp = UA_DATETIME_UNIX_EPOCH + UA_DATETIME_SEC;
    value.hasServerTimestamp = true;
    value.serverTimestamp =
        UA_DATETIME_UNIX_EPOCH + noon.since_epoch.count() / 100 - 3153;  // 0.3153 ms ago
    writer.add(index, value, nullptr);
  }
  std::vector<std::string> flush() {
    messages.clear();
    writer.flush(noon, messages);
    std::vector<std::string> payloads;
    for (const flow::Message& message : messages) payloads.push_back(to_text(message.payload));
    return payloads;
  }
  std::string property(const flow::Message& message, std::string_view name) {
    for (const auto& [key, value] : message.user_properties)
      if (key == name) return value;
    return "absent";
  }

  TypeCatalog types;
  ValueEncoder encoder{types};
  net::SeededRandom random{1};
  DatasetModel model;
  DatasetIdentity identity{"oven", "u", "e", "urn:server"};
  DatasetWriter writer{encoder, random};
  std::vector<flow::Message> messages;
};

TEST_F(Writer, makes_one_message_of_an_interval_with_the_points_that_changed) {
  add(0, 98);
  add(1, 7);
  EXPECT_EQ(flush(), std::vector<std::string>{
                         R"({"Temperature":{"SourceTimestamp":"1970-01-01T00:00:01Z","Value":98},)"
                         R"("Tag \"10\"":{"SourceTimestamp":"1970-01-01T00:00:01Z","Value":7}})"});
  add(1, 8);
  EXPECT_EQ(flush(), std::vector<std::string>{
                         R"({"Tag \"10\"":{"SourceTimestamp":"1970-01-01T00:00:01Z","Value":8}})"});
  EXPECT_TRUE(flush().empty());
}

TEST_F(Writer, puts_each_further_sample_of_a_point_into_a_further_message) {
  add(0, 1);
  add(0, 2);
  add(1, 9);
  add(0, 3);
  const std::vector<std::string> payloads = flush();
  ASSERT_EQ(payloads.size(), 3U);
  EXPECT_NE(payloads[0].find("\"Value\":1"), std::string::npos);
  EXPECT_NE(payloads[0].find("\"Value\":9"), std::string::npos);
  EXPECT_NE(payloads[1].find("\"Value\":2"), std::string::npos);
  EXPECT_NE(payloads[2].find("\"Value\":3"), std::string::npos);
  EXPECT_EQ(property(messages[2], "sequence"), "2");
}

TEST_F(Writer, says_the_quality_when_it_is_not_good_and_leaves_out_what_is_not_there) {
  UA_DataValue value;
  UA_DataValue_init(&value);
  value.hasStatus = true;
  value.status = UA_STATUSCODE_BADNOCOMMUNICATION;
  writer.add(0, value, nullptr);
  EXPECT_EQ(
      flush(),
      std::vector<std::string>{
          R"({"Temperature":{"StatusCode":{"Code":2150694912,"Symbol":"BadNoCommunication"}}})"});
  const SampleCounts counts = writer.take_counts();
  EXPECT_EQ(counts.values, 1U);
  EXPECT_EQ(counts.bad, 1U);
  EXPECT_EQ(counts.messages, 1U);
}

TEST_F(Writer, tells_in_user_properties_where_a_message_is_from) {
  add(0, 1);
  flush();
  const flow::Message& message = messages.at(0);
  EXPECT_EQ(message.topic, model.topic);
  EXPECT_EQ(message.content_type, "application/json");
  EXPECT_TRUE(message.payload_is_utf8);
  EXPECT_EQ(property(message, "specversion"), "1.0");
  EXPECT_EQ(property(message, "type"), "ua-deltaframe");
  EXPECT_EQ(property(message, "source"), "urn:server");
  EXPECT_EQ(property(message, "subject"), "oven");
  EXPECT_EQ(property(message, "time"), "2024-07-29T12:00:00.123456Z");
  EXPECT_EQ(property(message, "datacontenttype"), "application/json");
  EXPECT_EQ(property(message, "recordedtime"), "2024-07-29 12:00:00.123 +00:00");
  EXPECT_EQ(property(message, "uuid"), "u");
  EXPECT_EQ(property(message, "externalAssetId"), "e");
  EXPECT_EQ(property(message, "serverToConnectorMilliseconds"), "0.3153");
  EXPECT_EQ(property(message, "id").size(), 36U);
  const std::string parent = property(message, "traceparent");
  ASSERT_EQ(parent.size(), 55U);
  EXPECT_EQ(parent.substr(0, 3), "00-");
}

TEST_F(Writer, completes_each_nth_message_when_key_frames_are_asked_for) {
  model.key_frame_count = 3;
  writer.configure(model, identity);
  add(0, 1);
  add(1, 2);
  flush();
  EXPECT_EQ(property(messages[0], "type"), "ua-keyframe");
  std::vector<std::string> kinds;
  std::string last;
  for (int i = 0; i < 3; ++i) {
    add(0, 10 + i);
    last = flush().at(0);
    kinds.push_back(property(messages[0], "type"));
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"ua-deltaframe", "ua-deltaframe", "ua-keyframe"}));
  EXPECT_NE(last.find("\"Value\":12"), std::string::npos);
  EXPECT_NE(last.find("\"Value\":2}"), std::string::npos) << "the point that did not change";
}

TEST_F(Writer, keeps_what_it_has_when_points_are_added) {
  add(0, 1);
  model.points.insert(model.points.begin(), PointModel{"New", "i=3"});
  writer.configure(model, identity);
  add(1, 2);  // Temperature, now second
  const std::vector<std::string> payloads = flush();
  ASSERT_EQ(payloads.size(), 2U) << "two samples of one point";
  EXPECT_TRUE(parse_json(payloads[0]));
}

}  // namespace
}  // namespace wireway::source::opcua
