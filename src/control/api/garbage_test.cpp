// What goes with its owner, and in which order.

#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

class GarbageTest : public ApiTest {
 protected:
  static constexpr const char* maps = "/api/v1/namespaces/azure-iot-operations/configmaps";

  std::string create(const std::string& name, const std::string& owner = "",
                     const std::string& uid = "", bool blocks = false) {
    json::value object = config_map(name);
    if (!owner.empty())
      object.as_object()["metadata"].as_object()["ownerReferences"] =
          json::array{json::object{{"apiVersion", "v1"},
                                   {"kind", "ConfigMap"},
                                   {"name", owner},
                                   {"uid", uid},
                                   {"blockOwnerDeletion", blocks}}};
    const json::value made = post(maps, object);
    EXPECT_EQ(code(), 201u) << head_.body;
    return text_at(made, {"metadata", "uid"});
  }
  void remove_as(const std::string& name, const std::string& how) {
    send(request(
        "DELETE", std::string(maps) + "/" + name,
        R"({"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":")" + how + "\"}"));
    EXPECT_EQ(code(), 200u) << head_.body;
  }
  int collect() {
    int rounds = 0;
    for (; server_->collection_due() && rounds < 1000; ++rounds) server_->collect();
    return rounds;
  }
  bool there(const std::string& name) {
    get(std::string(maps) + "/" + name);
    return code() == 200u;
  }
};

TEST_F(GarbageTest, WhatIsOwnedFollowsInTheBackground) {
  const std::string owner = create("owner");
  const std::string child = create("child", "owner", owner);
  create("grandchild", "child", child);
  create("stranger");
  collect();
  EXPECT_TRUE(there("child"));
  remove_as("owner", "Background");
  EXPECT_FALSE(there("owner"));
  collect();
  EXPECT_FALSE(there("child"));
  EXPECT_FALSE(there("grandchild"));
  EXPECT_TRUE(there("stranger"));
}

TEST_F(GarbageTest, InTheForegroundTheOwnerGoesLast) {
  const std::string owner = create("owner");
  create("child", "owner", owner, true);
  remove_as("owner", "Foreground");
  EXPECT_TRUE(there("owner")) << "until what it owns is gone";
  EXPECT_TRUE(there("child"));
  collect();
  EXPECT_FALSE(there("child"));
  EXPECT_FALSE(there("owner"));
}

TEST_F(GarbageTest, InTheForegroundAHeldDependentHoldsItsOwner) {
  const std::string owner = create("owner");
  create("child", "owner", owner, true);
  patch(std::string(maps) + "/child", R"({"metadata":{"finalizers":["test/hold"]}})");
  remove_as("owner", "Foreground");
  collect();
  EXPECT_TRUE(there("owner"));
  patch(std::string(maps) + "/child", R"({"metadata":{"finalizers":[]}})");
  collect();
  EXPECT_FALSE(there("child"));
  EXPECT_FALSE(there("owner"));
}

TEST_F(GarbageTest, OrphansStayAndForgetTheirOwner) {
  const std::string owner = create("owner");
  create("child", "owner", owner);
  remove_as("owner", "Orphan");
  collect();
  EXPECT_FALSE(there("owner"));
  const json::value child = get(std::string(maps) + "/child");
  EXPECT_EQ(code(), 200u);
  const json::value* left = find(child, "metadata", "ownerReferences");
  EXPECT_TRUE(left == nullptr || left->as_array().empty());
}

TEST_F(GarbageTest, AnObjectWithAnotherLivingOwnerStays) {
  const std::string one = create("one");
  const std::string two = create("two");
  json::value object = config_map("child");
  json::array owners;
  for (const auto& [name, uid] : {std::pair{"one", one}, std::pair{"two", two}})
    owners.push_back({{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"name", name}, {"uid", uid}});
  object.as_object()["metadata"].as_object()["ownerReferences"] = owners;
  post(maps, object);
  remove_as("one", "Background");
  collect();
  const json::value child = get(std::string(maps) + "/child");
  ASSERT_EQ(code(), 200u);
  EXPECT_EQ(find(child, "metadata", "ownerReferences")->as_array().size(), 1u);
  remove_as("two", "Background");
  collect();
  EXPECT_FALSE(there("child"));
}

TEST_F(GarbageTest, AnOwnerThatNeverWasOrIsAnotherOfTheSameName) {
  create("owner");
  create("of-nobody", "nobody", "no-such-uid");
  create("of-former", "owner", "uid-of-the-former");
  collect();
  EXPECT_FALSE(there("of-nobody"));
  EXPECT_FALSE(there("of-former"));
  EXPECT_TRUE(there("owner"));
}

TEST_F(GarbageTest, AnOwnerOfAnUnknownKindIsNotJudged) {
  json::value object = config_map("child");
  object.as_object()["metadata"].as_object()["ownerReferences"] = json::array{
      json::object{{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "d"}, {"uid", "u"}}};
  post(maps, object);
  collect();
  EXPECT_TRUE(there("child"));
}

TEST_F(GarbageTest, ACascadeGoesOnAfterARestart) {
  const std::string owner = create("owner");
  for (int i = 0; i < 300; ++i) create("child-" + std::to_string(i), "owner", owner);
  collect();
  remove_as("owner", "Background");
  server_->collect();
  start();
  EXPECT_TRUE(server_->collection_due());
  EXPECT_GE(collect(), 1);
  const json::value left = get(maps);
  EXPECT_EQ(find(left, "items")->as_array().size(), 0u);
}

TEST_F(GarbageTest, AWordThatIsNoPolicyIsRefused) {
  create("owner");
  send(request("DELETE", std::string(maps) + "/owner?propagationPolicy=Sideways"));
  EXPECT_EQ(code(), 400u);
  EXPECT_TRUE(there("owner"));
}

}  // namespace
}  // namespace wireway::control
