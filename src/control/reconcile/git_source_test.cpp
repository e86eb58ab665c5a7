// Goal: the API holds what the repository says, through changes, mistakes, hands, and absence.
// Method: repositories made by git, the real API server over HTTP in the same loop, GitRepositories
//         as users write them.

#include <gtest/gtest.h>

#include "control/api/http.h"
#include "control/git/git_fixture.h"
#include "control/reconcile/folder_source.h"
#include "control/reconcile/git_sources.h"
#include "control/store/store.h"
#include "net/os/test_loop.h"
#include "resource/kube_resources.h"

namespace wireway::control {
namespace {

using resource::ObjectKey;

const std::string space(resource::default_namespace);
const ObjectKey config{space, "config"};

std::string asset(std::string_view name, std::string_view fields = "") {
  return fmt::format(
      "apiVersion: deviceregistry.microsoft.com/v1\nkind: Asset\nmetadata: {{name: {}}}\n"
      "spec: {{assetEndpointProfileRef: plc{}}}\n",
      name, fields);
}

std::string displayed(std::string_view name, std::string_view text) {
  return asset(name, fmt::format(", displayName: {}", text));
}

class GitSourceTest : public ::testing::Test {
 protected:
  GitSourceTest() {
    store = std::move(*Store::open({.path = ":memory:"}));
    api = std::move(*ApiHttp::start(env, *store));
    server = std::move(*link::HttpServer::start(
        env, {.endpoint = {"127.0.0.1", 0}},
        [this](link::HttpRequest request, std::shared_ptr<link::HttpResponder> responder) {
          if (request.method != "GET" && request.header("user-agent") == "wireway-gitops" &&
              !request.path.contains("/events"))
            ++writes;
          api->handle(std::move(request), std::move(responder));
        }));
    const std::string url = fmt::format("http://127.0.0.1:{}", server->port());
    people = resource::make_kube_resources(loop, {.url = url, .component = "people"});
    resources = resource::make_kube_resources(loop, {.url = url, .component = "gitops"});
    repository.write("a.yaml", displayed("oven", "first"));
  }
  ~GitSourceTest() override { stop(); }

