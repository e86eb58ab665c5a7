// Goal: a port with `tls.mode: Automatic` has the certificate that it asks for, for as long as it
// asks for it, and nothing else is touched.
// Method: objects in memory, time of the simulated world; OpenSSL's program as an independent
//         judge.

#include "control/reconcile/listener_certificates.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "net/os/test_loop.h"
#include "resource/memory_resources.h"

namespace wireway::control {
namespace {

using std::chrono::days;
using std::chrono::hours;

const MachineNames machine{.local = {"localhost", "127.0.0.1", "::1", "edge"},
                           .network = {"localhost", "127.0.0.1", "edge", "192.0.2.10"}};
const WallTime now = *parse_rfc3339("2026-03-01T12:00:00Z");

json::value listener_of(json::object tls, std::string_view name = "default") {
  return {
      {"apiVersion", resource::api_version(resource::broker_listener)},
      {"kind", "BrokerListener"},
      {"metadata", {{"name", name}, {"namespace", resource::default_namespace}, {"uid", "u-1"}}},
      {"spec",
       {{"serviceType", "ClusterIp"},
        {"serviceName", "aio-broker"},
        {"ports", {{{"port", 18883}, {"tls", std::move(tls)}}}}}}};
}

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

json::object automatic(json::object spec = {}) {
  return {{"mode", "Automatic"}, {"certManagerCertificateSpec", std::move(spec)}};
}

PortCertificate wish_of(json::object spec) {
  const auto all = port_certificates(listener_of(automatic(std::move(spec))), machine);
  EXPECT_EQ(all.size(), 1U);
  return all.empty() ? PortCertificate{} : all[0];
}

TEST(PortCertificate, has_the_names_of_service_machine_and_wish) {
  const PortCertificate wish =
      wish_of({{"san", {{"dns", {"mqtt.plant.example", "edge"}}, {"ip", {"2001:DB8::0:7"}}}}});
  EXPECT_EQ(wish.trouble, "");
  EXPECT_EQ(wish.secret, "default-18883-tls");
  EXPECT_EQ(wish.common_name, "aio-broker");
  EXPECT_EQ(wish.names,
            (std::vector<std::string>{"127.0.0.1", "2001:db8::7", "::1", "aio-broker",
                                      "aio-broker.azure-iot-operations",
                                      "aio-broker.azure-iot-operations.svc",
                                      "aio-broker.azure-iot-operations.svc.cluster.local", "edge",
                                      "localhost", "mqtt.plant.example"}));
  EXPECT_EQ(wish.duration, days{90});
  EXPECT_EQ(wish.algorithm, net::KeyAlgorithm::ec256);
  json::value outside = listener_of(automatic());
  outside.at("spec").as_object()["serviceType"] = "LoadBalancer";
  const auto names = port_certificates(outside, machine).at(0).names;
  EXPECT_TRUE(holds(names, "192.0.2.10"));
}

TEST(PortCertificate, is_asked_for_by_automatic_ports_only) {
  EXPECT_TRUE(port_certificates(listener_of({{"mode", "Manual"}}), machine).empty());
  json::value plain = listener_of({});
  plain.at("spec").at("ports").as_array()[0].as_object().erase("tls");
  EXPECT_TRUE(port_certificates(plain, machine).empty());
  json::value null = listener_of({});
  null.at("spec").at("ports").as_array()[0].as_object()["tls"] = nullptr;
  EXPECT_TRUE(port_certificates(null, machine).empty());
  EXPECT_EQ(port_certificates(listener_of({{"mode", "automatic"}}), machine).size(), 1U);
}

TEST(PortCertificate, takes_what_the_manifest_says) {
  const PortCertificate wish = wish_of(
      {{"secretName", "mine"},
       {"duration", "720h"},
       {"renewBefore", "240h30m"},
       {"privateKey", {{"algorithm", "rsa4096"}, {"rotationPolicy", "Never"}}},
       {"issuerRef",
        {{"kind", "ClusterIssuer"}, {"name", "azure-iot-operations-aio-certificate-issuer"}}}});
  EXPECT_EQ(wish.trouble, "");
  EXPECT_EQ(wish.secret, "mine");
  EXPECT_EQ(wish.duration, hours{720});
  EXPECT_EQ(wish.renew_before, hours{240} + std::chrono::minutes{30});
  EXPECT_EQ(wish.algorithm, net::KeyAlgorithm::rsa4096);
  EXPECT_TRUE(wish.keeps_key);
  EXPECT_EQ(wish_of({{"issuerRef", {{"kind", "Issuer"}, {"name", "mq-dmqtt-frontend"}}}}).trouble,
            "")
      << "of manifests up to 0.6";
}

TEST(PortCertificate, names_what_cannot_be) {
  const auto says = [](json::object spec, std::string_view reason, std::string_view text) {
    const PortCertificate wish = wish_of(std::move(spec));
    EXPECT_EQ(wish.trouble_reason, reason);
    EXPECT_TRUE(wish.trouble.starts_with("spec.ports[0].tls.certManagerCertificateSpec."))
        << wish.trouble;
    EXPECT_TRUE(wish.trouble.contains(text)) << wish.trouble;
  };
  says({{"issuerRef", {{"kind", "ClusterIssuer"}, {"name", "plant"}}}}, "IssuerMissing",
       "ClusterIssuer plant of cert-manager.io");
  says({{"issuerRef",
         {{"kind", "Issuer"}, {"name", "azure-iot-operations-aio-certificate-issuer"}}}},
       "IssuerMissing", "which this machine does not have");
  says({{"duration", "soon"}}, "ConfigurationInvalid", "duration: \"soon\" is no duration");
  says({{"duration", "30m"}}, "ConfigurationInvalid", "one hour at least");
  says({{"duration", "10h"}, {"renewBefore", "10h"}}, "ConfigurationInvalid",
       "renewBefore: it must be less");
  says({{"privateKey", {{"algorithm", "Rsa1024"}}}}, "ConfigurationInvalid",
       "\"Rsa1024\" is not known");
  says({{"san", {{"ip", {"192.0.2.256"}}}}}, "ConfigurationInvalid", "\"192.0.2.256\" is no addr");
  says({{"san", {{"dns", {"a b"}}}}}, "ConfigurationInvalid", "\"a b\" is no host name");
  says({{"san", {{"dns", {"*."}}}}}, "ConfigurationInvalid", "\"*.\" is no host name");
}

TEST(PortCertificate, is_due_when_its_time_comes_or_something_else_is_wished) {
  const net::KeyPair authority = *net::make_authority("Test CA", now);
  const PortCertificate wish = wish_of({{"duration", "90h"}});
  const auto made = [&](const PortCertificate& of, const net::KeyPair& by) {
    const auto pair = net::issue_certificate(
        by, {.common_name = of.common_name,
             .names = of.names,
             .now = now,
             .lifetime = lifetime_of(of, *net::read_certificate(by.certificates), now),
             .algorithm = of.algorithm});
    return TlsSecret{*pair, by.certificates};
  };
  const TlsSecret held = made(wish, authority);
  EXPECT_EQ(renewal_of(held, wish, authority, now), now + hours{60});
  EXPECT_EQ(renewal_of(held, wish, authority, now + hours{70}), now + hours{60});
  PortCertificate other = wish;
  other.renew_before = hours{10};
  EXPECT_EQ(renewal_of(held, other, authority, now), now + hours{80});
  other.renew_before = hours{89};
  EXPECT_EQ(renewal_of(held, other, authority, now), now + hours{9}) << "not made for ever";
  const auto is_due = [&](const PortCertificate& of) {
    return renewal_of(held, of, authority, now) == now;
  };
  other = wish;
  other.names.push_back("zebra");
  EXPECT_TRUE(is_due(other));
  other = wish;
  other.algorithm = net::KeyAlgorithm::ed25519;
  EXPECT_TRUE(is_due(other));
  other = wish;
  other.duration = hours{91};
  EXPECT_TRUE(is_due(other));
  const net::KeyPair next = *net::make_authority("Test CA", now);
  EXPECT_EQ(renewal_of(held, wish, next, now), now);
  EXPECT_EQ(renewal_of(TlsSecret{}, wish, authority, now), now);
  EXPECT_EQ(renewal_of({{held.pair.certificates, made(wish, authority).pair.key}, held.authority},
                       wish, authority, now),
            now)
      << "a key that is another's";
  EXPECT_EQ(renewal_of(held, wish, authority, now + -hours{24}), now + -hours{24})
      << "made by a clock that was ahead";
  PortCertificate long_lived = wish;
  long_lived.duration = days{36'500};
  EXPECT_GT(renewal_of(made(long_lived, authority), long_lived, authority, now), now)
      << "no longer than its authority, and not made for ever";
}

class ListenerCertificatesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "wireway-cert-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    folder = path;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  void start() {
    certificates = std::make_unique<ListenerCertificates>(
        env, resources, ListenerCertificatesOptions{.machine = machine});
    certificates->start();
  }
  bool until(std::move_only_function<bool()> condition) {
    return net::turn_until(loop, std::move(condition));
  }
  TlsSecret secret(const std::string& name, const std::string& space = "azure-iot-operations") {
    const json::value* object = resources.object(resource::secret, {space, name});
    return object == nullptr ? TlsSecret{} : tls_secret_of(*object);
  }
  std::string bundle(const std::string& name = "azure-iot-operations-aio-ca-trust-bundle") {
    const json::value* object =
        resources.object(resource::config_map, {"azure-iot-operations", name});
    return object == nullptr ? "" : text_at(*object, {"data", "ca.crt"});
  }
  bool comes(const std::string& name, const std::string& other_than = "") {
    const bool came = until([&] {
      const std::string text = secret(name).pair.certificates;
      return !text.empty() && text != other_than;
    });
    EXPECT_TRUE(came) << name;
    return came;
  }
  bool says(std::string_view reason, std::string_view text) {
    return until([&] {
      return std::ranges::any_of(resources.events(), [&](const resource::EventRecord& each) {
        return each.reason == reason && each.message.contains(text);
      });
    });
  }
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  }
  int openssl(const std::string& arguments) {
    return std::system(("openssl " + arguments + " > /dev/null 2>&1").c_str());  // NOLINT
  }

