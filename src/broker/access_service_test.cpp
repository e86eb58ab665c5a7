// Goal: what a port's BrokerAuthentication and BrokerAuthorization ask is what its clients get, and
// a change ends the connections that it concerns, and no other.
// Method: the broker on virtual time, resources in memory, clients that speak MQTT packet by
// packet; tokens signed by an issuer of the test's own.

#include "broker/access_service.h"

#include <gtest/gtest.h>

#include "broker/service.h"
#include "link/credentials/jwt.h"
#include "net/shards.h"
#include "net/sim/sim_world.h"
#include "resource/memory_resources.h"
#include "wire/mqtt/codec.h"

namespace wireway::broker {
namespace {

using mqtt::ReasonCode;

constexpr auto patience = std::chrono::minutes{1};

json::value object_of(const resource::Kind& kind, std::string_view name, json::object spec) {
  return {{"apiVersion", resource::api_version(kind)},
          {"kind", kind.kind},
          {"metadata", {{"namespace", resource::default_namespace}, {"name", name}}},
          {"spec", std::move(spec)}};
}

resource::ObjectKey key_of(std::string_view name) {
  return {std::string(resource::default_namespace), std::string(name)};
}

/// One connection: says packets, keeps the ones that come.
class Visitor final : public net::StreamHandler {
 public:
  Visitor(net::SimWorld& world, net::Env& env, std::uint16_t port) : world_(world) {
    stream_ = env.network.connect({"broker", port}, *this);
  }
  void on_bytes(ByteView bytes) override {
    (void)reader_.read(bytes, [this](std::uint8_t first, ByteView body) {
      Bytes scratch;
      auto packet = mqtt::decode(first, body, version, scratch);
      if (!packet) return false;
      take(*packet);
      return true;
    });
  }
  void on_close(const Error&) override { closed = true; }

  template <class Packet>
  void say(const Packet& packet) {
    Bytes out;
    if constexpr (requires { mqtt::append(packet, version, out); })
      mqtt::append(packet, version, out);
    else
      mqtt::append(packet, out);
    stream_->write(out);
  }
  void say_bytes(const Bytes& bytes) { stream_->write(bytes); }
  /// CONNACK's reason, or none if the connection just ended.
  std::optional<ReasonCode> connect(const mqtt::Connect& packet) {
    version = packet.version;
    say(packet);
    world_.run_until([this] { return connack || closed; }, patience);
    return connack ? std::optional(connack->reason) : std::nullopt;
  }
  std::optional<ReasonCode> subscribe(const std::string& filter) {
    mqtt::Subscribe packet;
    packet.packet_identifier = 1;
    packet.entries = {{filter, mqtt::Qos::at_least_once}};
    suback.reset();
    say(packet);
    world_.run_until([this] { return suback.has_value() || closed; }, patience);
    return suback;
  }
  std::optional<ReasonCode> publish(std::string_view topic) {
    mqtt::Publish packet;
    packet.qos = mqtt::Qos::at_least_once;
    packet.packet_identifier = 7;
    packet.topic = topic;
    packet.payload = as_bytes(std::string_view("x"));
    Bytes bytes;
    mqtt::append_publish(packet, version, bytes);
    puback.reset();
    stream_->write(bytes);
    world_.run_until([this] { return puback.has_value() || closed; }, patience);
    return puback;
  }
  bool ends() {
    return world_.run_until([this] { return closed; }, patience);
  }

  mqtt::Version version = mqtt::Version::v5;
  std::optional<mqtt::Connack> connack;
  std::optional<mqtt::Auth> auth;
  std::optional<ReasonCode> suback;
  std::optional<ReasonCode> puback;
  std::optional<ReasonCode> disconnect;
  std::vector<std::string> topics;  ///< of PUBLISHes that came
  bool closed = false;

 private:
  void take(const mqtt::Packet& packet) {
    if (const auto* it = std::get_if<mqtt::Connack>(&packet)) connack = *it;
    if (const auto* it = std::get_if<mqtt::Auth>(&packet)) auth = *it;
    if (const auto* it = std::get_if<mqtt::SubscribeReply>(&packet)) suback = it->reasons.at(0);
    if (const auto* it = std::get_if<mqtt::PublishReply>(&packet)) puback = it->reason;
    if (const auto* it = std::get_if<mqtt::Disconnect>(&packet)) disconnect = it->reason;
    if (const auto* it = std::get_if<mqtt::Publish>(&packet)) topics.emplace_back(it->topic);
  }

