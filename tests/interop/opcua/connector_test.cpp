/// The connector as a whole against real OPC UA servers on this machine: what resources lead to
/// what messages and what conditions, and what it survives.

#include <set>

#include "world.h"

namespace wireway::source::opcua {
namespace {

class Connector : public World {};

TEST_F(Connector, publishes_the_quickstart_asset_as_documented) {
  put_endpoint("plc", start_plc().url());
  put_asset("oven", "plc",
            {{"Temperature", "ns=3;s=SpikeData"},
             {"EnergyUse", "ns=3;s=FastUInt10"},
             {"Weight", "nsu=http://microsoft.com/Opc/OpcPlc/;s=FastUInt9"}});
  start_service();
  ASSERT_TRUE(wait([&] { return asset_reason("oven") == "Monitored"; })) << asset_reason("oven");
  ASSERT_TRUE(wait([&] { return published.size() >= 3; }));
  const flow::Message& message = published.front();
  EXPECT_EQ(message.topic, "azure-iot-operations/data/oven");
  EXPECT_EQ(message.qos, flow::Qos::at_least_once);
  EXPECT_EQ(message.content_type, "application/json");
  EXPECT_TRUE(message.payload_is_utf8);
  EXPECT_FALSE(message.retain);
  EXPECT_EQ(property_of(message, "source"), "urn:OpcPlc:opcplc-000000");
  EXPECT_EQ(property_of(message, "subject"), "oven");
  EXPECT_EQ(property_of(message, "uuid"), "uuid-of-oven");
  EXPECT_EQ(property_of(message, "externalAssetId"), "external-oven");
  EXPECT_EQ(property_of(message, "sequence"), "0");
  const json::value payload = *parse_json(as_text(message.payload));
  for (const char* tag : {"Temperature", "EnergyUse", "Weight"}) {
    ASSERT_NE(find(payload, tag, "Value"), nullptr) << as_text(message.payload);
    EXPECT_TRUE(parse_rfc3339(text_at(payload, {tag, "SourceTimestamp"})));
    EXPECT_EQ(find(payload, tag, "StatusCode"), nullptr);
  }
  EXPECT_TRUE(find(payload, "Temperature", "Value")->is_double());
  EXPECT_EQ(endpoint_reason("plc"), "Connected");
  EXPECT_NE(
      condition(resource::asset_endpoint_profile, "plc", "message").find("Wireway PLC simulator"),
      std::string::npos);
}

TEST_F(Connector, sends_only_points_that_changed) {
  put_endpoint("plc", start_plc().url());
  put_asset(
      "a", "plc",
      {{"Step", "ns=3;s=StepUp"}, {"Serial", "nsu=http://microsoft.com/Opc/OpcPlc/Boiler;i=6208"}});
  start_service();
  ASSERT_TRUE(wait([&] { return published.size() >= 5; }));
  EXPECT_EQ(text_at(value_of("a", "Serial"), {"Value"}), "000002");
  std::size_t with_serial = 0;
  for (const flow::Message& message : published)
    if (as_text(message.payload).find("Serial") != std::string_view::npos) ++with_serial;
  EXPECT_EQ(with_serial, 1U);
}

TEST_F(Connector, takes_structures_apart_and_names_enumerations) {
  put_endpoint("plc", start_plc().url());
  put_asset("boiler", "plc",
            {{"Status", "nsu=http://microsoft.com/Opc/OpcPlc/Boiler;i=15013"},
             {"Health", "nsu=http://microsoft.com/Opc/OpcPlc/Boiler;i=6198"}});
  start_service();
  ASSERT_TRUE(wait([&] { return !value_of("boiler", "Status").is_null(); }));
  const json::value status = value_of("boiler", "Status");
  ASSERT_NE(find(status, "Value", "Temperature", "Bottom"), nullptr) << json::serialize(status);
  EXPECT_GE(find(status, "Value", "Temperature", "Bottom")->to_number<int>(), 100);
  EXPECT_EQ(text_at(status, {"Value", "HeaterState"}), "On_1");
  EXPECT_EQ(text_at(value_of("boiler", "Health"), {"Value"}), "NORMAL_0");
}

TEST_F(Connector, publishes_quality_and_leaves_out_values_that_are_not_there) {
  put_endpoint("plc", start_plc().url());
  put_asset("bad", "plc", {{"Bad", "ns=3;s=BadFastUInt1"}});
  start_service();
  std::set<std::string> symbols;
  bool had_bad_without_value = false;
  ASSERT_TRUE(wait([&] {
    const json::value value = value_of("bad", "Bad");
    const std::string symbol = text_at(value, {"StatusCode", "Symbol"});
    symbols.insert(symbol);
    if (symbol == "BadNoCommunication") {
      EXPECT_EQ(int_at(value, {"StatusCode", "Code"}, 0), 2'150'694'912);
      EXPECT_EQ(find(value, "Value"), nullptr);
      had_bad_without_value = true;
    }
    if (symbol == "BadDataLost") {
      EXPECT_NE(find(value, "Value"), nullptr);
    }
    return had_bad_without_value;
  }));
  EXPECT_TRUE(symbols.contains("")) << "good values carry no StatusCode";
  EXPECT_TRUE(symbols.contains("UncertainLastUsableValue"));
}

TEST_F(Connector, goes_on_with_good_tags_and_names_bad_ones) {
  put_endpoint("plc", start_plc().url());
  put_asset("mixed", "plc",
            {{"Good", "ns=3;s=StepUp"},
             {"Gone", "ns=3;s=FastUInt100"},
             {"Odd", "this is no node id"},
             {"Foreign", "nsu=http://nowhere/;i=1"},
             {"Object", "nsu=http://microsoft.com/Opc/OpcPlc/Boiler;i=5017"}});
  start_service();
  ASSERT_TRUE(wait([&] { return asset_reason("mixed") == "Degraded"; })) << asset_reason("mixed");
  ASSERT_TRUE(wait([&] { return !value_of("mixed", "Good").is_null(); }));
  const std::string message = condition(resource::asset, "mixed", "message");
  for (const char* part :
       {"4 of 5 tags", "Gone (ns=3;s=FastUInt100): BadNodeIdUnknown",
        "Odd (this is no node id): BadNodeIdInvalid", "the server has no namespace http://nowhere/",
        "BadAttributeIdInvalid", "the others go on"})
    EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
}

TEST_F(Connector, applies_added_and_removed_tags_within_2_s_and_keeps_the_others) {
  put_endpoint("plc", start_plc().url());
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp"}, {"Fast", "ns=3;s=FastUInt1"}});
  start_service();
  ASSERT_TRUE(wait([&] { return !value_of("a", "Fast").is_null(); }));
  published.clear();
  put_asset("a", "plc", {{"New", "ns=3;s=RandomSignedInt32"}, {"Step", "ns=3;s=StepUp"}});
  ASSERT_TRUE(wait([&] { return !value_of("a", "New").is_null(); }, 2s));
  // The tag that stays is not created anew: a fresh item would report an old value once more.
  std::set<std::int64_t> steps;
  for (const flow::Message& message : published) {
    const json::value payload = *parse_json(as_text(message.payload));
    const json::value* step = find(payload, "Step", "Value");
    if (step == nullptr) continue;
    EXPECT_TRUE(steps.insert(step->to_number<std::int64_t>()).second) << "reported twice";
  }
  published.clear();
  ASSERT_TRUE(wait([&] { return published.size() >= 8; }));
  EXPECT_TRUE(value_of("a", "Fast").is_null()) << "the removed tag is silent";
  EXPECT_FALSE(value_of("a", "Step").is_null());
}

TEST_F(Connector, leaves_the_subscriptions_of_other_assets_alone) {
  put_endpoint("plc", start_plc().url());
  put_asset("steady", "plc", {{"Step", "ns=3;s=StepUp"}});
  put_asset("changing", "plc", {{"Fast", "ns=3;s=FastUInt1"}});
  start_service();
  ASSERT_TRUE(wait([&] {
    return asset_reason("steady") == "Monitored" && asset_reason("changing") == "Monitored";
  }));
  for (const char* node : {"ns=3;s=RandomSignedInt32", "ns=3;s=FastUInt2", "ns=3;s=FastUInt3"}) {
    const std::size_t before = published.size();
    put_asset("changing", "plc", {{"Fast", node}});
    ASSERT_TRUE(wait([&] { return published.size() >= before + 6; }));
  }
  resources.erase(resource::asset, {space, "changing"});
  const std::size_t before = published.size();
  ASSERT_TRUE(wait([&] { return published.size() >= before + 6; }));
  // A subscription that is made anew reports its value once more and counts from 0 again.
  std::int64_t sequence = 0;
  std::set<std::int64_t> steps;
  for (const flow::Message& message : published) {
    if (property_of(message, "subject") != "steady") continue;
    EXPECT_EQ(property_of(message, "sequence"), std::to_string(sequence++));
    const json::value payload = *parse_json(as_text(message.payload));
    EXPECT_TRUE(steps.insert(find(payload, "Step", "Value")->to_number<std::int64_t>()).second);
  }
  EXPECT_GT(steps.size(), 8U);
}

TEST_F(Connector, moves_to_another_address_only_once_it_answers) {
  put_endpoint("plc", start_plc().url());
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp"}});
  start_service();
  ASSERT_TRUE(wait([&] { return asset_reason("a") == "Monitored"; }));
  const std::uint16_t port = start_plc().port();
  simulators.pop_back();
  put_endpoint("plc", "opc.tcp://127.0.0.1:" + std::to_string(port),
               R"({"session":{"reconnectPeriodMilliseconds":100}})");
  ASSERT_TRUE(wait([&] {
    return degraded(resource::asset_endpoint_profile, "plc", "reason") == "ConfigurationRejected";
  })) << degraded(resource::asset_endpoint_profile, "plc", "message");
  const std::string message = degraded(resource::asset_endpoint_profile, "plc", "message");
  EXPECT_TRUE(message.starts_with("generation 2 is not applied: ")) << message;
  EXPECT_TRUE(message.contains(std::to_string(port))) << message;
  EXPECT_TRUE(message.ends_with("still running generation 1")) << message;
  EXPECT_EQ(endpoint_reason("plc"), "Connected");
  EXPECT_EQ(asset_reason("a"), "Monitored");
  published.clear();
  ASSERT_TRUE(wait([&] { return published.size() >= 5; })) << "values go on";
  start_plc({.port = port});
  ASSERT_TRUE(wait([&] {
    return degraded(resource::asset_endpoint_profile, "plc", "reason") == "AsWished" &&
           condition(resource::asset_endpoint_profile, "plc", "message")
               .contains(std::to_string(port));
  }));
  EXPECT_TRUE(wait([&] { return asset_reason("a") == "Monitored"; }));
  published.clear();
  EXPECT_TRUE(wait([&] { return published.size() >= 5; }));
}

TEST_F(Connector, keeps_an_endpoint_and_an_asset_whose_new_form_cannot_be_read) {
  put_endpoint("plc", start_plc().url());
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp"}});
  start_service();
  ASSERT_TRUE(wait([&] { return asset_reason("a") == "Monitored"; }));
  put_endpoint("plc", "no address at all");
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp"}, {"Step", "ns=3;s=FastUInt1"}});
  ASSERT_TRUE(wait([&] {
    return degraded(resource::asset_endpoint_profile, "plc", "reason") == "ConfigurationRejected";
  }));
  EXPECT_EQ(endpoint_reason("plc"), "Connected");
  ASSERT_TRUE(wait([&] {
    return degraded(resource::asset, "a", "reason") == "ConfigurationRejected";
  })) << degraded(resource::asset, "a", "message");
  EXPECT_TRUE(degraded(resource::asset, "a", "message").ends_with("still running generation 1"));
  EXPECT_EQ(asset_reason("a"), "Monitored");
  published.clear();
  EXPECT_TRUE(wait([&] { return published.size() >= 5; }));
}

TEST_F(Connector, says_that_no_connector_serves_a_profile_of_another_protocol) {
  resources.put(
      {{"apiVersion", "deviceregistry.microsoft.com/v1"},
       {"kind", "AssetEndpointProfile"},
       {"metadata", {{"name", "camera"}, {"namespace", space}}},
       {"spec",
        {{"targetAddress", "http://127.0.0.1:1"}, {"endpointProfileType", "Microsoft.Onvif"}}}});
  put_asset("a", "camera", {{"Step", "ns=3;s=StepUp"}});
  start_service();
  ASSERT_TRUE(wait([&] { return endpoint_reason("camera") == "NotServedYet"; }));
  EXPECT_TRUE(wait([&] { return asset_reason("a") == "EndpointNotReady"; }));
}

TEST_F(Connector, applies_a_new_sampling_interval_within_2_s) {
  put_endpoint("plc", start_plc().url());
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp", R"({"samplingInterval":5000})"}});
  start_service();
  ASSERT_TRUE(wait([&] { return !value_of("a", "Step").is_null(); }));
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp", R"({"samplingInterval":"100"})"}});
  published.clear();
  EXPECT_TRUE(wait([&] { return published.size() >= 4; }, 2s)) << published.size();
}

TEST_F(Connector, loses_no_sample_when_the_queue_holds_several) {
  put_endpoint("plc", start_plc().url());
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp", R"({"samplingInterval":50,"queueSize":20})"}});
  start_service();
  ASSERT_TRUE(wait([&] { return published.size() >= 30; }));
  std::int64_t before = -1;
  for (const flow::Message& message : published) {
    const json::value payload = *parse_json(as_text(message.payload));
    const auto step = find(payload, "Step", "Value")->to_number<std::int64_t>();
    if (before >= 0) {
      EXPECT_EQ(step, before + 1);
    }
    before = step;
  }
}

TEST_F(Connector, survives_a_restart_of_the_server) {
  const std::uint16_t port = start_plc().port();
  put_endpoint("plc", simulators[0]->url(), R"({"session":{"reconnectPeriodMilliseconds":100}})");
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp"}});
  start_service();
  ASSERT_TRUE(wait([&] { return asset_reason("a") == "Monitored"; }));
  simulators.clear();
  ASSERT_TRUE(wait([&] { return endpoint_reason("plc") == "ConnectionRefused"; }))
      << endpoint_reason("plc");
  EXPECT_EQ(asset_reason("a"), "EndpointNotReady");
  start_plc({.port = port});
  published.clear();
  ASSERT_TRUE(wait([&] { return !value_of("a", "Step").is_null(); }));
  EXPECT_TRUE(wait([&] { return asset_reason("a") == "Monitored"; }));
  EXPECT_EQ(endpoint_reason("plc"), "Connected");
}

TEST_F(Connector, connects_when_the_server_comes_after_the_connector) {
  const std::uint16_t port = start_plc().port();
  simulators.clear();
  put_endpoint(
      "plc", "opc.tcp://127.0.0.1:" + std::to_string(port),
      R"({"session":{"reconnectPeriodMilliseconds":100,"reconnectExponentialBackOffMilliseconds":200}})");
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp"}});
  start_service();
  ASSERT_TRUE(wait([&] { return endpoint_reason("plc") == "ConnectionRefused"; }));
  start_plc({.port = port});
  EXPECT_TRUE(wait([&] { return asset_reason("a") == "Monitored"; })) << asset_reason("a");
}

/// A TCP server that answers everything with the same bytes.
class GarbageServer final : public net::StreamHandler {
 public:
  GarbageServer(net::Env& env, std::string answer) : answer_(std::move(answer)) {
    auto listener = env.network.listen({.endpoint = {"127.0.0.1", 0}},
                                       [this](std::unique_ptr<net::Stream> stream) {
                                         stream->set_handler(*this);
                                         streams_.push_back(std::move(stream));
                                       });
    EXPECT_TRUE(listener);
    listener_ = std::move(*listener);
  }
  std::string url() const { return "opc.tcp://127.0.0.1:" + std::to_string(listener_->port()); }

 private:
  void on_bytes(ByteView) override {
    for (const auto& stream : streams_) stream->write(as_bytes(answer_));
  }
  void on_close(const Error&) override {}

  std::string answer_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<net::Stream>> streams_;
};

TEST_F(Connector, names_a_server_that_is_not_opc_ua_while_others_go_on) {
  GarbageServer garbage(env, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  put_endpoint("plc", start_plc().url());
  put_endpoint("web", garbage.url());
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp"}});
  put_asset("b", "web", {{"X", "ns=3;s=StepUp"}});
  start_service();
  ASSERT_TRUE(wait([&] { return endpoint_reason("web") == "NotOpcUa"; })) << endpoint_reason("web");
  EXPECT_TRUE(wait([&] { return asset_reason("a") == "Monitored"; }));
  EXPECT_EQ(asset_reason("b"), "EndpointNotReady");
}

TEST_F(Connector, refuses_what_is_not_served_yet_instead_of_downgrading_it) {
  const std::string url = start_plc().url();
  put_endpoint("signed", url, R"({"security":{"securityMode":"sign"}})");
  put_endpoint(
      "policy", url,
      R"({"security":{"securityPolicy":"http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"}})");
  put_endpoint(
      "plain", url,
      R"({"security":{"securityPolicy":"http://opcfoundation.org/UA/SecurityPolicy#None"}})");
  put_asset("a", "signed", {{"Step", "ns=3;s=StepUp"}});
  start_service();
  ASSERT_TRUE(wait([&] { return endpoint_reason("plain") == "Connected"; }));
  EXPECT_EQ(endpoint_reason("signed"), "NotServedYet");
  EXPECT_EQ(endpoint_reason("policy"), "NotServedYet");
  EXPECT_EQ(asset_reason("a"), "EndpointNotReady");
  EXPECT_TRUE(published.empty());
}

TEST_F(Connector, stops_a_disabled_asset_and_says_so) {
  put_endpoint("plc", start_plc().url());
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp"}});
  put_asset("b", "plc", {{"Step", "ns=3;s=StepUp"}});
  start_service();
  ASSERT_TRUE(
      wait([&] { return !value_of("a", "Step").is_null() && !value_of("b", "Step").is_null(); }));
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp"}}, false);
  ASSERT_TRUE(wait([&] { return asset_reason("a") == "Disabled"; }));
  published.clear();
  ASSERT_TRUE(wait([&] { return published.size() >= 5; }));
  EXPECT_TRUE(value_of("a", "Step").is_null());
}

TEST_F(Connector, names_an_endpoint_that_is_missing_and_takes_it_up_when_it_comes) {
  put_asset("a", "late", {{"Step", "ns=3;s=StepUp"}});
  start_service();
  ASSERT_TRUE(wait([&] { return asset_reason("a") == "EndpointMissing"; }));
  put_endpoint("late", start_plc().url());
  EXPECT_TRUE(wait([&] { return asset_reason("a") == "Monitored"; }));
  resources.erase(resource::asset_endpoint_profile, {space, "late"});
  EXPECT_TRUE(wait([&] { return asset_reason("a") == "EndpointMissing"; }));
}

TEST_F(Connector, spreads_many_tags_over_subscriptions_and_gathers_them_again) {
  put_endpoint("plc", start_plc({.port = 0, .nodes = 500}).url(),
               R"({"subscription":{"maxItems":"200"}})");
  std::vector<Tag> tags;
  for (int i = 1; i <= 500; ++i)
    tags.push_back({"Tag" + std::to_string(i), "ns=3;s=Node" + std::to_string(i)});
  put_asset("many", "plc", tags);
  start_service();
  ASSERT_TRUE(wait([&] { return asset_reason("many") == "Monitored"; }));
  EXPECT_TRUE(wait([&] {
    return !value_of("many", "Tag1").is_null() && !value_of("many", "Tag500").is_null();
  }));
}

TEST_F(Connector, keeps_messages_while_the_broker_is_away) {
  is_broker_there = false;
  put_endpoint("plc", start_plc().url());
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp", R"({"samplingInterval":50,"queueSize":50})"}});
  start_service();
  ASSERT_TRUE(wait([&] { return asset_reason("a") == "BrokerUnavailable"; })) << asset_reason("a");
  EXPECT_TRUE(published.empty());
  is_broker_there = true;
  broker_changed();
  ASSERT_TRUE(wait([&] { return published.size() >= 10; }));
  EXPECT_EQ(property_of(published.front(), "sequence"), "0") << "the first message was kept";
  EXPECT_TRUE(wait([&] { return asset_reason("a") == "Monitored"; }));
}

TEST_F(Connector, publishes_its_counters_once_a_second) {
  put_endpoint("plc", start_plc().url());
  put_asset("a", "plc", {{"Step", "ns=3;s=StepUp"}});
  start_service();
  json::value last;
  ASSERT_TRUE(wait([&] {
    for (const flow::Message& message : metrics) {
      EXPECT_EQ(message.topic, "$wireway/metrics/opcua/default");
      EXPECT_EQ(message.qos, flow::Qos::at_most_once);
      last = *parse_json(as_text(message.payload));
    }
    return int_at(last, {"assets", "a", "values"}, 0) > 5;
  }));
  EXPECT_EQ(text_at(last, {"assets", "a", "endpoint"}), "plc");
  EXPECT_GT(int_at(last, {"assets", "a", "messages"}, 0), 0);
  EXPECT_TRUE(parse_rfc3339(text_at(last, {"assets", "a", "last_value_time"})));
  EXPECT_TRUE(parse_rfc3339(text_at(last, {"started"})));
}

}  // namespace
}  // namespace wireway::source::opcua
