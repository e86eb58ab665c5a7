// Requests of different people at the API server with its guard: who is let in, and what for.

#include "control/access/access.h"
#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

class GateTest : public ApiTest {
 protected:
  GateTest() {
    AccessOptions options;
    options.clock = [this] { return now_; };
    options.new_uid = [] { return "id"; };
    options.keys.push_back(*SigningKey::generate());
    access_ = std::make_unique<Access>(std::move(options));
    guard(access_.get());
    create("/api/v1/namespaces/azure-iot-operations/serviceaccounts",
           "{apiVersion: v1, kind: ServiceAccount, metadata: {name: ann}}");
    token_ = token("ann");
  }
  ~GateTest() override { server_.reset(); }

  /// As the administrator: over the loopback, while there is no user.
  json::value as_admin(std::string method, std::string target, std::string_view body = "") {
    token_.clear();
    return ask(std::move(method), std::move(target), body);
  }
  void create(std::string target, std::string_view body) {
    as_admin("POST", std::move(target), body);
    ASSERT_EQ(code(), 201u) << head_.body;
  }
  std::string token(const std::string& account) {
    const json::value answer = as_admin(
        "POST", "/api/v1/namespaces/azure-iot-operations/serviceaccounts/" + account + "/token",
        "{apiVersion: authentication.k8s.io/v1, kind: TokenRequest, spec: {}}");
    EXPECT_EQ(code(), 201u) << head_.body;
    return text_at(answer, {"status", "token"});
  }
  json::value ask(std::string method, std::string target, std::string_view body = "",
                  std::string type = "application/json") {
    link::HttpRequest sent =
        request(std::move(method), std::move(target),
                body.empty() ? std::string() : json::serialize(yaml(body)), std::move(type));
    sent.peer = "127.0.0.1:40000";
    sent.headers.emplace_back("host", "127.0.0.1:8088");
    if (!token_.empty()) sent.headers.emplace_back("authorization", "Bearer " + token_);
    for (auto& header : more_headers_) sent.headers.push_back(header);
    return send(sent);
  }
  void bind(const std::string& role) {
    const std::string kept = token_;
    create("/apis/rbac.authorization.k8s.io/v1/namespaces/azure-iot-operations/rolebindings",
           "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: ann-" +
               role.substr(role.find(':') + 1) + "}, roleRef: {kind: ClusterRole, name: '" + role +
               "'}, subjects: [{kind: ServiceAccount, name: ann}]}");
    token_ = token("ann");
  }
  bool may(const std::string& verb, const std::string& group, const std::string& resource) {
    const json::value answer =
        ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            "{spec: {resourceAttributes: {namespace: azure-iot-operations, verb: " + verb +
                ", group: " + group + ", resource: " + resource + "}}}");
    return bool_at(answer, {"status", "allowed"}, false);
  }

  std::unique_ptr<Access> access_;
  std::string token_;
  std::vector<std::pair<std::string, std::string>> more_headers_;
};

TEST_F(GateTest, AKnownAccountMayAskAboutItselfAndDiscover) {
  const json::value who = ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
  EXPECT_EQ(text_at(who, {"status", "userInfo", "username"}),
            "system:serviceaccount:azure-iot-operations:ann");
  ask("GET", "/apis");
  EXPECT_EQ(code(), 200u);
}

TEST_F(GateTest, WhatIsNotGrantedIsForbiddenInTheWordsOfTheRealServer) {
  const json::value refused = ask("GET", assets);
  EXPECT_EQ(code(), 403u);
  EXPECT_EQ(text_at(refused, {"reason"}), "Forbidden");
  EXPECT_EQ(text_at(refused, {"message"}),
            "assets.deviceregistry.microsoft.com is forbidden: User "
            "\"system:serviceaccount:azure-iot-operations:ann\" cannot list resource \"assets\" in "
            "API group \"deviceregistry.microsoft.com\" in the namespace \"azure-iot-operations\"");
}