  net::SimWorld& world_;
  std::unique_ptr<net::Stream> stream_;
  mqtt::FrameReader reader_{1024 * 1024};
};

class AccessServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    resources.put(object_of(resource::broker, "default", {}));
    put_keys(issuer);
    put_authentication({"plant"});
    resources.put(object_of(
        resource::broker_listener, "guarded",
        {{"brokerRef", "default"},
         {"ports",
          {{{"port", 1883}, {"authenticationRef", "people"}, {"authorizationRef", "rules"}}}}}));
    resources.put(object_of(resource::broker_listener, "open",
                            {{"brokerRef", "default"}, {"ports", {{{"port", 1884}}}}}));
    put_rules("ovens/{principal.clientId}/#");
    service.start();
    ASSERT_TRUE(world.run_until([&] { return is_ready("guarded") && is_ready("open"); }, patience))
        << json::serialize(resources.ready(resource::broker_listener, key_of("guarded")));
  }
  void TearDown() override {
    bool stopped = false;
    service.stop([&stopped] { stopped = true; });
    EXPECT_TRUE(world.run_until([&stopped] { return stopped; }, patience));
  }
  bool is_ready(std::string_view listener) {
    const json::value ready = resources.ready(resource::broker_listener, key_of(listener));
    return ready.is_object() && text_at(ready, {"status"}) == "True";
  }
  void put_keys(const link::SigningKey& key) {
    const json::object set{{"keys", json::array{key.public_key().jwk()}}};
    json::value map = object_of(resource::config_map, "issuer-keys", {});
    map.as_object()["data"] = json::object{{"keys.json", json::serialize(set)}};
    resources.put(std::move(map));
  }
  void put_authentication(const std::vector<std::string>& audiences) {
    json::array list;
    for (const std::string& each : audiences) list.emplace_back(each);
    resources.put(object_of(resource::broker_authentication, "people",
                            {{"authenticationMethods",
                              {{{"method", "Jwt"},
                                {"jwtSettings",
                                 {{"issuer", "https://issuer.example"},
                                  {"audiences", std::move(list)},
                                  {"keysConfigMap", "issuer-keys"},
                                  {"attributes", {{"hall", "hall"}}}}}}}}}));
  }
  /// Whoever is of the north hall may connect and publish to `topic`, and hear everything; ann
  /// may do the same to topics of her own.
  void put_rules(std::string_view topic) {
    const auto rule = [](json::object principals, std::string_view where) {
      return json::object{
          {"principals", std::move(principals)},
          {"brokerResources",
           {json::object{{"method", "Connect"}},
            json::object{{"method", "Publish"}, {"topics", json::array{where}}},
            json::object{{"method", "Subscribe"}, {"topics", json::array{"ovens/#"}}}}}};
    };
    json::array rules;
    rules.push_back(rule({{"attributes", {json::object{{"hall", "north"}}}}}, topic));
    rules.push_back(rule({{"usernames", json::array{"ann"}}}, "people/{principal.username}"));
    resources.put(object_of(resource::broker_authorization, "rules",
                            {{"authorizationPolicies", {{"rules", std::move(rules)}}}}));
  }
  std::string token(std::string_view user, std::string_view hall, Duration life,
                    std::string_view audience = "plant") {
    const auto now =
        std::chrono::floor<std::chrono::seconds>(broker_env.loop.wall_now().since_epoch + life);
    return *issuer.sign({{"iss", "https://issuer.example"},
                         {"sub", user},
                         {"aud", audience},
                         {"exp", now.count()},
                         {"hall", hall}});
  }
  mqtt::Connect hello(std::string_view client, const std::string& secret) {
    mqtt::Connect out;
    out.client_identifier = client;
    out.clean_start = true;
    out.user_name = "whoever";
    out.password = Bytes(secret.begin(), secret.end());
    return out;
  }
  mqtt::Connect enhanced(std::string_view client, const std::string& secret) {
    mqtt::Connect out;
    out.client_identifier = client;
    out.properties.authentication_method = "JWT";
    out.properties.authentication_data = Bytes(secret.begin(), secret.end());
    return out;
  }
  std::unique_ptr<Visitor> visitor(std::uint16_t port = 1883) {
    return std::make_unique<Visitor>(world, client_env, port);
  }

