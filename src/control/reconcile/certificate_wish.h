#pragma once
/// What the ports of a BrokerListener with `tls.mode: Automatic` ask of a certificate, and whether
/// a Secret has it. Pure functions over manifests; listener_certificates.h acts on them.
///
/// Source: broker.md 3 (tls.certManagerCertificateSpec), operations.md 5.3; cert-manager's defaults

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "net/tls/certificate.h"
#include "resource/kind.h"

namespace wireway::control {

/// By which this machine can be reached: by itself, and by others where a port is open to them.
struct MachineNames {
  std::vector<std::string> local;
  std::vector<std::string> network;
};

struct PortCertificate {
  static constexpr Duration duration_default = std::chrono::days{90};
  static constexpr Duration duration_min = std::chrono::hours{1};

  std::string place;   ///< "spec.ports[0].tls"
  std::string secret;  ///< the Secret that it goes to
  std::string common_name;
  std::vector<std::string> names;  ///< sorted, in canonical form, each once
  Duration duration = duration_default;
  std::optional<Duration> renew_before;  ///< absent: a third of its life
  net::KeyAlgorithm algorithm = net::KeyAlgorithm::ec256;
  bool keeps_key = false;  ///< rotationPolicy Never
  /// Why none can be made, or empty.
  std::string trouble_reason;  ///< "IssuerMissing", "ConfigurationInvalid"
  std::string trouble;

  friend bool operator==(const PortCertificate&, const PortCertificate&) = default;
};

/// One for each port with `tls.mode: Automatic`.
std::vector<PortCertificate> port_certificates(const json::value& listener,
                                               const MachineNames& machine);

/// What a kubernetes.io/tls Secret holds; a key that is missing or no base64 is an empty text.
struct TlsSecret {
  net::KeyPair pair;
  std::string authority;  ///< ca.crt
};
TlsSecret tls_secret_of(const json::value& secret);

/// When the certificate of `held` must be made anew: at once if it is not the one that is wished.
WallTime renewal_of(const TlsSecret& held, const PortCertificate& wish,
                    const net::KeyPair& authority, WallTime now);

/// How long a certificate made now lives: never longer than its authority.
Duration lifetime_of(const PortCertificate& wish, const net::PeerCertificate& authority,
                     WallTime now);

}  // namespace wireway::control
