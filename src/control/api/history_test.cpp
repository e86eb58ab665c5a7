// Goal: whoever changed an object, when and what can be read for as long as it is kept, and any
// kept wish can be brought back by a change like every other.

#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

class HistoryTest : public ApiTest {
 protected:
  static std::string of(const std::string& name, const std::string& subresource) {
    return std::string(assets) + "/" + name + "/" + subresource;
  }
  json::value change(const std::string& name, const std::string& merge_patch) {
    return patch(std::string(assets) + "/" + name, merge_patch);
  }
  json::value roll_back(const std::string& name, std::int64_t revision, json::object more = {}) {
    more["toRevision"] = revision;
    return post(of(name, "rollback?fieldManager=wireway"), more);
  }
  static std::int64_t revision_of(const json::value& object) {
    return int_at(object, {"metadata", "resourceVersion"}, 0);
  }
  /// "updated spec.description; created "
  static std::string summary(const json::value& list) {
    std::string out;
    for (const json::value& item : list.at("items").as_array())
      out += fmt::format("{}{} {}", out.empty() ? "" : "; ", text_at(item, {"change"}),
                         text_at(item, {"summary"}));
    return out;
  }
};

TEST_F(HistoryTest, lists_each_change_with_its_author_program_time_and_fields) {
  const json::value made = post(assets, asset("oven"));
  now_ = now_ + std::chrono::minutes{1};
  change("oven", R"({"spec":{"description":"hot","enabled":false}})");
  patch(of("oven", "status"), R"({"status":{"runtimeState":"ok"}})");
  change("oven", R"({"metadata":{"labels":{"line":"1"}},"spec":{"description":null}})");
  const json::value list = get(of("oven", "history"));
  EXPECT_EQ(code(), 200u);
  EXPECT_EQ(text_at(list, {"kind"}), "RevisionList");
  EXPECT_EQ(summary(list),
            "updated metadata.labels.line; removed spec.description; "
            "status status.runtimeState; "
            "updated spec.enabled, spec.description; "
            "created ");
  const json::value& first = list.at("items").as_array().back();
  EXPECT_EQ(int_at(first, {"revision"}, 0), revision_of(made));
  EXPECT_EQ(text_at(first, {"time"}), "2027-01-15T08:00:00Z");
  EXPECT_EQ(text_at(first, {"author"}), "local");
  EXPECT_EQ(text_at(first, {"manager"}), "test");
  EXPECT_EQ(int_at(first, {"generation"}, 0), 1);
  EXPECT_EQ(int_at(list, {"items"}, -1), -1);
  EXPECT_EQ(int_at(list, {"retention", "revisions"}, 0), 100);
  EXPECT_EQ(get(of("oven", "history?limit=2")).at("items").as_array().size(), 2u);
}

TEST_F(HistoryTest, shows_the_object_as_of_a_revision_also_after_its_deletion) {
  const json::value made = post(assets, asset("oven"));
  change("oven", R"({"spec":{"description":"hot"}})");
  remove(std::string(assets) + "/oven");
  EXPECT_EQ(get(of("oven", "history/" + std::to_string(revision_of(made)))), made);
  EXPECT_EQ(code(), 200u);
  const json::value list = get(of("oven", "history"));
  EXPECT_EQ(list.at("deleted"), true);
  EXPECT_EQ(summary(list), "deleted ; updated spec.description; created ");
}

TEST_F(HistoryTest, names_the_kept_range_when_a_revision_is_gone) {
  const json::value made = post(assets, asset("oven"));
  for (int i = 0; i < 120; ++i)
    change("oven", fmt::format(R"({{"spec":{{"description":"{}"}}}})", i));
  const json::value status = get(of("oven", "history/" + std::to_string(revision_of(made))));
  EXPECT_EQ(code(), 404u);
  EXPECT_EQ(text_at(status, {"reason"}), "NotFound");
  const json::value list = get(of("oven", "history"));
  ASSERT_EQ(list.at("items").as_array().size(), 100u);
  const std::int64_t newest = int_at(list.at("items").as_array().front(), {"revision"}, 0);
  const std::int64_t oldest = int_at(list.at("items").as_array().back(), {"revision"}, 0);
  EXPECT_NE(text_at(status, {"message"}).find(fmt::format("there are {} to {}", oldest, newest)),
            std::string::npos)
      << text_at(status, {"message"});
  EXPECT_EQ(text_at(list.at("items").as_array().back(), {"summary"}),
            "the revision before it is not kept");
}