  net::SimWorld world{1};
  net::Env broker_env = world.env("broker");
  net::Env client_env = world.env("client");
  net::GivenShards shards{{broker_env, broker_env, broker_env}};
  resource::MemoryResources resources{broker_env.loop};
  link::SigningKey issuer = *link::SigningKey::generate();
  BrokerService service{shards, resources, {}};
};

TEST_F(AccessServiceTest, lets_in_who_proves_it_and_lets_him_do_what_a_rule_allows) {
  // Names that live on different shards.
  for (const char* name : {"oven-1", "oven-2", "oven-3", "oven-4", "oven-5"}) {
    const auto oven = visitor();
    ASSERT_EQ(oven->connect(hello(name, token(name, "north", std::chrono::hours{1}))),
              ReasonCode::success);
    EXPECT_EQ(oven->subscribe("ovens/+/state"), ReasonCode::granted_qos_1);
    EXPECT_EQ(oven->subscribe("#"), ReasonCode::not_authorized);
    EXPECT_EQ(oven->publish(std::string("ovens/") + name + "/state"), ReasonCode::success);
    EXPECT_EQ(oven->publish("ovens/other/state"), ReasonCode::not_authorized);
    world.run_for(std::chrono::seconds{1});
    EXPECT_EQ(oven->topics.size(), 1U) << "its own message, not the refused one";
    EXPECT_FALSE(oven->closed);
  }
}

TEST_F(AccessServiceTest, refuses_who_does_not) {
  const std::string good = token("oven-1", "north", std::chrono::hours{1});
  mqtt::Connect nothing;
  nothing.client_identifier = "oven-1";
  EXPECT_EQ(visitor()->connect(nothing), ReasonCode::not_authorized);
  EXPECT_EQ(visitor()->connect(hello("oven-1", good + "x")), ReasonCode::not_authorized);
  EXPECT_EQ(visitor()->connect(
                hello("oven-1", token("oven-1", "north", std::chrono::hours{1}, "office"))),
            ReasonCode::not_authorized);
  EXPECT_EQ(visitor()->connect(hello("oven-1", token("oven-1", "north", -std::chrono::hours{1}))),
            ReasonCode::not_authorized);
  // Known, but nothing allows it to connect.
  EXPECT_EQ(visitor()->connect(hello("oven-1", token("bob", "south", std::chrono::hours{1}))),
            ReasonCode::not_authorized);
  mqtt::Connect old = hello("oven-1", "wrong");
  old.version = mqtt::Version::v311;
  EXPECT_EQ(visitor()->connect(old), ReasonCode::not_authorized);
  EXPECT_EQ(visitor(1884)->connect(nothing), ReasonCode::success) << "the other port asks nobody";
}

TEST_F(AccessServiceTest, a_will_needs_the_right_to_be_published) {
  mqtt::Connect packet = hello("oven-1", token("oven-1", "north", std::chrono::hours{1}));
  packet.will = mqtt::Will{};
  packet.will->topic = "ovens/oven-2/gone";
  EXPECT_EQ(visitor()->connect(packet), ReasonCode::not_authorized);
  packet.will->topic = "ovens/oven-1/gone";
  EXPECT_EQ(visitor()->connect(packet), ReasonCode::success);
}

