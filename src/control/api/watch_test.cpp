// Goal: a watch tells every change once and in order, from any revision that is kept, in any form.

#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

constexpr const char* table_accept = "application/json;as=Table;v=v1;g=meta.k8s.io";

using WatchTest = ApiTest;

TEST_F(WatchTest, begins_with_what_is_there_and_goes_on_with_what_changes) {
  post(assets, asset("a"));
  auto log = watch(std::string(assets) + "?watch=true");
  post(assets, asset("b"));
  patch(std::string(assets) + "/a", R"({"spec":{"enabled":false}})");
  remove(std::string(assets) + "/b");
  EXPECT_EQ(log->summary(), "ADDED a, ADDED b, MODIFIED a, DELETED b");
  EXPECT_EQ(log->events[2].at("object").at("spec").at("enabled"), false);
}

TEST_F(WatchTest, tells_other_namespaces_and_kinds_nothing) {
  auto log = watch(std::string(assets) + "?watch=1");
  post("/apis/deviceregistry.microsoft.com/v1/namespaces/default/assets", asset("elsewhere"));
  post("/api/v1/namespaces/azure-iot-operations/configmaps", config_map("c"));
  EXPECT_EQ(log->summary(), "");
  auto all = watch("/apis/deviceregistry.microsoft.com/v1/assets?watch=1");
  EXPECT_EQ(all->summary(), "ADDED elsewhere");
}

TEST_F(WatchTest, resumes_behind_a_revision) {
  const json::value first = post(assets, asset("a"));
  post(assets, asset("b"));
  const std::string from = text_at(first, {"metadata", "resourceVersion"});
  EXPECT_EQ(watch(std::string(assets) + "?watch=1&resourceVersion=" + from)->summary(), "ADDED b");
}

TEST_F(WatchTest, a_list_and_the_watch_behind_it_miss_nothing) {
  post(assets, asset("a"));
  const std::string listed = text_at(get(assets), {"metadata", "resourceVersion"});
  post(assets, asset("b"));
  auto log = watch(std::string(assets) + "?watch=1&resourceVersion=" + listed);
  post(assets, asset("c"));
  EXPECT_EQ(log->summary(), "ADDED b, ADDED c");
}

TEST_F(WatchTest, a_revision_of_the_future_is_gone) {
  auto log = watch(std::string(assets) + "?watch=1&resourceVersion=999999");
  ASSERT_EQ(log->events.size(), 1u);
  EXPECT_EQ(log->events[0].at("type"), "ERROR");
  EXPECT_EQ(log->events[0].at("object").at("code"), 410);
  EXPECT_EQ(log->events[0].at("object").at("reason"), "Expired");
  EXPECT_TRUE(log->ended);
}

TEST_F(WatchTest, objects_come_and_go_as_their_labels_change) {
  post(assets, asset("a"));
  const std::string target = std::string(assets) + "/a";
  auto log = watch(std::string(assets) + "?watch=1&labelSelector=line=one");
  patch(target, R"({"metadata":{"labels":{"line":"one"}}})");
  patch(target, R"({"spec":{"enabled":false}})");
  patch(target, R"({"metadata":{"labels":{"line":"two"}}})");
  patch(target, R"({"spec":{"enabled":true}})");
  EXPECT_EQ(log->summary(), "ADDED a, MODIFIED a, DELETED a");
}

TEST_F(WatchTest, one_object_by_field_selector_or_by_path) {
  post(assets, asset("a"));
  post(assets, asset("b"));
  EXPECT_EQ(watch(std::string(assets) + "?watch=1&fieldSelector=metadata.name=b")->summary(),
            "ADDED b");
  EXPECT_EQ(watch(std::string(assets) + "/a?watch=1")->summary(), "ADDED a");
}

