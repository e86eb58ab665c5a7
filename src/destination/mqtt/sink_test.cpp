#include "destination/mqtt/sink.h"

#include <gtest/gtest.h>

#include "destination/mqtt/topic_template.h"
#include "net/os/os_loop.h"

namespace wireway::destination::mqtt {
namespace {

std::string resolve(std::string_view text, std::string_view input) {
  const auto parsed = TopicTemplate::parse(text);
  return parsed ? parsed->resolve(input).value_or("(none)") : parsed.error().message;
}

TEST(TopicTemplate, fills_in_levels_of_the_input) {
  EXPECT_EQ(resolve("processed/factory/${inputTopic.2}", "/factory/1/data/"),
            "processed/factory/1");
  EXPECT_EQ(resolve("processed/factory/${inputTopic.2}", "factory/1/data"), "processed/factory/1");
  EXPECT_EQ(resolve("copy/${inputTopic}", "a/b"), "copy/a/b");
  EXPECT_EQ(resolve("${inputTopic.1}-${inputTopic.3}", "a/b/c"), "a-c");
  EXPECT_EQ(resolve("factory/$inputTopic.2", "a/b"), "factory/$inputTopic.2");
  EXPECT_EQ(resolve("x/${inputTopic.5}", "factory/1/data"), "(none)");
}

TEST(TopicTemplate, refuses_what_is_no_topic) {
  for (const char* text :
       {"", "a/+", "a/#", "${inputTopic.0}", "${inputTopic.x}", "${payload.a}", "${"})
    EXPECT_FALSE(TopicTemplate::parse(text)) << text;
}

class MqttFactory : public testing::Test {
 protected:
  std::string made(std::string_view settings, std::string_view destination) {
    flow::SinkOptions options;
    options.name = "f";
    options.endpoint = {{"spec", {{"mqttSettings", *parse_json(settings)}}}};
    options.destination = *parse_json(destination);
    const auto sink = make_mqtt_factory()(env_, options);
    return sink ? "made" : std::string(to_string(sink.error().code)) + ": " + sink.error().message;
  }

  net::OsLoop loop_;
  net::SystemRandom random_;
  std::unique_ptr<net::Files> files_ = net::make_os_files();
  net::Env env_{loop_, loop_, *files_, random_};
};

TEST_F(MqttFactory, never_serves_less_security_than_asked_for) {
  const std::string destination = R"({"dataDestination":"a"})";
  EXPECT_EQ(
      made(R"({"host":"h:1","tls":{"mode":"Disabled"},"authentication":{"method":"Anonymous"}})",
           destination),
      "made");
  EXPECT_TRUE(made(R"({"host":"h:1","authentication":{"method":"Anonymous"}})", destination)
                  .contains("TLS is not served yet"));
  EXPECT_TRUE(made(R"({"host":"h:1","tls":{"mode":"Disabled"},"authentication":{"method":"Sasl"}})",
                   destination)
                  .contains("`Sasl` is not served yet"));
}

TEST_F(MqttFactory, names_the_field_that_is_wrong) {
  const auto with = [&](std::string_view host, std::string_view destination) {
    return made(fmt::format(R"({{"host":"{}","tls":{{"mode":"Disabled"}},
                               "authentication":{{"method":"Anonymous"}}}})",
                            host),
                destination);
  };
  EXPECT_TRUE(with("nowhere", R"({"dataDestination":"a"})").contains("spec.mqttSettings.host"));
  EXPECT_TRUE(with("h:1", R"({"dataDestination":"a/#"})").contains("dataDestination"));
  EXPECT_TRUE(with("h:1", R"({"dataDestination":"a","headers":[{"actionType":"x","key":"k"}]})")
                  .contains("headers[0].actionType"));
}

}  // namespace
}  // namespace wireway::destination::mqtt