  void start() {
    objects = std::make_unique<SourceObjects>(env, *resources);
    sources = std::make_unique<GitSources>(env, *resources, *objects, data.path.string());
    sources->start();
  }
  void stop() {
    sources.reset();
    objects.reset();
  }
  bool until(std::move_only_function<bool()> condition) {
    return net::turn_until(loop, std::move(condition));
  }
  template <class Call>
  Result<json::value> wait(Call call) {
    std::optional<Result<json::value>> answer;
    call([&](Result<json::value> result) { answer = std::move(result); });
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return answer ? *answer : Result<json::value>(fail(Errc::timed_out, "no answer"));
  }
  json::value get(const resource::Kind& kind, const ObjectKey& key) {
    auto found = wait([&](auto done) { people->get(kind, key, done); });
    return found ? *found : json::value(nullptr);
  }
  json::value oven() { return get(resource::asset, {space, "oven"}); }
  std::string display(const std::string& name = "oven") {
    return text_at(get(resource::asset, {space, name}), {"spec", "displayName"});
  }
  void edit(const resource::Kind& kind, const ObjectKey& key, const json::object& changes) {
    const auto done = wait([&](auto then) { people->patch(kind, key, changes, then); });
    EXPECT_TRUE(done) << done.error().message;
  }
  void edit_display(const std::string& text) {
    edit(resource::asset, {space, "oven"}, {{"spec", json::object{{"displayName", text}}}});
  }
  /// A GitRepository of the test's repository.
  void make(json::object spec = {}, const std::string& name = "config") {
    if (!spec.contains("url")) spec["url"] = repository.url();
    const json::value object{{"apiVersion", "wireway.io/v1"},
                             {"kind", "GitRepository"},
                             {"metadata", {{"name", name}, {"namespace", space}}},
                             {"spec", std::move(spec)}};
    const auto done = wait([&](auto then) { people->apply(object, {.manager = "people"}, then); });
    ASSERT_TRUE(done) << done.error().message;
  }
  void pull_now(const std::string& name = "config") {
    edit(resource::git_repository, {space, name},
         {{"metadata", json::object{{"annotations", json::object{{git_request_annotation,
                                                                  std::to_string(++asked)}}}}}});
  }
  json::value status(const std::string& name = "config") {
    const json::value object = get(resource::git_repository, {space, name});
    const json::value* found = find(object, "status");
    return found == nullptr ? json::value(json::object{}) : *found;
  }
  /// "True Applied: message" of a condition.
  std::string condition(const std::string& type, const std::string& name = "config") {
    const json::value now = status(name);
    if (const json::value* all = find(now, "conditions"))
      for (const json::value& each : all->as_array())
        if (text_at(each, {"type"}) == type)
          return fmt::format("{} {}: {}", text_at(each, {"status"}), text_at(each, {"reason"}),
                             text_at(each, {"message"}));
    return "";
  }
  bool until_in_force(const std::string& commit, const std::string& name = "config") {
    const bool done = until([&] {
      return text_at(status(name), {"appliedCommit"}) == commit &&
             condition("Ready", name).starts_with("True");
    });
    EXPECT_TRUE(done) << condition("Ready", name);
    return done;
  }
  bool until_degraded(const std::string& reason, const std::string& name = "config") {
    const bool done =
        until([&] { return condition("Degraded", name).starts_with("True " + reason); });
    EXPECT_TRUE(done) << condition("Degraded", name);
    return done;
  }

  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  std::unique_ptr<Store> store;
  std::unique_ptr<ApiHttp> api;
  std::unique_ptr<link::HttpServer> server;
  std::unique_ptr<resource::Resources> people;
  std::unique_ptr<resource::Resources> resources;
  TestFolder data;
  TestFolder folder;
  TestRepository repository{folder.path / "config"};
  std::unique_ptr<SourceObjects> objects;
  std::unique_ptr<GitSources> sources;
  int asked = 0;
  int writes = 0;
};

TEST_F(GitSourceTest, applies_marks_follows_and_prunes) {
  repository.write("line/b.yaml", asset("press"));
  const std::string first = repository.commit();
  start();
  make();
  ASSERT_TRUE(until_in_force(first));
  const json::value object = oven();
  EXPECT_EQ(text_at(object, {"metadata", "annotations", source_annotation}),
            "git:azure-iot-operations/config:a.yaml");
  EXPECT_EQ(text_at(object.at("metadata").at("managedFields").at(0), {"manager"}), "git:config");
  EXPECT_EQ(condition("Ready").substr(0, 21), "True Applied: commit ");
  EXPECT_TRUE(condition("Ready").ends_with(" is in force: 2 objects"));
  EXPECT_EQ(condition("Degraded"), "False AsWished: ");
  EXPECT_EQ(condition("Reconciling"), "False Settled: ");
  const json::value now = status();
  EXPECT_EQ(int_at(now, {"inventory", "count"}, 0), 2);
  EXPECT_EQ(now.at("inventory").at("entries").at(1),
            (json::value{{"apiVersion", "deviceregistry.microsoft.com/v1"},
                         {"kind", "Asset"},
                         {"name", "press"},
                         {"namespace", space},
                         {"file", "line/b.yaml"}}));

  repository.write("a.yaml", displayed("oven", "second"));
  repository.remove("line");
  const std::string second = repository.commit();
  pull_now();
  ASSERT_TRUE(until_in_force(second));
  EXPECT_EQ(display(), "second");
  EXPECT_TRUE(get(resource::asset, {space, "press"}).is_null());
}

TEST_F(GitSourceTest, a_commit_with_a_mistake_changes_nothing_at_all) {
  const std::string good = repository.commit();
  start();
  make();
  ASSERT_TRUE(until_in_force(good));
  repository.write("a.yaml", displayed("oven", "second"));
  repository.write("b.yaml", "# press\n" + asset("press", ", colour: green"));
  const std::string bad = repository.commit();
  pull_now();
  ASSERT_TRUE(until_degraded("InvalidManifests"));
  EXPECT_NE(condition("Ready").find("b.yaml:2: Asset \"press\": unknown field \"spec.colour\""),
            std::string::npos)
      << condition("Ready");
  EXPECT_TRUE(condition("Ready").ends_with("commit " + good.substr(0, 10) + " stays in force"));
  const json::value now = status();
  EXPECT_EQ(text_at(now, {"lastAttemptedCommit"}), bad);
  EXPECT_EQ(text_at(now, {"appliedCommit"}), good);
  EXPECT_EQ(text_at(now.at("errors").at(0), {"file"}), "b.yaml:2");
  EXPECT_EQ(display(), "first");
  const json::value object = get(resource::git_repository, config);
  EXPECT_EQ(text_at(*resource::condition_of(object, "Degraded"), {"recommendedAction"}),
            "Mend the files in status.errors and commit, or take it back with git revert.");

  for (const char* broken : {"kind: Asset\n  spec: [\n", "apiVersion: v1\n"}) {
    repository.write("b.yaml", broken);
    repository.commit();
    pull_now();
    ASSERT_TRUE(until([&] {
      return text_at(status(), {"lastAttemptedCommit"}) == repository.git("rev-parse HEAD");
    }));
    ASSERT_TRUE(until_degraded("InvalidManifests"));
    EXPECT_EQ(display(), "first");
  }
  repository.git("revert --no-edit HEAD HEAD~1 HEAD~2");
  pull_now();
  ASSERT_TRUE(until_in_force(repository.git("rev-parse HEAD")));
  EXPECT_TRUE(status().at("errors").as_array().empty());
}

TEST_F(GitSourceTest, a_path_or_a_repository_that_is_gone_takes_nothing_away) {
  const std::string good = repository.commit();
  start();
  make({{"interval", "5s"}});
  ASSERT_TRUE(until_in_force(good));
  repository.remove("a.yaml");
  repository.write("README.md", "nothing");
  repository.commit();
  pull_now();
  ASSERT_TRUE(until_degraded("ManifestsMissing"));
  EXPECT_NE(condition("Ready").find("and 1 objects would be removed"), std::string::npos);
  EXPECT_EQ(display(), "first");
  const std::filesystem::path away = folder.path / "away";
  std::filesystem::rename(repository.path, away);
  pull_now();
  ASSERT_TRUE(until_degraded("FetchFailed"));
  EXPECT_EQ(display(), "first");
  std::filesystem::rename(away, repository.path);
  repository.git("revert --no-edit HEAD");
  ASSERT_TRUE(until_in_force(repository.git("rev-parse HEAD"))) << "by itself, at the interval";
}

TEST_F(GitSourceTest, puts_back_what_hands_have_changed) {
  const std::string commit = repository.commit();
  start();
  make();
  ASSERT_TRUE(until_in_force(commit));
  edit_display("by hand");
  ASSERT_TRUE(until([&] { return display() == "first"; }));
  ASSERT_TRUE(until([&] { return find(status(), "lastDrift") != nullptr; }));
  EXPECT_EQ(status().at("lastDrift").at("paths"), json::value({"spec.displayName"}));
  EXPECT_EQ(text_at(status(), {"lastDrift", "object"}), "Asset \"oven\"");

  const auto removed =
      wait([&](auto done) { people->remove(resource::asset, {space, "oven"}, done); });
  ASSERT_TRUE(removed);
  ASSERT_TRUE(until([&] { return display() == "first"; }));

  // What the repository does not set is anybody's, and status is nobody's business.
  edit(resource::asset, {space, "oven"}, {{"spec", json::object{{"description", "hot"}}}});
  edit_display("by hand again");
  ASSERT_TRUE(until([&] { return display() == "first"; }));
  EXPECT_EQ(text_at(oven(), {"spec", "description"}), "hot");
  ASSERT_TRUE(until([&] { return condition("Ready").starts_with("True"); }));
  const int before = writes;
  people->patch_status(resource::asset, {space, "oven"}, {{"version", 3}});
  ASSERT_TRUE(until([&] { return int_at(oven(), {"status", "version"}, 0) == 3; }));
  ASSERT_TRUE(until([&, turns = 0]() mutable { return ++turns > 30; }));
  EXPECT_EQ(writes, before);
}

TEST_F(GitSourceTest, only_lists_drift_where_it_shall) {
  const std::string commit = repository.commit();
  start();
  make({{"drift", "Report"}});
  ASSERT_TRUE(until_in_force(commit));
  edit_display("by hand");
  ASSERT_TRUE(until([&] { return !status().at("drift").as_array().empty(); }));
  EXPECT_EQ(status().at("drift").at(0), (json::value{{"kind", "Asset"},
                                                     {"name", "oven"},
                                                     {"namespace", space},
                                                     {"paths", json::array{"spec.displayName"}}}));
  EXPECT_EQ(display(), "by hand");
  EXPECT_TRUE(condition("Ready").ends_with("1 differ by hand (status.drift)"));
  edit_display("first");
  ASSERT_TRUE(until([&] { return status().at("drift").as_array().empty(); }));
  edit_display("by hand");
  ASSERT_TRUE(until([&] { return !status().at("drift").as_array().empty(); }));
  // Also after a restart, and until the repository itself says something new.
  stop();
  start();
  ASSERT_TRUE(until([&] { return !status().at("drift").as_array().empty(); }));
  EXPECT_EQ(display(), "by hand");
  repository.write("a.yaml", displayed("oven", "second"));
  const std::string second = repository.commit();
  pull_now();
  ASSERT_TRUE(until_in_force(second));
  EXPECT_EQ(display(), "second");
  ASSERT_TRUE(until([&] { return status().at("drift").as_array().empty(); }));
  make({{"drift", "Correct"}});
  edit_display("by hand");
  ASSERT_TRUE(until([&] { return display() == "second"; }));
}

TEST_F(GitSourceTest, a_field_that_another_has_applied_is_a_conflict_and_stays) {
  const json::value theirs = {
      {"apiVersion", "deviceregistry.microsoft.com/v1"},
      {"kind", "Asset"},
      {"metadata", {{"name", "oven"}, {"namespace", space}}},
      {"spec", {{"assetEndpointProfileRef", "plc"}, {"displayName", "theirs"}}}};
  ASSERT_TRUE(wait([&](auto done) { people->apply(theirs, {.manager = "mes"}, done); }));
  const std::string commit = repository.commit();
  start();
  make();
  ASSERT_TRUE(until_degraded("ApplyFailed"));
  EXPECT_NE(condition("Ready").find("a.yaml:1: Asset \"oven\": spec.displayName is set by \"mes\" "
                                    "with another value; take the field out of one of them"),
            std::string::npos)
      << condition("Ready");
  EXPECT_EQ(display(), "theirs");
  // They give the field up.
  json::value less = theirs;
  less.at("spec").as_object().erase("displayName");
  ASSERT_TRUE(wait([&](auto done) { people->apply(less, {.manager = "mes"}, done); }));
  ASSERT_TRUE(until_in_force(commit));
  EXPECT_EQ(display(), "first");
}

TEST_F(GitSourceTest, two_sources_never_share_an_object) {
  const std::string commit = repository.commit();
  TestRepository other(folder.path / "other");
  other.write("b.yaml", displayed("oven", "other"));
  const std::string theirs = other.commit();
  start();
  make();
  ASSERT_TRUE(until_in_force(commit));
  make({{"url", other.url()}}, "other");
  ASSERT_TRUE(until_degraded("ApplyFailed", "other"));
  EXPECT_NE(condition("Ready", "other")
                .find("b.yaml:1: Asset \"oven\": belongs to git:azure-iot-operations/config "
                      "(a.yaml); remove it there or here"),
            std::string::npos)
      << condition("Ready", "other");
  EXPECT_EQ(display(), "first");
  // A folder is refused as well.
  TestFolder manifests;
  std::ofstream(manifests.path / "c.yaml") << displayed("oven", "folder");
  FolderSource source(env, *resources, *objects, manifests.path.string());
  source.start();
  ASSERT_TRUE(until([&, turns = 0]() mutable { return ++turns > 30; }));
  EXPECT_EQ(display(), "first");
  // The first lets go: one of the others has it.
  std::filesystem::remove(manifests.path / "c.yaml");
  repository.remove("a.yaml");
  repository.write("z.yaml", asset("press"));
  repository.commit();
  pull_now();
  ASSERT_TRUE(until_in_force(theirs, "other"));
  EXPECT_EQ(display(), "other");
}

TEST_F(GitSourceTest, its_deletion_takes_its_objects_along) {
  const std::string commit = repository.commit();
  start();
  make();
  ASSERT_TRUE(until_in_force(commit));
  ASSERT_TRUE(std::filesystem::exists(data.path / "git" / space / "config"));
  ASSERT_TRUE(wait([&](auto done) { people->remove(resource::git_repository, config, done); }));
  ASSERT_TRUE(until([&] { return get(resource::git_repository, config).is_null(); }));
  EXPECT_TRUE(oven().is_null());
  EXPECT_FALSE(std::filesystem::exists(data.path / "git" / space / "config"));
}

TEST_F(GitSourceTest, its_deletion_without_prune_releases_them) {
  const std::string commit = repository.commit();
  start();
  make({{"prune", false}});
  ASSERT_TRUE(until_in_force(commit));
  ASSERT_TRUE(wait([&](auto done) { people->remove(resource::git_repository, config, done); }));
  ASSERT_TRUE(until([&] { return get(resource::git_repository, config).is_null(); }));
  EXPECT_EQ(display(), "first");
  EXPECT_EQ(text_at(oven(), {"metadata", "annotations", source_annotation}), "");
}

TEST_F(GitSourceTest, goes_on_after_a_restart_also_while_the_repository_is_away) {
  const std::string commit = repository.commit();
  start();
  make();
  ASSERT_TRUE(until_in_force(commit));
  stop();
  edit_display("by hand");
  std::filesystem::rename(repository.path, folder.path / "away");
  start();
  ASSERT_TRUE(until([&] { return display() == "first"; }));
  ASSERT_TRUE(until_degraded("FetchFailed"));
  EXPECT_TRUE(condition("Ready").ends_with("commit " + commit.substr(0, 10) + " stays in force"));
  // Not even without its mirror does it take anything away.
  stop();
  std::filesystem::remove_all(data.path / "git");
  start();
  pull_now();
  ASSERT_TRUE(until([&, turns = 0]() mutable { return ++turns > 50; }));
  EXPECT_EQ(display(), "first");
  std::filesystem::rename(folder.path / "away", repository.path);
  pull_now();
  ASSERT_TRUE(until_in_force(commit));
}

TEST_F(GitSourceTest, a_copy_of_a_marked_object_belongs_to_nobody) {
  const std::string commit = repository.commit();
  start();
  make();
  ASSERT_TRUE(until_in_force(commit));
  json::value copy = {
      {"apiVersion", "deviceregistry.microsoft.com/v1"},
      {"kind", "Asset"},
      {"metadata",
       {{"name", "copy"},
        {"namespace", space},
        {"annotations", {{source_annotation, "git:azure-iot-operations/config:a.yaml"}}}}},
      {"spec", {{"assetEndpointProfileRef", "plc"}}}};
  ASSERT_TRUE(wait([&](auto done) { people->create(copy, done); }));
  repository.write("a.yaml", displayed("oven", "second"));
  const std::string second = repository.commit();
  pull_now();
  ASSERT_TRUE(until_in_force(second));
  EXPECT_FALSE(get(resource::asset, {space, "copy"}).is_null());
}

TEST_F(GitSourceTest, logs_in_over_http_with_its_secret) {
  const std::string commit = repository.commit();
  TestForge forge(env, folder.path);
  forge.authorization = "Basic cGxhbnQ6c2VjcmV0";
  start();
  make({{"url", forge.url("config")}, {"secretRef", json::object{{"name", "login"}}}});
  ASSERT_TRUE(until_degraded("SecretMissing"));
  const auto login = [&](const std::string& password) {
    const json::value secret{{"apiVersion", "v1"},
                             {"kind", "Secret"},
                             {"metadata", {{"name", "login"}, {"namespace", space}}},
                             {"stringData", {{"username", "plant"}, {"password", password}}}};
    ASSERT_TRUE(wait([&](auto done) { people->apply(secret, {.manager = "people"}, done); }));
  };
  login("wrong");
  pull_now();
  ASSERT_TRUE(until_degraded("AuthenticationFailed"));
  login("secret");
  pull_now();
  ASSERT_TRUE(until_in_force(commit));
}

TEST_F(GitSourceTest, says_what_is_wrong_with_its_spec_and_rests_when_suspended) {
  const std::string commit = repository.commit();
  start();
  make({{"interval", "1s"}});
  ASSERT_TRUE(until_degraded("InvalidSpec: spec.interval must be at least 5s"));
  make({{"url", "https://plant:secret@example.com/x.git"}});
  ASSERT_TRUE(until_degraded("InvalidSpec: spec.url holds a password"));
  make({{"url", "ftp://example.com/x.git"}});
  ASSERT_TRUE(until_degraded("InvalidSpec: spec.url \"ftp://example.com/x.git\" is not served"));
  make();
  ASSERT_TRUE(until_in_force(commit));
  make({{"suspend", true}});
  ASSERT_TRUE(until([&] { return condition("Ready").starts_with("True Suspended"); }));
  edit_display("by hand");
  ASSERT_TRUE(until([&, turns = 0]() mutable { return ++turns > 30; }));
  EXPECT_EQ(display(), "by hand");
  make({{"suspend", false}});
  ASSERT_TRUE(until([&] { return display() == "first"; }));
}

TEST_F(GitSourceTest, brings_namespaces_and_kinds_before_what_needs_them) {
  repository.write("0.yaml",
                   "apiVersion: example.com/v1\nkind: Recipe\n"
                   "metadata: {name: bread, namespace: bakery}\nspec: {heat: 200}\n");
  repository.write("1.yaml", R"(apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: recipes.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Recipe, plural: recipes, singular: recipe, listKind: RecipeList}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, properties: {heat: {type: integer}}}}
)");
  repository.write("2.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: bakery}\n");
  const std::string commit = repository.commit();
  start();
  make();
  ASSERT_TRUE(until_in_force(commit));
  const resource::Kind recipe{"example.com", "v1", "Recipe", "recipes"};
  EXPECT_EQ(int_at(get(recipe, {"bakery", "bread"}), {"spec", "heat"}, 0), 200);
  repository.remove("0.yaml");
  const std::string second = repository.commit();
  pull_now();
  ASSERT_TRUE(until_in_force(second));
  EXPECT_TRUE(get(recipe, {"bakery", "bread"}).is_null());
}

TEST_F(GitSourceTest, a_kind_may_come_later_and_go_again) {
  const std::string recipe =
      "apiVersion: example.com/v1\nkind: Recipe\nmetadata: {name: bread}\nspec: {heat: 200}\n";
  repository.write("0.yaml", recipe);
  repository.commit();
  start();
  make();
  ASSERT_TRUE(until_degraded("ApplyFailed"));
  EXPECT_NE(condition("Ready").find("there is no kind Recipe in example.com/v1"), std::string::npos)
      << condition("Ready");
  EXPECT_EQ(display(), "first") << "the others are applied";
  const json::value definition = {
      {"apiVersion", "apiextensions.k8s.io/v1"},
      {"kind", "CustomResourceDefinition"},
      {"metadata", {{"name", "recipes.example.com"}}},
      {"spec",
       {{"group", "example.com"},
        {"scope", "Namespaced"},
        {"names",
         {{"kind", "Recipe"},
          {"plural", "recipes"},
          {"listKind", "RecipeList"},
          {"singular", "recipe"}}},
        {"versions",
         json::array{json::object{
             {"name", "v1"},
             {"served", true},
             {"storage", true},
             {"schema",
              {{"openAPIV3Schema",
                {{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}}}}}}}}}}};
  ASSERT_TRUE(wait([&](auto done) { people->apply(definition, {.manager = "people"}, done); }));
  ASSERT_TRUE(until([&] {
    return condition("Ready").contains(
        "Recipe \"bread\": names no namespace; write "
        "metadata.namespace");
  })) << condition("Ready");
  repository.write("0.yaml",
                   "apiVersion: example.com/v1\nkind: Recipe\nmetadata: {name: bread, "
                   "namespace: azure-iot-operations}\nspec: {heat: 210}\n");
  const std::string commit = repository.commit();
  pull_now();
  ASSERT_TRUE(until_in_force(commit));
  ASSERT_TRUE(wait([&](auto done) {
    people->remove(resource::custom_resource_definition, {"", "recipes.example.com"}, done);
  }));
  ASSERT_TRUE(until_degraded("ApplyFailed"));
  EXPECT_EQ(display(), "first");
}

TEST_F(GitSourceTest, the_namespace_of_the_system_is_closed_to_it) {
  repository.write("a.yaml",
                   "apiVersion: v1\nkind: Secret\nmetadata: {name: root, namespace: "
                   "wireway-system}\ntype: wireway.io/user\n");
  repository.commit();
  start();
  make();
  ASSERT_TRUE(until_degraded("ApplyFailed"));
  EXPECT_NE(condition("Ready").find("namespace wireway-system is not for objects of a repository"),
            std::string::npos);
}

TEST(GitSpec, intervals_are_hours_minutes_and_seconds) {
  EXPECT_EQ(parse_interval("30s"), std::chrono::seconds{30});
  EXPECT_EQ(parse_interval("1h30m5s"), std::chrono::seconds{5405});
  for (const char* wrong : {"", "5", "5 s", "-5s", "1m1h", "s", "9999999h"})
    EXPECT_EQ(parse_interval(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace wireway::control
