#pragma once
/// What the tests of the connector stand on: one loop, resources in memory, a broker that is a
/// list, and PLC simulators on free ports of this machine.
///
/// Thread: the test's

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/json.h"
#include "net/os/os_loop.h"
#include "net/random.h"
#include "resource/memory_resources.h"
#include "source/opcua/service.h"
#include "source/simulator/plc.h"

namespace wireway::source::opcua {

using namespace std::chrono_literals;

/// Keeps what is published; can be away and refuse.
class ListPublisher final : public Publisher {
 public:
  ListPublisher(std::vector<flow::Message>& list, std::vector<flow::Message>& metrics,
                const bool& is_connected)
      : list_(list), metrics_(metrics), is_connected_(is_connected) {}
  Result<> publish(flow::Message message, flow::Ack ack) override {
    (message.topic.starts_with('$') ? metrics_ : list_).push_back(std::move(message));
    ack.settle(flow::Outcome::delivered);
    return {};
  }
  bool is_connected() const override { return is_connected_; }
  std::string state_text() const override { return "the list is closed"; }
  void stop() override {}

 private:
  std::vector<flow::Message>& list_;
  std::vector<flow::Message>& metrics_;
  const bool& is_connected_;
};

class World : public testing::Test {
 protected:
  static constexpr Duration patience = 15s;

  ~World() override {
    service.reset();
    simulators.clear();
  }

  void start_service() {
    OpcuaServiceOptions options;
    options.broker = net::Endpoint{"127.0.0.1", 1};
    options.make_publisher = [this](net::Env&, const net::Endpoint&,
                                    std::function<void()> on_changed) {
      broker_changed = std::move(on_changed);
      return std::make_unique<ListPublisher>(published, metrics, is_broker_there);
    };
    service = std::make_unique<OpcuaService>(env, resources, std::move(options));
    service->start();
  }

  simulator::PlcSimulator& start_plc(simulator::PlcOptions options = {.port = 0}) {
    simulators.push_back(std::make_unique<simulator::PlcSimulator>(env, options));
    const Result<> started = simulators.back()->start();
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
    return *simulators.back();
  }

  /// Turns the loop until `condition` holds; false after `patience`.
  bool wait(const std::function<bool()>& condition, Duration longest = patience) {
    const MonoTime deadline = loop.now() + longest;
    bool holds = condition();
    std::function<void()> look = [&] {
      holds = condition();
      if (holds || loop.now() > deadline) {
        loop.stop();
      } else {
        loop.run_after(10ms, [&look] { look(); });
      }
    };
    if (holds) return true;
    loop.run_after(10ms, [&look] { look(); });
    loop.run();
    return holds;
  }

  void put_endpoint(const std::string& name, const std::string& url,
                    const std::string& configuration = "{}") {
    resources.put({{"apiVersion", "deviceregistry.microsoft.com/v1"},
                   {"kind", "AssetEndpointProfile"},
                   {"metadata", {{"name", name}, {"namespace", space}}},
                   {"spec",
                    {{"targetAddress", url},
                     {"endpointProfileType", "Microsoft.OpcUa"},
                     {"additionalConfiguration", configuration}}}});
  }

  struct Tag {
    std::string name, source, configuration = R"({"samplingInterval":100,"queueSize":1})";
  };

  void put_asset(const std::string& name, const std::string& endpoint, const std::vector<Tag>& tags,
                 bool is_enabled = true) {
    json::array points;
    for (const Tag& tag : tags)
      points.push_back({{"name", tag.name},
                        {"dataSource", tag.source},
                        {"dataPointConfiguration", tag.configuration}});
    resources.put({{"apiVersion", "deviceregistry.microsoft.com/v1"},
                   {"kind", "Asset"},
                   {"metadata", {{"name", name}, {"namespace", space}}},
                   {"spec",
                    {{"assetEndpointProfileRef", endpoint},
                     {"enabled", is_enabled},
                     {"uuid", "uuid-of-" + name},
                     {"externalAssetId", "external-" + name},
                     {"defaultDatasetsConfiguration",
                      R"({"publishingInterval":200,"samplingInterval":100,"queueSize":1,})"},
                     {"datasets", {{{"name", "default"}, {"dataPoints", points}}}}}}});
  }

  std::string condition(const resource::Kind& kind, const std::string& name,
                        const std::string& field) {
    return text_at(resources.ready(kind, {space, name}), {field});
  }
  std::string degraded(const resource::Kind& kind, const std::string& name,
                       const std::string& field) {
    const json::value* object = resources.object(kind, {space, name});
    const json::value* found =
        object == nullptr ? nullptr : resource::condition_of(*object, "Degraded");
    return found == nullptr ? "" : text_at(*found, {field});
  }
  std::string endpoint_reason(const std::string& name) {
    return condition(resource::asset_endpoint_profile, name, "reason");
  }
  std::string asset_reason(const std::string& name) {
    return condition(resource::asset, name, "reason");
  }

  /// The newest value of a tag since `published` was last cleared; null if there is none.
  json::value value_of(const std::string& asset, const std::string& tag) {
    json::value found;
    for (const flow::Message& message : published) {
      if (property_of(message, "subject") != asset) continue;
      const Result<json::value> payload = parse_json(as_text(message.payload));
      EXPECT_TRUE(payload) << as_text(message.payload);
      if (payload)
        if (const json::value* value = find(*payload, tag)) found = *value;
    }
    return found;
  }
  static std::string property_of(const flow::Message& message, std::string_view name) {
    for (const auto& [key, value] : message.user_properties)
      if (key == name) return value;
    return {};
  }

  const std::string space{resource::default_namespace};
  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SeededRandom random{1};
  net::Env env{loop, loop, *files, random};
  resource::MemoryResources resources{loop};
  std::vector<flow::Message> published;
  std::vector<flow::Message> metrics;
  bool is_broker_there = true;
  std::function<void()> broker_changed;
  std::vector<std::unique_ptr<simulator::PlcSimulator>> simulators;
  std::unique_ptr<OpcuaService> service;
};

}  // namespace wireway::source::opcua