  std::filesystem::path folder;
  net::OsLoop loop;
  std::unique_ptr<net::Files> files = net::make_os_files();
  net::SystemRandom random;
  net::Env env{loop, loop, *files, random};
  resource::MemoryResources resources{loop};
  std::unique_ptr<ListenerCertificates> certificates;
};

TEST_F(ListenerCertificatesTest, makes_what_openssl_verifies_with_the_trust_bundle) {
  const std::map<std::string, std::string> kinds{{"Ec256", "prime256v1"},
                                                 {"Ec384", "secp384r1"},
                                                 {"Ec521", "secp521r1"},
                                                 {"Ed25519", "ED25519"},
                                                 {"Rsa2048", "2048 bit"}};
  start();
  for (const auto& [algorithm, shown] : kinds) {
    resources.put(listener_of(automatic({{"secretName", "tls-" + algorithm},
                                         {"privateKey", {{"algorithm", algorithm}}},
                                         {"san", {{"dns", {"mqtt.plant.example"}}}}}),
                              "listener-" + algorithm));
    ASSERT_TRUE(comes("tls-" + algorithm));
    const TlsSecret made = secret("tls-" + algorithm);
    ASSERT_TRUE(until([&] { return !bundle().empty(); }));
    const std::string leaf = file("leaf.pem", made.pair.certificates);
    const std::string trust = file("trust.pem", bundle());
    const std::string verify = "verify -x509_strict -purpose sslserver -CAfile " + trust;
    EXPECT_EQ(openssl(verify + " -verify_hostname mqtt.plant.example " + leaf), 0) << algorithm;
    EXPECT_EQ(openssl(verify + " -verify_hostname aio-broker.azure-iot-operations " + leaf), 0);
    EXPECT_EQ(openssl(verify + " -verify_ip 127.0.0.1 " + leaf), 0);
    EXPECT_NE(openssl(verify + " -verify_hostname elsewhere.example " + leaf), 0);
    EXPECT_NE(openssl("verify -purpose sslclient -CAfile " + trust + " " + leaf), 0);
    EXPECT_EQ(openssl("pkey -noout -check -in " + file("key.pem", made.pair.key)), 0);
    EXPECT_EQ(std::system(("openssl x509 -noout -text -in " + leaf + " | grep -q '" +  // NOLINT
                           shown + "'")
                              .c_str()),
              0)
        << shown;
    EXPECT_EQ(made.authority, bundle());
  }
  EXPECT_EQ(bundle("aio-ca-trust-bundle-test-only"), bundle()) << "its name up to 0.6";
  const json::value* object =
      resources.object(resource::secret, {"azure-iot-operations", "tls-Ec256"});
  EXPECT_EQ(text_at(*object, {"type"}), "kubernetes.io/tls");
  EXPECT_EQ(text_at(object->at("metadata").at("ownerReferences").at(0), {"name"}), "listener-Ec256")
      << "goes with its listener";
  EXPECT_FALSE(
      secret("azure-iot-operations-aio-ca-certificate", "wireway-system").pair.key.empty());
}

