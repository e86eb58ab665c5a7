#include "control/reconcile/certificate_wish.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "control/reconcile/git_spec.h"

namespace wireway::control {
namespace {

using net::KeyAlgorithm;

constexpr std::size_t common_name_max = 64;  ///< X.520
constexpr std::size_t dns_name_max = 253;
constexpr std::array<std::pair<std::string_view, KeyAlgorithm>, 7> algorithms{
    {{"Ec256", KeyAlgorithm::ec256},
     {"Ec384", KeyAlgorithm::ec384},
     {"Ec521", KeyAlgorithm::ec521},
     {"Ed25519", KeyAlgorithm::ed25519},
     {"Rsa2048", KeyAlgorithm::rsa2048},
     {"Rsa4096", KeyAlgorithm::rsa4096},
     {"Rsa8192", KeyAlgorithm::rsa8192}}};

/// Letters, digits, '-', '_' and '.', and a leading "*.".
bool is_dns_name(std::string_view text) {
  if (text.empty() || text.size() > dns_name_max) return false;
  if (text.starts_with("*.")) text.remove_prefix(2);
  const bool good = std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  return good && !text.empty() && !text.starts_with('.') && !text.contains("..");
}

/// Fills in one wish from `tls.certManagerCertificateSpec`; what is wrong goes to its trouble.
class Reader {
 public:
  Reader(PortCertificate& out, const json::value& spec) : out_(out), spec_(spec) {}

  void read(const std::string& space) {
    read_issuer(space);
    read_key();
    out_.duration = duration("duration").value_or(PortCertificate::duration_default);
    out_.renew_before = duration("renewBefore");
    if (out_.duration < PortCertificate::duration_min)
      refuse("duration", "a certificate lives one hour at least");
    if (out_.renew_before && *out_.renew_before >= out_.duration)
      refuse("renewBefore", "it must be less than the duration");
    read_names();
  }

 private:
  void refuse(std::string_view field, std::string_view why) {
    if (!out_.trouble.empty()) return;
    out_.trouble_reason = "ConfigurationInvalid";
    out_.trouble = fmt::format("{}.certManagerCertificateSpec.{}: {}", out_.place, field, why);
  }

  /// Absent, or by the name that the documented installation gives its own.
  void read_issuer(const std::string& space) {
    const std::string kind = text_at(spec_, {"issuerRef", "kind"});
    const std::string name = text_at(spec_, {"issuerRef", "name"});
    const std::string group = text_at(spec_, {"issuerRef", "group"}, "cert-manager.io");
    if (name.empty()) return;
    const bool is_ours = (equals_ignoring_case(kind, "ClusterIssuer") &&
                          name == space + "-aio-certificate-issuer") ||
                         (equals_ignoring_case(kind, "Issuer") && name == "mq-dmqtt-frontend");
    if (is_ours && group == "cert-manager.io") return;
    out_.trouble_reason = "IssuerMissing";
    out_.trouble = fmt::format(
        "{}.certManagerCertificateSpec.issuerRef names {} {} of {}, which this machine does not "
        "have: remove issuerRef, so that Wireway's own authority signs, or write mode Manual and "
        "a Secret with a certificate of yours",
        out_.place, kind, name, group);
  }

  void read_key() {
    const std::string name = text_at(spec_, {"privateKey", "algorithm"}, "Ec256");
    const auto found = std::ranges::find_if(
        algorithms, [&name](const auto& each) { return equals_ignoring_case(each.first, name); });
    if (found != algorithms.end())
      out_.algorithm = found->second;
    else
      refuse("privateKey.algorithm", fmt::format("\"{}\" is not known", name));
    out_.keeps_key =
        equals_ignoring_case(text_at(spec_, {"privateKey", "rotationPolicy"}), "Never");
  }

  std::optional<Duration> duration(const std::string& field) {
    const std::string text = text_at(spec_, {field});
    if (text.empty()) return {};
    const auto parsed = parse_interval(text);
    if (!parsed) refuse(field, fmt::format("\"{}\" is no duration; write for example 2160h", text));
    return parsed;
  }

