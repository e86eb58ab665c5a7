// Goal: lists, tables, discovery, OpenAPI and definitions answer as clients expect.

#include "control/api/server.h"

#include <filesystem>

#include "control/api/api_fixture.h"
#include "control/api/table.h"

namespace wireway::control {
namespace {

constexpr const char* table_accept =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;"
    "g=meta.k8s.io,application/json";

class ServerTest : public ApiTest {
 protected:
  json::value get_as(const std::string& target, const std::string& accept) {
    auto sent = request("GET", target);
    sent.headers.emplace_back("accept", accept);
    return send(sent);
  }
};

std::string names_of(const json::value& list) {
  std::string out;
  for (const json::value& item : list.at("items").as_array())
    out += (out.empty() ? "" : " ") + text_at(item, {"metadata", "name"});
  return out;
}

TEST_F(ServerTest, lists_a_namespace_and_all_of_them) {
  post(assets, asset("b"));
  post(assets, asset("a"));
  post("/apis/deviceregistry.microsoft.com/v1/namespaces/default/assets", asset("c"));
  const json::value list = get(assets);
  EXPECT_EQ(text_at(list, {"kind"}), "AssetList");
  EXPECT_EQ(names_of(list), "a b");
  EXPECT_EQ(names_of(get("/apis/deviceregistry.microsoft.com/v1/assets")), "a b c");
}

TEST_F(ServerTest, pages_with_limit_and_continue) {
  for (const char* name : {"a", "b", "c", "d", "e"}) post(assets, asset(name));
  std::string seen;
  std::string more;
  int pages = 0;
  do {
    const json::value page =
        get(std::string(assets) + "?limit=2" + (more.empty() ? "" : "&continue=" + more));
    seen += names_of(page) + " ";
    more = text_at(page, {"metadata", "continue"});
    ++pages;
  } while (!more.empty());
  EXPECT_EQ(seen, "a b c d e ");
  EXPECT_EQ(pages, 3);
  get(std::string(assets) + "?limit=2&continue=nonsense");
  EXPECT_EQ(code(), 400u);
  get(std::string(assets) + "?limit=-1");
  EXPECT_EQ(code(), 400u);
}

TEST_F(ServerTest, selects_by_labels_and_fields) {
  for (const char* name : {"a", "b", "c"}) {
    json::value object = asset(name);
    object.at("metadata").as_object()["labels"] = json::object{{"name", name}};
    post(assets, object);
  }
  const std::string target = assets;
  EXPECT_EQ(names_of(get(target + "?labelSelector=name in (a,c)")), "a c");
  EXPECT_EQ(names_of(get(target + "?labelSelector=name!=a")), "b c");
  EXPECT_EQ(names_of(get(target + "?labelSelector=name notin (a),name")), "b c");
  EXPECT_EQ(names_of(get(target + "?labelSelector=!name")), "");
  EXPECT_EQ(names_of(get(target + "?labelSelector=name in (a,c)&limit=1")), "a");
  EXPECT_EQ(names_of(get(target + "?fieldSelector=metadata.name!=b")), "a c");
  get(target + "?fieldSelector=spec.enabled=true");
  EXPECT_EQ(code(), 400u);
  get(target + "?labelSelector=name in (a");
  EXPECT_EQ(code(), 400u);
}

TEST_F(ServerTest, events_are_found_by_what_they_are_about) {
  const std::string events = "/api/v1/namespaces/default/events";
  for (const char* name : {"oven", "boiler"})
    post(events, yaml(std::string("{apiVersion: v1, kind: Event, metadata: {name: e-") + name +
                      "}, reason: Connected, message: m, type: Normal, count: 3, "
                      "source: {component: opcua}, lastTimestamp: '2027-01-15T07:59:00Z', "
                      "involvedObject: {kind: Asset, name: " +
                      name + "}}"));
  EXPECT_EQ(names_of(get(events + "?fieldSelector=involvedObject.name=oven,type=Normal")),
            "e-oven");
  const json::value view = get("/apis/events.k8s.io/v1/namespaces/default/events/e-oven");
  EXPECT_EQ(text_at(view, {"regarding", "name"}), "oven");
  EXPECT_EQ(text_at(view, {"reportingController"}), "opcua");
  EXPECT_EQ(names_of(get("/apis/events.k8s.io/v1/events?fieldSelector=regarding.name=boiler")),
            "e-boiler");
  remove("/apis/events.k8s.io/v1/namespaces/default/events/e-oven");
  EXPECT_EQ(code(), 405u);
  const json::value table =
      get_as(events + "?fieldSelector=involvedObject.name=oven", table_accept);
  EXPECT_EQ(table.at("rows").at(0).at("cells").at(0), "60s");
  EXPECT_EQ(table.at("rows").at(0).at("cells").at(3), "asset/oven");
}

TEST_F(ServerTest, tables_have_the_printer_columns_of_the_definition) {
  post(assets, asset("oven"));
  patch(std::string(assets) + "/oven/status",
        R"({"status":{"conditions":[{"type":"Other","status":"False"},
           {"type":"Ready","status":"True","reason":"Connected"}]}})");
  now_ = now_ + std::chrono::minutes{5};
  const json::value table = get_as(assets, table_accept);
  EXPECT_EQ(text_at(table, {"kind"}), "Table");
  EXPECT_EQ(text_at(table, {"apiVersion"}), "meta.k8s.io/v1");
  std::string columns;
  for (const json::value& column : table.at("columnDefinitions").as_array())
    columns += text_at(column, {"name"}) + " ";
  EXPECT_EQ(columns, "Name Endpoint Enabled Ready Reason Message Age ");
  EXPECT_EQ(table.at("rows").at(0).at("cells"),
            (json::array{"oven", "plc", true, "True", "Connected", nullptr, "5m"}));
  EXPECT_EQ(text_at(table.at("rows").at(0), {"object", "kind"}), "PartialObjectMetadata");
  const json::value whole = get_as(std::string(assets) + "?includeObject=Object", table_accept);
  EXPECT_EQ(text_at(whole.at("rows").at(0), {"object", "kind"}), "Asset");
  const json::value one = get_as(std::string(assets) + "/oven?includeObject=None", table_accept);
  EXPECT_EQ(find(one.at("rows").at(0), "object"), nullptr);
}

