// Goal: every check sees what it is there for, names the object and gives a remedy; what is well
// gives no alarm.

#include "app/cli/check.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/cli/check_table.h"
#include "app/cli/cli_fixture.h"
#include "app/cli/port_probe.h"

namespace wireway::app::cli {
namespace {

class CheckTest : public CliTest {
 protected:
  static constexpr const char* space = "/namespaces/azure-iot-operations/";
  static constexpr const char* broker_group = "mqttbroker.iotoperations.azure.com/v1";
  static constexpr const char* flow_group = "connectivity.iotoperations.azure.com/v1";
  static constexpr const char* registry_group = "deviceregistry.microsoft.com/v1";

  void make(const std::string& group, const std::string& plural, const std::string& kind,
            const std::string& rest) {
    post("/apis/" + group + space + plural,
         yaml("{apiVersion: " + group + ", kind: " + kind + ", " + rest + "}"));
    ASSERT_EQ(code(), 201u) << head_.body;
  }
  void listener(const std::string& rest) {
    make(broker_group, "brokerlisteners", "BrokerListener", rest);
  }
  /// All that one check has found, one line an evaluation: "warning name: finding -> fix".
  std::string findings(void (*check)(CheckWorld&, Report&), const std::string& glob = "") {
    renew();
    session_->connection.server = server_url_;
    CheckWorld world(*session_, glob);
    Report report;
    check(world, report);
    std::string out;
    for (const auto& [target, spaces] : report.targets())
      for (const auto& [each_space, evaluations] : spaces)
        for (const Evaluation& each : evaluations) {
          out += fmt::format("{} {}: {}", to_string(each.health), each.name, each.finding);
          out += each.fix.empty() ? "\n" : " -> " + each.fix + "\n";
        }
    return out;
  }
  std::string server_url_;
  static testing::AssertionResult has(const std::string& text, const std::string& part) {
    if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "no \"" << part << "\" in:\n" << text;
  }
};

TEST_F(CheckTest, brokers_must_be_one) {
  EXPECT_TRUE(has(findings(&check_brokers), "warning : there are 0 Brokers"));
  make(broker_group, "brokers", "Broker", "metadata: {name: default}, spec: {}");
  EXPECT_EQ(findings(&check_brokers), "success default: nothing is wrong\n");
  make(broker_group, "brokers", "Broker", "metadata: {name: second}, spec: {}");
  EXPECT_TRUE(has(findings(&check_brokers), "error : there are 2 Brokers -> keep one"));
}

/// A port of this machine that something else listens on.
class OccupiedPort {
 public:
  OccupiedPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_, any, size), 0);
    EXPECT_EQ(::listen(socket_, 1), 0);
    EXPECT_EQ(::getsockname(socket_, any, &size), 0);
    number_ = ntohs(address.sin_port);
  }
  ~OccupiedPort() { release(); }
  void release() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  int number() const { return number_; }

 private:
  int socket_ = -1;
  int number_ = 0;
};

TEST_F(CheckTest, ports_of_listeners_on_this_machine_are_probed) {
  OccupiedPort port;
  listener(fmt::format("metadata: {{name: l}}, spec: {{brokerRef: default, ports: [{{port: {}}}]}}",
                       port.number()));
  const auto says = [&](const std::string& ready) {
    patch(std::string("/apis/") + broker_group + space + "brokerlisteners/l/status",
          "{\"status\":{\"conditions\":[" + ready + "]}}");
    ASSERT_EQ(code(), 200u) << head_.body;
  };
  const std::string taken = fmt::format(
      "spec.ports[port={}]: another program listens there -> "
      "find it with `ss -ltnp sport = :{}`",
      port.number(), port.number());
  says(R"({"type":"Ready","status":"False","reason":"PortUnavailable"})");
  EXPECT_FALSE(has(findings(&check_listeners), taken)) << "the API is not on this machine";
  server_url_ = "http://127.0.0.1:8088";
  EXPECT_TRUE(has(findings(&check_listeners), taken));
  says(R"({"type":"Ready","status":"True","reason":"Listening"})");
  EXPECT_FALSE(has(findings(&check_listeners), "listens"));
  port.release();
  EXPECT_TRUE(has(findings(&check_listeners),
                  fmt::format("nothing listens on 127.0.0.1:{}, although the listener is Ready -> "
                              "look whether",
                              port.number())));
}

TEST(ThisMachine, is_known_by_the_loopback_only) {
  for (const char* own : {"http://127.0.0.1:8088", "https://localhost", "https://[::1]:8088/"})
    EXPECT_TRUE(is_this_machine(own)) << own;
  for (const char* other :
       {"", "https://plant:8088", "https://localhost.example.com", "http://10.0.0.1"})
    EXPECT_FALSE(is_this_machine(other)) << other;
}