TEST_F(ListenerCertificatesTest, makes_nothing_while_nobody_asks) {
  resources.put(listener_of({{"mode", "Manual"}}));
  start();
  resources.put(listener_of(automatic(), "other"));
  ASSERT_TRUE(comes("other-18883-tls"));
  EXPECT_EQ(secret("default-18883-tls").pair.key, "");
}

TEST_F(ListenerCertificatesTest, keeps_what_is_good_over_a_restart) {
  resources.put(listener_of(automatic()));
  start();
  ASSERT_TRUE(comes("default-18883-tls"));
  ASSERT_TRUE(says("CertificateIssued", "default-18883-tls"));
  const TlsSecret before = secret("default-18883-tls");
  certificates.reset();
  start();
  resources.put(listener_of(automatic(), "other"));
  ASSERT_TRUE(comes("other-18883-tls"));
  EXPECT_EQ(secret("default-18883-tls").pair, before.pair);
}

TEST_F(ListenerCertificatesTest, follows_changed_names_and_keeps_or_changes_the_key_as_wished) {
  start();
  const auto spec = [](const char* policy, const char* name) {
    return automatic({{"privateKey", {{"rotationPolicy", policy}}}, {"san", {{"dns", {name}}}}});
  };
  resources.put(listener_of(spec("Never", "a.example")));
  ASSERT_TRUE(comes("default-18883-tls"));
  const TlsSecret first = secret("default-18883-tls");
  resources.put(listener_of(spec("Never", "b.example")));
  ASSERT_TRUE(comes("default-18883-tls", first.pair.certificates));
  const TlsSecret second = secret("default-18883-tls");
  EXPECT_EQ(second.pair.key, first.pair.key);
  EXPECT_TRUE(holds(net::read_certificate(second.pair.certificates)->dns_names, "b.example"));
  resources.put(listener_of(spec("Always", "c.example")));
  ASSERT_TRUE(comes("default-18883-tls", second.pair.certificates));
  EXPECT_NE(secret("default-18883-tls").pair.key, first.pair.key);
}

