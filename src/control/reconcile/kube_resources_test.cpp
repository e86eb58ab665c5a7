// Goal: KubeResources against the real API server over HTTP: it lists, watches, survives the
// server's end and a history that is gone, writes status and Events, applies.
// Method: store in memory, ApiHttp on a real HTTP server in the same loop.

#include "resource/kube_resources.h"

#include <gtest/gtest.h>

#include "control/api/http.h"
#include "control/store/store.h"
#include "link/http_server.h"
#include "net/os/test_loop.h"

namespace wireway::control {
namespace {

using resource::ObjectKey;

class Seen final : public resource::WatchHandler {
 public:
  void on_put(const json::value& object) override {
    ++puts;
    objects[resource::key_of(object).name] = object;
  }
  void on_erase(const ObjectKey& key) override { objects.erase(key.name); }
  void on_synced() override { ++synced; }
  std::map<std::string, json::value> objects;
  int puts = 0;
  int synced = 0;
};

const ObjectKey one{std::string(resource::default_namespace), "one"};

json::value asset_named(std::string_view name, std::string_view display) {
  return {{"apiVersion", "deviceregistry.microsoft.com/v1"},
          {"kind", "Asset"},
          {"metadata", {{"name", name}, {"namespace", resource::default_namespace}}},
          {"spec", {{"assetEndpointProfileRef", "plc"}, {"displayName", display}}}};
}

class KubeResourcesTest : public ::testing::Test {
 protected:
  KubeResourcesTest() {
    open_store();
    serve(0);
    resources = resource::make_kube_resources(
        loop, {.url = fmt::format("http://127.0.0.1:{}", port), .component = "test"});
  }
  void open_store() {
    auto opened = Store::open({.path = ":memory:"});
    EXPECT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
  }
  void serve(std::uint16_t at) {
    auto started = ApiHttp::start(env, *store);
    ASSERT_TRUE(started) << started.error().message;
    api = std::move(*started);
    auto listening = link::HttpServer::start(
        env, {.endpoint = {"127.0.0.1", at}},
        [this](link::HttpRequest request, std::shared_ptr<link::HttpResponder> responder) {
          if (request.method == "GET" && !request.query_value("watch").empty()) ++watches;
          api->handle(std::move(request), std::move(responder));
        });
    ASSERT_TRUE(listening) << listening.error().message;
    server = std::move(*listening);
    port = server->port();
  }
  void stop_serving() {
    server.reset();
    api.reset();
  }
  bool until(std::move_only_function<bool()> condition) {
    return net::turn_until(loop, std::move(condition));
  }
  /// Waits for the answer of one call.
  template <class Call>
  Result<json::value> wait(Call call) {
    std::optional<Result<json::value>> answer;
    call([&](Result<json::value> result) { answer = std::move(result); });
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return answer ? *answer : Result<json::value>(fail(Errc::timed_out, "no answer"));
  }
  Result<json::value> apply(const json::value& object) {
    return wait([&](auto done) { resources->apply(object, {.manager = "test"}, done); });
  }
  Result<json::value> get(const resource::Kind& kind, const ObjectKey& key) {
    return wait([&](auto done) { resources->get(kind, key, done); });
  }
  std::string display(const std::string& name) {
    const auto found = seen.objects.find(name);
    return found == seen.objects.end() ? "" : text_at(found->second, {"spec", "displayName"});
  }

  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  std::unique_ptr<Store> store;
  std::unique_ptr<ApiHttp> api;
  std::unique_ptr<link::HttpServer> server;
  std::uint16_t port = 0;
  int watches = 0;
  std::unique_ptr<resource::Resources> resources;
  Seen seen;
};

TEST_F(KubeResourcesTest, lists_and_then_follows_changes) {
  ASSERT_TRUE(apply(asset_named("one", "first")));
  const auto watch = resources->watch(resource::asset, one.space, seen);
  ASSERT_TRUE(until([&] { return seen.synced == 1; }));
  EXPECT_EQ(display("one"), "first");
  EXPECT_EQ(text_at(seen.objects["one"], {"kind"}), "Asset") << "items of a list say what they are";
  ASSERT_TRUE(apply(asset_named("one", "second")));
  ASSERT_TRUE(apply(asset_named("two", "new")));
  ASSERT_TRUE(until([&] { return display("one") == "second" && display("two") == "new"; }));
  ASSERT_TRUE(wait([&](auto done) { resources->remove(resource::asset, one, done); }));
  ASSERT_TRUE(until([&] { return !seen.objects.contains("one"); }));
}

TEST_F(KubeResourcesTest, shows_what_was_kept_in_an_older_spelling_in_the_current_one) {
  // As a real API server keeps it: past the admission of ours.
  json::object kept{{"apiVersion", "deviceregistry.microsoft.com/v1"}, {"kind", "Asset"}};
  kept["metadata"] = json::object{{"name", "one"}, {"namespace", one.space}};
  kept["spec"] = json::object{{"assetEndpointProfileUri", "plc"}};
  Write write;
  write.key = {"assets.deviceregistry.microsoft.com", one.space, one.name};
  write.change = Change::created;
  ASSERT_TRUE(store->put(std::move(write), kept));
  ASSERT_TRUE(store->commit());
  const auto watch = resources->watch(resource::asset, one.space, seen);
  ASSERT_TRUE(until([&] { return seen.synced == 1; }));
  const json::value spec{{"assetEndpointProfileRef", "plc"}};
  EXPECT_EQ(seen.objects["one"].at("spec"), spec);
  const auto got = get(resource::asset, one);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->at("spec"), spec);
}

TEST_F(KubeResourcesTest, takes_the_stream_up_again_where_the_server_left) {
  ASSERT_TRUE(apply(asset_named("one", "first")));
  const auto watch = resources->watch(resource::asset, one.space, seen);
  ASSERT_TRUE(until([&] { return seen.synced == 1 && watches == 1; }));
  const std::uint16_t at = port;
  stop_serving();
  serve(at);
  ASSERT_TRUE(apply(asset_named("one", "second")));
  ASSERT_TRUE(until([&] { return display("one") == "second"; }));
  EXPECT_EQ(seen.synced, 1);
}

TEST_F(KubeResourcesTest, lists_anew_when_the_server_has_another_history) {
  ASSERT_TRUE(apply(asset_named("one", "first")));
  ASSERT_TRUE(apply(asset_named("gone", "x")));
  const auto watch = resources->watch(resource::asset, one.space, seen);
  ASSERT_TRUE(until([&] { return seen.synced == 1 && watches == 1; }));
  const std::uint16_t at = port;
  stop_serving();
  store.reset();
  open_store();
  serve(at);
  ASSERT_TRUE(apply(asset_named("one", "other")));
  ASSERT_TRUE(until([&] { return display("one") == "other" && !seen.objects.contains("gone"); }));
  EXPECT_EQ(seen.synced, 1);
}

TEST_F(KubeResourcesTest, a_watch_may_end_within_its_own_callbacks) {
  struct Ending final : resource::WatchHandler {
    void on_put(const json::value&) override { watch.reset(); }
    void on_erase(const ObjectKey&) override {}
    void on_synced() override { ++synced; }
    std::unique_ptr<resource::Watch> watch;
    int synced = 0;
  };
  ASSERT_TRUE(apply(asset_named("one", "first")));
  Ending ending;
  ending.watch = resources->watch(resource::asset, one.space, ending);
  ASSERT_TRUE(until([&] { return !ending.watch; }));
  EXPECT_EQ(ending.synced, 0);
}

TEST_F(KubeResourcesTest, gathers_status_writes_and_the_last_one_wins) {
  ASSERT_TRUE(apply(asset_named("one", "first")));
  for (int i = 0; i < 50; ++i) resources->patch_status(resource::asset, one, {{"count", i}});
  resources->patch_status(resource::asset, one, {{"other", true}});
  const auto watch = resources->watch(resource::asset, one.space, seen);
  ASSERT_TRUE(until([&] {
    return seen.objects.contains("one") &&
           int_at(seen.objects["one"], {"status", "count"}, 0) == 49 &&
           bool_at(seen.objects["one"], {"status", "other"}, false);
  }));
}

TEST_F(KubeResourcesTest, writes_the_status_once_the_server_is_back) {
  ASSERT_TRUE(apply(asset_named("one", "first")));
  const std::uint16_t at = port;
  stop_serving();
  resources->patch_status(resource::asset, one, {{"count", 7}});
  ASSERT_TRUE(until([&, turns = 0]() mutable { return ++turns > 50; }));
  serve(at);
  const auto watch = resources->watch(resource::asset, one.space, seen);
  ASSERT_TRUE(until([&] { return int_at(seen.objects["one"], {"status", "count"}, 0) == 7; }));
}

TEST_F(KubeResourcesTest, counts_repeated_events_and_ties_them_to_their_object) {
  const auto applied = apply(asset_named("one", "first"));
  ASSERT_TRUE(applied);
  Seen events;
  const auto watch = resources->watch(resource::event, one.space, events);
  const resource::EventRecord record{.kind = resource::asset,
                                     .about = one,
                                     .warning = true,
                                     .reason = "Broken",
                                     .message = "it is broken",
                                     .component = "tester"};
  for (int i = 0; i < 5; ++i) resources->emit(record);
  ASSERT_TRUE(until([&] {
    return events.objects.size() == 1 && int_at(events.objects.begin()->second, {"count"}, 0) == 5;
  }));
  const json::value& event = events.objects.begin()->second;
  EXPECT_EQ(text_at(event, {"type"}), "Warning");
  EXPECT_EQ(text_at(event, {"involvedObject", "uid"}), text_at(*applied, {"metadata", "uid"}));
  EXPECT_EQ(text_at(event, {"source", "component"}), "tester");
}

TEST_F(KubeResourcesTest, gives_the_servers_own_words_for_a_refusal) {
  json::value wrong = asset_named("one", "first");
  wrong.at("spec").as_object()["colour"] = "green";
  const auto refused = apply(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid);
  EXPECT_NE(refused.error().message.find("spec.colour"), std::string::npos)
      << refused.error().message;
  const auto missing = get(resource::asset, one);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  const auto created = wait([&](auto done) { resources->create(asset_named("one", "x"), done); });
  ASSERT_TRUE(created) << created.error().message;
  const auto again = wait([&](auto done) { resources->create(asset_named("one", "x"), done); });
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::conflict);
  const auto unknown = apply(
      {{"apiVersion", "example.com/v1"}, {"kind", "Nonsense"}, {"metadata", {{"name", "x"}}}});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("no kind Nonsense"), std::string::npos)
      << unknown.error().message;
}

}  // namespace
}  // namespace wireway::control
