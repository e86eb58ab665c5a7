// Goal: a listener whose newest wish cannot be had keeps what it had and says so, and a change of
// one listener is nothing to the clients of another.
// Method: the broker and real clients on virtual time; resources in memory.

#include "broker/service.h"

#include <gtest/gtest.h>

#include "link/mqtt_client.h"
#include "net/shards.h"
#include "net/sim/sim_world.h"
#include "resource/memory_resources.h"

namespace wireway::broker {
namespace {

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

class BrokerServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    resources.put(object_of(resource::broker, "default", {}));
    service.start();
  }
  void TearDown() override {
    bool stopped = false;
    service.stop([&stopped] { stopped = true; });
    EXPECT_TRUE(world.run_until([&stopped] { return stopped; }, patience));
  }
  void put_listener(std::string_view name, json::array ports, std::string_view broker = "default") {
    resources.put(object_of(resource::broker_listener, name,
                            {{"brokerRef", broker}, {"ports", std::move(ports)}}));
  }
  static json::value port(int number, std::string_view protocol = "Mqtt") {
    return {{"port", number}, {"protocol", protocol}};
  }
  std::string says(std::string_view listener, std::string_view type, std::string_view field) {
    const json::value* object = resources.object(resource::broker_listener, key_of(listener));
    const json::value* condition =
        object == nullptr ? nullptr : resource::condition_of(*object, type);
    return condition == nullptr ? "" : text_at(*condition, {field});
  }
  std::int64_t observed(std::string_view listener, std::string_view type) {
    const json::value* object = resources.object(resource::broker_listener, key_of(listener));
    return int_at(*resource::condition_of(*object, type), {"observedGeneration"}, 0);
  }
  bool comes_to(std::string_view listener, std::string_view type, std::string_view reason) {
    const bool came =
        world.run_until([&] { return says(listener, type, "reason") == reason; }, patience);
    EXPECT_TRUE(came) << listener << " " << type << " " << says(listener, type, "reason") << ": "
                      << says(listener, type, "message");
    return came;
  }
  std::unique_ptr<link::MqttClient> client(std::uint16_t number) {
    link::MqttClientOptions options;
    options.server = {"broker", number};
    options.client_id = "client-" + std::to_string(number);
    auto out = std::make_unique<link::MqttClient>(
        client_env, std::move(options),
        [this](const link::MqttState& state) { changes += state.connected ? 0 : 1; },
        [](flow::Message, flow::Ack) {});
    out->start();
    return out;
  }
  bool connects(std::uint16_t number) {
    const auto probe = client(number);
    return world.run_until([&] { return probe->state().connected; }, std::chrono::seconds{5});
  }

  net::SimWorld world{1};
  net::Env broker_env = world.env("broker");
  net::Env client_env = world.env("client");
  net::GivenShards shards{{broker_env}};
  resource::MemoryResources resources{broker_env.loop};
  BrokerService service{shards, resources, {.folder = "/data/broker"}};
  int changes = 0;  ///< how often a client was told that it is not connected
};

TEST_F(BrokerServiceTest, keeps_its_ports_while_a_newer_generation_cannot_be_opened) {
  put_listener("taken", {port(1884)});
  put_listener("moving", {port(1883)});
  ASSERT_TRUE(comes_to("taken", "Ready", "Listening"));
  ASSERT_TRUE(comes_to("moving", "Ready", "Listening"));
  const auto stays = client(1883);
  ASSERT_TRUE(world.run_until([&] { return stays->state().connected; }, patience));

  put_listener("moving", {port(1885), port(1884)});
  ASSERT_TRUE(comes_to("moving", "Degraded", "ConfigurationRejected"));
  const std::string message = says("moving", "Degraded", "message");
  EXPECT_TRUE(message.starts_with("generation 2 is not applied: spec.ports[1]: ")) << message;
  EXPECT_TRUE(message.ends_with("; still running generation 1")) << message;
  EXPECT_EQ(says("moving", "Ready", "status"), "True");
  EXPECT_EQ(observed("moving", "Ready"), 1);
  EXPECT_EQ(observed("moving", "Degraded"), 2);
  EXPECT_TRUE(connects(1883));
  EXPECT_FALSE(connects(1885)) << "a generation is opened as a whole or not at all";
  EXPECT_TRUE(stays->state().connected);

  resources.erase(resource::broker_listener, key_of("taken"));
  ASSERT_TRUE(comes_to("moving", "Degraded", "AsWished"));
  EXPECT_EQ(observed("moving", "Ready"), 2);
  EXPECT_TRUE(connects(1884));
  EXPECT_TRUE(connects(1885));
  EXPECT_FALSE(connects(1883));
}

