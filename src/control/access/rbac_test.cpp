#include "control/access/rbac.h"

#include <gtest/gtest.h>

#include "base/yaml.h"

namespace wireway::control {
namespace {

json::value yaml(std::string_view text) {
  auto documents = parse_yaml(text);
  EXPECT_TRUE(documents.has_value());
  return documents->front().value;
}

class RbacTest : public testing::Test {
 protected:
  RbacTest() {
    rbac_.put("ClusterRole", yaml("{metadata: {name: reader}, rules: [{apiGroups: [plant.io], "
                                  "resources: [assets, assets/status], verbs: [get, list]}]}"));
    rbac_.put("Role", yaml("{metadata: {name: one, namespace: line}, rules: [{apiGroups: [''], "
                           "resources: [secrets], resourceNames: [login], verbs: [get]}]}"));
    rbac_.put("ClusterRole", yaml("{metadata: {name: pages}, rules: [{nonResourceURLs: [/metrics, "
                                  "'/logs/*'], verbs: [get]}]}"));
  }
  void bind(const std::string& role_kind, const std::string& role, const std::string& space,
            const std::string& subject) {
    const std::string text = "{metadata: {name: b-" + role + ", namespace: '" + space +
                             "'}, roleRef: {kind: " + role_kind + ", name: " + role +
                             "}, subjects: [" + subject + "]}";
    rbac_.put(space.empty() ? "ClusterRoleBinding" : "RoleBinding", yaml(text));
  }
  bool may(const Identity& who, const Attributes& asked) {
    return rbac_.decide(who, asked).allowed;
  }

  Rbac rbac_;
  Identity ann_{.user = "ann", .groups = {"operators"}};
  Attributes list_assets_{.verb = "list", .group = "plant.io", .resource = "assets"};
};

TEST_F(RbacTest, NothingIsAllowedWithoutABinding) { EXPECT_FALSE(may(ann_, list_assets_)); }

TEST_F(RbacTest, ABindingOfTheClusterHoldsEverywhere) {
  bind("ClusterRole", "reader", "", "{kind: User, name: ann}");
  EXPECT_TRUE(may(ann_, list_assets_));
  list_assets_.space = "line";
  EXPECT_TRUE(may(ann_, list_assets_));
  list_assets_.verb = "delete";
  EXPECT_FALSE(may(ann_, list_assets_));
  EXPECT_FALSE(may({.user = "bob"}, {.verb = "list", .group = "plant.io", .resource = "assets"}));
}

TEST_F(RbacTest, ABindingOfANamespaceHoldsThereAlone) {
  bind("ClusterRole", "reader", "line", "{kind: Group, name: operators}");
  EXPECT_FALSE(may(ann_, list_assets_)) << "all namespaces";
  list_assets_.space = "line";
  EXPECT_TRUE(may(ann_, list_assets_));
  list_assets_.space = "other";
  EXPECT_FALSE(may(ann_, list_assets_));
}

TEST_F(RbacTest, SubresourcesAreNamedOfTheirOwn) {
  bind("ClusterRole", "reader", "", "{kind: User, name: ann}");
  list_assets_.subresource = "status";
  EXPECT_TRUE(may(ann_, list_assets_));
  list_assets_.subresource = "scale";
  EXPECT_FALSE(may(ann_, list_assets_));
}

TEST_F(RbacTest, AServiceAccountOfTheBindingsNamespace) {
  bind("Role", "one", "line", "{kind: ServiceAccount, name: opcua}");
  const Identity account{.user = "system:serviceaccount:line:opcua"};
  Attributes asked{.verb = "get", .resource = "secrets", .space = "line", .name = "login"};
  EXPECT_TRUE(may(account, asked));
  asked.name = "other";
  EXPECT_FALSE(may(account, asked));
  asked.name.clear();
  asked.verb = "list";
  EXPECT_FALSE(may(account, asked)) << "a list names nothing";
}

TEST_F(RbacTest, PathsWithAStarAtTheirEnd) {
  bind("ClusterRole", "pages", "", "{kind: User, name: ann}");
  EXPECT_TRUE(may(ann_, {.verb = "get", .path = "/logs/today"}));
  EXPECT_TRUE(may(ann_, {.verb = "get", .path = "/metrics"}));
  EXPECT_FALSE(may(ann_, {.verb = "get", .path = "/metrics/x"}));
  EXPECT_FALSE(may(ann_, {.verb = "post", .path = "/metrics"}));
}

TEST_F(RbacTest, WhatGoesAllowsNothingMore) {
  bind("ClusterRole", "reader", "", "{kind: User, name: ann}");
  rbac_.erase("ClusterRole", "", "reader");
  EXPECT_FALSE(may(ann_, list_assets_));
  rbac_.put("ClusterRole", yaml("{metadata: {name: reader}, rules: [{apiGroups: ['*'], "
                                "resources: ['*'], verbs: ['*']}]}"));
  EXPECT_TRUE(may(ann_, list_assets_));
  rbac_.erase("ClusterRoleBinding", "", "b-reader");
  EXPECT_FALSE(may(ann_, list_assets_));
}

TEST_F(RbacTest, MastersMayEverything) {
  EXPECT_TRUE(may({.user = "x", .groups = {"system:masters"}}, list_assets_));
  EXPECT_TRUE(may({.user = "x", .groups = {"system:masters"}}, {.verb = "get", .path = "/any"}));
}

TEST_F(RbacTest, AnAggregateHasTheRulesOfItsPartsAndFollowsThem) {
  rbac_.put("ClusterRole",
            yaml("{metadata: {name: all}, aggregationRule: {clusterRoleSelectors: [{matchLabels: "
                 "{to-all: 'true'}}]}, rules: []}"));
  bind("ClusterRole", "all", "", "{kind: User, name: ann}");
  EXPECT_FALSE(may(ann_, list_assets_));
  rbac_.put("ClusterRole", yaml("{metadata: {name: part, labels: {to-all: 'true'}}, rules: "
                                "[{apiGroups: [plant.io], resources: [assets], verbs: [list]}]}"));
  EXPECT_TRUE(may(ann_, list_assets_));
  ASSERT_EQ(rbac_.aggregated().size(), 1u) << "the stored rules are to be brought up to date";
  EXPECT_EQ(rbac_.aggregated().front().first, "all");
  rbac_.erase("ClusterRole", "", "part");
  EXPECT_FALSE(may(ann_, list_assets_));
}

TEST_F(RbacTest, NobodyCoversMoreThanHeMay) {
  bind("ClusterRole", "reader", "line", "{kind: User, name: ann}");
  const auto rules = [](std::string_view text) {
    const json::value list = yaml(text);
    return read_rules(&list);
  };
  const auto same = rules("[{apiGroups: [plant.io], resources: [assets], verbs: [get]}]");
  EXPECT_TRUE(rbac_.covers(ann_, "line", same));
  EXPECT_FALSE(rbac_.covers(ann_, "", same)) << "in the whole cluster";
  EXPECT_FALSE(rbac_.covers(ann_, "line",
                            rules("[{apiGroups: [plant.io], resources: ['*'], verbs: [get]}]")));
  EXPECT_FALSE(rbac_.covers(ann_, "line",
                            rules("[{apiGroups: [plant.io], resources: [assets], verbs: ['*']}]")));
  EXPECT_FALSE(rbac_.covers(ann_, "line", rules("[{nonResourceURLs: [/x], verbs: [get]}]")));
}

}  // namespace
}  // namespace wireway::control
