// Goal: no request, however broken, gets anything but an answer in bounded time, a refusal is
// always a metav1.Status, and what is stored afterwards can still be read and started from.
//
// WIREWAY_MUTATIONS=N sends N requests instead of 10,000, WIREWAY_SEED=N others.

#include <cstdlib>
#include <random>

#include "control/access/access.h"
#include "control/api/api_fixture.h"

namespace wireway::control {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Breaks texts and JSON, the same way for the same seed.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }
  bool once_in(std::size_t n) { return below(n) == 0; }

  void text(std::string& text) {
    if (text.empty()) {
      text = word();
      return;
    }
    const std::size_t at = below(text.size());
    switch (below(7)) {
      case 0: text[at] = static_cast<char>(random_()); break;
      case 1: text.erase(at, below(8) + 1); break;
      case 2: text.insert(at, text.substr(below(text.size()), below(24))); break;
      case 3: text.resize(at); break;
      case 4: text[at] = "{}[]\",:0/~*'()\\%&=!"[below(19)]; break;
      case 5: text.insert(at, std::string(below(80) + 1, "0-{[\"9"[below(6)])); break;
      default: text.insert(at, word()); break;
    }
  }

  /// Changes one value somewhere in the JSON, or its name.
  void json_text(std::string& text) {
    auto parsed = parse_json(text);
    if (!parsed) return this->text(text);
    json::value* place = &*parsed;
    for (std::size_t steps = below(6); steps > 0; --steps) {
      json::value* next = child(*place);
      if (next == nullptr) break;
      place = next;
    }
    if (place->is_object() && once_in(3))
      place->get_object()[word()] = value(*parsed);
    else
      *place = value(*parsed);
    text = json::serialize(*parsed);
  }

  std::string word() {
    static const std::vector<std::string> words = {
        "metadata",
        "managedFields",
        "f:spec",
        "k:{\"name\":\"a\"}",
        "v:1",
        "$patch",
        "delete",
        "$deleteFromPrimitiveList/finalizers",
        "$setElementOrder/a",
        "..",
        "%00",
        "%",
        "\xff\xfe",
        std::string(1, '\0'),
        "9223372036854775808",
        "-9223372036854775808",
        "1e308",
        "NaN",
        "-1",
        "a in (",
        "notin",
        "!=",
        ",,",
        "()",
        "//",
        "~1",
        "~0",
        "/-",
        "status",
        "*",
        "[]",
        "\r\n",
        "apiVersion",
        "null",
        "v1:1:1:a/b",
        "2026-11-23T00:00:00Z",
        "system:masters",
        "&a *a",
        "!!binary ",
        "- {",
        "\t",
        "\xe2\x80\xae",
        "spec.versions",
        "x-kubernetes-validations",
        "wireway.io/dialects",
        "kubectl.kubernetes.io/last-applied-configuration"};
    return words[below(words.size())];
  }

 private:
  json::value* child(json::value& parent) {
    if (parent.is_object() && !parent.get_object().empty())
      return &(parent.get_object().begin() +
               static_cast<std::ptrdiff_t>(below(parent.get_object().size())))
                  ->value();
    if (parent.is_array() && !parent.get_array().empty())
      return &parent.get_array()[below(parent.get_array().size())];
    return nullptr;
  }
  json::value value(json::value& whole) {
    switch (below(10)) {
      case 0: return nullptr;
      case 1: return once_in(2);
      case 2: return static_cast<std::int64_t>(random_());
      case 3: return 1e300;
      case 4: return json::array{};
      case 5: return json::object{};
      case 6: {
        json::value deep(word());
        for (std::size_t n = below(70); n > 0; --n) {
          if (once_in(2))
            deep = json::array{std::move(deep)};
          else
            deep = json::object{{word(), std::move(deep)}};
        }
        return deep;
      }
      case 7: {
        json::value* other = child(whole);
        return other == nullptr ? json::value(nullptr) : json::value(*other);
      }
      default: return json::value(word());
    }
  }

  std::mt19937_64 random_;
};