TEST_F(BrokerServiceTest, changes_one_listener_while_clients_of_another_stay) {
  put_listener("steady", {port(1883)});
  put_listener("changing", {port(1884)});
  ASSERT_TRUE(comes_to("steady", "Ready", "Listening"));
  ASSERT_TRUE(comes_to("changing", "Ready", "Listening"));
  const auto stays = client(1883);
  ASSERT_TRUE(world.run_until([&] { return stays->state().connected; }, patience));
  const int before = changes;
  for (const int number : {1885, 1886, 1887}) {
    put_listener("changing", {port(number)});
    ASSERT_TRUE(world.run_until(
        [&] { return says("changing", "Ready", "message").ends_with(std::to_string(number)); },
        patience));
  }
  put_listener("changing", {port(1887, "WebSockets")});
  ASSERT_TRUE(world.run_until(
      [&] { return says("changing", "Ready", "message").contains("WebSockets"); }, patience));
  resources.erase(resource::broker_listener, key_of("changing"));
  world.run_for(std::chrono::seconds{30});
  EXPECT_TRUE(stays->state().connected);
  EXPECT_EQ(changes, before);
}

/// One request over the network of the simulation; the whole answer.
std::string ask(net::SimWorld& world, net::Env& env, std::uint16_t port, std::string head) {
  struct Answer final : net::StreamHandler {
    void on_bytes(ByteView bytes) override { text += as_text(bytes); }
    void on_close(const Error&) override { closed = true; }
    std::string text;
    bool closed = false;
  } answer;
  head.insert(head.find('\r'), " HTTP/1.1\r\nHost: broker\r\nConnection: close");
  const auto stream = env.network.connect({"127.0.0.1", port}, answer);
  stream->write(as_bytes(head + "\r\n\r\n"));
  world.run_until([&] { return answer.closed; }, std::chrono::seconds{5});
  return answer.text;
}

std::string fetch(net::SimWorld& world, net::Env& env, std::string_view path) {
  return ask(world, env, 9600, "GET " + std::string(path) + "\r\n");
}

class BrokerAdminTest : public BrokerServiceTest {
 protected:
  void SetUp() override {
    BrokerServiceTest::SetUp();
    put_listener("a", {port(1883)});
    ASSERT_TRUE(comes_to("a", "Ready", "Listening"));
    const auto text = broker_env.files.read("/data/broker/admin.json");
    ASSERT_TRUE(text) << text.error().message;
    where = *parse_json(*text);
    token = text_at(where, {"token"});
  }
  std::string request(std::string_view method, std::string_view target) {
    const std::string url = text_at(where, {"url"});
    const auto number = std::stoi(url.substr(url.rfind(':') + 1));
    return ask(
        world, broker_env, std::uint16_t(number),
        std::string(method) + " " + std::string(target) + "\r\nAuthorization: Bearer " + token);
  }
  json::value body(const std::string& answer) {
    return parse_json(answer.substr(answer.find("\r\n\r\n") + 4)).value_or(nullptr);
  }

  json::value where;
  std::string token;
};