TEST_F(WatchTest, send_initial_events_ends_them_with_a_bookmark) {
  post(assets, asset("a"));
  auto log = watch(std::string(assets) +
                   "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                   "&allowWatchBookmarks=true");
  ASSERT_EQ(log->events.size(), 2u);
  EXPECT_EQ(log->events[1].at("type"), "BOOKMARK");
  EXPECT_EQ(
      text_at(log->events[1], {"object", "metadata", "annotations", "k8s.io/initial-events-end"}),
      "true");
}

TEST_F(WatchTest, bookmarks_come_to_those_who_asked) {
  auto asked = watch(std::string(assets) + "?watch=1&allowWatchBookmarks=true");
  auto other = watch(std::string(assets) + "?watch=1");
  post("/api/v1/namespaces/default/configmaps", config_map("c"));
  server_->tick();
  ASSERT_EQ(asked->events.size(), 1u);
  EXPECT_EQ(asked->events[0].at("type"), "BOOKMARK");
  EXPECT_EQ(text_at(asked->events[0], {"object", "metadata", "resourceVersion"}),
            std::to_string(store_->revision()));
  EXPECT_TRUE(other->events.empty());
}

TEST_F(WatchTest, ends_after_the_time_that_was_asked_for) {
  auto log = watch(std::string(assets) + "?watch=1&timeoutSeconds=5");
  now_ = now_ + std::chrono::seconds{4};
  server_->tick();
  EXPECT_FALSE(log->ended);
  now_ = now_ + std::chrono::seconds{2};
  server_->tick();
  EXPECT_TRUE(log->ended);
}

TEST_F(WatchTest, tables_name_their_columns_once) {
  post(assets, asset("a"));
  auto log = watch(std::string(assets) + "?watch=1", table_accept);
  post(assets, asset("b"));
  ASSERT_EQ(log->events.size(), 2u);
  EXPECT_EQ(log->events[0].at("object").at("kind"), "Table");
  EXPECT_FALSE(log->events[0].at("object").at("columnDefinitions").as_array().empty());
  EXPECT_TRUE(log->events[1].at("object").at("columnDefinitions").as_array().empty());
  EXPECT_EQ(log->events[1].at("object").at("rows").at(0).at("cells").at(0), "b");
}

TEST_F(WatchTest, another_version_is_told_in_that_version) {
  auto log = watch(std::string(assets_v1beta1) + "?watch=1");
  post(assets, asset("a"));
  EXPECT_EQ(text_at(log->events.at(0), {"object", "apiVersion"}),
            "deviceregistry.microsoft.com/v1beta1");
}

TEST_F(WatchTest, too_many_watches_are_refused) {
  for (int i = 0; i < 50; ++i) watch(std::string(assets) + "?watch=1");
  get(std::string(assets) + "?watch=1");
  EXPECT_EQ(code(), 429u);
  EXPECT_EQ(header("Retry-After"), "1");
  server_->stop_watch(last_watch_);
  EXPECT_TRUE(watch(std::string(assets) + "?watch=1")->events.empty());
}

TEST_F(WatchTest, goes_on_when_the_definition_of_its_kind_is_replaced) {
  auto log = watch(std::string(assets) + "?watch=1");
  const std::string crd =
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/assets.deviceregistry.microsoft.com";
  patch(crd, R"({"spec":{"names":{"shortNames":["as"]}}})");
  EXPECT_EQ(code(), 200u);
  post(assets, asset("a"));
  EXPECT_EQ(log->summary(), "ADDED a");
}

TEST_F(WatchTest, old_events_are_let_go) {
  const std::string events = "/api/v1/namespaces/default/events";
  post(events, yaml("{apiVersion: v1, kind: Event, metadata: {name: e}, reason: R, message: m, "
                    "type: Normal, involvedObject: {kind: Asset, name: oven}}"));
  EXPECT_EQ(code(), 201u);
  auto log = watch(events + "?watch=1");
  now_ = now_ + std::chrono::hours{2};
  server_->tick();
  EXPECT_EQ(log->summary(), "ADDED e");  // its own watch time was over before
  EXPECT_TRUE(log->ended);
  EXPECT_TRUE(get(events).at("items").as_array().empty());
}

}  // namespace
}  // namespace wireway::control