TEST_F(ListenerCertificatesTest, makes_a_secret_anew_that_was_deleted_or_damaged) {
  resources.put(listener_of(automatic()));
  start();
  ASSERT_TRUE(comes("default-18883-tls"));
  resources.put(listener_of(automatic(), "other"));
  ASSERT_TRUE(comes("other-18883-tls"));  // by then the first has been seen
  const TlsSecret first = secret("default-18883-tls");
  resources.erase(resource::secret, {"azure-iot-operations", "default-18883-tls"});
  ASSERT_TRUE(comes("default-18883-tls", first.pair.certificates));
  json::value damaged =
      *resources.object(resource::secret, {"azure-iot-operations", "default-18883-tls"});
  damaged.at("data").as_object()["tls.key"] = "!";
  resources.put(damaged);
  ASSERT_TRUE(until([&] { return !secret("default-18883-tls").pair.key.empty(); }));
  EXPECT_TRUE(net::check_key_pair(secret("default-18883-tls").pair));
}

TEST_F(ListenerCertificatesTest, changes_over_to_another_authority_while_the_former_stays_trusted) {
  resources.put(listener_of(automatic()));
  start();
  ASSERT_TRUE(comes("default-18883-tls"));
  ASSERT_TRUE(until([&] { return !bundle().empty(); }));
  const TlsSecret first = secret("default-18883-tls");
  const net::KeyPair own = *net::make_authority("Plant CA", env.loop.wall_now());
  resources.put(
      {{"apiVersion", "v1"},
       {"kind", "Secret"},
       {"type", "kubernetes.io/tls"},
       {"metadata",
        {{"name", "azure-iot-operations-aio-ca-certificate"}, {"namespace", "wireway-system"}}},
       {"data",
        {{"tls.crt", base64_encode(as_bytes(own.certificates))},
         {"tls.key", base64_encode(as_bytes(own.key))}}}});
  ASSERT_TRUE(comes("default-18883-tls", first.pair.certificates));
  EXPECT_TRUE(net::is_issued_by(secret("default-18883-tls").pair.certificates, own.certificates));
  ASSERT_TRUE(until([&] { return bundle().starts_with(own.certificates); }));
  EXPECT_TRUE(bundle().contains(first.authority));
  EXPECT_EQ(secret("azure-iot-operations-aio-ca-certificate", "wireway-system").pair, own)
      << "one's own is left as it is";
}

