// Goal: a packet identifier is never in use twice, all the way around.
// Method: one subscriber that acknowledges all but the first message, and more messages than there
// are identifiers.

#include <set>

#include <gtest/gtest.h>

#include "conformance/peer.h"

namespace wireway::conformance {
namespace {

constexpr MonoTime start{std::chrono::hours{1}};

Bytes written(const std::string& verb, const std::string& words) {
  const auto parsed = parse_dialogues("here", "case one\n  A > " + verb + " " + words);
  return *scripted_packet(parsed->at(0).steps.at(0).words, Version::v5);
}

// [MQTT-2.2.1-4] [MQTT-2.3.1-4 of 3.1.1]
TEST(PacketIdentifiers, are_not_used_again_while_one_is_in_flight) {
  LocalMesh mesh(1);
  Peer subscriber(mesh);
  Peer publisher(mesh);
  subscriber.say(written("connect", "id=s"), start);
  subscriber.say(written("subscribe", "filter=t qos=1"), start);
  publisher.say(written("connect", "id=p"), start);
  for (int i = 0; i < 2; ++i) (void)subscriber.next();

  const Bytes publish = written("publish", "topic=t qos=1 id=1");
  std::size_t came = 0;
  std::set<std::string> in_flight;
  const auto read_all = [&] {
    while (const auto packet = subscriber.next()) {
      ++came;
      const std::string& identifier = packet->at("id");
      EXPECT_NE(identifier, "0");
      EXPECT_TRUE(in_flight.insert(identifier).second) << identifier << " is in use";
      if (came == 1) continue;  // the first one is never acknowledged
      subscriber.say(written("puback", "id=" + identifier), start);
      in_flight.erase(identifier);
    }
  };
  for (int i = 0; i < 70'000; ++i) {
    publisher.say(publish, start);
    (void)publisher.next();
    read_all();
  }
  EXPECT_EQ(came, 65535U) << "the identifiers that there are";
  ASSERT_EQ(in_flight, std::set<std::string>{"1"});
  in_flight.clear();
  subscriber.say(written("puback", "id=1"), start);
  read_all();
  EXPECT_EQ(came, 70'000U);
  publisher.leave(start);
  subscriber.leave(start);
}

}  // namespace
}  // namespace wireway::conformance