  void read_names() {
    for (const auto& [field, is_address] : {std::pair{"dns", false}, std::pair{"ip", true}}) {
      const json::value* list = find(spec_, "san", field);
      if (list == nullptr || !list->is_array()) continue;
      for (const json::value& each : list->get_array()) {
        const std::string text = each.is_string() ? std::string(each.get_string()) : "";
        if (is_address ? IpAddress::parse(text).has_value() : is_dns_name(text))
          out_.names.push_back(text);
        else
          refuse(fmt::format("san.{}", field),
                 fmt::format("\"{}\" is no {}", text, is_address ? "address" : "host name"));
      }
    }
  }

  PortCertificate& out_;
  const json::value& spec_;
};

void settle_names(std::vector<std::string>& names) {
  for (std::string& name : names)
    if (const auto address = IpAddress::parse(name)) name = address->to_string();
  std::ranges::sort(names);
  const auto again = std::ranges::unique(names);
  names.erase(again.begin(), again.end());
}

std::vector<std::string> names_of(const net::PeerCertificate& certificate) {
  std::vector<std::string> out = certificate.dns_names;
  out.insert(out.end(), certificate.ip_addresses.begin(), certificate.ip_addresses.end());
  settle_names(out);
  return out;
}

std::string value_of(const json::value& secret, const std::string& key) {
  const json::value* encoded = find(secret, "data", key);
  if (encoded == nullptr || !encoded->is_string()) return {};
  const auto decoded = base64_decode(std::string_view(encoded->get_string()));
  return decoded.value_or("");
}

}  // namespace

std::vector<PortCertificate> port_certificates(const json::value& listener,
                                               const MachineNames& machine) {
  std::vector<PortCertificate> out;
  const resource::ObjectKey key = resource::key_of(listener);
  const json::value* ports = find(listener, "spec", "ports");
  if (ports == nullptr || !ports->is_array()) return out;
  const std::string service = text_at(listener, {"spec", "serviceName"}, key.name);
  const bool is_inside =
      equals_ignoring_case(text_at(listener, {"spec", "serviceType"}, "ClusterIp"), "ClusterIp");
  std::size_t index = 0;
  for (const json::value& port : ports->get_array()) {
    const std::string place = fmt::format("spec.ports[{}].tls", index++);
    if (!equals_ignoring_case(text_at(port, {"tls", "mode"}), "Automatic")) continue;
    PortCertificate wish;
    wish.place = place;
    wish.names = is_inside ? machine.local : machine.network;
    for (const char* suffix : {"", ".{}", ".{}.svc", ".{}.svc.cluster.local"})
      wish.names.push_back(service + fmt::format(fmt::runtime(suffix), key.space));
    wish.secret = resource::automatic_secret(port, key.name);
    if (service.size() <= common_name_max) wish.common_name = service;
    const json::value* spec = find(port, "tls", "certManagerCertificateSpec");
    if (spec != nullptr && spec->is_object()) Reader(wish, *spec).read(key.space);
    settle_names(wish.names);
    out.push_back(std::move(wish));
  }
  return out;
}

TlsSecret tls_secret_of(const json::value& secret) {
  return {.pair = {.certificates = value_of(secret, "tls.crt"), .key = value_of(secret, "tls.key")},
          .authority = value_of(secret, "ca.crt")};
}

Duration lifetime_of(const PortCertificate& wish, const net::PeerCertificate& authority,
                     WallTime now) {
  return std::min(wish.duration, authority.not_after - now);
}

WallTime renewal_of(const TlsSecret& held, const PortCertificate& wish,
                    const net::KeyPair& authority, WallTime now) {
  const auto own = net::read_certificate(held.pair.certificates);
  const auto issuer = net::read_certificate(authority.certificates);
  if (!own || !issuer || !net::check_key_pair(held.pair)) return now;
  if (!net::is_issued_by(held.pair.certificates, authority.certificates)) return now;
  if (held.authority != authority.certificates) return now;
  if (net::algorithm_of(held.pair.key) != wish.algorithm) return now;
  if (names_of(*own) != wish.names || own->common_name != wish.common_name) return now;
  // A clock that was ahead has left certificates of the future behind.
  if (own->not_before > now) return now;
  const WallTime made = own->not_before + net::clock_skew_max;
  const Duration life = own->not_after - made;
  if (std::chrono::abs(life - lifetime_of(wish, *issuer, made)) > std::chrono::seconds{1})
    return now;
  // One that is due as soon as it is made would be made for ever.
  const Duration before = std::min(wish.renew_before.value_or(life / 3), life * 9 / 10);
  return own->not_after + -before;
}

}  // namespace wireway::control