TEST_F(ListenerCertificatesTest, renews_an_authority_in_the_last_third_of_its_life) {
  const net::KeyPair old =
      *net::make_authority("Wireway", env.loop.wall_now() + -days{300}, days{400});
  resources.put({{"apiVersion", "v1"},
                 {"kind", "Secret"},
                 {"type", "kubernetes.io/tls"},
                 {"metadata",
                  {{"name", "azure-iot-operations-aio-ca-certificate"},
                   {"namespace", "wireway-system"},
                   {"labels", {{"wireway.io/certificate", "authority"}}}}},
                 {"data",
                  {{"tls.crt", base64_encode(as_bytes(old.certificates))},
                   {"tls.key", base64_encode(as_bytes(old.key))}}}});
  resources.put(listener_of(automatic()));
  start();
  ASSERT_TRUE(comes("default-18883-tls"));
  EXPECT_FALSE(net::is_issued_by(secret("default-18883-tls").pair.certificates, old.certificates));
}

TEST_F(ListenerCertificatesTest, says_what_stands_in_the_way_and_serves_the_others) {
  resources.put(listener_of(
      automatic({{"issuerRef", {{"kind", "ClusterIssuer"}, {"name", "plant"}}}}), "bad"));
  resources.put({{"apiVersion", "v1"},
                 {"kind", "Secret"},
                 {"metadata", {{"name", "taken"}, {"namespace", "azure-iot-operations"}}},
                 {"data", {{"password", "c2VjcmV0"}}}});
  resources.put(listener_of(automatic({{"secretName", "taken"}}), "rude"));
  resources.put(listener_of(automatic({{"secretName", "shared"}}), "first"));
  resources.put(listener_of(
      automatic({{"secretName", "shared"}, {"san", {{"dns", {"x.example"}}}}}), "second"));
  start();
  EXPECT_TRUE(says("IssuerMissing", "ClusterIssuer plant"));
  EXPECT_TRUE(says("SecretTaken", "Secret taken was not made by Wireway"));
  EXPECT_TRUE(says("SecretTaken",
                   "Secret shared has another certificate already, that of "
                   "BrokerListener first"));
  ASSERT_TRUE(comes("shared"));
  EXPECT_FALSE(
      holds(net::read_certificate(secret("shared").pair.certificates)->dns_names, "x.example"));
  EXPECT_EQ(secret("bad-18883-tls").pair.key, "");
  const json::value* taken = resources.object(resource::secret, {"azure-iot-operations", "taken"});
  EXPECT_EQ(text_at(*taken, {"data", "password"}), "c2VjcmV0");
}

}  // namespace
}  // namespace wireway::control