TEST_F(AccessServiceTest, of_3_1_1_a_refused_message_is_acknowledged_and_dropped) {
  const auto listener = visitor(1884);
  mqtt::Connect plain;
  plain.client_identifier = "listener";
  ASSERT_EQ(listener->connect(plain), ReasonCode::success);
  ASSERT_EQ(listener->subscribe("#"), ReasonCode::granted_qos_1);
  const auto oven = visitor();
  mqtt::Connect packet = hello("oven-1", token("oven-1", "north", std::chrono::hours{1}));
  packet.version = mqtt::Version::v311;
  ASSERT_EQ(oven->connect(packet), ReasonCode::success);
  EXPECT_EQ(oven->publish("elsewhere"), ReasonCode::success);
  EXPECT_EQ(oven->subscribe("elsewhere/#"), ReasonCode::unspecified_error);
  EXPECT_EQ(oven->publish("ovens/oven-1/state"), ReasonCode::success);
  world.run_for(std::chrono::seconds{1});
  EXPECT_EQ(listener->topics, std::vector<std::string>{"ovens/oven-1/state"});
}

TEST_F(AccessServiceTest, MQTT_4_12_0_5_answers_with_the_method_and_takes_a_renewal) {
  const auto oven = visitor();
  ASSERT_EQ(oven->connect(enhanced("oven-1", token("oven-1", "north", std::chrono::minutes{5}))),
            ReasonCode::success);
  EXPECT_EQ(oven->connack->properties.authentication_method, "JWT");
  world.run_for(std::chrono::minutes{4});
  mqtt::Auth again{ReasonCode::reauthenticate, {}};
  again.properties.authentication_method = "JWT";
  const std::string fresh = token("oven-1", "north", std::chrono::hours{1});
  again.properties.authentication_data = Bytes(fresh.begin(), fresh.end());
  oven->say(again);
  ASSERT_TRUE(world.run_until([&] { return oven->auth.has_value(); }, patience));
  EXPECT_EQ(oven->auth->reason, ReasonCode::success);
  EXPECT_EQ(oven->auth->properties.authentication_method, "JWT");
  EXPECT_FALSE(oven->auth->properties.reason_string);           // [MQTT-3.15.2-2]
  EXPECT_TRUE(oven->auth->properties.user_properties.empty());  // [MQTT-3.15.2-3]
  world.run_for(std::chrono::minutes{30});
  EXPECT_FALSE(oven->closed) << "the new token holds";
  EXPECT_EQ(oven->publish("ovens/oven-1/state"), ReasonCode::success);
}

TEST_F(AccessServiceTest, MQTT_4_12_0_2_asks_to_continue_while_it_cannot_tell) {
  // Whose token it is only a server could tell that cannot be asked.
  json::value people = *resources.object(resource::broker_authentication, key_of("people"));
  people.at("spec")
      .at("authenticationMethods")
      .as_array()
      .push_back(
          {{"method", "Custom"}, {"customSettings", {{"endpoint", "https://nobody.example/ask"}}}});
  resources.put(std::move(people));
  world.run_for(std::chrono::seconds{1});
  const auto oven = visitor();
  ASSERT_EQ(oven->connect(enhanced("oven-1", token("oven-1", "north", std::chrono::hours{1}))),
            ReasonCode::success);
  const auto answer_to = [&](ReasonCode reason, const std::string& secret) {
    mqtt::Auth packet{reason, {}};
    packet.properties.authentication_method = "JWT";
    packet.properties.authentication_data = Bytes(secret.begin(), secret.end());
    oven->auth.reset();
    oven->say(packet);
    world.run_until([&] { return oven->auth || oven->closed; }, patience);
    return oven->auth ? std::optional(oven->auth->reason) : std::nullopt;
  };
  EXPECT_EQ(answer_to(ReasonCode::reauthenticate, "unheard of"),
            ReasonCode::continue_authentication);
  EXPECT_EQ(oven->auth->properties.authentication_method, "JWT");
  EXPECT_EQ(answer_to(ReasonCode::continue_authentication,
                      token("oven-1", "north", std::chrono::hours{2})),
            ReasonCode::success);
  EXPECT_FALSE(oven->closed);
}

