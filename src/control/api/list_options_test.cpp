// Goal: a list is of the moment that was asked for, says how much is behind the page, and refuses
// what contradicts itself, in the words of the real server.

#include "control/api/list_options.h"

#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

class ListOptionsTest : public ApiTest {
 protected:
  ListOptionsTest() {
    for (const char* name : {"a", "b", "c", "d", "e"}) post(assets, asset(name));
    five_ = store_->revision();
    remove(std::string(assets) + "/b");
  }
  json::value list(const std::string& query) { return get(std::string(assets) + "?" + query); }
  std::size_t count(const std::string& query) {
    const json::value listed = list(query);
    const json::value* items = find(listed, "items");
    EXPECT_NE(items, nullptr) << json::serialize(listed);
    return items == nullptr ? 0 : items->as_array().size();
  }
  std::string refusal(const std::string& query, unsigned wanted) {
    const json::value status = list(query);
    EXPECT_EQ(code(), wanted) << query;
    return text_at(status, {"message"});
  }

  std::int64_t five_ = 0;  ///< the revision with five assets
};

TEST_F(ListOptionsTest, a_page_says_how_many_are_behind_it) {
  json::value page = list("limit=1");
  EXPECT_EQ(page.at("metadata").at("remainingItemCount"), 3);
  page = list("limit=2&continue=" + text_at(page, {"metadata", "continue"}));
  EXPECT_EQ(page.at("metadata").at("remainingItemCount"), 1);
  const std::string more = text_at(page, {"metadata", "continue"});
  post(assets, asset("z"));  // pages are of one moment, and so is their count
  page = list("limit=2&continue=" + more);
  EXPECT_EQ(find(page, "metadata", "remainingItemCount"), nullptr);
  EXPECT_EQ(text_at(page, {"metadata", "continue"}), "");
  EXPECT_EQ(page.at("items").as_array().size(), 1u);
}

TEST_F(ListOptionsTest, what_is_behind_a_selection_is_not_known) {
  const json::value page = list("limit=1&fieldSelector=metadata.name!=a");
  EXPECT_NE(text_at(page, {"metadata", "continue"}), "");
  EXPECT_EQ(find(page, "metadata", "remainingItemCount"), nullptr);
}

TEST_F(ListOptionsTest, of_which_moment_a_list_is) {
  const std::string five = std::to_string(five_);
  EXPECT_EQ(count("resourceVersion=0"), 4u);
  EXPECT_EQ(count("resourceVersion=" + five), 4u);
  EXPECT_EQ(count("resourceVersion=0&resourceVersionMatch=NotOlderThan"), 4u);
  EXPECT_EQ(count("resourceVersion=" + five + "&resourceVersionMatch=NotOlderThan"), 4u);
  EXPECT_EQ(count("limit=9&resourceVersion=" + five + "&resourceVersionMatch=NotOlderThan"), 4u);
  EXPECT_EQ(count("resourceVersion=" + five + "&resourceVersionMatch=Exact"), 5u);
  EXPECT_EQ(count("limit=9&resourceVersion=" + five), 5u);
  EXPECT_EQ(count("limit=9&resourceVersion=0"), 4u);
}

TEST_F(ListOptionsTest, contradictions_are_refused) {
  const std::string about = "ListOptions.meta.k8s.io \"\" is invalid: ";
  EXPECT_EQ(refusal("resourceVersionMatch=Exact", 422),
            about +
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
                "resourceVersion is provided");
  EXPECT_EQ(refusal("resourceVersionMatch=Exact&resourceVersion=0", 422),
            about +
                "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden "
                "for resourceVersion \"0\"");
  EXPECT_EQ(refusal("resourceVersionMatch=Newest&resourceVersion=3", 422),
            about +
                "resourceVersionMatch: Unsupported value: \"Newest\": supported values: "
                "\"Exact\", \"NotOlderThan\"");
  const std::string more = text_at(list("limit=1"), {"metadata", "continue"});
  EXPECT_EQ(refusal("resourceVersionMatch=Exact&resourceVersion=3&continue=" + more, 422),
            about +
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when "
                "continue is provided");
  EXPECT_EQ(refusal("resourceVersion=3&continue=" + more, 400),
            "specifying resource version is not allowed when using continue");
  EXPECT_EQ(refusal("sendInitialEvents=true", 422),
            about + "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list");
  EXPECT_EQ(refusal("watch=1&sendInitialEvents=true", 422),
            about +
                "resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
                "resourceVersionMatch to NotOlderThan");
  EXPECT_EQ(refusal("watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=3", 422),
            about +
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch "
                "unless sendInitialEvents is provided");
  for (const char* bad : {"x", "-1", "99999999999999999999"})
    refusal(std::string("resourceVersion=") + bad, 400);
}

TEST_F(ListOptionsTest, a_revision_to_come_makes_clients_list_again) {
  for (const char* query : {"resourceVersion=1000", "resourceVersion=1000&limit=2",
                            "resourceVersion=1000&resourceVersionMatch=NotOlderThan",
                            "resourceVersion=1000&resourceVersionMatch=Exact"}) {
    const json::value status = list(query);
    EXPECT_EQ(code(), 504u) << query;
    EXPECT_EQ(text_at(status, {"message"}),
              fmt::format("Timeout: Too large resource version: 1000, current: {}", five_ + 1));
    EXPECT_EQ(text_at(status.at("details").at("causes").at(0), {"reason"}),
              "ResourceVersionTooLarge");
  }
  get(std::string(assets) + "/a?resourceVersion=1000");
  EXPECT_EQ(code(), 504u);
  get(std::string(assets) + "/a?resourceVersion=0");
  EXPECT_EQ(code(), 200u);
}

TEST_F(ListOptionsTest, tokens_are_checked) {
  for (const char* bad : {"v1:", "v1:0:1:a/b", "v1:3:1:a", "v1:x:1:a/b", "v1:3:y:a/b", "v1:3:a/b",
                          "v2:3:1:a/b", "v1:-3:1:a/b"})
    EXPECT_FALSE(read_token(bad)) << bad;
  const auto good = read_token(to_text({.revision = 7, .remaining = 3, .space = "s", .name = "n"}));
  ASSERT_TRUE(good);
  EXPECT_EQ(good->revision, 7);
  EXPECT_EQ(good->remaining, 3);
  EXPECT_EQ(good->space + "/" + good->name, "s/n");
}

}  // namespace
}  // namespace wireway::control