TEST_F(CheckTest, listeners_refer_to_what_is_there) {
  EXPECT_TRUE(has(findings(&check_listeners), "warning : there is no BrokerListener"));
  listener(
      "metadata: {name: l}, spec: {brokerRef: none, ports: [{port: 1883,"
      " authenticationRef: a, authorizationRef: b}, {port: 8883, authenticationRef: a,"
      " tls: {mode: Manual, manual: {secretRef: s}}}, {port: 1884}]}");
  const std::string found = findings(&check_listeners);
  EXPECT_TRUE(has(found, "error l: spec.brokerRef: there is no brokers."));
  EXPECT_TRUE(has(found, "spec.ports[port=1883].authenticationRef: there is no"));
  EXPECT_TRUE(has(found, "spec.ports[port=1883].authorizationRef: there is no"));
  EXPECT_TRUE(has(found, "spec.ports[port=8883].tls.manual.secretRef: there is no secrets s"));
  EXPECT_TRUE(has(found, "warning l: spec.ports[port=1884] lets everybody in"));
}

TEST_F(CheckTest, what_services_report_is_told_in_their_words) {
  make(broker_group, "brokers", "Broker", "metadata: {name: default}, spec: {}");
  const auto report = [&](const std::string& state, const std::string& reason) {
    patch("/apis/" + std::string(broker_group) + space + "brokers/default/status",
          fmt::format(R"({{"status":{{"conditions":[{{"type":"Ready","status":"{}",
              "reason":"{}","message":"port 1883 is in use","lastTransitionTime":
              "2027-01-15T08:00:00Z"}}]}}}})",
                      state, reason));
    ASSERT_EQ(code(), 200u) << head_.body;
  };
  report("False", "PortInUse");
  EXPECT_TRUE(has(findings(&check_brokers), "error default: PortInUse: port 1883 is in use ->"));
  report("False", "NotServedYet");
  EXPECT_TRUE(has(findings(&check_brokers), "warning default: NotServedYet"));
  EXPECT_TRUE(has(findings(&check_unserved), "warning default: port 1883 is in use"));
  report("True", "Ready");
  EXPECT_EQ(findings(&check_brokers), "success default: nothing is wrong\n");
  EXPECT_EQ(findings(&check_unserved), "success : all are served\n");
}

TEST_F(CheckTest, authentication_methods_are_complete) {
  make(broker_group, "brokerauthentications", "BrokerAuthentication",
       "metadata: {name: a}, spec: {authenticationMethods: [{method: Custom, customSettings:"
       " {endpoint: 'https://x', caCertConfigMap: ca}}, {method: X509, x509Settings:"
       " {trustedClientCaCert: clients}}]}");
  const std::string found = findings(&check_authentications);
  EXPECT_TRUE(has(found, "customSettings.caCertConfigMap: there is no configmaps ca"));
  EXPECT_TRUE(has(found, "x509Settings.trustedClientCaCert: there is no configmaps clients"));
}

TEST_F(CheckTest, authorizations_refer_to_a_broker) {
  EXPECT_TRUE(has(findings(&check_authorizations), "skipped"));
  make(broker_group, "brokerauthorizations", "BrokerAuthorization",
       "metadata: {name: z}, spec: {authorizationPolicies: {rules: []}}");
  EXPECT_EQ(findings(&check_authorizations), "success z: nothing is wrong\n");
}

TEST_F(CheckTest, dataflows_have_one_source_one_destination_and_their_profile) {
  EXPECT_TRUE(has(findings(&check_dataflows), "warning : there are no Dataflows"));
  make(flow_group, "dataflowendpoints", "DataflowEndpoint",
       "metadata: {name: lake}, spec: {endpointType: LocalStorage, localStorageSettings:"
       " {persistentVolumeClaimRef: x}}");
  make(flow_group, "dataflows", "Dataflow",
       "metadata: {name: f}, spec: {profileRef: fast, operations: [{operationType: Source,"
       " sourceSettings: {endpointRef: lake, dataSources: [a]}}, {operationType: Destination,"
       " destinationSettings: {endpointRef: gone, dataDestination: x}}]}");
  make(flow_group, "dataflows", "Dataflow",
       "metadata: {name: off}, spec: {mode: Disabled, profileRef: none, operations:"
       " [{operationType: Source, sourceSettings: {endpointRef: gone, dataSources: [a]}},"
       " {operationType: Destination, destinationSettings: {endpointRef: gone,"
       " dataDestination: x}}]}");
  const std::string found = findings(&check_dataflows);
  EXPECT_TRUE(has(found, "error f: the source endpoint lake is of type LocalStorage ->"));
  EXPECT_TRUE(has(found, "error f: destinationSettings.endpointRef: there is no"));
  EXPECT_TRUE(has(found, "error f: spec.profileRef: there is no"));
  EXPECT_TRUE(has(found, "skipped off: it is disabled"));
  EXPECT_EQ(findings(&check_endpoints), "success lake: nothing is wrong\n");
  EXPECT_TRUE(has(findings(&check_profiles), "error default: there is no DataflowProfile"));
  make(flow_group, "dataflowprofiles", "DataflowProfile",
       "metadata: {name: default}, spec: {instanceCount: 1}");
  EXPECT_EQ(findings(&check_profiles), "success default: nothing is wrong\n");
  EXPECT_EQ(findings(&check_dataflows, "of?"), "skipped off: it is disabled\n");
}

