// Goal: the API is found where kubectl would find it, certificates and tokens are taken along, and
// each way in which a kubeconfig can be wrong is said with its file.

#include "app/cli/connection.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "net/os/os_loop.h"

namespace wireway::app::cli {
namespace {

class ConnectionTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "wireway-connection-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  Result<Connection> find(const ConnectionOptions& options) {
    return find_connection(options, *files_, [this](const char* name) -> const char* {
      const auto found = environment_.find(name);
      return found == environment_.end() ? nullptr : found->second.c_str();
    });
  }
  std::string problem(const ConnectionOptions& options) {
    auto found = find(options);
    return found ? "none" : found.error().message;
  }

  static constexpr const char* config = R"(
apiVersion: v1
kind: Config
current-context: plant
clusters:
  - {name: c1, cluster: {server: "https://127.0.0.1:9/", certificate-authority-data: Q0E=}}
  - {name: c2, cluster: {server: "https://elsewhere", certificate-authority: ca.pem}}
users:
  - {name: u1, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}}
  - {name: u2, user: {tokenFile: token}}
  - {name: u3, user: {exec: {command: login}}}
contexts:
  - {name: plant, context: {cluster: c1, user: u1, namespace: north}}
  - {name: other, context: {cluster: c2, user: u2}}
  - {name: program, context: {cluster: c1, user: u3}}
  - {name: broken, context: {cluster: c9, user: u1}}
)";

  std::string folder_;
  std::map<std::string, std::string> environment_;
  std::unique_ptr<net::Files> files_ = net::make_os_files();
};

TEST_F(ConnectionTest, reads_the_current_context_with_its_certificates) {
  auto found = find({.kubeconfig = write("config", config)});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->server, "https://127.0.0.1:9");
  EXPECT_EQ(found->ca, "CA");
  EXPECT_EQ(found->certificate, "CERT");
  EXPECT_EQ(found->key, "KEY");
  EXPECT_EQ(found->space, "north");
  EXPECT_EQ(find({.kubeconfig = folder_ + "/config", .space = "south"})->space, "south");
}

TEST_F(ConnectionTest, reads_files_beside_the_kubeconfig) {
  write("ca.pem", "PEM");
  write("token", "secret\n");
  auto found = find({.kubeconfig = write("config", config), .context = "other"});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->ca, "PEM");
  EXPECT_EQ(found->token, "secret");
  EXPECT_EQ(found->space, "azure-iot-operations");
}

TEST_F(ConnectionTest, looks_in_the_order_that_is_documented) {
  const std::string with = R"({"current-context": "a", "contexts": [{"name": "a", "context":
    {"cluster": "a"}}], "clusters": [{"name": "a", "cluster": {"server": "http://NAME"}}]})";
  const auto named = [&with](std::string name) {
    std::string text = with;
    return text.replace(text.find("NAME"), 4, std::move(name));
  };
  const std::string file = write("file", named("file"));
  environment_["KUBECONFIG"] = folder_ + "/none:" + write("variable", named("variable"));
  write("kubeconfig", named("data"));
  EXPECT_EQ(find({})->server, "http://variable");
  EXPECT_EQ(find({.data = folder_})->server, "http://data");
  EXPECT_EQ(find({.kubeconfig = file, .data = folder_})->server, "http://file");
  EXPECT_EQ(find({.kubeconfig = file, .server = "http://server/"})->server, "http://server");
}

TEST_F(ConnectionTest, says_what_is_wrong_and_where) {
  EXPECT_NE(problem({.data = folder_}).find("there is no kubeconfig at " + folder_),
            std::string::npos);
  const std::string file = write("config", config);
  EXPECT_NE(problem({.kubeconfig = file, .context = "x"}).find("there are: plant, other"),
            std::string::npos);
  EXPECT_NE(problem({.kubeconfig = file, .context = "broken"}).find("cluster \"c9\""),
            std::string::npos);
  EXPECT_NE(problem({.kubeconfig = file, .context = "program"}).find("a program of its own"),
            std::string::npos);
  EXPECT_NE(problem({.kubeconfig = file, .context = "other"}).find("ca.pem"), std::string::npos);
  EXPECT_NE(problem({.kubeconfig = write("bad", "a: [")}).find("bad"), std::string::npos);
  EXPECT_NE(problem({.server = "127.0.0.1:80"}).find("must begin with"), std::string::npos);
}

}  // namespace
}  // namespace wireway::app::cli