TEST_F(AccessServiceTest, MQTT_4_12_1_1_a_renewal_that_fails_ends_the_connection) {
  const auto with_auth = [&](const std::string& method, const std::string& secret) {
    const auto oven = visitor();
    EXPECT_EQ(oven->connect(enhanced("oven-1", token("oven-1", "north", std::chrono::hours{1}))),
              ReasonCode::success);
    mqtt::Auth again{ReasonCode::reauthenticate, {}};
    again.properties.authentication_method = method;
    again.properties.authentication_data = Bytes(secret.begin(), secret.end());
    oven->say(again);
    EXPECT_TRUE(oven->ends());
    return oven->disconnect;
  };
  EXPECT_EQ(with_auth("JWT", "nonsense"), ReasonCode::not_authorized);
  EXPECT_EQ(with_auth("OTHER", "nonsense"), ReasonCode::protocol_error);
  EXPECT_EQ(with_auth("JWT", token("ann", "south", std::chrono::hours{1})),
            ReasonCode::not_authorized)
      << "somebody else's token";
}

TEST_F(AccessServiceTest, a_client_asks_again_only_when_it_has_been_answered) {
  const auto oven = visitor();
  const std::string good = token("oven-1", "north", std::chrono::hours{1});
  ASSERT_EQ(oven->connect(enhanced("oven-1", good)), ReasonCode::success);
  mqtt::Auth again{ReasonCode::reauthenticate, {}};
  again.properties.authentication_method = "JWT";
  again.properties.authentication_data = Bytes(good.begin(), good.end());
  oven->say(again);
  oven->say(again);
  ASSERT_TRUE(oven->ends());
  EXPECT_EQ(oven->disconnect, ReasonCode::protocol_error);
}

TEST_F(AccessServiceTest, nobody_comes_back_as_somebody_else_of_the_same_rights) {
  const auto oven = visitor();
  ASSERT_EQ(oven->connect(enhanced("oven-1", token("oven-1", "north", std::chrono::hours{1}))),
            ReasonCode::success);
  mqtt::Auth again{ReasonCode::reauthenticate, {}};
  again.properties.authentication_method = "JWT";
  const std::string other = token("oven-2", "north", std::chrono::hours{1});
  again.properties.authentication_data = Bytes(other.begin(), other.end());
  oven->say(again);
  ASSERT_TRUE(oven->ends());
  EXPECT_EQ(oven->disconnect, ReasonCode::not_authorized);
}

TEST_F(AccessServiceTest, ends_a_connection_without_a_word_when_its_credentials_end) {
  const auto oven = visitor();
  ASSERT_EQ(oven->connect(hello("oven-1", token("oven-1", "north", std::chrono::minutes{2}))),
            ReasonCode::success);
  world.run_for(std::chrono::minutes{1});
  EXPECT_FALSE(oven->closed);
  world.run_for(std::chrono::seconds{90});
  EXPECT_TRUE(oven->closed);
  EXPECT_FALSE(oven->disconnect) << "broker.md 4.6";
}

TEST_F(AccessServiceTest, a_changed_policy_ends_those_whose_rights_changed) {
  const auto oven = visitor();
  const auto ann = visitor();
  const auto other = visitor(1884);
  ASSERT_EQ(oven->connect(hello("oven-1", token("oven-1", "north", std::chrono::hours{1}))),
            ReasonCode::success);
  ASSERT_EQ(ann->connect(hello("pc", token("ann", "south", std::chrono::hours{1}))),
            ReasonCode::success);
  mqtt::Connect plain;
  plain.client_identifier = "other";
  ASSERT_EQ(other->connect(plain), ReasonCode::success);
  put_rules("furnaces/{principal.clientId}/#");
  ASSERT_TRUE(oven->ends());
  EXPECT_EQ(oven->disconnect, ReasonCode::administrative_action);
  world.run_for(std::chrono::seconds{10});
  EXPECT_FALSE(ann->closed);
  EXPECT_FALSE(other->closed);
  EXPECT_EQ(ann->publish("people/ann"), ReasonCode::success);

  const auto back = visitor();
  ASSERT_EQ(back->connect(hello("oven-1", token("oven-1", "north", std::chrono::hours{1}))),
            ReasonCode::success);
  EXPECT_EQ(back->publish("ovens/oven-1/state"), ReasonCode::not_authorized);
  EXPECT_EQ(back->publish("furnaces/oven-1/state"), ReasonCode::success);
}