TEST_F(CheckTest, assets_and_their_endpoints_are_complete) {
  EXPECT_TRUE(has(findings(&check_assets), "skipped"));
  post(assets, asset("oven"));
  EXPECT_TRUE(has(findings(&check_assets),
                  "error oven: spec.assetEndpointProfileRef: there is no assetendpointprofiles"));
  make(registry_group, "assetendpointprofiles", "AssetEndpointProfile",
       "metadata: {name: plc}, spec: {targetAddress: 'opc.tcp://x', endpointProfileType:"
       " Microsoft.OpcUa, authentication: {method: UsernamePassword, usernamePasswordCredentials:"
       " {usernameSecretName: pass/name, passwordSecretName: pass/word}}}");
  EXPECT_EQ(findings(&check_assets), "success oven: nothing is wrong\n");
  EXPECT_TRUE(has(findings(&check_endpoint_profiles), "there is no secrets pass"));
  post("/api/v1" + std::string(space) + "secrets",
       yaml("{apiVersion: v1, kind: Secret, metadata: {name: pass}}"));
  EXPECT_EQ(findings(&check_endpoint_profiles), "success plc: nothing is wrong\n");
}

TEST_F(CheckTest, the_machine_and_the_server) {
  EXPECT_TRUE(has(findings(&check_server), "success"));
  EXPECT_EQ(findings(&check_kinds).find("error"), std::string::npos);
  EXPECT_EQ(findings(&check_clock), "success : they differ by 0 s\n");
  EXPECT_TRUE(has(findings(&check_certificates), "skipped"));
  EXPECT_TRUE(has(findings(&check_data_folder), "skipped"));
  transport_.refuse_all = true;
  EXPECT_TRUE(has(findings(&check_server), "error : nobody there -> start `wireway up`"));
  EXPECT_TRUE(has(findings(&check_kinds), "error brokers."));
}

TEST_F(CheckTest, a_clock_that_is_off_is_seen) {
  CheckWorld world(*session_, "");
  session_->now = now_ + std::chrono::minutes{5};
  Report report;
  check_clock(world, report);
  EXPECT_EQ(report.health(), Health::warning);
}

TEST_F(CheckTest, services_that_fell_are_seen_for_an_hour) {
  EXPECT_EQ(findings(&check_services), "success : none has ended within an hour\n");
  post("/api/v1" + std::string(space) + "events",
       yaml("{apiVersion: v1, kind: Event, metadata: {name: e}, involvedObject: {kind: Broker,"
            " name: default}, reason: ChildExited, message: broker was killed, count: 3,"
            " lastTimestamp: '2027-01-15T07:50:00Z'}"));
  ASSERT_EQ(code(), 201u) << head_.body;
  EXPECT_TRUE(has(findings(&check_services), "warning default: broker was killed (3 times"));
  now_ = now_ + std::chrono::hours{2};
  EXPECT_EQ(findings(&check_services), "success : none has ended within an hour\n");
}

TEST_F(CheckTest, the_exit_code_is_by_the_worst_and_the_object_is_for_programs) {
  make(flow_group, "dataflowprofiles", "DataflowProfile",
       "metadata: {name: default}, spec: {instanceCount: 1}");
  EXPECT_EQ(run(&run_check, CheckOptions{}), 0) << printed();
  EXPECT_TRUE(has(printed(), "! There is one Broker"));
  EXPECT_TRUE(has(printed(), "-> apply a Broker named default"));
  post(assets, asset("oven"));
  EXPECT_EQ(run(&run_check, CheckOptions{}), to_int(Exit::failure));
  EXPECT_EQ(run(&run_check, CheckOptions{.services = {"broker"}}), 0);
  EXPECT_EQ(run(&run_check, CheckOptions{.pre = true}), 0);
  EXPECT_EQ(run(&run_check, CheckOptions{.as_object = true, .post = true}), to_int(Exit::failure));
  const auto object = parse_json(printed());
  ASSERT_TRUE(object) << printed();
  EXPECT_EQ(find(*object, "preDeployment"), nullptr);
  for (const json::value& each : object->at("postDeployment").as_array()) {
    if (text_at(each, {"name"}) != "evalAssets") continue;
    EXPECT_EQ(text_at(each, {"status"}), "error");
    const json::value& target =
        each.at("targets").at("assets.deviceregistry.microsoft.com").at("azure-iot-operations");
    EXPECT_EQ(text_at(target, {"status"}), "error");
    EXPECT_EQ(text_at(target.at("evaluations").at(0), {"name"}), "oven");
    EXPECT_FALSE(text_at(target.at("evaluations").at(0), {"value", "fix"}).empty());
    return;
  }
  FAIL() << "no evalAssets";
}

TEST(Glob, stars_and_question_marks) {
  EXPECT_TRUE(fits("*", ""));
  EXPECT_TRUE(fits("a*c", "abbc"));
  EXPECT_TRUE(fits("a?c*", "abcd"));
  EXPECT_FALSE(fits("a?c", "ac"));
  EXPECT_FALSE(fits("", "a"));
}

}  // namespace
}  // namespace wireway::app::cli
