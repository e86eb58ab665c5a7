#include <array>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "app/cli/check_table.h"

namespace wireway::app::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::hours;
using std::chrono::seconds;

constexpr std::int64_t minor_min = 28;
constexpr Duration certificate_left_wanted = hours{24 * 30};
constexpr Duration clock_difference_max = seconds{30};
constexpr std::uintmax_t space_wanted = 2ULL * 1024 * 1024 * 1024;
constexpr std::uintmax_t space_needed = 200ULL * 1024 * 1024;
constexpr Duration recent = hours{1};

struct PemDelete {
  void operator()(BIO* bio) const { ::BIO_free(bio); }
  void operator()(X509* certificate) const { ::X509_free(certificate); }
};

/// Seconds until the first certificate of the text ends; nothing if there is none.
std::optional<Duration> time_left(const std::string& pem, WallTime now) {
  std::unique_ptr<BIO, PemDelete> bio(::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return std::nullopt;
  std::unique_ptr<X509, PemDelete> certificate(
      ::PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!certificate) return std::nullopt;
  std::tm end{};
  if (::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate.get()), &end) != 1) return std::nullopt;
  return seconds{::timegm(&end)} - now.since_epoch;
}

void check_certificate(Report& report, const std::string& name, const std::string& pem,
                       WallTime now) {
  if (pem.empty()) return report.skip("certificates", name + ": there is none");
  const auto left = time_left(pem, now);
  Evaluation found{name, Health::success, "", ""};
  if (!left) {
    found = {name, Health::error, "it is no certificate", "fetch the kubeconfig again"};
  } else {
    const auto days = duration_cast<hours>(*left).count() / 24;
    found.finding = *left < Duration{0} ? fmt::format("it ended {} days ago", -days)
                                        : fmt::format("it is valid for {} days", days);
    if (*left < certificate_left_wanted) {
      found.health = *left < Duration{0} ? Health::error : Health::warning;
      found.fix =
          "restart `wireway up`, which renews what is near its end, and fetch the "
          "kubeconfig again";
    }
  }
  report.add("certificates", "", std::move(found));
}

}  // namespace

void check_server(CheckWorld& world, Report& report) {
  Session& session = world.session();
  auto version = session.api.get("/version");
  if (!version) {
    report.add("apiserver", "",
               {session.connection.server, Health::error, version.error().message,
                "start `wireway up`, or name another instance with --data or --kubeconfig"});
    return;
  }
  const std::string minor = text_at(*version, {"minor"});
  std::int64_t number = 0;
  std::from_chars(minor.data(), minor.data() + minor.size(), number);
  const bool old = text_at(*version, {"major"}) == "1" && number < minor_min;
  report.add("apiserver", "",
             {session.connection.server, old ? Health::error : Health::success,
              "version " + text_at(*version, {"gitVersion"}),
              old ? fmt::format("Kubernetes 1.{} or later is needed", minor_min) : ""});
}

void check_kinds(CheckWorld& world, Report& report) {
  constexpr std::array wanted{"brokers.mqttbroker.iotoperations.azure.com",
                              "brokerlisteners.mqttbroker.iotoperations.azure.com",
                              "brokerauthentications.mqttbroker.iotoperations.azure.com",
                              "brokerauthorizations.mqttbroker.iotoperations.azure.com",
                              "dataflows.connectivity.iotoperations.azure.com",
                              "dataflowendpoints.connectivity.iotoperations.azure.com",
                              "dataflowprofiles.connectivity.iotoperations.azure.com",
                              "assets.deviceregistry.microsoft.com",
                              "assetendpointprofiles.deviceregistry.microsoft.com"};
  for (const char* name : wanted) {
    auto kind = world.session().kinds.find(name);
    if (kind)
      report.add("kinds", "", {name, Health::success, "served as " + kind->version});
    else
      report.add("kinds", "",
                 {name, Health::error, kind.error().message,
                  "apply the definitions in crds/, or restart `wireway up`"});
  }
}