TEST_F(ServerTest, metadata_alone_on_request) {
  post(assets, asset("oven"));
  const json::value list =
      get_as(assets, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
  EXPECT_EQ(text_at(list, {"kind"}), "PartialObjectMetadataList");
  EXPECT_EQ(find(list.at("items").at(0), "spec"), nullptr);
  get_as(assets, "application/vnd.kubernetes.protobuf");
  EXPECT_EQ(code(), 406u);
}

TEST_F(ServerTest, ages_are_written_as_kubectl_writes_them) {
  using namespace std::chrono_literals;
  EXPECT_EQ(human_duration(45s), "45s");
  EXPECT_EQ(human_duration(119s), "119s");
  EXPECT_EQ(human_duration(2min), "2m");
  EXPECT_EQ(human_duration(200s), "3m20s");
  EXPECT_EQ(human_duration(90min), "90m");
  EXPECT_EQ(human_duration(5h + 30min), "5h30m");
  EXPECT_EQ(human_duration(47h), "47h");
  EXPECT_EQ(human_duration(50h), "2d2h");
  EXPECT_EQ(human_duration(24h * 400), "400d");
  EXPECT_EQ(human_duration(24h * 800), "2y70d");
}

TEST_F(ServerTest, discovery_lists_groups_versions_and_resources) {
  EXPECT_EQ(get("/api").at("versions"), json::array{"v1"});
  std::vector<std::string> groups;
  const json::value all = get("/apis");
  for (const json::value& group : all.at("groups").as_array())
    groups.push_back(text_at(group, {"preferredVersion", "groupVersion"}));
  // `kubectl get brokers` takes the first group that has them: not that of the previews.
  const auto is_preview = [](const std::string& group) {
    return group.contains("alpha") || group.contains("beta");
  };
  EXPECT_TRUE(std::ranges::is_partitioned(groups, std::not_fn(is_preview)));
  EXPECT_EQ(std::ranges::count(groups, "mq.iotoperations.azure.com/v1beta1"), 1);
  for (const char* expected :
       {"apiextensions.k8s.io/v1", "connectivity.iotoperations.azure.com/v1",
        "coordination.k8s.io/v1", "deviceregistry.microsoft.com/v1", "events.k8s.io/v1",
        "mqttbroker.iotoperations.azure.com/v1", "namespaces.deviceregistry.microsoft.com/v1"})
    EXPECT_EQ(std::ranges::count(groups, expected), 1) << expected;
  const json::value list = get("/apis/deviceregistry.microsoft.com/v1beta2");
  EXPECT_EQ(list.at("resources").at(0).at("name"), "assetendpointprofiles");
  EXPECT_EQ(list.at("resources").at(1).at("name"), "assetendpointprofiles/status");
  EXPECT_EQ(text_at(get("/apis/deviceregistry.microsoft.com"), {"kind"}), "APIGroup");
  get("/apis/deviceregistry.microsoft.com/v9");
  EXPECT_EQ(code(), 404u);
  EXPECT_EQ(text_at(get("/version"), {"major"}), "1");
  EXPECT_EQ(get("/readyz"), "ok");
}

TEST_F(ServerTest, aggregated_discovery_says_its_content_type) {
  const json::value groups = get_as(
      "/apis",
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
      "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json");
  EXPECT_EQ(header("Content-Type"),
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  EXPECT_EQ(text_at(groups, {"kind"}), "APIGroupDiscoveryList");
  EXPECT_EQ(text_at(groups.at("items").at(0), {"metadata", "name"}),
            "akri.iotoperations.azure.com");
}

TEST_F(ServerTest, openapi_v3_offers_field_validation_and_refers_only_to_what_is_there) {
  const json::value index = get("/openapi/v3");
  for (const auto& [path, entry] : index.at("paths").as_object()) {
    const json::value document = get("/openapi/v3/" + std::string(path));
    ASSERT_EQ(code(), 200u) << path;
    bool patches = false;
    for (const auto& [place, item] : document.at("paths").as_object()) {
      const json::value* operation = find(item, "patch");
      if (operation == nullptr) continue;
      patches = true;
      EXPECT_NE(json::serialize(*operation).find("\"fieldValidation\""), std::string::npos);
      EXPECT_NE(find(*operation, "x-kubernetes-group-version-kind", ""), operation);
    }
    EXPECT_EQ(patches, path != "apis/events.k8s.io/v1") << path;
    const std::string text = json::serialize(document);
    for (std::size_t at = 0; (at = text.find("#/components/schemas/", at)) != std::string::npos;) {
      at += 21;
      const std::string name = text.substr(at, text.find('"', at) - at);
      EXPECT_NE(find(document, "components", "schemas", name), nullptr) << name;
    }
  }
  get("/openapi/v3/apis/nothing/v1");
  EXPECT_EQ(code(), 404u);
  get_as("/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
  EXPECT_EQ(head_.body, std::string("\x0a\x03"
                                    "2.0"
                                    "\x12\x0d\x0a\x07Wireway\x12\x02v1\x42\x00",
                                    22));
}

const char* const widget_crd = R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Cluster
  names: {plural: widgets, kind: Widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, properties: {size: {type: integer, default: 3}}}
)";

TEST_F(ServerTest, a_users_definition_is_served_at_once_and_until_it_is_deleted) {
  const std::string crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const json::value made = post(crds, yaml(widget_crd));
  ASSERT_EQ(code(), 201u) << made;
  EXPECT_EQ(made.at("status").at("conditions").at(1).at("type"), "Established");
  EXPECT_EQ(text_at(made, {"spec", "names", "listKind"}), "WidgetList");
  const json::value widget =
      yaml("{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {}}");
  EXPECT_EQ(int_at(post("/apis/example.com/v1/widgets", widget), {"spec", "size"}, 0), 3);
  start();
  EXPECT_EQ(names_of(get("/apis/example.com/v1/widgets")), "w") << "also after a restart";
  remove(crds + "/widgets.example.com");
  EXPECT_EQ(code(), 200u);
  get("/apis/example.com/v1/widgets");
  EXPECT_EQ(code(), 404u);
  post(crds, yaml(widget_crd));
  EXPECT_EQ(names_of(get("/apis/example.com/v1/widgets")), "") << "its objects went with it";
}

TEST_F(ServerTest, definitions_that_cannot_be_served_are_refused) {
  const std::string crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const auto refused = [&](auto&& change) {
    json::value crd = yaml(widget_crd);
    change(crd);
    return text_at(post(crds, crd), {"message"});
  };
  EXPECT_NE(refused([](json::value& crd) {
              crd.at("metadata").as_object()["name"] = "other.example.com";
            }).find("must be spec.names.plural+\".\"+spec.group"),
            std::string::npos);
  EXPECT_NE(refused([](json::value& crd) {
              crd.at("spec").at("versions").at(0).as_object()["storage"] = false;
            }).find("exactly one version marked as storage version"),
            std::string::npos);
  EXPECT_NE(
      refused([](json::value& crd) {
        crd.at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema").as_object()["type"] =
            "thing";
      }).find("type \"thing\" is not supported"),
      std::string::npos);
  EXPECT_EQ(code(), 422u);
}

TEST_F(ServerTest, who_am_i_and_may_i) {
  EXPECT_EQ(text_at(post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json::object()),
                    {"status", "userInfo", "username"}),
            "local");
  const std::string may_i = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const json::value asked = yaml("{spec: {resourceAttributes: {verb: list, resource: assets}}}");
  EXPECT_TRUE(bool_at(post(may_i, asked), {"status", "allowed"}, false));
  post(may_i, json::object());
  EXPECT_EQ(code(), 400u) << "it must be said what";
}

TEST_F(ServerTest, the_scale_of_a_profile_is_its_number_of_instances) {
  const std::string profiles =
      "/apis/connectivity.iotoperations.azure.com/v1/namespaces/azure-iot-operations/"
      "dataflowprofiles";
  post(profiles, yaml("{apiVersion: connectivity.iotoperations.azure.com/v1, kind: "
                      "DataflowProfile, metadata: {name: p}, spec: {instanceCount: 1}}"));
  ASSERT_EQ(code(), 201u) << head_.body;
  json::value scale = get(profiles + "/p/scale");
  EXPECT_EQ(text_at(scale, {"kind"}), "Scale");
  EXPECT_EQ(int_at(scale, {"spec", "replicas"}, 0), 1);
  scale.at("spec").as_object()["replicas"] = 3;
  put(profiles + "/p/scale", scale);
  EXPECT_EQ(code(), 200u) << head_.body;
  put(profiles + "/p/scale", scale);
  EXPECT_EQ(code(), 409u) << "made from an older one";
  patch(profiles + "/p/scale", R"({"spec":{"replicas":2}})");
  EXPECT_EQ(int_at(get(profiles + "/p"), {"spec", "instanceCount"}, 0), 2);
  patch(profiles + "/p/scale", R"({"spec":{"replicas":999}})");
  EXPECT_EQ(code(), 422u) << "the kind's own limits hold";
  patch(profiles + "/p/scale", R"({"spec":{"replicas":"many"}})");
  EXPECT_EQ(code(), 422u);
  get(std::string(assets) + "/none/scale");
  EXPECT_EQ(code(), 404u);
}

TEST_F(ServerTest, methods_and_paths_that_do_not_exist) {
  send(request("PUT", assets, "{}"));
  EXPECT_EQ(code(), 405u);
  send(request("POST", std::string(assets) + "/oven", "{}"));
  EXPECT_EQ(code(), 405u);
  send(request("BREW", std::string(assets) + "/oven"));
  EXPECT_EQ(code(), 405u);
  get("/apis/nothing/v1/things");
  EXPECT_EQ(code(), 404u);
  get("/api/v1/namespaces/default/configmaps/a/b/c/d");
  EXPECT_EQ(code(), 404u);
  EXPECT_TRUE(ApiServer::owns("/apis"));
  EXPECT_TRUE(ApiServer::owns("/api/v1"));
  EXPECT_FALSE(ApiServer::owns("/apiary"));
  EXPECT_FALSE(ApiServer::owns("/assets/index.js"));
}

TEST_F(ServerTest, large_and_deep_bodies_are_refused) {
  send(request("POST", assets, std::string(4 * 1024 * 1024, ' ')));
  EXPECT_EQ(code(), 413u);
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  send(request("POST", assets, deep));
  EXPECT_EQ(code(), 400u);
  send(request("POST", assets, deep, "application/yaml"));
  EXPECT_EQ(code(), 400u);
}

TEST_F(ServerTest, a_full_database_refuses_writes_and_answers_reads) {
  auto small = Store::open({.path = ":memory:", .database_bytes_max = 1500 * 1024});
  store_.swap(*small);
  start();
  json::value big = config_map("big");
  big.at("data").as_object()["text"] = std::string(200'000, 'x');
  Result<> committed;
  for (int i = 0; i < 10 && committed; ++i) {
    big.at("metadata").as_object()["name"] = "big" + std::to_string(i);
    server_->handle(request("POST", "/api/v1/namespaces/default/configmaps", json::serialize(big)));
    committed = server_->commit();
  }
  ASSERT_FALSE(committed);
  EXPECT_EQ(ApiServer::refused_writes(committed.error()).status, 507u);
  EXPECT_EQ(text_at(get("/api/v1/namespaces/default"), {"metadata", "name"}), "default");
}

/// Requests that once were valid, with bytes changed, cut, doubled and swapped.
TEST_F(ServerTest, a_backup_is_written_where_the_server_chooses) {
  send(request("POST", "/wireway/v1/backups"));
  EXPECT_EQ(code(), 404u) << "this server has no folder for backups";
  std::string folder = testing::TempDir() + "wireway-backups-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  ApiServerOptions options;
  options.clock = [this] { return now_; };
  options.new_uid = [this] { return fmt::format("{:08x}-uid", ++uids_); };
  options.backup_folder = folder + "/backups";
  server_.reset();
  server_ = std::move(*ApiServer::start(*store_, std::move(options)));
  post(assets, asset("oven"));
  const json::value made = send(request("POST", "/wireway/v1/backups", "{\"path\":\"/etc/x\"}"));
  EXPECT_EQ(code(), 201u) << json::serialize(made);
  EXPECT_TRUE(text_at(made, {"path"}).starts_with(folder + "/backups/wireway-2027-01-15T080000Z-"));
  auto copy = Store::open({.path = text_at(made, {"path"})});
  ASSERT_TRUE(copy) << copy.error().message;
  EXPECT_EQ((*copy)->revision(), int_at(made, {"revision"}, 0));
  send(request("POST", "/wireway/v1/backups"));
  EXPECT_EQ(code(), 429u) << "one of this moment is there already";
  send(request("GET", "/wireway/v1/backups"));
  EXPECT_EQ(code(), 405u);
  copy->reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace wireway::control
