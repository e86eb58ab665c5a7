// Goal: a bundle holds what helps and never a secret, wherever one was put.

#include "app/cli/support_bundle.h"

#include <filesystem>
#include <fstream>

#include <zip.h>

#include "app/cli/cli_fixture.h"
#include "app/cli/redact.h"

namespace wireway::app::cli {
namespace {

class BundleTest : public CliTest {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "wireway-bundle-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    std::filesystem::create_directory(folder_ + "/logs");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  BundleParts collect(const BundleOptions& options = {}) {
    renew();
    session_->connection.from = folder_ + "/kubeconfig";
    session_->connection.token = "planted-connection-token";
    session_->connection.key = "planted-private-key";
    return collect_bundle(*session_, options);
  }

  std::string folder_;
};

TEST_F(BundleTest, holds_resources_status_events_logs_and_findings) {
  post(assets, asset("oven"));
  std::ofstream(folder_ + "/logs/broker.log")
      << "2027-01-01T08:00:00.000Z INFO  old line\n2027-01-15T07:59:00.000Z INFO  young line\n";
  const BundleParts parts = collect();
  EXPECT_TRUE(parts.contains("azure-iot-operations/deviceregistry/asset.v1.oven.yaml"));
  for (const char* name : {"events.yaml", "versions.yaml", "machine.yaml", "check.yaml",
                           "manifest.yaml", "metrics.txt"})
    EXPECT_TRUE(parts.contains(name)) << name;
  const auto log = parts.find("azure-iot-operations/broker/service.broker.log");
  ASSERT_NE(log, parts.end());
  EXPECT_EQ(log->second, "2027-01-15T07:59:00.000Z INFO  young line\n");
  EXPECT_NE(parts.at("check.yaml").find("evalAssets"), std::string::npos);
  EXPECT_NE(parts.at("metrics.txt").find("apiserver_request_total{verb=\"POST\",code=\"201\"}"),
            std::string::npos);
  const BundleParts broker = collect({.services = {"broker"}});
  EXPECT_FALSE(broker.contains("azure-iot-operations/deviceregistry/asset.v1.oven.yaml"));
}

TEST_F(BundleTest, never_holds_a_secret_wherever_it_was_planted) {
  const std::string space = "/api/v1/namespaces/azure-iot-operations/";
  post(space + "secrets", yaml("{apiVersion: v1, kind: Secret, metadata: {name: s,"
                               " annotations: {note: planted-annotation-secret}},"
                               " stringData: {word: planted-secret-value}}"));
  json::value leaky = asset("oven");
  leaky.at("spec").as_object()["description"] = "pass it planted-secret-value on";
  leaky.at("metadata").as_object()["annotations"] = json::object{
      {"kubectl.kubernetes.io/last-applied-configuration", "{\"p\":\"planted-last-applied\"}"},
      {"contact", "mqtt://me:planted-url-password@host"}};
  leaky.at("spec").as_object()["attributes"] =
      json::object{{"password", "planted-by-name"}, {"jwt", "eyJhbGciOiJub25l.eyJwbGFudGVk.c2ln"}};
  post(assets, leaky);
  ASSERT_EQ(code(), 201u) << head_.body;
  post(space + "configmaps",
       yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {clientKey: \"-----BEGIN "
            "PRIVATE KEY-----\\nplantedpem\\n-----END PRIVATE KEY-----\", conf: \"user=a "
            "password=planted-in-text\"}}"));
  std::ofstream(folder_ + "/logs/dataflow.log")
      << "2027-01-15T07:59:00.000Z WARN  refused with planted-secret-value and Bearer "
         "planted-bearer-token and planted-connection-token\n";
  std::ofstream(folder_ + "/kubeconfig") << "token: planted-connection-token";
  const std::string path = folder_ + "/b.zip";
  ASSERT_TRUE(write_zip(path, collect()));

  zip_t* archive = ::zip_open(path.c_str(), ZIP_RDONLY, nullptr);
  ASSERT_NE(archive, nullptr);
  std::string everything;
  for (zip_int64_t i = 0; i < ::zip_get_num_entries(archive, 0); ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    zip_stat_t about;
    ASSERT_EQ(::zip_stat_index(archive, index, 0, &about), 0);
    std::string content(about.size, '\0');
    zip_file_t* file = ::zip_fopen_index(archive, index, 0);
    ASSERT_EQ(::zip_fread(file, content.data(), content.size()),
              static_cast<zip_int64_t>(content.size()));
    ::zip_fclose(file);
    everything += std::string(about.name) + "\n" + content;
  }
  ::zip_discard(archive);
  EXPECT_NE(everything.find("oven"), std::string::npos);
  EXPECT_EQ(everything.find("planted"), std::string::npos) << everything.substr(
      everything.find("planted") - std::min<std::size_t>(200, everything.find("planted")), 400);
  for (const char* secret : {"planted-secret-value", "planted-connection-token"})
    EXPECT_EQ(everything.find(base64_encode(as_bytes(secret))), std::string::npos);
  EXPECT_EQ(everything.find("eyJhbGciOiJub25l"), std::string::npos);
}

TEST_F(BundleTest, what_cannot_be_had_is_named_and_the_rest_goes_on) {
  std::filesystem::remove_all(folder_ + "/logs");
  const BundleParts parts = collect();
  EXPECT_NE(parts.at("manifest.yaml").find("part: logs"), std::string::npos)
      << parts.at("manifest.yaml");
  transport_.refuse_all = true;
  EXPECT_NE(collect().at("manifest.yaml").find("nobody there"), std::string::npos);
}

TEST_F(BundleTest, is_written_once_under_its_name) {
  const BundleOptions options{.folder = folder_, .name = "b"};
  EXPECT_EQ(run(&run_support_bundle, options), 0) << told();
  EXPECT_EQ(printed(), folder_ + "/b.zip\n");
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/b.zip"));
  EXPECT_EQ(run(&run_support_bundle, options), to_int(Exit::failure));
  EXPECT_NE(told().find("it is there already"), std::string::npos);
}

TEST(Redact, keeps_the_names_of_secrets_and_takes_their_values) {
  Redactor redactor;
  redactor.know("top-secret");
  const json::value object = redactor.object(
      json::object{{"passwordSecretName", "pass/word"},
                   {"secretRef", "tls"},
                   {"password", "x"},
                   {"env", json::array{json::object{{"name", "API_TOKEN"}, {"value", "abc"}}}},
                   {"text", "a top-secret b"}});
  const std::string wanted =
      R"x({"passwordSecretName":"pass/word","secretRef":"tls","password":"(redacted)","env":[)x"
      R"x({"name":"API_TOKEN","value":"(redacted)"}],"text":"a (redacted) b"})x";
  EXPECT_EQ(json::serialize(object), wanted);
}

}  // namespace
}  // namespace wireway::app::cli