TEST_F(AccessServiceTest, keeps_a_policy_whose_newer_generation_is_wrong) {
  const auto oven = visitor();
  ASSERT_EQ(oven->connect(hello("oven-1", token("oven-1", "north", std::chrono::hours{1}))),
            ReasonCode::success);
  put_rules("ovens/{principal.nobody}/#");
  world.run_for(std::chrono::seconds{5});
  EXPECT_FALSE(oven->closed);
  EXPECT_EQ(oven->publish("ovens/oven-1/state"), ReasonCode::success);
  const json::value* rules = resources.object(resource::broker_authorization, key_of("rules"));
  const json::value* degraded = resource::condition_of(*rules, "Degraded");
  ASSERT_NE(degraded, nullptr);
  EXPECT_EQ(text_at(*degraded, {"reason"}), "ConfigurationRejected");
  EXPECT_TRUE(text_at(*degraded, {"message"}).ends_with("still running generation 1"))
      << text_at(*degraded, {"message"});
}

TEST_F(AccessServiceTest, new_keys_of_an_issuer_end_who_came_with_the_old_ones) {
  const auto oven = visitor();
  const std::string old = token("oven-1", "north", std::chrono::hours{1});
  ASSERT_EQ(oven->connect(hello("oven-1", old)), ReasonCode::success);
  issuer = *link::SigningKey::generate();
  put_keys(issuer);
  ASSERT_TRUE(oven->ends());
  EXPECT_EQ(oven->disconnect, ReasonCode::administrative_action);
  EXPECT_EQ(visitor()->connect(hello("oven-1", old)), ReasonCode::not_authorized);
  EXPECT_EQ(visitor()->connect(hello("oven-1", token("oven-1", "north", std::chrono::hours{1}))),
            ReasonCode::success);
}

TEST_F(AccessServiceTest, a_port_that_begins_to_ask_ends_those_that_it_did_not_ask) {
  const auto other = visitor(1884);
  mqtt::Connect plain;
  plain.client_identifier = "other";
  ASSERT_EQ(other->connect(plain), ReasonCode::success);
  const auto oven = visitor();
  ASSERT_EQ(oven->connect(hello("oven-1", token("oven-1", "north", std::chrono::hours{1}))),
            ReasonCode::success);
  resources.put(
      object_of(resource::broker_listener, "open",
                {{"brokerRef", "default"},
                 {"ports", {json::object{{"port", 1884}, {"authenticationRef", "people"}}}}}));
  ASSERT_TRUE(other->ends());
  EXPECT_EQ(other->disconnect, ReasonCode::administrative_action);
  EXPECT_EQ(visitor(1884)->connect(plain), ReasonCode::not_authorized);
  EXPECT_FALSE(oven->closed);
  resources.erase(resource::broker_listener, key_of("guarded"));
  ASSERT_TRUE(oven->ends()) << "its port is gone";
}

TEST_F(AccessServiceTest, an_authentication_that_goes_away_closes_the_port) {
  const auto oven = visitor();
  ASSERT_EQ(oven->connect(hello("oven-1", token("oven-1", "north", std::chrono::hours{1}))),
            ReasonCode::success);
  resources.erase(resource::broker_authentication, key_of("people"));
  ASSERT_TRUE(oven->ends());
  EXPECT_FALSE(is_ready("guarded"));
  EXPECT_EQ(visitor()->connect(hello("oven-1", "x")), std::nullopt);
  put_authentication({"plant"});
  ASSERT_TRUE(world.run_until([&] { return is_ready("guarded"); }, patience));
  EXPECT_EQ(visitor()->connect(hello("oven-1", token("oven-1", "north", std::chrono::hours{1}))),
            ReasonCode::success);
}

