#include "broker/access/policy.h"

#include <chrono>
#include <iostream>

#include <gtest/gtest.h>

#include "base/yaml.h"

namespace wireway::broker {
namespace {

Result<Policy> policy(std::string_view rules) {
  const std::string text = "spec:\n  authorizationPolicies:\n    rules:\n" + std::string(rules);
  auto parsed = parse_yaml(text);
  if (!parsed) return std::unexpected(parsed.error());
  return Policy::from(parsed->front().value);
}

Principal client(std::string identifier) { return {.client_identifier = std::move(identifier)}; }

/// Plant 1 in the documentation's manner: a sensor group by attributes, one user, one client.
constexpr std::string_view plant = R"(
    - principals:
        usernames: [operator]
        clientIds: [panel-7]
        attributes:
          - {role: sensor, floor: floor-1}
          - {role: boss}
      brokerResources:
        - method: Connect
        - method: Publish
          topics:
            - /telemetry/{principal.username}
            - /telemetry/{principal.attributes.organization}
            - devices/{principal.clientId}/#
        - method: Subscribe
          topics: ['/commands/{principal.attributes.organization}', 'alarms/*']
)";

TEST(Policy, denies_everything_without_a_rule) {
  const auto empty = Policy::from(*parse_json(R"({"spec": {"authorizationPolicies": {}}})"));
  ASSERT_TRUE(empty);
  const Permissions none = empty->permissions_of(client("a"));
  EXPECT_FALSE(none.may_connect());
  EXPECT_FALSE(none.may_publish("a"));
  EXPECT_FALSE(none.may_subscribe("a"));
  EXPECT_FALSE(none.may_read_key(as_bytes("a")));
}

TEST(Policy, takes_whoever_any_of_its_principals_names) {
  const auto made = policy(plant);
  ASSERT_TRUE(made) << made.error().message;
  const auto may_connect = [&](const Principal& who) {
    return made->permissions_of(who).may_connect();
  };
  EXPECT_TRUE(may_connect(client("panel-7")));
  EXPECT_TRUE(may_connect({.client_identifier = "x", .username = "operator"}));
  EXPECT_FALSE(may_connect({.client_identifier = "x", .username = "Operator"}));
  EXPECT_TRUE(may_connect({.client_identifier = "x", .attributes = {{"role", "boss"}}}));
  EXPECT_FALSE(may_connect({.client_identifier = "x", .attributes = {{"role", "sensor"}}}))
      << "all pairs of one map must match";
  EXPECT_TRUE(may_connect(
      {.client_identifier = "x", .attributes = {{"role", "sensor"}, {"floor", "floor-1"}}}));
  EXPECT_FALSE(may_connect(client("x")));
}

TEST(Policy, fills_tokens_in_and_drops_entries_without_a_value) {
  const auto made = policy(plant);
  ASSERT_TRUE(made);
  const Permissions boss = made->permissions_of(
      {.client_identifier = "c1", .attributes = {{"role", "boss"}, {"organization", "contoso"}}});
  EXPECT_TRUE(boss.may_publish("/telemetry/contoso"));
  EXPECT_FALSE(boss.may_publish("/telemetry/"));
  EXPECT_FALSE(boss.may_publish("/telemetry/operator"));
  EXPECT_TRUE(boss.may_publish("devices/c1/state"));
  EXPECT_FALSE(boss.may_publish("devices/c2/state"));
  EXPECT_TRUE(boss.may_subscribe("/commands/contoso"));
  EXPECT_TRUE(boss.may_subscribe("$share/group/alarms/+"));
  EXPECT_FALSE(boss.may_subscribe("$share/group/other"));
  EXPECT_FALSE(boss.may_subscribe("#"));
}

TEST(Policy, a_client_cannot_widen_a_pattern_by_its_name) {
  const auto made = policy(R"(
    - principals: {attributes: [{all: 'yes'}]}
      brokerResources:
        - {method: Connect, clientIds: ['ok-{principal.username}*']}
        - {method: Publish, topics: ['devices/{principal.clientId}/#']}
)");
  ASSERT_TRUE(made) << made.error().message;
  for (const std::string name : {"#", "+", "a/b", "*", ""}) {
    const Permissions who =
        made->permissions_of({.client_identifier = name, .attributes = {{"all", "yes"}}});
    EXPECT_FALSE(who.may_publish("devices/other/x")) << name;
    EXPECT_FALSE(who.may_publish("devices/a/b/x")) << name;
  }
  const auto connects = [&](std::string identifier, std::string user) {
    return made
        ->permissions_of({.client_identifier = std::move(identifier),
                          .username = std::move(user),
                          .attributes = {{"all", "yes"}}})
        .may_connect();
  };
  EXPECT_TRUE(connects("ok-ann-1", "ann"));
  EXPECT_FALSE(connects("ok-bob-1", "ann"));
  EXPECT_FALSE(connects("ok-bob-1", "*"));
}

TEST(Policy, either_name_of_the_state_store_grants_its_requests) {
  for (const std::string topic :
       {"$services/statestore/_any_/command/invoke/request",
        "statestore/v1/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8/command/invoke", "statestore/#"}) {
    const auto made = policy(
        "\n    - principals: {clientIds: [a]}\n      brokerResources:\n"
        "        - {method: Publish, topics: ['" +
        topic + "']}\n");
    ASSERT_TRUE(made) << made.error().message;
    const Permissions who = made->permissions_of(client("a"));
    EXPECT_TRUE(
        who.may_publish("statestore/v1/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8/command/invoke"));
    EXPECT_TRUE(who.may_publish("$services/statestore/_any_/command/invoke/request"));
    EXPECT_FALSE(who.may_publish("other"));
  }
}

TEST(Policy, grants_keys_by_pattern_text_and_bytes) {
  const auto made = policy(R"(
    - principals: {usernames: [ann]}
      brokerResources: []
      stateStoreResources:
        - {method: Read, keyType: Pattern, keys: ['lines/[0-9]/*', '{principal.username}?']}
        - {method: Write, keyType: String, keys: ['{principal.username}', 'a*']}
        - {method: ReadWrite, keyType: Binary, keys: ['AP8=']}
)");
  ASSERT_TRUE(made) << made.error().message;
  const Permissions ann = made->permissions_of({.client_identifier = "c", .username = "ann"});
  EXPECT_TRUE(ann.may_read_key(as_bytes("lines/3/speed")));
  EXPECT_FALSE(ann.may_read_key(as_bytes("lines/x/speed")));
  EXPECT_FALSE(ann.may_write_key(as_bytes("lines/3/speed")));
  EXPECT_TRUE(ann.may_read_key(as_bytes("ann1")));
  EXPECT_TRUE(ann.may_write_key(as_bytes("a*")));
  EXPECT_FALSE(ann.may_write_key(as_bytes("ab")));
  EXPECT_FALSE(ann.may_write_key(as_bytes("ann"))) << "tokens are for patterns only";
  EXPECT_TRUE(ann.may_write_key(as_bytes("{principal.username}")));
  const Bytes binary{0x00, 0xFF};
  EXPECT_TRUE(ann.may_read_key(binary) && ann.may_write_key(binary));
}

TEST(Policy, says_where_it_is_wrong) {
  const auto error = [](std::string_view rules) {
    const auto made = policy(rules);
    return made ? std::string("accepted") : made.error().message;
  };
  const std::string begin = "\n    - principals: {clientIds: [a]}\n      brokerResources:\n";
  EXPECT_NE(error(begin + "        - {method: Publish, topics: [ok, 'a/#/b']}")
                .find("rules[0].brokerResources[0].topics[1]: \"a/#/b\" is not a topic filter"),
            std::string::npos);
  EXPECT_NE(
      error(begin + "        - {method: Subscribe, topics: ['a/{principal.name}']}").find("token"),
      std::string::npos);
  EXPECT_NE(error(begin + "        - {method: Delete}").find("brokerResources[0].method"),
            std::string::npos);
  EXPECT_NE(error(begin + "        - {method: Connect}\n      stateStoreResources:\n"
                          "        - {method: Read, keyType: Binary, keys: ['*']}")
                .find("stateStoreResources[0].keys[0]: is not base64"),
            std::string::npos);
}

TEST(Policy, permissions_are_equal_exactly_when_they_grant_the_same) {
  const auto one = policy(plant);
  const auto two = policy(std::string(plant) + R"(
    - principals: {clientIds: [other]}
      brokerResources: [{method: Publish, topics: [more]}]
)");
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->permissions_of(client("panel-7")), two->permissions_of(client("panel-7")));
  EXPECT_NE(one->permissions_of(client("other")), two->permissions_of(client("other")));
}

TEST(Policy, decides_fast_on_a_topic_that_no_pattern_has) {
  std::string rules =
      "\n    - principals: {clientIds: [a]}\n      brokerResources:\n"
      "        - method: Publish\n          topics:\n";
  for (int i = 0; i < 10; ++i)
    rules += "            - plant/line" + std::to_string(i) + "/+/telemetry/#\n";
  const auto made = policy(rules);
  ASSERT_TRUE(made);
  const Permissions who = made->permissions_of(client("a"));
  constexpr int rounds = 200'000;
  int granted = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i)
    granted += who.may_publish("plant/line42/cell7/telemetry/speed") ? 1 : 0;
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(granted, 0);
  std::cout << "may_publish, 10 patterns, none matches: " << spent.count() / rounds << " ns\n";
}

}  // namespace
}  // namespace wireway::broker