TEST_F(GateTest, ABindingGrantsAtOnceAndItsEndTakesAway) {
  bind("wireway:asset-viewer");
  ask("GET", assets);
  EXPECT_EQ(code(), 200u);
  ask("POST", assets,
      "{apiVersion: deviceregistry.microsoft.com/v1, kind: Asset, metadata: {name: "
      "a}, spec: {assetEndpointProfileRef: p}}");
  EXPECT_EQ(code(), 403u);
  const std::string kept = token_;
  as_admin("DELETE",
           "/apis/rbac.authorization.k8s.io/v1/namespaces/azure-iot-operations/rolebindings/"
           "ann-asset-viewer");
  token_ = kept;
  ask("GET", assets);
  EXPECT_EQ(code(), 403u);
}

TEST_F(GateTest, EachShippedPairReadsAndWritesItsOwn) {
  const struct {
    const char* role;
    const char* group;
    const char* resource;
    const char* not_group;
    const char* not_resource;
  } pairs[]{
      {"instance", "mqttbroker.iotoperations.azure.com", "brokers", "deviceregistry.microsoft.com",
       "assets"},
      {"asset", "deviceregistry.microsoft.com", "assets", "mqttbroker.iotoperations.azure.com",
       "brokers"},
      {"device", "namespaces.deviceregistry.microsoft.com", "devices",
       "mqttbroker.iotoperations.azure.com", "brokers"},
      {"dataflow", "connectivity.iotoperations.azure.com", "dataflows",
       "mqttbroker.iotoperations.azure.com", "brokers"},
      {"dataflow-destination", "connectivity.iotoperations.azure.com", "dataflowendpoints",
       "deviceregistry.microsoft.com", "assets"},
      {"mq", "mqttbroker.iotoperations.azure.com", "brokerauthorizations",
       "deviceregistry.microsoft.com", "assets"},
  };
  for (const auto& pair : pairs) {
    SCOPED_TRACE(pair.role);
    bind(std::string("wireway:") + pair.role + "-viewer");
    EXPECT_TRUE(may("list", pair.group, pair.resource));
    EXPECT_FALSE(may("create", pair.group, pair.resource));
    EXPECT_FALSE(may("create", pair.not_group, pair.not_resource));
    bind(std::string("wireway:") + pair.role + "-administrator");
    EXPECT_TRUE(may("patch", pair.group, pair.resource));
    EXPECT_FALSE(may("create", pair.not_group, pair.not_resource));
    create("/api/v1/namespaces/azure-iot-operations/serviceaccounts",
           std::string("{apiVersion: v1, kind: ServiceAccount, metadata: {name: next-") +
               pair.role + "}}");
    for (const char* half : {"viewer", "administrator"})
      as_admin("DELETE",
               "/apis/rbac.authorization.k8s.io/v1/namespaces/azure-iot-operations/rolebindings/"
               "ann-" +
                   std::string(pair.role) + "-" + half);
  }
  bind("wireway:viewer");
  for (const auto& pair : pairs) EXPECT_TRUE(may("list", pair.group, pair.resource)) << pair.role;
  EXPECT_FALSE(may("get", "''", "secrets"));
  bind("wireway:administrator");
  for (const auto& pair : pairs) EXPECT_TRUE(may("update", pair.group, pair.resource)) << pair.role;
}

TEST_F(GateTest, NobodyGrantsWhatHeHasNot) {
  bind("admin");
  ask("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/azure-iot-operations/roles",
      "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: more}, rules: "
      "[{apiGroups: [mqttbroker.iotoperations.azure.com], resources: [brokers], verbs: ['*']}]}");
  EXPECT_EQ(code(), 403u);
  EXPECT_NE(head_.body.find("permissions not currently held"), std::string::npos) << head_.body;
  ask("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/azure-iot-operations/rolebindings",
      "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: me}, "
      "roleRef: "
      "{kind: ClusterRole, name: cluster-admin}, subjects: [{kind: User, name: ann}]}");
  EXPECT_EQ(code(), 403u);
  ask("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/azure-iot-operations/roles",
      "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: less}, rules: "
      "[{apiGroups: [''], resources: [configmaps], verbs: [get]}]}");
  EXPECT_EQ(code(), 201u) << head_.body;
}