TEST_F(AccessServiceTest, what_a_session_may_not_hear_any_more_is_neither_kept_nor_delivered) {
  mqtt::Connect stays = hello("oven-1", token("oven-1", "north", std::chrono::hours{1}));
  stays.properties.session_expiry_interval_s = 3600;
  const auto oven = visitor();
  ASSERT_EQ(oven->connect(stays), ReasonCode::success);
  ASSERT_EQ(oven->subscribe("ovens/secret"), ReasonCode::granted_qos_1);
  oven->say(mqtt::Disconnect{ReasonCode::success, {}});
  ASSERT_TRUE(oven->ends());

  const auto other = visitor(1884);
  mqtt::Connect plain;
  plain.client_identifier = "other";
  ASSERT_EQ(other->connect(plain), ReasonCode::success);
  ASSERT_EQ(other->publish("ovens/secret"), ReasonCode::success);
  json::value rules = *resources.object(resource::broker_authorization, key_of("rules"));
  const auto& all = rules.at("spec").at("authorizationPolicies").at("rules").as_array();
  json::array only_ann{all.at(1)};
  only_ann.push_back({{"principals", {{"attributes", {json::object{{"hall", "north"}}}}}},
                      {"brokerResources", {json::object{{"method", "Connect"}}}}});
  resources.put(object_of(resource::broker_authorization, "rules",
                          {{"authorizationPolicies", {{"rules", only_ann}}}}));
  world.run_for(std::chrono::seconds{5});

  stays.clean_start = false;
  const auto back = visitor();
  ASSERT_EQ(back->connect(stays), ReasonCode::success);
  EXPECT_TRUE(back->connack->session_present);
  ASSERT_EQ(other->publish("ovens/secret"), ReasonCode::success);
  world.run_for(std::chrono::seconds{5});
  EXPECT_TRUE(back->topics.empty());
}

TEST_F(AccessServiceTest, a_full_port_refuses_and_lets_in_again_when_somebody_has_left) {
  resources.put(object_of(resource::broker_listener, "open",
                          {{"brokerRef", "default"},
                           {"ports", {json::object{{"port", 1884}, {"maxConnections", 2}}}}}));
  world.run_for(std::chrono::seconds{1});
  std::vector<std::unique_ptr<Visitor>> visitors;
  mqtt::Connect plain;
  for (const char* name : {"a", "b"}) {
    plain.client_identifier = name;
    visitors.push_back(visitor(1884));
    ASSERT_EQ(visitors.back()->connect(plain), ReasonCode::success);
  }
  plain.client_identifier = "c";
  EXPECT_EQ(visitor(1884)->connect(plain), std::nullopt);
  visitors.pop_back();
  world.run_for(std::chrono::seconds{1});
  EXPECT_EQ(visitor(1884)->connect(plain), ReasonCode::success);
}

/// An API that lets nobody see its Secrets, until it does.
class Guarded final : public resource::MemoryResources {
 public:
  using MemoryResources::MemoryResources;
  std::unique_ptr<resource::Watch> watch(const resource::Kind& kind, const std::string& space,
                                         resource::WatchHandler& handler) override {
    if (kind != resource::secret) return MemoryResources::watch(kind, space, handler);
    waiting = [this, kind, space, &handler] {
      open_ = MemoryResources::watch(kind, space, handler);
    };
    return std::make_unique<resource::Watch>();
  }
  std::move_only_function<void()> waiting;

 private:
  std::unique_ptr<resource::Watch> open_;
};

TEST(AccessServiceStart, says_that_it_waits_for_what_protects_ports) {
  net::SimWorld world{1};
  net::Env env = world.env("broker");
  net::GivenShards shards{{env}};
  Guarded resources{env.loop};
  BrokerService service{shards, resources, {}};
  resources.put(object_of(resource::broker, "default", {}));
  resources.put(object_of(resource::broker_listener, "open",
                          {{"brokerRef", "default"}, {"ports", {json::object{{"port", 1884}}}}}));
  service.start();
  const auto reason = [&] {
    return text_at(resources.ready(resource::broker_listener, key_of("open")), {"reason"});
  };
  world.run_for(std::chrono::seconds{4});
  EXPECT_EQ(reason(), "");
  world.run_for(std::chrono::seconds{4});
  EXPECT_EQ(reason(), "Starting") << "a port that stays closed does not do so silently";
  resources.waiting();
  EXPECT_TRUE(world.run_until([&] { return reason() == "Listening"; }, patience));
  bool stopped = false;
  service.stop([&stopped] { stopped = true; });
  EXPECT_TRUE(world.run_until([&stopped] { return stopped; }, patience));
}

}  // namespace
}  // namespace wireway::broker
