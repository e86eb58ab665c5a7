// Goal: mosquitto's topics with its meaning of them.

#include "broker/diagnostics/sys_topics.h"

#include <map>

#include <gtest/gtest.h>

namespace wireway::broker::diagnostics {
namespace {

using namespace std::chrono_literals;

std::map<std::string, std::string> taken(SysTopics& topics, const Figures& figures) {
  std::map<std::string, std::string> out;
  for (auto& [topic, payload] : topics.take(figures, 10s)) {
    EXPECT_TRUE(topic.starts_with("$SYS/broker/"));
    EXPECT_TRUE(out.emplace(topic.substr(12), payload).second) << topic;
  }
  return out;
}

TEST(SysTopics, are_those_of_mosquitto) {
  Figures figures;
  figures.total.connections = 2;
  figures.total.sessions = 5;
  figures.total.packets_in = 30;
  figures.total.messages_in = 20;
  figures.total.retained = 3;
  figures.total.queued_messages = 4;
  figures.connections_maximum = 9;
  figures.uptime = 61s;
  figures.version = "1.2.3";
  SysTopics topics;
  const auto said = taken(topics, figures);
  EXPECT_EQ(said.at("clients/connected"), "2");
  EXPECT_EQ(said.at("clients/disconnected"), "3");
  EXPECT_EQ(said.at("clients/total"), "5");
  EXPECT_EQ(said.at("clients/maximum"), "9");
  EXPECT_EQ(said.at("messages/received"), "30") << "packets of every type";
  EXPECT_EQ(said.at("publish/messages/received"), "20");
  EXPECT_EQ(said.at("store/messages/count"), "7");
  EXPECT_EQ(said.at("retained messages/count"), "3");
  EXPECT_EQ(said.at("uptime"), "61 seconds");
  EXPECT_EQ(said.at("version"), "wireway version 1.2.3");
  EXPECT_TRUE(said.contains("load/bytes/sent/15min"));
  EXPECT_FALSE(said.contains("heap/current")) << "not known";
}

TEST(LoadAverage, follows_a_steady_rate_fast_and_slowly) {
  LoadAverage load;
  std::uint64_t total = 0;
  for (int at = 0; at < 6; ++at) load.note(total += 100, 10s);  // 600 a minute, for a minute
  EXPECT_NEAR(load.per_minute()[0], 600 * (1 - std::exp(-1.0)), 1);
  EXPECT_NEAR(load.per_minute()[1], 600 * (1 - std::exp(-0.2)), 1);
  EXPECT_NEAR(load.per_minute()[2], 600 * (1 - std::exp(-1.0 / 15)), 1);
  for (int at = 0; at < 600; ++at) load.note(total, 10s);
  EXPECT_NEAR(load.per_minute()[2], 0, 1);
}

}  // namespace
}  // namespace wireway::broker::diagnostics