TEST_F(GateTest, ToApplyWhatIsNotThereNeedsTheRightToCreate) {
  create(
      "/apis/rbac.authorization.k8s.io/v1/namespaces/azure-iot-operations/roles",
      "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: patcher}, rules: "
      "[{apiGroups: [deviceregistry.microsoft.com], resources: [assets], verbs: [patch, get]}]}");
  create("/apis/rbac.authorization.k8s.io/v1/namespaces/azure-iot-operations/rolebindings",
         "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: patcher}, "
         "roleRef: {kind: Role, name: patcher}, subjects: [{kind: ServiceAccount, name: ann}]}");
  token_ = token("ann");
  ask("PATCH", std::string(assets) + "/new?fieldManager=t",
      "{apiVersion: deviceregistry.microsoft.com/v1, kind: Asset, metadata: {name: new}, spec: "
      "{assetEndpointProfileRef: p}}",
      "application/apply-patch+yaml");
  EXPECT_EQ(code(), 403u);
}

TEST_F(GateTest, ImpersonationNeedsItsRight) {
  more_headers_ = {{"impersonate-user", "bob"}};
  ask("GET", assets);
  EXPECT_EQ(code(), 403u);
  EXPECT_NE(head_.body.find("cannot impersonate"), std::string::npos) << head_.body;
  const json::value who =
      as_admin("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
  EXPECT_EQ(text_at(who, {"status", "userInfo", "username"}), "bob");
  as_admin("GET", assets);
  EXPECT_EQ(code(), 403u) << "bob may nothing";
}

TEST_F(GateTest, ImpersonationTellsMoreOfTheUser) {
  more_headers_ = {{"impersonate-user", "bob"},
                   {"impersonate-uid", "7"},
                   {"Impersonate-Extra-Example.com%2fDesk", "3"},
                   {"impersonate-extra-scopes", "view"},
                   {"impersonate-extra-scopes", "edit"}};
  const json::value who =
      as_admin("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
  const json::value& info = who.at("status").at("userInfo");
  EXPECT_EQ(text_at(info, {"uid"}), "7");
  EXPECT_EQ(info.at("extra"),
            json::parse(R"({"example.com/desk":["3"],"scopes":["view","edit"]})"));
  more_headers_ = {{"impersonate-extra-scopes", "view"}};
  as_admin("GET", assets);
  EXPECT_EQ(code(), 400u);
  more_headers_ = {{"impersonate-user", "bob"}, {"impersonate-extra-%zz", "view"}};
  as_admin("GET", assets);
  EXPECT_EQ(code(), 400u);
}

TEST_F(GateTest, EachPartOfAnImpersonationNeedsItsOwnRight) {
  create("/apis/rbac.authorization.k8s.io/v1/clusterroles",
         "{metadata: {name: bobber}, rules: [{verbs: [impersonate], apiGroups: [''], resources: "
         "[users], resourceNames: [bob]}, {verbs: [impersonate], apiGroups: "
         "[authentication.k8s.io], resources: [userextras/scopes], resourceNames: [view]}]}");
  create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
         "{metadata: {name: bobber}, roleRef: {kind: ClusterRole, name: bobber}, subjects: [{kind: "
         "ServiceAccount, name: ann, namespace: azure-iot-operations}]}");
  token_ = token("ann");
  const auto tried = [this](std::vector<std::pair<std::string, std::string>> headers) {
    more_headers_ = std::move(headers);
    ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
    return code();
  };
  EXPECT_EQ(tried({{"impersonate-user", "bob"}}), 201u);
  EXPECT_EQ(tried({{"impersonate-user", "eve"}}), 403u);
  EXPECT_EQ(tried({{"impersonate-user", "bob"}, {"impersonate-extra-scopes", "view"}}), 201u);
  EXPECT_EQ(tried({{"impersonate-user", "bob"}, {"impersonate-extra-scopes", "edit"}}), 403u);
  EXPECT_EQ(tried({{"impersonate-user", "bob"}, {"impersonate-extra-desk", "view"}}), 403u);
  EXPECT_EQ(tried({{"impersonate-user", "bob"}, {"impersonate-uid", "7"}}), 403u);
}

TEST_F(GateTest, ARuleForOneNameAllowsToListAndWatchThatOne) {
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/azure-iot-operations/";
  create(
      rbac + "roles",
      "{metadata: {name: oven}, rules: [{verbs: [get, list, watch, deletecollection], apiGroups: "
      "[deviceregistry.microsoft.com], resources: [assets], resourceNames: [oven]}]}");
  create(rbac + "rolebindings",
         "{metadata: {name: oven}, roleRef: {kind: Role, name: oven}, subjects: [{kind: "
         "ServiceAccount, name: ann}]}");
  create(assets, json::serialize(asset("oven")));
  create(assets, json::serialize(asset("boiler")));
  token_ = token("ann");
  const auto asked = [this](const std::string& query, const char* method = "GET") {
    const json::value answer = ask(method, std::string(assets) + query);
    const json::value* items = find(answer, "items");
    return fmt::format("{} {}", code(), items == nullptr ? 0 : items->as_array().size());
  };
  EXPECT_EQ(asked("?fieldSelector=metadata.name=oven"), "200 1");
  EXPECT_EQ(asked("?fieldSelector=metadata.namespace!=x,metadata.name==oven"), "200 1");
  EXPECT_EQ(asked("?fieldSelector=metadata.name=oven&watch=1"), "200 0");
  EXPECT_EQ(asked(""), "403 0");
  EXPECT_EQ(asked("?fieldSelector=metadata.name=boiler"), "403 0");
  EXPECT_EQ(asked("?fieldSelector=metadata.name!=oven"), "403 0");
  EXPECT_EQ(asked("?fieldSelector=metadata.name=oven,metadata.name=boiler"), "200 0");
  EXPECT_EQ(asked("?fieldSelector=metadata.name=oven", "DELETE"), "403 0");
}

TEST_F(GateTest, ATokenEndsWithTheSecretThatItIsBoundTo) {
  const std::string secrets = "/api/v1/namespaces/azure-iot-operations/secrets";
  const std::string tokens = "/api/v1/namespaces/azure-iot-operations/serviceaccounts/ann/token";
  const auto wanted = [&](const std::string& bound) {
    return as_admin("POST", tokens, "{spec: {boundObjectRef: " + bound + "}}");
  };
  create(secrets, "{apiVersion: v1, kind: Secret, metadata: {name: lease}}");
  const std::string uid = text_at(as_admin("GET", secrets + "/lease"), {"metadata", "uid"});
  wanted("{kind: Secret, apiVersion: v1, name: gone}");
  EXPECT_EQ(code(), 404u);
  wanted("{kind: Pod, apiVersion: v1, name: gone}");
  EXPECT_EQ(code(), 404u);
  wanted("{kind: ConfigMap, apiVersion: v1, name: lease}");
  EXPECT_EQ(code(), 400u);
  wanted("{kind: Secret, apiVersion: v1, name: lease, uid: other}");
  EXPECT_EQ(code(), 409u);
  const json::value answer =
      wanted("{kind: Secret, apiVersion: v1, name: lease, uid: " + uid + "}");
  ASSERT_EQ(code(), 201u) << head_.body;
  const std::string bound = text_at(answer, {"status", "token"});
  const auto works = [&] {
    token_ = bound;
    ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
    return code();
  };
  EXPECT_EQ(works(), 201u);
  EXPECT_EQ(works(), 201u) << "and again, from memory";
  as_admin("DELETE", secrets + "/lease");
  EXPECT_EQ(works(), 401u);
  EXPECT_NE(head_.body.find("azure-iot-operations/lease"), std::string::npos) << head_.body;
  create(secrets, "{apiVersion: v1, kind: Secret, metadata: {name: lease}}");
  EXPECT_EQ(works(), 401u) << "another one of that name is another one";
}

TEST_F(GateTest, TheAccountsOfTheSystemAreForThoseWhoMayAll) {
  create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
         "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: "
         "ann}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: ServiceAccount, name: "
         "ann, namespace: azure-iot-operations}]}");
  token_ = token("ann");
  ask("POST", "/api/v1/namespaces/azure-iot-operations/serviceaccounts/ann/token", "{spec: {}}");
  EXPECT_EQ(code(), 201u) << head_.body;
  ask("POST", "/api/v1/namespaces/wireway-system/serviceaccounts/wireway-supervisor/token",
      "{spec: {}}");
  EXPECT_EQ(code(), 403u) << "or an editor would be the administrator";
  ask("POST", "/api/v1/namespaces/wireway-system/secrets",
      "{apiVersion: v1, kind: Secret, type: wireway.io/user, metadata: {name: me}}");
  EXPECT_EQ(code(), 403u);
}

