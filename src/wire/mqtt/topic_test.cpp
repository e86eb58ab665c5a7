#include "wire/mqtt/topic.h"

#include <string>

#include <gtest/gtest.h>

namespace wireway::wire::mqtt {
namespace {

TEST(TopicFilter, accepts_wildcards_as_whole_levels_only) {  // [MQTT-4.7.1-1] [MQTT-4.7.1-2]
  for (const auto* filter : {"#", "+", "a/#", "+/+", "a/+/b/#", "/", "a//b", "/#", "$SYS/#"})
    EXPECT_TRUE(is_valid_topic_filter(filter)) << filter;
  for (const auto* filter : {"", "a#", "#/a", "a/#/b", "a+", "a/+b", "+a/b", "##", "++"})
    EXPECT_FALSE(is_valid_topic_filter(filter)) << filter;
}

TEST(TopicFilter, checks_the_shape_of_shared_filters) {  // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
  EXPECT_TRUE(is_valid_topic_filter("$share/group/a/#"));
  for (const auto* filter :
       {"$share/group", "$share//a", "$share/g+/a", "$share/group/", "$share/"})
    EXPECT_FALSE(is_valid_topic_filter(filter)) << filter;
  const auto shared = parse_shared_filter("$share/g/a/b");
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->group, "g");
  EXPECT_EQ(shared->filter, "a/b");
}

TEST(TopicName, refuses_wildcards_null_and_too_many_levels) {  // [MQTT-4.7.3-1] [MQTT-4.7.3-2]
  EXPECT_TRUE(is_valid_topic_name("/a//b"));
  EXPECT_FALSE(is_valid_topic_name(""));
  EXPECT_FALSE(is_valid_topic_name("a/+"));
  EXPECT_FALSE(is_valid_topic_name(std::string_view("a\0", 2)));
  EXPECT_TRUE(is_valid_topic_name(std::string(topic_levels_max - 1, '/')));
  EXPECT_FALSE(is_valid_topic_name(std::string(topic_levels_max, '/')));
}

TEST(TopicName, takes_as_many_bytes_as_a_length_can_say) {  // [MQTT-4.7.3-3]
  EXPECT_TRUE(is_valid_topic_name(std::string(65535, 'x')));
  EXPECT_TRUE(is_valid_topic_filter(std::string(65535, 'x')));
  EXPECT_FALSE(is_valid_topic_name(std::string(65536, 'x')));
  EXPECT_FALSE(is_valid_topic_filter(std::string(65536, 'x')));
}

TEST(TopicMatches, follows_the_examples_of_the_specification) {
  const auto matches = [](std::string_view filter, std::string_view topic) {
    return topic_matches(filter, topic);
  };
  EXPECT_TRUE(matches("sport/tennis/player1/#", "sport/tennis/player1"));
  EXPECT_TRUE(matches("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"));
  EXPECT_TRUE(matches("sport/#", "sport"));
  EXPECT_TRUE(matches("sport/tennis/+", "sport/tennis/player1"));
  EXPECT_FALSE(matches("sport/tennis/+", "sport/tennis/player1/ranking"));
  EXPECT_FALSE(matches("sport/+", "sport"));
  EXPECT_TRUE(matches("sport/+", "sport/"));
  EXPECT_TRUE(matches("+/+", "/finance"));
  EXPECT_TRUE(matches("/+", "/finance"));
  EXPECT_FALSE(matches("+", "/finance"));
  EXPECT_FALSE(matches("#", "$SYS/broker"));  // [MQTT-4.7.2-1]
  EXPECT_FALSE(matches("+/broker", "$SYS/broker"));
  EXPECT_TRUE(matches("$SYS/#", "$SYS/broker"));
  EXPECT_FALSE(matches("a/b", "a"));
  EXPECT_FALSE(matches("a", "a/b"));
}

}  // namespace
}  // namespace wireway::wire::mqtt
