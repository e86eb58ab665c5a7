// Goal: whoever asks later who changed what finds it, with the object before and after it; and no
// password.

#include "control/access/access.h"
#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

class Lines final : public AuditSink {
 public:
  void write(std::string line) override {
    EXPECT_EQ(line.find('\n'), std::string::npos);
    text += line + "\n";
    events.push_back(json::parse(line));
  }
  std::string text;
  std::vector<json::value> events;
};

class AuditTest : public ApiTest {
 protected:
  static constexpr const char* maps = "/api/v1/namespaces/default/configmaps";
  static constexpr const char* secrets = "/api/v1/namespaces/default/secrets";

  AuditTest() {
    AccessOptions options;
    options.clock = [this] { return now_; };
    options.new_uid = [] { return "id"; };
    options.keys.push_back(*SigningKey::generate());
    access_ = std::make_unique<Access>(std::move(options));
    audit_of_server_ = &lines_;
    guard(access_.get());
    EXPECT_TRUE(lines_.events.empty()) << "what a version ships is nobody's deed";
  }
  ~AuditTest() override { server_.reset(); }

  json::value ask(std::string method, std::string target, std::string_view body = "",
                  std::string type = "application/json") {
    link::HttpRequest sent =
        request(std::move(method), std::move(target),
                body.empty() ? std::string() : json::serialize(yaml(body)), std::move(type));
    sent.peer = "127.0.0.1:40000";
    sent.headers.emplace_back("host", "127.0.0.1:8088");
    for (auto& header : more_headers_) sent.headers.push_back(header);
    return send(sent);
  }
  const json::value& last() const { return lines_.events.back(); }
  std::string last(std::initializer_list<std::string_view> path) const {
    return text_at(last(), path);
  }

  std::unique_ptr<Access> access_;
  Lines lines_;
  std::vector<std::pair<std::string, std::string>> more_headers_;
};

TEST_F(AuditTest, a_write_is_one_event_with_the_object_before_and_after_it) {
  ask("POST", maps, "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: one}}");
  ASSERT_EQ(code(), 201U);
  ASSERT_EQ(lines_.events.size(), 1U);
  EXPECT_EQ(last({"kind"}), "Event");
  EXPECT_EQ(last({"apiVersion"}), "audit.k8s.io/v1");
  EXPECT_EQ(last({"level"}), "RequestResponse");
  EXPECT_EQ(last({"verb"}), "create");
  EXPECT_EQ(last({"user", "username"}), "local");
  EXPECT_EQ(last({"objectRef", "resource"}), "configmaps");
  EXPECT_EQ(last({"objectRef", "name"}), "m");
  EXPECT_EQ(last({"userAgent"}), "test/1");
  EXPECT_EQ(find(last(), "sourceIPs")->at(0), "127.0.0.1");
  EXPECT_EQ(last({"responseObject", "data", "a"}), "one");
  EXPECT_EQ(find(last(), "oldObject"), nullptr);
  EXPECT_EQ(int_at(last(), {"responseStatus", "code"}, 0), 201);

  ask("PATCH", std::string(maps) + "/m", "{data: {a: two}}", "application/merge-patch+json");
  EXPECT_EQ(last({"verb"}), "patch");
  EXPECT_EQ(last({"oldObject", "data", "a"}), "one");
  EXPECT_EQ(last({"responseObject", "data", "a"}), "two");

  ask("DELETE", std::string(maps) + "/m");
  EXPECT_EQ(last({"verb"}), "delete");
  EXPECT_EQ(last({"oldObject", "data", "a"}), "two");
  EXPECT_EQ(find(last(), "responseObject"), nullptr);
  EXPECT_EQ(lines_.events.size(), 3U);
}

TEST_F(AuditTest, reads_are_not_recorded_but_of_secrets) {
  ask("GET", maps);
  EXPECT_TRUE(lines_.events.empty());
  ask("GET", secrets);
  ASSERT_EQ(lines_.events.size(), 1U);
  EXPECT_EQ(last({"verb"}), "list");
  EXPECT_EQ(last({"level"}), "Metadata");
}