class MutationTest : public ApiTest {
 protected:
  MutationTest() {
    AccessOptions options;
    options.clock = [this] { return now_; };
    options.new_uid = [] { return "id"; };
    options.keys.push_back(*SigningKey::generate());
    access_ = std::make_unique<Access>(std::move(options));
    guard(access_.get());
    send(as_admin("POST", std::string(space) + "/serviceaccounts",
                  R"({"metadata":{"name":"ann"}})"));
    const json::value token =
        send(as_admin("POST", std::string(space) + "/serviceaccounts/ann/token", "{}"));
    token_ = text_at(token, {"status", "token"});
    EXPECT_FALSE(token_.empty());
    add_object_seeds();
    add_system_seeds();
  }
  ~MutationTest() override { server_.reset(); }

  static link::HttpRequest as_admin(std::string method, std::string target, std::string body = "",
                                    std::string type = "application/json") {
    link::HttpRequest out =
        request(std::move(method), std::move(target), std::move(body), std::move(type));
    out.peer = "127.0.0.1:40000";
    out.headers.emplace_back("host", "localhost");
    return out;
  }

  template <class... Arguments>
  void add(Arguments... arguments) {
    seeds_.push_back(as_admin(std::move(arguments)...));
  }

  void add_object_seeds() {
    const std::string oven = std::string(assets) + "/oven";
    add("POST", std::string(assets) + "?fieldValidation=Strict", json::serialize(asset("a")));
    add("POST", assets_v1beta1, json::serialize(asset("b", "v1beta1")));
    add("PUT", oven, json::serialize(asset("oven")));
    add("PATCH", oven,
        R"({"spec":{"enabled":true},"metadata":{"labels":{"a":"b"},)"
        R"("finalizers":["x/y"],"managedFields":[{"manager":"m","operation":"Apply",)"
        R"("apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:enabled":{}}}}]}})",
        "application/merge-patch+json");
    add("PATCH", oven,
        R"([{"op":"add","path":"/spec/attributes","value":{"a":[1]}},)"
        R"({"op":"copy","from":"/spec","path":"/spec/attributes/b"},)"
        R"({"op":"test","path":"/kind","value":"Asset"},)"
        R"({"op":"move","from":"/spec/enabled","path":"/spec/x"}])",
        "application/json-patch+json");
    add("PATCH", oven + "?fieldManager=kubectl&force=true",
        R"({"apiVersion":"deviceregistry.microsoft.com/v1","kind":"Asset","metadata":{"name":)"
        R"("oven","labels":{"a":"c"}},"spec":{"assetEndpointProfileRef":"x","datasets":)"
        R"([{"name":"d","dataPoints":[{"name":"p","dataSource":"s"}]}]}})",
        "application/apply-patch+yaml");
    add("PATCH", oven + "/status",
        R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})",
        "application/merge-patch+json");
    add("PATCH", std::string(space) + "/configmaps/c",
        R"({"data":{"a":null},"metadata":{"$deleteFromPrimitiveList/finalizers":["a/b"]}})",
        "application/strategic-merge-patch+json");
    add("POST", std::string(space) + "/configmaps", json::serialize(config_map("c")));
    add("POST", std::string(space) + "/configmaps",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\ndata: {a: '1'}\n",
        "application/yaml");
    add("POST", std::string(space) + "/configmaps",
        std::string("k8s\0\n\x0f\n\x02v1\x12\tConfigMap\x12\x0c\n\x03\n\x01p\x12\x05\n\x01k\x12",
                    36),
        "application/vnd.kubernetes.protobuf");
    add("GET", std::string(assets) +
                   "?labelSelector=a in (b,c),d!=e,!f,g>3&fieldSelector=metadata.name=x&limit=3"
                   "&continue=v1:3:2:a/b");
    add("GET", std::string(assets) + "?resourceVersion=5&resourceVersionMatch=Exact&limit=2");
    add("GET", std::string(assets) + "?watch=1&resourceVersion=5&timeoutSeconds=3");
    add("GET", std::string(assets) +
                   "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                   "&allowWatchBookmarks=true&labelSelector=a");
    add("DELETE", oven + "?propagationPolicy=Foreground", R"({"preconditions":{"uid":"x"}})");
    add("DELETE", std::string(assets) + "?labelSelector=a=b&dryRun=All");
  }

  void add_system_seeds() {
    const std::string oven = std::string(assets) + "/oven";
    const std::string crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/";
    add("POST", crds,
        R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":)"
        R"({"name":"widgets.example.com","annotations":{"wireway.io/dialects":)"
        R"("[{move: 'spec.a[].b', to: 'spec.a[].c', native: [v1beta1]}]"}},"spec":{"group":)"
        R"("example.com","scope":"Namespaced","names":{"plural":"widgets","kind":"Widget"},)"
        R"("versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{},)"
        R"("scale":{"specReplicasPath":".spec.n","statusReplicasPath":".status.n"}},"schema":)"
        R"({"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":)"
        R"({"n":{"type":"integer","default":3,"minimum":0},"s":{"type":"string","pattern":"^a+$"},)"
        R"("l":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],)"
        R"("items":{"type":"object","properties":{"k":{"type":"string"}}}}}}}}},)"
        R"("additionalPrinterColumns":[{"name":"N","type":"integer","jsonPath":".spec.n"}]},)"
        R"({"name":"v1beta1","served":true,"storage":false,"schema":{"openAPIV3Schema":)"
        R"({"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}})");
    add("POST", "/apis/example.com/v1/namespaces/default/widgets",
        R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"spec":)"
        R"({"n":1,"s":"aa","l":[{"k":"x"}]}})");
    add("PATCH", "/apis/example.com/v1/namespaces/default/widgets/w/scale",
        R"({"spec":{"replicas":2}})", "application/merge-patch+json");
    add("POST", std::string(space) + "/secrets",
        R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"a":"b"}})");
    add("POST", std::string(space) + "/serviceaccounts/ann/token",
        R"({"spec":{"audiences":["a"],"expirationSeconds":700,"boundObjectRef":{"kind":"Secret",)"
        R"("apiVersion":"v1","name":"s"}}})");
    add("POST", "/apis/authentication.k8s.io/v1/tokenreviews",
        R"({"spec":{"token":")" + token_ + R"("}})");
    add("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        R"({"spec":{"resourceAttributes":{"verb":"get","resource":"secrets"}}})");
    add("POST", rbac + "clusterroles",
        R"({"metadata":{"name":"r:x"},"rules":[{"verbs":["get"],"apiGroups":["*"],"resources":)"
        R"(["assets/status"],"resourceNames":["a"]}],"aggregationRule":{"clusterRoleSelectors":)"
        R"([{"matchLabels":{"a":"b"}}]}})");
    add("POST", rbac + "clusterrolebindings",
        R"({"metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole","name":"view"},"subjects":)"
        R"([{"kind":"ServiceAccount","name":"ann","namespace":"default"}]})");
    add("POST", "/api/v1/namespaces", R"({"metadata":{"name":"n"}})");
    add("DELETE", "/api/v1/namespaces/n");
    add("GET", oven + "/history?limit=3");
    add("POST", oven + "/rollback", R"({"toRevision":60,"dryRun":true})");
    add("GET", "/openapi/v3/apis/deviceregistry.microsoft.com/v1");
    add("GET", "/apis/deviceregistry.microsoft.com/v1");
  }

  link::HttpRequest broken() {
    link::HttpRequest sent = seeds_[mutate_.below(seeds_.size())];
    // Most are whole but for one thing: they get furthest.
    for (std::size_t n = mutate_.below(3); n-- > 0;) mutate_.json_text(sent.body);
    if (mutate_.once_in(3)) mutate_.text(sent.body);
    if (mutate_.once_in(5)) mutate_.text(sent.path);
    for (auto& [key, value] : sent.query) {
      if (mutate_.once_in(3)) mutate_.text(value);
      if (mutate_.once_in(20)) mutate_.text(key);
    }
    if (mutate_.once_in(12)) sent.body += seeds_[mutate_.below(seeds_.size())].body;
    if (mutate_.once_in(20))
      sent.headers[0].second = seeds_[mutate_.below(seeds_.size())].headers[0].second;
    if (mutate_.once_in(16)) mutate_.text(sent.headers[0].second);
    if (mutate_.once_in(6)) break_headers(sent);
    if (mutate_.once_in(50)) mutate_.text(sent.method);
    return sent;
  }

  void break_headers(link::HttpRequest& sent) {
    std::vector<std::pair<std::string, std::string>> more = {
        {"authorization", "Bearer " + token_},
        {"accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/yaml;q=0.5"},
        {"accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"},
        {"accept", "application/yaml"},
        {"impersonate-user", "system:serviceaccount:default:ann"},
        {"impersonate-group", "system:masters"},
        {"impersonate-extra-a%2fb", "c"},
        {"cookie", "wireway-session=" + token_ + "; a=b"},
        {"user-agent", "kubectl/1.32"},
        {"origin", "http://localhost"}};
    auto header = more[mutate_.below(more.size())];
    if (mutate_.once_in(2)) mutate_.text(header.second);
    if (mutate_.once_in(8)) mutate_.text(header.first);
    sent.headers.push_back(std::move(header));
  }

  /// Sends it, and follows a watch as far as it goes at once.
  void check_answer(const link::HttpRequest& sent) {
    const auto start = std::chrono::steady_clock::now();
    Reply reply = server_->handle(sent);
    ASSERT_TRUE(server_->commit());
    if (reply.watch) {
      WatchLog log;
      if (const auto id =
              server_->start_watch(std::move(reply.watch), std::make_unique<WatchLogSink>(log)))
        server_->stop_watch(id);
    }
    const auto took = std::chrono::steady_clock::now() - start;
    ASSERT_LT(took, std::chrono::seconds{5}) << sent.method << " " << sent.path << sent.body;
    const unsigned status = reply.response.status;
    ++answers_[status];
    // 504: a resourceVersion that is still to come
    ASSERT_TRUE(status >= 200 && (status < 500 || status == 504))
        << sent.method << " " << sent.path << "\n"
        << sent.body << "\n"
        << reply.response.body;
    if (status < 400) return;
    const auto body = parse_json(reply.response.body);
    ASSERT_TRUE(body) << reply.response.body;
    ASSERT_EQ(text_at(*body, {"kind"}), "Status");
    ASSERT_EQ(text_at(*body, {"status"}), "Failure");
    ASSERT_EQ(int_at(*body, {"code"}, 0), status);
  }

  static constexpr const char* space = "/api/v1/namespaces/default";

  Mutator mutate_{number_from("WIREWAY_SEED", 20261123)};
  std::unique_ptr<Access> access_;
  std::string token_;
  std::vector<link::HttpRequest> seeds_;
  std::map<unsigned, int> answers_;
};

