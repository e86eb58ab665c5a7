#pragma once
/// The API server on a store in memory, for tests: requests in, answers out, a clock that stands
/// still.

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "control/api/server.h"

namespace wireway::control {

/// Takes the lines of a watch apart.
struct WatchLog {
  std::vector<json::value> events;
  bool ended = false;

  /// "ADDED a, MODIFIED b"
  std::string summary() const {
    std::string out;
    for (const json::value& event : events) {
      if (!out.empty()) out += ", ";
      out += text_at(event, {"type"}) + " " + text_at(event, {"object", "metadata", "name"});
    }
    return out;
  }
};

class WatchLogSink final : public WatchSink {
 public:
  explicit WatchLogSink(WatchLog& log) : log_(log) {}
  bool write(std::string_view line) override {
    EXPECT_TRUE(line.ends_with("\n"));
    auto event = parse_json(line);
    EXPECT_TRUE(event.has_value()) << line;
    log_.events.push_back(event ? std::move(*event) : json::value());
    return true;
  }
  void end() override { log_.ended = true; }

 private:
  WatchLog& log_;
};

class ApiTest : public testing::Test {
 protected:
  static constexpr const char* assets =
      "/apis/deviceregistry.microsoft.com/v1/namespaces/azure-iot-operations/assets";
  static constexpr const char* assets_v1beta1 =
      "/apis/deviceregistry.microsoft.com/v1beta1/namespaces/azure-iot-operations/assets";

  ApiTest() {
    auto store = Store::open({.path = ":memory:"});
    EXPECT_TRUE(store.has_value());
    store_ = std::move(*store);
    start();
  }

  /// Starts anew with a guard.
  void guard(Access* access) {
    access_of_server_ = access;
    start();
  }
  void start() {
    server_.reset();
    ApiServerOptions options;
    options.access = access_of_server_;
    options.audit = audit_of_server_;
    options.clock = [this] { return now_; };
    options.new_uid = [this] { return fmt::format("{:08x}-uid", ++uids_); };
    options.watches_max = 50;
    auto server = ApiServer::start(*store_, std::move(options));
    EXPECT_TRUE(server.has_value()) << (server ? "" : server.error().message);
    server_ = std::move(*server);
  }

  static link::HttpRequest request(std::string method, std::string target, std::string body = "",
                                   std::string content_type = "application/json") {
    link::HttpRequest out;
    out.method = std::move(method);
    out.target = target;
    const auto mark = std::min(target.find('?'), target.size());
    out.path = target.substr(0, mark);
    std::string_view query = mark < target.size() ? std::string_view(target).substr(mark + 1) : "";
    while (!query.empty()) {
      const auto end = std::min(query.find('&'), query.size());
      const std::string_view part = query.substr(0, end);
      const auto sign = std::min(part.find('='), part.size());
      out.query.emplace_back(part.substr(0, sign), sign < part.size() ? part.substr(sign + 1) : "");
      query.remove_prefix(std::min(end + 1, query.size()));
    }
    out.headers = {{"content-type", std::move(content_type)}, {"user-agent", "test/1"}};
    out.body = std::move(body);
    return out;
  }

  /// Sends and commits; keeps the head and gives the body as JSON.
  json::value send(const link::HttpRequest& sent) {
    Reply reply = server_->handle(sent);
    EXPECT_TRUE(server_->commit());
    head_ = std::move(reply.response);
    auto body = parse_json(head_.body);
    return body ? std::move(*body) : json::value(head_.body);
  }
  json::value get(const std::string& target) { return send(request("GET", target)); }
  json::value post(const std::string& target, const json::value& body) {
    return send(request("POST", target, json::serialize(body)));
  }
  json::value put(const std::string& target, const json::value& body) {
    return send(request("PUT", target, json::serialize(body)));
  }
  json::value remove(const std::string& target) { return send(request("DELETE", target)); }
  json::value patch(const std::string& target, const std::string& body,
                    const std::string& type = "merge-patch+json") {
    return send(request("PATCH", target, body, "application/" + type));
  }
  unsigned code() const { return head_.status; }
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : head_.headers)
      if (key == name) return value;
    return "";
  }

  WatchLog* watch(const std::string& target, std::string accept = "") {
    link::HttpRequest sent = request("GET", target);
    if (!accept.empty()) sent.headers.emplace_back("accept", std::move(accept));
    Reply reply = server_->handle(sent);
    logs_.push_back(std::make_unique<WatchLog>());
    WatchLog* const log = logs_.back().get();
    EXPECT_TRUE(reply.watch != nullptr) << reply.response.body;
    if (reply.watch)
      last_watch_ =
          server_->start_watch(std::move(reply.watch), std::make_unique<WatchLogSink>(*log));
    return log;
  }

  static json::value yaml(std::string_view text) {
    auto documents = parse_yaml(text);
    EXPECT_TRUE(documents.has_value()) << (documents ? "" : documents.error().message);
    return documents && !documents->empty() ? documents->front().value : json::value();
  }
  static json::value asset(const std::string& name, const std::string& version = "v1") {
    return yaml("{apiVersion: deviceregistry.microsoft.com/" + version +
                ", kind: Asset, metadata: {name: " + name +
                "}, spec: {assetEndpointProfileRef: plc}}");
  }
  static json::value config_map(const std::string& name) {
    return yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name +
                "}, data: {a: '1'}}");
  }

  WallTime now_{std::chrono::seconds{1'800'000'000}};
  std::uint64_t uids_ = 0;
  std::uint64_t last_watch_ = 0;
  Access* access_of_server_ = nullptr;
  AuditSink* audit_of_server_ = nullptr;
  std::vector<std::unique_ptr<WatchLog>> logs_;  // outlive the server, which ends its watches
  std::unique_ptr<Store> store_;
  std::unique_ptr<ApiServer> server_;
  link::HttpResponse head_;
};

}  // namespace wireway::control