TEST_F(AuditTest, says_which_fields_of_a_secret_changed_and_never_what_they_hold) {
  const std::string planted = base64_encode(as_bytes("planted-4711"));
  ask("POST", secrets,
      "{apiVersion: v1, kind: Secret, metadata: {name: s, annotations: "
      "{kubectl.kubernetes.io/last-applied-configuration: planted-4711}}, "
      "stringData: {password: planted-4711, user: ann}}");
  ASSERT_EQ(code(), 201U) << head_.body;
  ask("PATCH", std::string(secrets) + "/s", "{stringData: {password: planted-4711-new}}",
      "application/merge-patch+json");
  ASSERT_EQ(code(), 200U) << head_.body;
  EXPECT_EQ(last({"annotations", "wireway.io/changed"}), "data.password");
  ask("GET", std::string(secrets) + "/s");
  ask("DELETE", std::string(secrets) + "/s");
  EXPECT_EQ(lines_.events.size(), 4U);
  EXPECT_EQ(lines_.text.find(planted.substr(0, 12)), std::string::npos) << lines_.text;
  EXPECT_EQ(lines_.text.find("planted-4711"), std::string::npos) << lines_.text;
  EXPECT_NE(lines_.text.find("\"password\":\"(not recorded)\""), std::string::npos);
}

TEST_F(AuditTest, a_refusal_is_recorded_with_who_was_refused_and_why) {
  more_headers_ = {{"impersonate-user", "ann"}};
  ask("DELETE", std::string(maps) + "/m");
  ASSERT_EQ(code(), 403U);
  EXPECT_EQ(last({"user", "username"}), "local");
  EXPECT_EQ(last({"impersonatedUser", "username"}), "ann");
  EXPECT_EQ(last({"annotations", "authorization.k8s.io/decision"}), "forbid");
  EXPECT_NE(last({"responseStatus", "message"}).find("cannot delete"), std::string::npos);
  more_headers_ = {{"authorization", "Bearer nonsense"}};
  ask("GET", maps);
  ASSERT_EQ(code(), 401U);
  EXPECT_EQ(last({"user", "username"}), "system:anonymous");
  EXPECT_EQ(lines_.text.find("nonsense"), std::string::npos);
}

TEST_F(AuditTest, a_flood_of_refusals_is_counted_instead) {
  more_headers_ = {{"authorization", "Bearer nonsense"}};
  for (int i = 0; i < 100; ++i) ask("GET", maps);
  EXPECT_EQ(lines_.events.size(), static_cast<std::size_t>(Audit::refusals_max));
  now_ = now_ + std::chrono::seconds{61};
  ask("GET", maps);
  EXPECT_EQ(last({"annotations", "wireway.io/refusals-not-recorded"}), "80");
}

TEST_F(AuditTest, each_object_of_a_collection_and_of_what_goes_with_its_owner_is_named) {
  ask("POST", maps, "{apiVersion: v1, kind: ConfigMap, metadata: {name: m1}, data: {a: one}}");
  ask("POST", maps,
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: m2, ownerReferences: [{apiVersion: v1, "
      "kind: ConfigMap, name: m1, uid: " +
          text_at(last(), {"responseObject", "metadata", "uid"}) + "}]}}");
  ask("POST", maps, "{apiVersion: v1, kind: ConfigMap, metadata: {name: m3}}");
  lines_.events.clear();
  ask("DELETE", maps);
  ASSERT_EQ(lines_.events.size(), 4U);
  EXPECT_EQ(text_at(lines_.events[0], {"verb"}), "deletecollection");
  EXPECT_EQ(last({"objectRef", "name"}), "m3");
  EXPECT_EQ(last({"annotations", "wireway.io/part-of-request"}), "true");

  ask("POST", maps, "{apiVersion: v1, kind: ConfigMap, metadata: {name: m1}, data: {a: one}}");
  ask("POST", maps,
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: m2, ownerReferences: [{apiVersion: v1, "
      "kind: ConfigMap, name: m1, uid: " +
          text_at(last(), {"responseObject", "metadata", "uid"}) + "}]}}");
  ask("DELETE", std::string(maps) + "/m1");
  lines_.events.clear();
  while (server_->collect()) {
  }
  ASSERT_EQ(lines_.events.size(), 1U);
  EXPECT_EQ(last({"verb"}), "delete");
  EXPECT_EQ(last({"objectRef", "name"}), "m2");
  EXPECT_EQ(last({"user", "username"}), "garbage-collector");
}

TEST_F(AuditTest, status_of_the_services_and_events_are_left_to_the_history) {
  ask("POST", assets, json::serialize(asset("a")));
  lines_.events.clear();
  ask("PATCH", std::string(assets) + "/a/status", "{status: {version: 2}}",
      "application/merge-patch+json");
  ASSERT_EQ(code(), 200U) << head_.body;
  EXPECT_EQ(lines_.events.size(), 1U) << "a person's";
  more_headers_ = {{"impersonate-user", "system:serviceaccount:wireway-system:wireway-opcua"}};
  ask("PATCH", std::string(assets) + "/a/status", "{status: {version: 3}}",
      "application/merge-patch+json");
  ASSERT_EQ(code(), 200U) << head_.body;
  EXPECT_EQ(lines_.events.size(), 1U);
}

}  // namespace
}  // namespace wireway::control