TEST_F(BrokerAdminTest, shows_clients_to_who_has_the_token_only) {
  const auto stays = client(1883);
  ASSERT_TRUE(world.run_until([&] { return stays->state().connected; }, patience));
  stays->subscribe("plant/#", flow::Qos::at_least_once);
  world.run_for(std::chrono::seconds{1});
  const json::value list = body(request("GET", "/clients?search=client-"));
  ASSERT_EQ(find(list, "items")->as_array().size(), 1U) << json::serialize(list);
  const json::value& one = find(list, "items")->as_array()[0];
  EXPECT_EQ(text_at(one, {"id"}), "client-1883");
  EXPECT_EQ(text_at(one, {"protocol"}), "MQTT 5");
  EXPECT_EQ(int_at(one, {"subscriptions"}, 0), 1);
  EXPECT_TRUE(bool_at(one, {"connected"}, false));
  EXPECT_FALSE(bool_at(one, {"slow"}, true));
  const json::value shown = body(request("GET", "/client?id=client-1883"));
  EXPECT_EQ(json::serialize(*find(shown, "filters")), R"(["plant/#"])");
  EXPECT_TRUE(request("GET", "/client?id=nobody").starts_with("HTTP/1.1 404"));
  token.back() = token.back() == 'x' ? 'y' : 'x';
  EXPECT_TRUE(request("GET", "/clients").starts_with("HTTP/1.1 401"));
  token.clear();
  EXPECT_TRUE(request("DELETE", "/client?id=client-1883").starts_with("HTTP/1.1 401"));
  EXPECT_TRUE(stays->state().connected);
}

TEST_F(BrokerAdminTest, ends_a_connection_and_traces_a_client) {
  const auto one = client(1883);
  ASSERT_TRUE(world.run_until([&] { return one->state().connected; }, patience));
  EXPECT_EQ(find(body(request("GET", "/trace?id=client-1883")), "items")->as_array().size(), 0U);
  flow::Message message;
  message.topic = "plant/oven";
  message.qos = flow::Qos::at_least_once;
  ASSERT_TRUE(one->publish(std::move(message), {}));
  world.run_for(std::chrono::seconds{1});
  const json::value traced = body(request("GET", "/trace?id=client-1883"));
  ASSERT_FALSE(find(traced, "items")->as_array().empty());
  const json::value& event = find(traced, "items")->as_array()[0];
  EXPECT_EQ(text_at(event, {"packet"}), "PUBLISH");
  EXPECT_EQ(text_at(event, {"topic"}), "plant/oven");
  EXPECT_EQ(text_at(event, {"direction"}), "in");
  const int before = changes;
  EXPECT_TRUE(request("DELETE", "/client?id=client-1883").starts_with("HTTP/1.1 200"));
  ASSERT_TRUE(world.run_until([&] { return changes > before; }, patience));
  EXPECT_TRUE(request("DELETE", "/client?id=nobody").starts_with("HTTP/1.1 404"));
}

TEST_F(BrokerAdminTest, lists_and_deletes_retained_messages_by_filter) {
  const auto one = client(1883);
  for (const char* topic : {"plant/a", "plant/b", "plant/c", "other"}) {
    flow::Message message;
    message.topic = topic;
    message.payload = {1, 2};
    message.retain = true;
    message.qos = flow::Qos::at_least_once;
    ASSERT_TRUE(one->publish(std::move(message), {}));
  }
  ASSERT_TRUE(world.run_until([&] { return one->unacknowledged() == 0; }, patience));
  const json::value first = body(request("GET", "/retained?filter=plant/%23&limit=2"));
  EXPECT_EQ(find(first, "items")->as_array().size(), 2U);
  EXPECT_EQ(text_at(first, {"next"}), "plant/b");
  const json::value rest = body(request("GET", "/retained?filter=plant/%23&limit=2&after=plant/b"));
  EXPECT_EQ(find(rest, "items")->as_array().size(), 1U);
  EXPECT_EQ(find(rest, "next"), nullptr);
  EXPECT_TRUE(request("DELETE", "/retained").starts_with("HTTP/1.1 400"));
  EXPECT_EQ(find(body(request("DELETE", "/retained?filter=plant/%23")), "items")->as_array().size(),
            3U);
  EXPECT_TRUE(
      find(body(request("GET", "/retained?filter=plant/%23")), "items")->as_array().empty());
  EXPECT_EQ(find(body(request("GET", "/retained?search=oth")), "items")->as_array().size(), 1U);
}

TEST_F(BrokerServiceTest, checks_itself_and_tells_of_it) {
  put_listener("a", {port(1883)});
  ASSERT_TRUE(comes_to("a", "Ready", "Listening"));
  world.run_for(std::chrono::seconds{2});
  EXPECT_TRUE(fetch(world, broker_env, "/healthz").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(fetch(world, broker_env, "/readyz").starts_with("HTTP/1.1 200"))
      << fetch(world, broker_env, "/readyz");
  EXPECT_TRUE(fetch(world, broker_env, "/elsewhere").starts_with("HTTP/1.1 404"));
  const auto stays = client(1883);
  ASSERT_TRUE(world.run_until([&] { return stays->state().connected; }, patience));
  const std::string page = fetch(world, broker_env, "/metrics");
  for (
      const std::string_view line :
      {R"(aio_broker_connected_sessions{hostname="localhost",category="uncategorized"} 1)",
       R"(aio_broker_publishes_received{hostname="localhost",category="broker_selftest"} 1)",
       R"(aio_broker_ping_correctness{hostname="localhost",route="shard-0"} 1)",
       R"(aio_broker_publish_route_replication_correctness{hostname="localhost",route="shard-0"} 1)",
       R"(aio_broker_payload_check_total_messages_lost{hostname="localhost"} 0)"})
    EXPECT_TRUE(page.contains(line)) << line << "\n" << page;
  world.run_for(std::chrono::minutes{2});
  EXPECT_TRUE(
      fetch(world, broker_env, "/metrics").contains(R"(_messages_sent{hostname="localhost"} 5)"))
      << "a round every 30 seconds";
}

TEST_F(BrokerServiceTest, serves_no_metrics_where_the_port_is_zero_and_no_check_where_disabled) {
  resources.put(object_of(
      resource::broker, "default",
      {{"diagnostics",
        {{"metrics", {{"prometheusPort", 9600}}}, {"selfCheck", {{"mode", "Disabled"}}}}}}));
  world.run_for(std::chrono::seconds{1});
  EXPECT_TRUE(fetch(world, broker_env, "/readyz").contains("ok: the self-check is disabled"));
  resources.put(object_of(resource::broker, "default",
                          {{"diagnostics", {{"metrics", {{"prometheusPort", 0}}}}}}));
  world.run_for(std::chrono::seconds{1});
  EXPECT_EQ(fetch(world, broker_env, "/readyz"), "");
}

TEST_F(BrokerServiceTest, names_a_missing_authentication_and_a_missing_authorization) {
  put_listener("a", {{{"port", 1883}, {"authenticationRef", "people"}}});
  ASSERT_TRUE(comes_to("a", "Ready", "AuthenticationMissing"));
  EXPECT_TRUE(says("a", "Ready", "message")
                  .contains("spec.ports[0].authenticationRef names BrokerAuthentication people"));
  EXPECT_FALSE(says("a", "Ready", "recommendedAction").empty());
  resources.put(object_of(resource::broker_authentication, "people", {}));
  ASSERT_TRUE(comes_to("a", "Ready", "AuthenticationNotReady"));
  put_listener("a", {{{"port", 1883}, {"authorizationRef", "rules"}}});
  ASSERT_TRUE(comes_to("a", "Ready", "ConfigurationInvalid"));
  EXPECT_TRUE(says("a", "Ready", "message").contains("without authentication"));
  EXPECT_FALSE(connects(1883)) << "open to anybody is weaker than what was asked for";
}

TEST_F(BrokerServiceTest, closes_a_port_that_shall_be_protected_and_cannot_be) {
  put_listener("a", {port(1883), port(1884)});
  ASSERT_TRUE(comes_to("a", "Ready", "Listening"));
  put_listener("a", {{{"port", 1883}, {"authenticationRef", "people"}}, port(1884)});
  ASSERT_TRUE(comes_to("a", "Ready", "AuthenticationMissing"));
  EXPECT_FALSE(connects(1883));
  EXPECT_TRUE(connects(1884));
}

TEST_F(BrokerServiceTest, says_what_of_a_broker_has_no_effect) {
  const auto message = [this] {
    return text_at(resources.ready(resource::broker, key_of("default")), {"message"});
  };
  ASSERT_TRUE(world.run_until([&] { return message().contains("shard"); }, patience));
  EXPECT_FALSE(message().contains("not served"));
  resources.put(
      object_of(resource::broker, "default", {{"diskBackedMessageBuffer", {{"maxSize", "much"}}}}));
  EXPECT_TRUE(world.run_until(
      [&] { return message().contains("diskBackedMessageBuffer.maxSize is no size"); }, patience))
      << message();
  resources.put(
      object_of(resource::broker, "default", {{"cardinality", {{"frontend", {{"replicas", 2}}}}}}));
  EXPECT_TRUE(world.run_until(
      [&] { return message().contains("--shards stands above the cardinality"); }, patience))
      << message();
}

TEST(BrokerPlan, cardinality_is_as_many_shards_as_it_has_workers_and_the_machine_cores) {
  const auto shards = [](const char* cardinality, std::size_t most) {
    return shards_of(*parse_json(fmt::format(R"({{"spec":{{"cardinality":{}}}}})", cardinality)),
                     most);
  };
  EXPECT_EQ(shards("null", 8), 8U);
  EXPECT_EQ(shards(R"({"frontend":{"replicas":1,"workers":1},"backendChain":{"partitions":1}})", 8),
            1U);
  EXPECT_EQ(shards(R"({"frontend":{"replicas":2,"workers":2},
                       "backendChain":{"partitions":2,"redundancyFactor":2,"workers":3}})",
                   8),
            6U);
  EXPECT_EQ(shards(R"({"frontend":{"replicas":16,"workers":16}})", 8), 8U);
  EXPECT_EQ(shards(R"({"frontend":{"replicas":1},"backendChain":{"partitions":1}})", 8), 2U);
}

TEST_F(BrokerServiceTest, keeps_a_listener_whose_new_broker_does_not_exist) {
  put_listener("a", {port(1883)});
  ASSERT_TRUE(comes_to("a", "Ready", "Listening"));
  put_listener("a", {port(1883)}, "other");
  ASSERT_TRUE(comes_to("a", "Degraded", "ConfigurationRejected"));
  EXPECT_TRUE(says("a", "Degraded", "message").contains("Broker \"other\" does not exist"));
  EXPECT_EQ(says("a", "Ready", "status"), "True");
  EXPECT_TRUE(connects(1883));
  resources.erase(resource::broker, key_of("default"));
  ASSERT_TRUE(comes_to("a", "Ready", "BrokerMissing"));
  EXPECT_FALSE(connects(1883));
}

}  // namespace
}  // namespace wireway::broker