void check_certificates(CheckWorld& world, Report& report) {
  const Connection& connection = world.session().connection;
  check_certificate(report, "CA", connection.ca, world.session().now);
  check_certificate(report, "client", connection.certificate, world.session().now);
}

/// The server stamps what it creates; a dry run creates nothing.
void check_clock(CheckWorld& world, Report& report) {
  Session& session = world.session();
  const json::object probe{{"apiVersion", "v1"},
                           {"kind", "ConfigMap"},
                           {"metadata", json::object{{"generateName", "wireway-clock-"}}}};
  auto made = session.api.send({.method = "POST",
                                .path = "/api/v1/namespaces/default/configmaps?dryRun=All",
                                .body = json::serialize(probe)});
  const auto there =
      made ? parse_rfc3339(text_at(*made, {"metadata", "creationTimestamp"})) : std::nullopt;
  if (!there) return report.skip("clock", "the server's time cannot be read");
  Duration difference = *there - session.now;
  if (difference < Duration{0}) difference = -difference;
  const bool far = difference > clock_difference_max;
  report.add("clock", "",
             {"", far ? Health::warning : Health::success,
              fmt::format("they differ by {} s", duration_cast<seconds>(difference).count()),
              far ? "set both clocks by NTP: tokens and certificates depend on the time" : ""});
}

void check_data_folder(CheckWorld& world, Report& report) {
  const std::string& file = world.session().connection.from;
  const auto folder = std::filesystem::path(file).parent_path();
  std::error_code error;
  if (!std::filesystem::exists(folder / "wireway.db", error))
    return report.skip("data", "the data folder is not on this machine");
  const auto space = std::filesystem::space(folder, error);
  if (error) return report.skip("data", error.message());
  Health health = Health::success;
  if (space.available < space_wanted) health = Health::warning;
  if (space.available < space_needed) health = Health::error;
  report.add(
      "data", "",
      {folder.string(), health, fmt::format("{} MB are free", space.available / (1024 * 1024)),
       health == Health::success ? "" : "free space, or move the data folder (--data)"});
}

void check_services(CheckWorld& world, Report& report) {
  const auto* events = world.all("events");
  if (events == nullptr) return report.skip("services", "Events cannot be read");
  const std::set<std::string> falls{"ChildExited", "ChildHung"};
  bool any = false;
  for (const json::value& event : *events) {
    if (!falls.contains(text_at(event, {"reason"}))) continue;
    const auto last = parse_rfc3339(text_at(event, {"lastTimestamp"}));
    if (last && world.session().now - *last > recent) continue;
    any = true;
    report.add("services", text_at(event, {"metadata", "namespace"}),
               {text_at(event, {"involvedObject", "name"}), Health::warning,
                fmt::format("{} ({} times, last {})", text_at(event, {"message"}),
                            int_at(event, {"count"}, 1), text_at(event, {"lastTimestamp"})),
                "read its log; `wireway support-bundle` collects all"});
  }
  if (!any) report.add("services", "", {"", Health::success, "none has ended within an hour"});
}

void check_unserved(CheckWorld& world, Report& report) {
  auto kinds = world.session().kinds.all();
  if (!kinds) return report.skip("resources", kinds.error().message);
  bool any = false;
  for (const KindInfo& kind : **kinds) {
    const bool ours = kind.group.ends_with("azure.com") || kind.group.ends_with("microsoft.com");
    if (!ours || !kind.can("list")) continue;
    for (const json::value* object : world.chosen(kind.qualified()))
      for (const json::value& condition : list_at(*object, {"status", "conditions"})) {
        if (text_at(condition, {"reason"}) != "NotServedYet") continue;
        any = true;
        report.add(kind.qualified(), text_at(*object, {"metadata", "namespace"}),
                   {text_at(*object, {"metadata", "name"}), Health::warning,
                    text_at(condition, {"message"}),
                    "it is kept and does nothing until a version of Wireway serves it"});
      }
  }
  if (!any) report.add("resources", "", {"", Health::success, "all are served"});
}

}  // namespace wireway::app::cli