TEST_F(GateTest, AWatchEndsWithItsAccount) {
  bind("wireway:asset-viewer");
  link::HttpRequest sent = request("GET", std::string(assets) + "?watch=1");
  sent.headers.emplace_back("authorization", "Bearer " + token_);
  Reply reply = server_->handle(sent);
  ASSERT_TRUE(reply.watch != nullptr);
  WatchLog log;
  server_->start_watch(std::move(reply.watch), std::make_unique<WatchLogSink>(log));
  server_->tick();
  EXPECT_FALSE(log.ended);
  as_admin("DELETE", "/api/v1/namespaces/azure-iot-operations/serviceaccounts/ann");
  server_->tick();
  EXPECT_TRUE(log.ended);
}

TEST_F(GateTest, WithAUserTheLoopbackNeedsCredentialsToo) {
  create("/api/v1/namespaces/wireway-system/secrets",
         "{apiVersion: v1, kind: Secret, type: wireway.io/user, metadata: {name: bob}}");
  as_admin("GET", assets);
  EXPECT_EQ(code(), 401u);
  EXPECT_EQ(text_at(json::parse(head_.body), {"reason"}), "Unauthorized");
  as_admin("GET", "/healthz");
  EXPECT_EQ(code(), 200u);
}

TEST_F(GateTest, ATokenReviewTellsWhoseTokenItIsAndForWhom) {
  const std::string asked = token_;
  const auto review = [&](const std::string& token, const std::string& audience) {
    return as_admin("POST", "/apis/authentication.k8s.io/v1/tokenreviews",
                    "{spec: {token: '" + token + "', audiences: ['" + audience + "']}}");
  };
  const json::value good = review(asked, access_->issuer());
  EXPECT_TRUE(bool_at(good, {"status", "authenticated"}, false));
  EXPECT_EQ(text_at(good, {"status", "user", "username"}),
            "system:serviceaccount:azure-iot-operations:ann");
  EXPECT_EQ(text_at(good, {"spec", "token"}), "") << "the token is not told again";
  EXPECT_FALSE(bool_at(review(asked, "aio-internal"), {"status", "authenticated"}, true));
  EXPECT_FALSE(bool_at(review("no.such.token", "a"), {"status", "authenticated"}, true));
}