TEST_F(MutationTest, ten_thousand_broken_requests_always_get_an_answer) {
  for (const link::HttpRequest& seed : seeds_) check_answer(seed);
  const std::uint64_t requests = number_from("WIREWAY_MUTATIONS", 10'000);
  for (std::uint64_t i = 0; i < requests && !HasFatalFailure(); ++i) check_answer(broken());
  // The mutations must not all end at the first check.
  EXPECT_GT(answers_[200] + answers_[201], static_cast<int>(requests / 10));
  for (const unsigned met : {400u, 401u, 404u, 409u, 415u, 422u})
    EXPECT_GT(answers_[met], 0) << met;
  for (const auto& [status, count] : answers_)
    RecordProperty(fmt::format("answers_{}", status), count);
}

TEST_F(MutationTest, what_broken_requests_have_left_can_be_read_and_started_from) {
  const std::uint64_t requests = number_from("WIREWAY_MUTATIONS", 10'000) / 4;
  for (std::uint64_t i = 0; i < requests && !HasFatalFailure(); ++i) check_answer(broken());
  start();
  const json::value groups = send(as_admin("GET", "/apis"));
  ASSERT_EQ(code(), 200u);
  for (const json::value& group : groups.at("groups").as_array())
    for (const json::value& version : group.at("versions").as_array()) {
      const std::string root = "/apis/" + text_at(version, {"groupVersion"});
      const json::value resources = send(as_admin("GET", root));
      for (const json::value& resource : resources.at("resources").as_array()) {
        const std::string name = text_at(resource, {"name"});
        if (name.contains('/') || root.contains("authorization.k8s.io") ||
            root.contains("authentication.k8s.io"))
          continue;
        for (const char* accept : {"application/json", "application/yaml",
                                   "application/json;as=Table;v=v1;g=meta.k8s.io"}) {
          auto asked = as_admin("GET", root + "/" + name);
          asked.headers.emplace_back("accept", accept);
          send(asked);
          EXPECT_EQ(code(), 200u) << root << "/" << name << head_.body;
        }
      }
    }
}

}  // namespace
}  // namespace wireway::control