TEST_F(HistoryTest, refuses_what_is_no_revision_of_the_object) {
  const json::value other = post(assets, asset("mill"));
  post(assets, asset("oven"));
  get(of("oven", "history/" + std::to_string(revision_of(other))));
  EXPECT_EQ(code(), 404u) << "a revision of another object";
  get(of("oven", "history/x"));
  EXPECT_EQ(code(), 400u);
  get(of("nothing", "history"));
  EXPECT_EQ(code(), 404u);
  get(of("oven", "history/1/2"));
  EXPECT_EQ(code(), 404u);
  post(of("oven", "history"), json::object());
  EXPECT_EQ(code(), 405u);
  get(of("oven", "rollback"));
  EXPECT_EQ(code(), 405u);
  post(of("oven", "rollback"), json::object());
  EXPECT_EQ(code(), 400u);
}

TEST_F(HistoryTest, rollback_writes_the_former_wish_as_a_new_revision) {
  json::value first = asset("oven");
  first.at("metadata").as_object()["labels"] = json::object{{"line", "1"}};
  const json::value made = post(assets, first);
  change("oven", R"({"metadata":{"labels":{"line":"2"}},"spec":{"description":"hot"}})");
  patch(of("oven", "status"), R"({"status":{"runtimeState":"ok"}})");
  const json::value back = roll_back("oven", revision_of(made));
  EXPECT_EQ(code(), 200u) << json::serialize(back);
  EXPECT_EQ(back.at("spec"), made.at("spec"));
  EXPECT_EQ(text_at(back, {"metadata", "labels", "line"}), "1");
  EXPECT_EQ(text_at(back, {"status", "runtimeState"}), "ok") << "status stays what it is";
  EXPECT_EQ(text_at(back, {"metadata", "uid"}), text_at(made, {"metadata", "uid"}));
  EXPECT_EQ(int_at(back, {"metadata", "generation"}, 0), 3);
  EXPECT_GT(revision_of(back), revision_of(made));
  EXPECT_EQ(get(std::string(assets) + "/oven"), back);
  std::string owned;
  for (const json::value& entry : back.at("metadata").at("managedFields").as_array())
    if (text_at(entry, {"manager"}) == "wireway") owned = json::serialize(entry.at("fieldsV1"));
  EXPECT_EQ(owned, R"({"f:metadata":{"f:labels":{"f:line":{}}}})")
      << "who rolls back owns what that changed";
}

TEST_F(HistoryTest, rollback_can_itself_be_undone_and_twice_changes_nothing) {
  const std::int64_t first = revision_of(post(assets, asset("oven")));
  const std::int64_t second = revision_of(change("oven", R"({"spec":{"description":"hot"}})"));
  roll_back("oven", first);
  EXPECT_EQ(find(get(std::string(assets) + "/oven"), "spec", "description"), nullptr);
  const json::value again = roll_back("oven", second);
  EXPECT_EQ(text_at(again, {"spec", "description"}), "hot");
  EXPECT_EQ(revision_of(roll_back("oven", second)), revision_of(again));
}

TEST_F(HistoryTest, rollback_brings_a_deleted_object_back) {
  const json::value made = post(assets, asset("oven"));
  remove(std::string(assets) + "/oven");
  const json::value list = get(of("oven", "history"));
  const std::int64_t deletion = int_at(list.at("items").as_array().front(), {"revision"}, 0);
  roll_back("oven", deletion);
  EXPECT_EQ(code(), 422u) << "there is nothing to bring back in a deletion";
  const json::value back = roll_back("oven", revision_of(made));
  EXPECT_EQ(code(), 201u) << json::serialize(back);
  EXPECT_EQ(back.at("spec"), made.at("spec"));
  EXPECT_NE(text_at(back, {"metadata", "uid"}), text_at(made, {"metadata", "uid"}));
  EXPECT_EQ(int_at(back, {"metadata", "generation"}, 0), 1);
}

TEST_F(HistoryTest, rollback_keeps_finalizers_and_owners_as_they_are) {
  const std::int64_t first = revision_of(post(assets, asset("oven")));
  change("oven", R"({"metadata":{"finalizers":["example.com/hold"]},"spec":{"description":"x"}})");
  const json::value back = roll_back("oven", first);
  EXPECT_EQ(json::serialize(back.at("metadata").at("finalizers")), R"(["example.com/hold"])");
}