TEST_F(GateTest, AggregatedRulesAreWrittenToTheirRole) {
  server_->tick();
  const json::value role =
      as_admin("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/wireway:viewer");
  const json::value* rules = find(role, "rules");
  ASSERT_NE(rules, nullptr);
  EXPECT_GT(rules->as_array().size(), 4u);
}

TEST_F(GateTest, AnotherStartChangesNothing) {
  server_->tick();
  const std::int64_t before = store_->revision();
  guard(access_.get());
  server_->tick();
  EXPECT_EQ(store_->revision(), before);
}

TEST_F(GateTest, TheRoleOfABindingStays) {
  bind("wireway:asset-viewer");
  token_.clear();
  ask("PATCH",
      "/apis/rbac.authorization.k8s.io/v1/namespaces/azure-iot-operations/rolebindings/"
      "ann-asset-viewer",
      "{roleRef: {name: cluster-admin}}", "application/merge-patch+json");
  EXPECT_EQ(code(), 422u);
  EXPECT_NE(head_.body.find("cannot change roleRef"), std::string::npos);
}

TEST_F(GateTest, metrics_are_for_those_who_may_see_them) {
  ask("GET", "/metrics");
  EXPECT_EQ(code(), 403u) << head_.body;
  const std::string kept = token_;
  as_admin("GET", "/metrics");
  ASSERT_EQ(code(), 200u) << head_.body;
  EXPECT_NE(head_.body.find("# TYPE apiserver_request_total counter\n"), std::string::npos);
  EXPECT_NE(head_.body.find("apiserver_request_total{verb=\"GET\",code=\"403\"} 1\n"),
            std::string::npos)
      << head_.body;
  EXPECT_NE(head_.body.find("apiserver_storage_objects{resource=\"serviceaccounts\"} "),
            std::string::npos);
  create(
      "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
      "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: m}, "
      "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "
      "'system:monitoring'}, subjects: [{kind: ServiceAccount, name: ann, namespace: "
      "azure-iot-operations}]}");
  token_ = kept;
  ask("GET", "/metrics");
  EXPECT_EQ(code(), 200u) << head_.body;
  ask("POST", "/metrics");
  EXPECT_NE(code(), 200u);
}

}  // namespace
}  // namespace wireway::control