TEST_F(HistoryTest, rollback_refuses_if_the_object_is_not_the_one_that_was_seen) {
  const json::value made = post(assets, asset("oven"));
  const json::value seen = change("oven", R"({"spec":{"description":"hot"}})");
  const json::value status =
      roll_back("oven", revision_of(made),
                {{"resourceVersion", text_at(made, {"metadata", "resourceVersion"})}});
  EXPECT_EQ(code(), 409u);
  EXPECT_EQ(text_at(status, {"reason"}), "Conflict");
  roll_back("oven", revision_of(made),
            {{"resourceVersion", text_at(seen, {"metadata", "resourceVersion"})}});
  EXPECT_EQ(code(), 200u);
  const json::value again = remove(std::string(assets) + "/oven");
  roll_back("oven", revision_of(made), {{"resourceVersion", "1"}});
  EXPECT_EQ(code(), 409u) << "it has been deleted meanwhile";
}

TEST_F(HistoryTest, rollback_as_a_dry_run_changes_nothing) {
  const std::int64_t first = revision_of(post(assets, asset("oven")));
  const json::value living = change("oven", R"({"spec":{"description":"hot"}})");
  const json::value would = roll_back("oven", first, {{"dryRun", true}});
  EXPECT_EQ(code(), 200u);
  EXPECT_EQ(find(would, "spec", "description"), nullptr);
  EXPECT_EQ(get(std::string(assets) + "/oven"), living);
}

TEST_F(HistoryTest, rollback_obeys_the_schema_of_today) {
  const char* const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const auto definition = [](const std::string& type) {
    return yaml(
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition,"
        " metadata: {name: pumps.example.com}, spec: {group: example.com,"
        " names: {plural: pumps, kind: Pump}, scope: Namespaced, versions: [{name: v1,"
        " served: true, storage: true, schema: {openAPIV3Schema: {type: object,"
        " properties: {spec: {type: object, properties: {speed: {type: " +
        type + "}}}}}}}]}}");
  };
  post(crds, definition("string"));
  ASSERT_EQ(code(), 201u);
  const std::string pumps = "/apis/example.com/v1/namespaces/default/pumps";
  const json::value made = post(pumps, yaml("{apiVersion: example.com/v1, kind: Pump, metadata:"
                                            " {name: a}, spec: {speed: fast}}"));
  ASSERT_EQ(code(), 201u);
  patch(pumps + "/a", R"({"spec":null})");
  patch(std::string(crds) + "/pumps.example.com",
        json::serialize(json::object{{"spec", definition("integer").at("spec")}}));
  ASSERT_EQ(code(), 200u);
  const json::value status =
      post(pumps + "/a/rollback", json::object{{"toRevision", revision_of(made)}});
  EXPECT_EQ(code(), 422u);
  EXPECT_NE(text_at(status, {"message"}).find("spec.speed"), std::string::npos)
      << text_at(status, {"message"});
}

TEST_F(HistoryTest, works_for_core_kinds_and_for_namespaces_themselves) {
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  const json::value made = post(maps, config_map("limits"));
  patch(maps + "/limits", R"({"data":{"a":"2"}})");
  EXPECT_EQ(summary(get(maps + "/limits/history")), "updated data.a; created ");
  const json::value back =
      post(maps + "/limits/rollback", json::object{{"toRevision", revision_of(made)}});
  EXPECT_EQ(text_at(back, {"data", "a"}), "1");
  patch("/api/v1/namespaces/default", R"({"metadata":{"labels":{"plant":"a"}}})");
  EXPECT_EQ(summary(get("/api/v1/namespaces/default/history")),
            "updated metadata.labels.plant; created ");
}

TEST_F(HistoryTest, lists_a_kind_as_of_a_revision_and_all_pages_of_one_moment) {
  post(assets, asset("a"));
  const std::int64_t two = revision_of(post(assets, asset("b")));
  const json::value first = get(std::string(assets) + "?limit=1");
  remove(std::string(assets) + "/b");
  const json::value second =
      get(std::string(assets) + "?limit=1&continue=" + text_at(first, {"metadata", "continue"}));
  ASSERT_EQ(second.at("items").as_array().size(), 1u);
  EXPECT_EQ(text_at(second.at("items").at(0), {"metadata", "name"}), "b");
  const json::value then =
      get(fmt::format("{}?resourceVersionMatch=Exact&resourceVersion={}", assets, two));
  EXPECT_EQ(then.at("items").as_array().size(), 2u);
  EXPECT_EQ(int_at(then, {"metadata", "resourceVersion"}, 0), two);
  for (int i = 0; i < 110; ++i) change("a", fmt::format(R"({{"spec":{{"description":"{}"}}}})", i));
  const json::value status =
      get(fmt::format("{}?resourceVersionMatch=Exact&resourceVersion={}", assets, two));
  EXPECT_EQ(code(), 410u) << json::serialize(status);
  EXPECT_EQ(text_at(status, {"reason"}), "Expired");
}

}  // namespace
}  // namespace wireway::control
